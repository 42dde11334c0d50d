// import, export, profile new and check-config as whole commands, on files.
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "ctl/json.h"
#include "ctl/run.h"

namespace l2tpm::ctl {
namespace {

class OnFiles : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/l2tpctl-files-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    directory_ = name;
    write("xl2tpd.conf",
          "[lac work]\nlns = lns.example.net\npppoptfile = " + path("options") + "\n");
    write("options", "user alice\npassword wonderland\nnoauth\nusepeerdns\n");
    write("vpn.nmconnection",
          "[connection]\nid=Office\nuuid=1\ntype=vpn\n[vpn]\ngateway=lns.example.net\nuser=alice\n"
          "service-type=org.freedesktop.NetworkManager.l2tp\n[vpn-secrets]\npassword=wonderland\n"
          "[ipv4]\nmethod=auto\nnever-default=true\n");
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  std::string path(const std::string& file) const { return directory_ + "/" + file; }
  void write(const std::string& file, const std::string& text) {
    std::ofstream(path(file)) << text;
  }
  std::string read(const std::string& file) const {
    std::ifstream stream(path(file));
    return {std::istreambuf_iterator<char>(stream), {}};
  }
  bool exists(const std::string& file) const { return std::filesystem::exists(path(file)); }
  unsigned mode(const std::string& file) const {
    struct stat status {};
    return ::stat(path(file).c_str(), &status) == 0 ? status.st_mode & 07777 : 0;
  }
  int ctl(const std::vector<std::string>& args) {
    out_.str("");
    err_.str("");
    return run(args, out_, err_);
  }
  std::string out() const { return out_.str(); }
  std::string err() const { return err_.str(); }

