// Directories of files: what loads, what is refused alone, what a reload changes. The examples of
// the documentation are among them.
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "config/diff.h"
#include "support/config_text.h"
#include "support/source_dir.h"

namespace l2tpm::config {
namespace {

namespace fs = std::filesystem;

class Load : public testing::Test {
 protected:
  Load() {
    std::string pattern = (fs::temp_directory_path() / "l2tpm-config-XXXXXX").string();
    directory_ = ::mkdtemp(pattern.data());
    fs::create_directories(directory_ / "profiles.d");
    fs::create_directories(directory_ / "secrets.d");
    ::unsetenv("CREDENTIALS_DIRECTORY");
  }
  ~Load() override { fs::remove_all(directory_); }

  void write(const std::string& path, const std::string& text, mode_t mode = 0600) const {
    fs::create_directories((directory_ / path).parent_path());
    std::ofstream(directory_ / path) << text;
    ::chmod((directory_ / path).c_str(), mode);
  }
  Loaded load_all() const { return load(directory_.string()); }
  // With the directory's name taken out.
  std::string told(const ConfigErrors& errors) const {
    std::string out;
    for (const auto& error : errors) {
      std::string text = error.to_string();
      const std::string prefix = directory_.string() + "/";
      for (auto at = text.find(prefix); at != std::string::npos; at = text.find(prefix))
        text.erase(at, prefix.size());
      out += text + "\n";
    }
    return out;
  }

  fs::path directory_;
};

const char* const kClient = R"({"kind": "client", "peer": "lns"})";
std::string listener(const std::string& pool, const std::string& address = "192.0.2.1") {
  return R"({"kind": "listener", "listen": {"addresses": [")" + address +
         R"("]}, "users": [{"name": "a", "password": "p"}], "ppp": {"ipv4": {"local-address":
         "10.0.0.1", "pool": )" +
         pool + "}}}";
}

TEST_F(Load, NothingIsNothing) {
  const auto loaded = load((directory_ / "no-such").string());
  EXPECT_TRUE(loaded.ok());
  EXPECT_TRUE(loaded.config.clients.empty());
}

TEST_F(Load, TheExampleOfTheReadme) {
  const std::string readme = test::read_source_file("README.md");
  const std::string fence = "```jsonc\n";
  const auto begin = readme.find(fence);
  ASSERT_NE(begin, std::string::npos);
  const auto from = begin + fence.size();
  write("profiles.d/work.json", readme.substr(from, readme.find("```", from) - from));
  write("secrets.d/work.json", R"({"password": "p"})");
  const auto loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "");
  EXPECT_EQ(told(loaded.warnings), "");
  EXPECT_EQ(loaded.config.clients.count("work"), 1u);
}

TEST_F(Load, TheExamplesOfTheDocumentation) {
  const fs::path examples = test::in_source_tree("docs/examples");
  unsigned count = 0;
  for (const auto& entry : fs::directory_iterator(examples)) {
    if (entry.path().extension() != ".json") continue;
    fs::copy_file(entry.path(), directory_ / "profiles.d" / entry.path().filename());
    write("secrets.d/" + entry.path().filename().string(),
          R"({"password": "p", "tunnel": "t", "branches": "b", "alice": "a", "branch-7": "7"})");
    ++count;
  }
  const auto loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "");
  EXPECT_EQ(told(loaded.warnings), "");
  EXPECT_GE(count, 3u);
  EXPECT_EQ(loaded.config.clients.size() + loaded.config.listeners.size(), count);

  const auto& gateway = loaded.config.clients.at("branch-gateway");
  EXPECT_EQ(gateway.peers, (std::vector<Peer>{
                               {"lns1.example.net", 1701},
                               {"198.51.100.2",     1701}
  }));
  EXPECT_TRUE(gateway.tunnel.challenge);
  EXPECT_EQ(gateway.tunnel.secret, Secret(std::string_view("t")));
  EXPECT_EQ(gateway.tunnel.retransmit, (Retransmit{500ms, 4s, 6}));
  EXPECT_TRUE(gateway.answer_outgoing.matches("5551"));
  EXPECT_FALSE(gateway.answer_outgoing.matches("4551"));
  EXPECT_EQ(gateway.ppp.ipv6.interface_id, 7u);
  EXPECT_EQ(gateway.routes.add.size(), 2u);
  EXPECT_EQ(gateway.redial.primary_retry, 10min);

  const auto& lns = loaded.config.listeners.at("listener");
  const Tunnel* branch = lns.tunnel_for("Branch-7", *IpAddress::parse("198.51.100.7"));
  ASSERT_NE(branch, nullptr);
  EXPECT_TRUE(branch->hide_avps && branch->challenge);
  EXPECT_EQ(branch->host_name, "lns.example.net");
  EXPECT_EQ(branch->port_float, PortFloat::never);
  EXPECT_EQ(lns.tunnel_for("any", *IpAddress::parse("192.0.2.77")), nullptr);
  EXPECT_EQ(lns.tunnel_for("any", *IpAddress::parse("198.51.100.7")), &lns.tunnel);
  EXPECT_EQ(lns.ppp.ipv4.pool, "@listener");
  // The listener's own address is never given away, and a fixed address is one session's.
  EXPECT_EQ(lns.ppp.ipv4.exclude.back().to_string(), "10.9.0.1");
  EXPECT_EQ(lns.users.at(1).max_sessions, 1u);
}

