#include "daemon/supported.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

namespace l2tpm::daemon {
namespace {

TEST(Supported, Version3IsRefusedInOneSentence) {
  std::string pattern = testing::TempDir() + "supportedXXXXXX";
  ASSERT_NE(mkdtemp(pattern.data()), nullptr);
  const std::filesystem::path directory = pattern;
  std::filesystem::create_directory(directory / "profiles.d");
  const auto write = [&](const char* name, const char* text) {
    std::ofstream(directory / "profiles.d" / name) << text;
  };
  write("two.json", R"({"kind": "client", "peer": "lns"})");
  write("three.json", R"({"kind": "client", "peer": "lns", "version": 3})");
  write("fixed.json", R"({"kind": "static", "local": {"address": "192.0.2.1"},
    "peer": {"address": "192.0.2.2"}, "tunnel-id": 1, "peer-tunnel-id": 1,
    "sessions": [{"session-id": 1, "peer-session-id": 1, "interface": "a"}]})");
  config::Places places;
  places.administrator = directory;
  const config::Loaded loaded = load_supported(places);
  std::filesystem::remove_all(directory);
  EXPECT_EQ(loaded.config.clients.size(), 1u);
  EXPECT_TRUE(loaded.config.clients.contains("two"));
  EXPECT_TRUE(loaded.config.statics.empty());
  EXPECT_EQ(loaded.refused, (std::vector<std::string>{"three", "fixed"}));
  ASSERT_EQ(loaded.errors.size(), 2u);
  EXPECT_EQ(loaded.errors[0].to_string(),
            "three: \"version\": 3 is L2TPv3, which is not supported by this build yet");
  EXPECT_EQ(loaded.errors[1].profile, "fixed");
}

}  // namespace
}  // namespace l2tpm::daemon