  std::string directory_;
  std::ostringstream out_, err_;
};

TEST_F(OnFiles, ImportWritesAProfileAndItsSecretsApart) {
  ASSERT_EQ(ctl({"import", "xl2tpd", path("xl2tpd.conf"), "-o", path("etc")}), 0) << err();
  EXPECT_EQ(mode("etc/profiles.d/work.json"), 0644u);
  EXPECT_EQ(mode("etc/secrets.d/work.json"), 0600u);
  EXPECT_EQ(mode("etc/secrets.d"), 0700u);
  EXPECT_EQ(read("etc/profiles.d/work.json").find("wonderland"), std::string::npos);
  EXPECT_EQ(parse_json(read("etc/secrets.d/work.json"))["password"], "wonderland");
  EXPECT_EQ((out() + err()).find("wonderland"), std::string::npos);
  EXPECT_EQ(ctl({"check-config", path("etc")}), 0) << out();
  EXPECT_EQ(ctl({"check-config", "--strict", path("etc/profiles.d/work.json")}), 0) << out();
}

TEST_F(OnFiles, ImportOverwritesOnlyWhenTold) {
  ASSERT_EQ(ctl({"import", "nm", path("vpn.nmconnection"), "-o", path("etc")}), 0) << err();
  write("etc/profiles.d/Office.json", "mine");
  std::filesystem::remove(path("etc/secrets.d/Office.json"));
  EXPECT_EQ(ctl({"import", "nm", path("vpn.nmconnection"), "-o", path("etc")}), 1);
  EXPECT_NE(err().find("--force"), std::string::npos);
  EXPECT_EQ(read("etc/profiles.d/Office.json"), "mine");
  EXPECT_FALSE(exists("etc/secrets.d/Office.json"));
  EXPECT_EQ(ctl({"import", "nm", path("vpn.nmconnection"), "-o", path("etc"), "--force"}), 0);
  EXPECT_TRUE(parse_json(read("etc/profiles.d/Office.json")).contains("kind"));
}

TEST_F(OnFiles, DryRunWritesNothing) {
  ASSERT_EQ(ctl({"import", "xl2tpd", path("xl2tpd.conf"), "-o", path("etc"), "--dry-run"}), 0);
  EXPECT_FALSE(exists("etc"));
  EXPECT_NE(out().find("\"peer\": \"lns.example.net\""), std::string::npos);
  EXPECT_EQ(out().find("wonderland"), std::string::npos);
  ASSERT_EQ(ctl({"-j", "import", "xl2tpd", path("xl2tpd.conf"), "--dry-run"}), 0);
  const Json json = parse_json(out());
  EXPECT_EQ(json["profiles"][0]["name"], "work");
  EXPECT_EQ(json["profiles"][0]["secrets"][0], "password");
}

TEST_F(OnFiles, ImportOfNothing) {
  EXPECT_EQ(ctl({"import", "xl2tpd", path("nothing")}), 1);
  EXPECT_EQ(ctl({"import", "nm", path("nothing")}), 4);
  EXPECT_EQ(ctl({"import", "nm", "no-such-connection-at-all"}), 4);
  write("ipsec", read("vpn.nmconnection") + "[vpn]\nipsec-enabled=yes\n");
  EXPECT_EQ(ctl({"import", "nm", path("ipsec"), "-o", path("etc")}), 1);
  EXPECT_NE(err().find("IPsec"), std::string::npos);
  EXPECT_FALSE(exists("etc"));
  EXPECT_EQ(ctl({"import", "nm", path("ipsec"), "-o", path("etc"), "--without-ipsec"}), 0);
}

TEST_F(OnFiles, ExportOfWhatWasImported) {
  ASSERT_EQ(ctl({"import", "nm", path("vpn.nmconnection"), "-o", path("etc")}), 0) << err();
  const std::string config = "--config=" + path("etc");
  ASSERT_EQ(ctl({"export", "--nm", "Office", config}), 0) << err();
  EXPECT_NE(out().find("service-type=org.freedesktop.NetworkManager.l2tp-manager"),
            std::string::npos);
  EXPECT_EQ(out().find("wonderland"), std::string::npos);
  ASSERT_EQ(ctl({"export", "--nm", "Office", config, "--with-secrets", "-o", directory_}), 0);
  EXPECT_EQ(mode("Office.nmconnection"), 0600u);
  EXPECT_NE(read("Office.nmconnection").find("password=wonderland"), std::string::npos);

  ASSERT_EQ(ctl({"export", "--xl2tpd", "Office", config}), 0) << err();
  EXPECT_NE(out().find("lns = lns.example.net"), std::string::npos);
  EXPECT_EQ(out().find("wonderland"), std::string::npos);
  ASSERT_EQ(ctl({"export", "--xl2tpd", "Office", config, "-o", path("x")}), 0) << err();
  EXPECT_EQ(mode("x/chap-secrets"), 0600u);
  EXPECT_EQ(ctl({"export", "--xl2tpd", "Office", config, "-o", path("x")}), 1);

  EXPECT_EQ(ctl({"export", "--nm", "nobody", config}), 4);
  EXPECT_EQ(ctl({"export", "Office", config}), 2);
}

TEST_F(OnFiles, NewProfilesAndTheirCheck) {
  ASSERT_EQ(ctl({"profile", "new", "--template", "gateway", "branch", "-o", path("etc")}), 0);
  EXPECT_NE(read("etc/profiles.d/branch.json").find("// "), std::string::npos);
  // Its secrets are not there yet.
  EXPECT_EQ(ctl({"check-config", path("etc/profiles.d/branch.json")}), 1);
  EXPECT_NE(out().find("branch.json:"), std::string::npos) << out();
  std::filesystem::create_directory(path("etc/secrets.d"));
  write("etc/secrets.d/branch.json", "{\"password\": \"x\", \"tunnel\": \"y\"}");
  ::chmod(path("etc/secrets.d/branch.json").c_str(), 0600);
  EXPECT_EQ(ctl({"check-config", path("etc/profiles.d/branch.json")}), 0) << out();
  EXPECT_EQ(ctl({"profile", "new", "branch", "-o", path("etc")}), 1);
  EXPECT_EQ(ctl({"profile", "new", "../x", "-o", path("etc")}), 2);
  EXPECT_EQ(ctl({"profile", "new", "x", "--template", "nothing"}), 2);
  ASSERT_EQ(ctl({"profile", "new", "x", "--print"}), 0);
  EXPECT_NE(out().find("\"kind\": \"client\""), std::string::npos);
}

TEST_F(OnFiles, CheckConfigSaysWhereAndHowBad) {
  write("bad.json", "{\n  \"kind\": \"client\",\n  \"peeer\": \"x\"\n}\n");
  EXPECT_EQ(ctl({"check-config", path("bad.json")}), 1);
  EXPECT_NE(out().find("bad.json:3:"), std::string::npos) << out();
  EXPECT_EQ(ctl({"-j", "check-config", path("bad.json")}), 1);
  const Json json = parse_json(out());
  EXPECT_EQ(json["ok"], false);
  EXPECT_EQ(json["diagnostics"].back()["line"], 3) << out();
  EXPECT_EQ(ctl({"check-config", path("not-there")}), 2);
  write("l2tp-manager.json", "{\"workers\": 1000}");
  EXPECT_EQ(ctl({"check-config", path("l2tp-manager.json")}), 1);
  // A secret that everybody can read is a warning.
  write("open.json",
        "{\"kind\": \"client\", \"peer\": \"x\", \"ppp\": {\"user\": \"a\", "
        "\"password\": {\"$secret\": \"p\"}}}");
  std::filesystem::create_directory(path("secrets.d"));
  write("secrets.d/open.json", "{\"p\": \"x\"}");
  ::chmod(path("secrets.d/open.json").c_str(), 0644);
  const int lax = ctl({"check-config", path("open.json")});
  const int strict = ctl({"check-config", "--strict", path("open.json")});
  EXPECT_EQ(strict, 1) << out();
  EXPECT_TRUE(lax == 0 || lax == 1);
}

}  // namespace
}  // namespace l2tpm::ctl
