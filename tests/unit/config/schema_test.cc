// The schema and the reader know the same keys, types and bounds: a document is made from the
// schema, read, and then bent at every key.
#include <gtest/gtest.h>

#include <algorithm>

#include "config/readers.h"
#include "support/config_text.h"
#include "support/source_dir.h"

namespace l2tpm::config {
namespace {

Json load_schema(const std::string& name) {
  return Json::parse(test::read_source_file("src/config/" + name), nullptr, false);
}

class Schema {
 public:
  explicit Schema(const std::string& name) : root_(load_schema(name)) {}
  const Json& root() const { return root_; }

  const Json& resolve(const Json& schema) const {
    if (!schema.contains("$ref")) return schema;
    return root_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1)));
  }
  // Of several types the last, which is the one with the most to say.
  const Json& widest(const Json& schema) const {
    const Json& here = resolve(schema);
    return here.contains("anyOf") ? resolve(here["anyOf"].back()) : here;
  }

  Json sample(const Json& schema) const {
    const Json& here = resolve(schema);
    if (here.contains("examples")) return here["examples"][0];
    if (here.contains("default")) return here["default"];
    if (here.contains("const")) return here["const"];
    if (here.contains("anyOf")) return sample(widest(here));
    if (here.contains("properties")) {
      Json out = Json::object();
      for (const auto& [key, value] : here["properties"].items())
        if (key != "peer" || !here["properties"].contains("peers")) out[key] = sample(value);
      return out;
    }
    if (here.contains("additionalProperties") && here["additionalProperties"].is_object())
      return Json{
          {"one", sample(here["additionalProperties"])}
      };
    if (here["type"] == "array") return Json::array({sample(here["items"])});
    return {};
  }

  // Every object's keys, in the reader's notation.
  void keys(const Json& schema, const std::string& pattern, KnownKeys& out) const {
    const Json& here = widest(schema);
    if (here.contains("examples") && !here.contains("properties")) return;
    if (here.contains("properties") && !here["properties"].contains("$secret")) {
      for (const auto& [key, value] : here["properties"].items()) {
        out[pattern].insert(key);
        if (key != "peer" || !here["properties"].contains("peers"))
          keys(value, child(pattern, key), out);
      }
    } else if (here.contains("items")) {
      keys(here["items"], pattern + "/*", out);
    } else if (here.contains("additionalProperties") && here["additionalProperties"].is_object()) {
      keys(here["additionalProperties"], pattern + "/*", out);
    }
  }

  // Calls `visit` with the place in the sample and the schema of each leaf.
  template <typename Visit>
  void leaves(const Json& schema, const std::string& pointer, Visit visit) const {
    const Json& here = widest(schema);
    if (here.contains("properties") && !here["properties"].contains("$secret")) {
      for (const auto& [key, value] : here["properties"].items())
        if (key != "peer" || !here["properties"].contains("peers"))
          leaves(value, child(pointer, key), visit);
    } else if (here.contains("items") && !here.contains("default")) {
      leaves(here["items"], pointer + "/0", visit);
    } else if (here.contains("additionalProperties") && here["additionalProperties"].is_object()) {
      leaves(here["additionalProperties"], pointer + "/one", visit);
    } else {
      visit(pointer, here);
    }
  }

  void check_described(const Json& schema, const std::string& at) const {
    if (schema.contains("$ref")) return;
    if (schema.contains("properties")) {
      EXPECT_EQ(schema.value("additionalProperties", Json()), Json(false)) << at;
      for (const auto& [key, value] : schema["properties"].items()) {
        EXPECT_TRUE(value.contains("description") || value.contains("$ref")) << at << "/" << key;
        check_described(value, at + "/" + key);
      }
    }
    if (schema.contains("items")) check_described(schema["items"], at + "/*");
  }

 private:
  Json root_;
};

