// Profiles in layers: which file counts, what is shown, stored, patched and removed.
#include "config/store.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <set>

#include "support/source_dir.h"

namespace l2tpm::config {
namespace {

namespace fs = std::filesystem;

class Store : public testing::Test {
 protected:
  Store() {
    std::string pattern = (fs::temp_directory_path() / "l2tpm-store-XXXXXX").string();
    root_ = ::mkdtemp(pattern.data());
    places_ = {(root_ / "lib").string(), (root_ / "etc").string(), (root_ / "var").string(),
               (root_ / "run").string()};
    for (const char* layer : {"lib", "etc", "var", "run"}) fs::create_directory(root_ / layer);
    ::unsetenv("CREDENTIALS_DIRECTORY");
  }
  ~Store() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
    ::chmod((root_ / path).c_str(), 0600);
  }
  std::string read(const std::string& path) const {
    std::ifstream file(root_ / path);
    return {std::istreambuf_iterator<char>(file), {}};
  }
  Config loaded() const { return load(places_).config; }
  // The peer and MRU that count: "lns 1400"; "-" without the profile.
  std::string work() const {
    const Config config = loaded();
    const auto client = config.clients.find("work");
    if (client == config.clients.end()) return "-";
    return client->second.peers.front().host + " " +
           std::to_string(client->second.ppp.link.mru.value_or(0));
  }
  std::string put(const std::string& json, Layer layer = Layer::state,
                  const std::string& profile = "work") const {
    return done(plan_put(places_, layer, profile, json, loaded()));
  }
  std::string patch(const std::string& json, Layer layer = Layer::state) const {
    return done(plan_patch(places_, layer, "work", json, loaded()));
  }
  std::string remove() const { return done(plan_remove(places_, "work")); }
  // Carried out; the notes, or what is wrong.
  std::string done(const Result<Edit, ConfigErrors>& edit) const {
    if (!edit) return "refused: " + text(edit.error());
    const auto written = carry_out(*edit);
    EXPECT_TRUE(written) << written.error();
    return text(edit->notes);
  }
  std::string text(const ConfigErrors& errors) const {
    std::string out;
    for (const auto& each : errors) {
      out += each.pointer + (each.pointer.empty() ? "" : ": ") + each.message + "\n";
    }
    for (auto at = out.find(root_.string() + "/"); at != std::string::npos;
         at = out.find(root_.string() + "/"))
      out.erase(at, root_.string().size() + 1);
    return out;
  }

  fs::path root_;
  Places places_;
};

std::string client(const std::string& peer, const std::string& more = {}) {
  return R"({"kind": "client", "peer": ")" + peer + "\"" + (more.empty() ? "" : ", " + more) + "}";
}

TEST_F(Store, TheLaterLayerCounts) {
  write("lib/profiles.d/work.json", client("lib"));
  EXPECT_EQ(work(), "lib 0");
  write("lib/profiles.d/work.json.d/10.json", R"({"ppp": {"mru": 1300}})");
  EXPECT_EQ(work(), "lib 1300");
  write("etc/profiles.d/work.json.d/05.json", R"({"ppp": {"mru": 1301}})");
  EXPECT_EQ(work(), "lib 1301") << "a later layer's drop-in comes later, whatever its name";
  write("etc/profiles.d/work.json.d/10.json", "");
  write("etc/profiles.d/work.json.d/05.json", "");
  EXPECT_EQ(work(), "lib 0") << "an empty drop-in masks the one of its name";
  write("etc/profiles.d/work.json", client("etc"));
  fs::remove_all(root_ / "etc/profiles.d/work.json.d");
  EXPECT_EQ(work(), "etc 0") << "a file replaces what is below, drop-ins included";
  write("var/profiles.d/work.json", client("var"));
  write("run/profiles.d/work.json.d/x.json", R"({"ppp": {"mru": 1302}})");
  EXPECT_EQ(work(), "var 1302");
  write("run/profiles.d/work.json", "");
  EXPECT_EQ(work(), "-");
  fs::remove(root_ / "run/profiles.d/work.json");
  fs::create_symlink("/dev/null", root_ / "run/profiles.d/work.json");
  EXPECT_EQ(work(), "-");
}