TEST_F(Load, OneBadProfileIsRefusedAlone) {
  write("profiles.d/good.json", kClient);
  write("profiles.d/bad.json", R"({"kind": "client"})");
  write("profiles.d/.hidden.json", "not JSON");
  write("profiles.d/backup.json~", "not JSON");
  write("profiles.d/masked.json", "");
  write("profiles.d/a b.json", kClient);
  const auto loaded = load_all();
  EXPECT_EQ(loaded.config.clients.size(), 1u);
  EXPECT_EQ(loaded.refused, (std::vector<std::string>{"a b", "bad"}));
  EXPECT_NE(
      told(loaded.errors)
          .find("profiles.d/bad.json:1:1: needs a \"peer\" (or \"peers\"): the LNS to dial\n"),
      std::string::npos)
      << told(loaded.errors);
}

TEST_F(Load, SecretsComeFromFilesAndCredentials) {
  write("profiles.d/work.json", R"({"kind": "client", "peer": "lns",
    "ppp": {"user": "a", "password": {"$secret": "password"}},
    "tunnel": {"secret": {"$secret": "tunnel"}}})");
  write("secrets.d/work.json", R"({"password": "from-file", "tunnel": "from-file"})");
  write("credentials/work.tunnel", "from-systemd\n");
  ::setenv("CREDENTIALS_DIRECTORY", (directory_ / "credentials").c_str(), 1);
  const auto loaded = load_all();
  ::unsetenv("CREDENTIALS_DIRECTORY");
  EXPECT_EQ(told(loaded.errors), "");
  const auto& work = loaded.config.clients.at("work");
  EXPECT_EQ(work.ppp.password, Secret(std::string_view("from-file")));
  EXPECT_EQ(work.tunnel.secret, Secret(std::string_view("from-systemd")));
}

TEST_F(Load, ProblemsOfSecretFilesAreTold) {
  write("profiles.d/work.json", R"({"kind": "client", "peer": "lns",
    "tunnel": {"secret": {"$secret": "tunnel"}}})");
  write("secrets.d/work.json", "{\"tunnel\": \"x\",\n \"other\": 7}", 0644);
  const auto loaded = load_all();
  EXPECT_EQ(loaded.config.clients.size(), 1u);
  EXPECT_EQ(told(loaded.errors),
            "secrets.d/work.json:2:2: /other: must be a string that is not empty\n");
  EXPECT_EQ(
      told(loaded.warnings),
      "secrets.d/work.json: warning: every user may read this file of secrets: chmod o-rwx\n");
}

TEST_F(Load, UsersFile) {
  write("profiles.d/lns.json", listener(R"(["10.0.0.0/24"], "nbns": []}}, "users-file": "u.json",
    "description": "x", "limits": {"tunnels": 5}, "tunnel": {"retransmit": {"count": 5)"));
  write("u.json", "{\"users\": [{\"name\": \"b\", \"password\": \"p\"},\n {\"name\": \"c\"}]}",
        0644);
  auto loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "u.json:2:2: /users/1: needs a \"password\"\n");
  EXPECT_EQ(loaded.warnings.size(), 1u);
  write("u.json", R"({"users": [{"name": "b", "password": "p"}]})");
  loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "");
  ASSERT_EQ(loaded.config.listeners.at("lns").users.size(), 2u);
  EXPECT_EQ(loaded.config.listeners.at("lns").users[1].name, "b");
}

TEST_F(Load, DefaultsAndDropInsAreMerged) {
  write("l2tp-manager.json", R"({"defaults": {"client": {"tunnel": {"hello": "10s"}, "mss-clamp":
    false, "routes": {"metric": 7}}}})");
  write("profiles.d/work.json", R"({"kind": "client", "peer": "lns", "routes": {"metric": 8}})");
  write("profiles.d/work.json.d/10-a.json", R"({"tunnel": {"receive-window": 64}})");
  write("profiles.d/work.json.d/20-b.json", "{\n\"tunnel\": {\"receive-window\": 32},\n\"x\": 1}");
  auto loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "profiles.d/work.json.d/20-b.json:3:1: /x: unknown key \"x\"\n");
  write("profiles.d/work.json.d/20-b.json", R"({"tunnel": {"receive-window": 32}})");
  loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "");
  const auto& work = loaded.config.clients.at("work");
  EXPECT_EQ(work.tunnel.hello, 10s);
  EXPECT_EQ(work.tunnel.receive_window, 32);
  EXPECT_EQ(work.routes.metric, 8u);
  EXPECT_FALSE(work.mss_clamp);
}

