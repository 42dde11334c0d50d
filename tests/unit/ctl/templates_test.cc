#include "ctl/templates.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "config/load.h"

namespace l2tpm::ctl {
namespace {

// Has the secrets that a template names, and no other.
class Named final : public config::SecretSource {
 public:
  explicit Named(const Template& from) : from_(from) {}
  std::optional<Secret> find(std::string_view, std::string_view name) override {
    if (std::find(from_.secrets.begin(), from_.secrets.end(), name) == from_.secrets.end())
      return std::nullopt;
    used_.emplace_back(name);
    return Secret(std::string_view("5ec2e700"));  // also as a cookie
  }
  std::size_t used() {
    std::sort(used_.begin(), used_.end());
    return static_cast<std::size_t>(std::unique(used_.begin(), used_.end()) - used_.begin());
  }

 private:
  const Template& from_;
  std::vector<std::string> used_;
};

TEST(Templates, AreSoundOnceTheirSecretsAreThere) {
  for (const Template& one : templates()) {
    Named secrets(one);
    config::ConfigErrors warnings;
    config::ProfileText text;
    text.name = one.name;
    text.text = one.text;
    const auto profile = config::read_profile(std::move(text), {}, secrets, &warnings);
    EXPECT_TRUE(profile) << one.name << ": " << (profile ? "" : profile.error()[0].to_string());
    EXPECT_TRUE(warnings.empty()) << one.name << ": " << warnings[0].to_string();
    EXPECT_EQ(secrets.used(), one.secrets.size()) << one.name;
  }
}

TEST(Templates, AreFoundByName) {
  EXPECT_EQ(find_template("gateway")->name, "gateway");
  EXPECT_EQ(find_template("nothing"), nullptr);
}

}  // namespace
}  // namespace l2tpm::ctl