TEST_F(Store, OneBadProfileHarmsNoOther) {
  write("etc/profiles.d/work.json", client("etc"));
  write("var/profiles.d/broken.json", "{");
  write("run/profiles.d/dangling.json", client("x"));
  fs::remove(root_ / "run/profiles.d/dangling.json");
  fs::create_symlink("nowhere", root_ / "run/profiles.d/dangling.json");
  const Loaded all = load(places_);
  EXPECT_EQ(all.refused, (std::vector<std::string>{"broken", "dangling"}));
  for (const auto& error : all.errors) EXPECT_FALSE(error.profile.empty()) << error.to_string();
  EXPECT_EQ(work(), "etc 0");
}

TEST_F(Store, PutReplacesAndRemoveBringsBack) {
  write("etc/profiles.d/work.json", client("etc"));
  EXPECT_EQ(put("// mine\n" + client("var")), "");
  EXPECT_EQ(work(), "var 0");
  EXPECT_EQ(read("var/profiles.d/work.json").substr(0, 7), "// mine");
  struct stat status {};
  ASSERT_EQ(::stat((root_ / "var/profiles.d/work.json").c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_EQ(read("etc/profiles.d/work.json"), client("etc")) << "never written by the daemon";
  EXPECT_EQ(remove(), "the version in etc/profiles.d/work.json counts again\n");
  EXPECT_EQ(work(), "etc 0");
  EXPECT_EQ(remove(),
            "etc/profiles.d/work.json is not the daemon's to delete: it is masked by "
            "var/profiles.d/work.json\n");
  EXPECT_EQ(work(), "-");
  EXPECT_EQ(remove(), "refused: there is no such profile\n");
  EXPECT_EQ(put(client("again")), "");
  EXPECT_EQ(work(), "again 0");
  // No half-written file is left.
  EXPECT_EQ(std::distance(fs::directory_iterator(root_ / "var/profiles.d"), {}), 1);
}

TEST_F(Store, WhatIsWrongIsNotWritten) {
  EXPECT_NE(put(client("var", R"("ppp": {"mru": 1})")).find("/ppp/mru"), std::string::npos);
  EXPECT_NE(put("{").find("refused"), std::string::npos);
  EXPECT_NE(put("[]").find("refused"), std::string::npos);
  EXPECT_NE(put(client("a"), Layer::state, "../x").find("refused"), std::string::npos);
  EXPECT_NE(put(client("a"), Layer::state, "").find("refused"), std::string::npos);
  EXPECT_NE(put("\"" + std::string(kMaxEditText, 'x') + "\"").find("1 MiB"), std::string::npos);
  EXPECT_FALSE(fs::exists(root_ / "var/profiles.d"));
  write("etc/profiles.d/other.json", client("x", R"("interface": "l2tp9")"));
  EXPECT_NE(put(client("a", R"("interface": "l2tp9")")).find("other"), std::string::npos);
  places_.state.clear();
  EXPECT_NE(put(client("a")).find("StateDirectory"), std::string::npos);
}

TEST_F(Store, PatchesAddUp) {
  write("etc/profiles.d/work.json", client("etc", R"("ppp": {"mru": 1400, "mtu": 1400})"));
  EXPECT_EQ(patch(R"({"ppp": {"mru": 1300}})"), "");
  EXPECT_EQ(work(), "etc 1300");
  EXPECT_EQ(patch(R"({"peer": "lns2"})"), "");
  EXPECT_EQ(work(), "lns2 1300") << "the first one still counts";
  EXPECT_EQ(patch(R"({"ppp": {"mru": null}})"), "");
  EXPECT_EQ(work(), "lns2 0") << "null takes away what is below, too";
  EXPECT_EQ(loaded().clients.at("work").ppp.link.mtu, 1400);
  EXPECT_NE(patch(R"({"ppp": {"mru": 1}})").find("refused"), std::string::npos);
  EXPECT_EQ(work(), "lns2 0");
  EXPECT_EQ(patch(R"({"ppp": {"mru": 1200}})", Layer::runtime), "");
  EXPECT_EQ(work(), "lns2 1200");
  EXPECT_EQ(patch(R"({"ppp": {"mru": 1250}})"),
            "a drop-in that is merged later sets some of this to something else\n");
  EXPECT_EQ(work(), "lns2 1200");
  // A whole profile in its place: the patches are gone with what they patched.
  fs::remove_all(root_ / "run/profiles.d");
  EXPECT_EQ(put(client("var")), "");
  EXPECT_EQ(work(), "var 0");
  EXPECT_FALSE(fs::exists(root_ / "var/profiles.d/work.json.d"));
  EXPECT_EQ(patch(R"({"ppp": {"mru": 1320}})"), "");
  EXPECT_EQ(work(), "var 1320");
  EXPECT_FALSE(fs::exists(root_ / "var/profiles.d/work.json.d")) << "its own layer: rewritten";
}

TEST_F(Store, SecretsAreNotShownButKept) {
  write(
      "etc/profiles.d/work.json",
      client("etc", R"("tunnel": {"secret": "hush1"}, "ppp": {"user": "u", "password": "hush2"})"));
  const auto shown = show_profile(places_, "work", false);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->find("hush"), std::string::npos);
  const auto json = nlohmann::json::parse(*shown);
  EXPECT_EQ(json["ppp"]["password"]["$secret"], "***");
  EXPECT_EQ(json["ppp"]["user"], "u");
  EXPECT_NE(show_profile(places_, "work", true)->find("hush2"), std::string::npos);
  // What was shown can be stored again.
  EXPECT_EQ(put(*shown), "");
  EXPECT_EQ(loaded().clients.at("work").ppp.password, Secret(std::string_view("hush2")));
  EXPECT_EQ(loaded().clients.at("work").tunnel.secret, Secret(std::string_view("hush1")));
  // Of a new profile there is nothing to keep.
  EXPECT_NE(put(*shown, Layer::state, "new").find("/ppp/password/$secret"), std::string::npos);
}

TEST_F(Store, SecretsOfUsersFollowTheirNames) {
  const auto listener = [](const std::string& users) {
    return R"({"kind": "listener", "listen": {"addresses": ["192.0.2.1"]}, "ppp": {"ipv4":
             {"local-address": "10.0.0.1", "pool": ["10.0.0.2-10.0.0.9"]}}, "users": [)" +
           users + "]}";
  };
  write("etc/profiles.d/lns.json", listener(R"({"name": "a", "password": "of-a"},
                                               {"name": "b", "password": "of-b"})"));
  EXPECT_EQ(put(listener(R"({"name": "b", "password": {"$secret": "***"}})"), Layer::state, "lns"),
            "");
  EXPECT_EQ(loaded().listeners.at("lns").users.at(0).password, Secret(std::string_view("of-b")));
}

TEST_F(Store, ARefusedProfileShowsNoSecretEither) {
  write("etc/profiles.d/work.json",
        client("etc", R"("ppp": {"pasword": "hush", "password": ["hush"], "user": {"x": "hush"}},
                         "notes": {"deep": "hush"})"));
  const auto shown = show_profile(places_, "work", false);
  ASSERT_TRUE(shown);
  EXPECT_EQ(shown->find("hush"), std::string::npos) << *shown;
  EXPECT_NE(shown->find("etc"), std::string::npos);
  write("etc/profiles.d/work.json", R"({"kind": "neither", "password": "hush", "x": "hush"})");
  EXPECT_EQ(show_profile(places_, "work", false)->find("hush"), std::string::npos);
}

TEST_F(Store, SecretKeysAreTheSchemas) {
  const auto schema =
      nlohmann::json::parse(test::read_source_file("src/config/profile.schema.json"));
  const std::set<std::string> keys = {"password", "secret", "second-secret", "send-cookie",
                                      "receive-cookie"};
  std::function<void(const nlohmann::json&)> look = [&](const nlohmann::json& node) {
    if (!node.is_structured()) return;
    if (node.is_object() && node.contains("properties")) {
      for (const auto& [key, value] : node["properties"].items()) {
        const bool is_secret = value.is_object() && value.contains("anyOf") &&
                               value.dump().find("#/definitions/secret\"") != std::string::npos;
        EXPECT_EQ(is_secret, keys.contains(key)) << key;
      }
    }
    for (const auto& [key, value] : node.items()) look(value);
  };
  look(schema["definitions"]);
}

TEST_F(Store, StrangersLearnNothingFromACheck) {
  write("etc/profiles.d/work.json", client("etc"));
  const auto with = [&](const std::string& name) {
    return text(check_text(
        "x", client("a", R"("ppp": {"user": "u", "password": {"$secret": ")" + name + "\"}}"), {}));
  };
  EXPECT_EQ(with("there"), with("not-there"));
  const auto users = [&](const std::string& file) {
    return text(check_text("x",
                           R"({"kind": "listener", "listen": {"addresses": ["192.0.2.1"]},
                            "users-file": ")" +
                               file + "\"}",
                           {}));
  };
  EXPECT_EQ(users("/etc/hostname"), users("/does/not/exist"));
  EXPECT_NE(text(check_text("x", client("a", R"("typo": 1)"), {})).find("typo"), std::string::npos);
}

}  // namespace
}  // namespace l2tpm::config