TEST_F(Load, ProfilesMustNotClash) {
  write("profiles.d/a.json", listener(R"(["10.0.0.0/24"])"));
  write("profiles.d/b.json", listener(R"(["10.1.0.0/24"])"));
  auto loaded = load_all();
  EXPECT_EQ(told(loaded.errors),
            "profiles.d/b.json:1:32: /listen: 192.0.2.1:1701 is profile \"a\"'s too\n");
  EXPECT_EQ(loaded.refused, std::vector<std::string>{"b"});
  write("profiles.d/b.json", listener(R"(["10.0.0.128-10.0.1.5"])", "192.0.2.2"));
  EXPECT_NE(told(load_all().errors)
                .find("10.0.0.128-10.0.1.5 overlaps 10.0.0.1-10.0.0.254 of "
                      "profile \"a\""),
            std::string::npos);
  // A pool of the daemon's may be shared.
  write("l2tp-manager.json", R"({"pools": {"all": {"ranges": ["10.0.0.0/24"]}}})");
  write("profiles.d/a.json", listener("\"all\""));
  write("profiles.d/b.json", listener("\"all\"", "192.0.2.2"));
  loaded = load_all();
  EXPECT_EQ(told(loaded.errors), "");
  EXPECT_EQ(loaded.config.listeners.at("b").ppp.ipv4.ranges.size(), 1u);
  write("l2tp-manager.json", R"({"pools": {"x": {"ranges": ["10.0.0.0/24"]},
                                           "y": {"ranges": ["10.0.0.9"]}}})");
  loaded = load_all();
  EXPECT_TRUE(loaded.daemon_refused);
  EXPECT_NE(told(loaded.errors).find("overlaps 10.0.0.1-10.0.0.254 of pool \"x\""),
            std::string::npos);
  write("profiles.d/a.json", R"({"kind": "client", "peer": "lns", "interface": "l2tp9"})");
  write("profiles.d/b.json", R"({"kind": "client", "peer": "lns", "interface": "l2tp9"})");
  EXPECT_NE(told(load_all().errors).find("/interface: is profile \"a\"'s too"), std::string::npos);
}

TEST_F(Load, ReloadKeepsWhatIsRefusedAndSaysWhatChanged) {
  write("profiles.d/a.json", kClient);
  write("profiles.d/b.json", kClient);
  write("profiles.d/c.json", kClient);
  write("profiles.d/e.json", kClient);
  const Config old = load_all().config;
  EXPECT_TRUE(diff(old, old).empty());
  write("profiles.d/a.json", "{");
  write("profiles.d/b.json", R"({"kind": "client", "peer": "lns2", "redial": {"max": "9s"}})");
  fs::remove(directory_ / "profiles.d/c.json");
  write("profiles.d/d.json", kClient);
  write("profiles.d/e.json", R"({"kind": "client", "peer": "lns", "ppp": {"mru": 1400}})");
  write("l2tp-manager.json", R"({"log-level": "debug"})");
  const auto loaded = load_all();
  const Config fresh = keep_refused(old, loaded);
  EXPECT_EQ(fresh.clients.at("a"), old.clients.at("a"));
  std::string changes;
  for (const auto& change : diff(old, fresh)) changes += change.to_string() + "\n";
  EXPECT_EQ(changes,
            "l2tp-manager.json: changed log-level (at once)\n"
            "b: changed peers, redial (from the next tunnel on)\n"
            "c: removed\n"
            "d: added\n"
            "e: changed ppp.mru (from the next session on)\n");
}

TEST_F(Load, OddFilesDoNotStopTheDaemon) {
  fs::create_directory(directory_ / "profiles.d/dir.json");
  ::mkfifo((directory_ / "profiles.d/fifo.json").c_str(), 0600);
  fs::create_symlink("/dev/null", directory_ / "profiles.d/null.json");
  fs::create_symlink("/no/such", directory_ / "profiles.d/dangling.json");
  std::ofstream(directory_ / "profiles.d/huge.json").put('{');
  fs::resize_file(directory_ / "profiles.d/huge.json", 64u << 20);
  const auto loaded = load_all();
  EXPECT_EQ(told(loaded.errors),
            "profiles.d/dangling.json: No such file or directory\n"
            "profiles.d/dir.json: Is a directory\n"
            "profiles.d/fifo.json: Invalid argument\n"
            "profiles.d/huge.json: is too large\n");
}

}  // namespace
}  // namespace l2tpm::config