// What the reader says about a document, and the keys it asked for.
ConfigErrors read(const std::string& kind, const Json& json, KnownKeys* known = nullptr) {
  static const DaemonConfig daemon;
  test::FakeSecrets secrets;
  ReadContext context;
  context.profile = "work";
  context.secrets = &secrets;
  context.report.record_keys(known);
  std::string users_file;
  if (kind == "client") {
    read_client(context, json);
  } else if (kind == "static") {
    read_static(context, json);
  } else if (kind == "listener") {
    check_users(context, read_listener(context, json, daemon, users_file));
  } else {
    read_daemon(context, json);
  }
  return context.report.errors();
}

bool complains_at(const ConfigErrors& errors, const std::string& pointer) {
  return std::any_of(errors.begin(), errors.end(),
                     [&](const auto& error) { return error.pointer == pointer; });
}

class Agreement : public testing::TestWithParam<const char*> {
 protected:
  std::string kind_ = GetParam();
  Schema schema_{kind_ == "daemon" ? "l2tp-manager.schema.json" : "profile.schema.json"};
  const Json& definition() const {
    return kind_ == "daemon" ? schema_.root() : schema_.root()["definitions"][kind_];
  }
};

TEST_P(Agreement, OnTheKeys) {
  const Json sample = schema_.sample(definition());
  KnownKeys read_keys;
  const auto errors = read(kind_, sample, &read_keys);
  EXPECT_EQ(test::brief(errors), "") << sample.dump(1);
  KnownKeys schema_keys;
  schema_.keys(definition(), "", schema_keys);
  for (const auto& [pattern, keys] : schema_keys) EXPECT_EQ(read_keys[pattern], keys) << pattern;
  for (const auto& [pattern, keys] : read_keys) EXPECT_EQ(schema_keys[pattern], keys) << pattern;
  EXPECT_GT(schema_keys.size(), 3u);
}

TEST_P(Agreement, OnTypesBoundsAndChoices) {
  const Json sample = schema_.sample(definition());
  unsigned numbers = 0;
  schema_.leaves(definition(), "", [&](const std::string& pointer, const Json& leaf) {
    if (pointer == "/kind" || leaf.value("type", "") == "object") return;
    const auto with = [&](const Json& value) {
      Json bent = sample;
      bent[Json::json_pointer(pointer)] = value;
      return complains_at(read(kind_, bent), pointer);
    };
    EXPECT_TRUE(with(Json::object({
        {"no", "such"}
    })))
        << pointer;
    if (leaf.contains("minimum")) {
      ++numbers;
      const auto least = leaf["minimum"].get<std::int64_t>();
      const auto most = leaf["maximum"].get<std::int64_t>();
      EXPECT_TRUE(with(least - 1)) << pointer;
      EXPECT_TRUE(with(static_cast<std::uint64_t>(most) + 1)) << pointer;
      EXPECT_TRUE(with("7")) << pointer;
      if (pointer != "/users/0/max-sessions") {
        EXPECT_FALSE(with(static_cast<std::uint64_t>(least))) << pointer;
        EXPECT_FALSE(with(static_cast<std::uint64_t>(most))) << pointer;
      }
    }
    if (leaf.contains("enum") && leaf.value("type", "") == "string") {
      EXPECT_TRUE(with("no such choice")) << pointer;
      // What contradicts the rest of the sample is another test's business.
      if (pointer != "/install-point") {
        for (const auto& each : leaf["enum"]) {
          EXPECT_FALSE(with(each)) << pointer << " " << each;
        }
      }
    }
    if (leaf.value("type", "") == "boolean") {
      EXPECT_TRUE(with("true")) << pointer;
      EXPECT_TRUE(with(1u)) << pointer;
    }
  });
  EXPECT_GT(numbers, 3u);
}

TEST_P(Agreement, EverythingIsDescribed) { schema_.check_described(definition(), kind_); }

INSTANTIATE_TEST_SUITE_P(Kinds, Agreement,
                         testing::Values("client", "listener", "static", "daemon"),
                         [](const auto& each) { return std::string(each.param); });

}  // namespace
}  // namespace l2tpm::config
