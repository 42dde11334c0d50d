// Reads one JSON object key by key and reports everything that is wrong with it: wrong types,
// values out of range, keys nobody asked for. Internal to config.
#pragma once

#include <concepts>
#include <initializer_list>
#include <limits>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "config/error.h"
#include "config/json_document.h"
#include "config/secrets.h"

namespace l2tpm::config {

// Which keys are known: for each object, written as a pointer with "*" for elements and free names.
using KnownKeys = std::map<std::string, std::set<std::string>>;

// The documents that one profile is made of, the later overriding the earlier, and what is wrong
// with them.
class Report {
 public:
  static constexpr std::size_t kMaxErrors = 100;  // of a file; more help nobody

  // The first is the profile's own file. Lines of one that is not `located` mean nothing.
  void add_layer(const Document& document, bool located = true) {
    layers_.push_back({&document, located});
  }
  void record_keys(KnownKeys* known) { known_ = known; }

  void error(const std::string& pointer, std::string message, bool at_key = false) {
    add(Severity::error, pointer, std::move(message), at_key);
  }
  void warning(const std::string& pointer, std::string message) {
    add(Severity::warning, pointer, std::move(message), false);
  }
  bool failed() const { return !errors_.empty(); }
  ConfigErrors& errors() { return errors_; }
  ConfigErrors& warnings() { return warnings_; }
  KnownKeys* known() const { return known_; }

 private:
  struct Layer {
    const Document* document;
    bool located;
  };
  void add(Severity severity, const std::string& pointer, std::string message, bool at_key);

  std::vector<Layer> layers_;
  KnownKeys* known_ = nullptr;
  ConfigErrors errors_;
  ConfigErrors warnings_;
};

// What readers of one profile share.
struct ReadContext {
  Report report;
  std::string profile;
  SecretSource* secrets = nullptr;
  bool readable_by_others = false;  // inline secrets are then warned about
};

class ObjectReader {
 public:
  // `json` that is not an object is reported; all keys are then absent.
  ObjectReader(ReadContext& context, const Json& json, std::string pointer, std::string pattern);
  static ObjectReader root(ReadContext& context, const Json& json) {
    return {context, json, {}, {}};
  }

  // Each returns whether the key is there and good; `out` is unchanged otherwise.
  bool text(std::string_view key, std::string& out, std::size_t longest = 255);
  bool boolean(std::string_view key, bool& out);
  template <std::unsigned_integral T>
  bool number(std::string_view key, T& out, std::uint64_t least, std::uint64_t most) {
    std::uint64_t value = 0;
    if (!integer(key, value, least, most)) return false;
    out = static_cast<T>(value);
    return true;
  }
  bool duration(std::string_view key, Duration& out, Duration least, Duration most);
  // As duration(), and "never" or "0" for zero.
  bool duration_or_never(std::string_view key, Duration& out, Duration least, Duration most);
  bool secret(std::string_view key, Secret& out);
  // As secret(), and {"$ask": true}: nobody wrote it down, somebody is asked.
  bool secret_or_ask(std::string_view key, Secret& out, bool& ask);
  template <typename Enum>
  bool choice(std::string_view key, Enum& out, std::initializer_list<Enum> values) {
    const Json* json = find(key);
    return json != nullptr && choice_of(*json, at(key), out, values);
  }
  // An array of distinct choices.
  template <typename Enum>
  bool choices(std::string_view key, std::vector<Enum>& out, std::initializer_list<Enum> values) {
    const Json* json = find(key);
    if (json == nullptr || !is_array(*json, at(key))) return false;
    std::vector<Enum> chosen;
    for (std::size_t i = 0; i < json->size(); ++i) {
      const std::string pointer = child(at(key), std::to_string(i));
      Enum one{};
      if (!choice_of((*json)[i], pointer, one, values)) return false;
      for (const Enum before : chosen)
        if (before == one) return fail(pointer, "is there twice");
      chosen.push_back(one);
    }
    out = std::move(chosen);
    return true;
  }
  // Text that `parse` turns into a value; `expected` completes "must be ...".
  template <typename Parse, typename T>
  bool parsed(std::string_view key, T& out, std::string_view expected, Parse parse) {
    const Json* json = find(key);
    return json != nullptr && parse_text(*json, at(key), out, expected, parse);
  }
  // An array of such texts, at most `most`.
  template <typename Parse, typename T>
  bool parsed_list(std::string_view key, std::vector<T>& out, std::size_t most,
                   std::string_view expected, Parse parse) {
    const Json* json = find(key);
    if (json == nullptr || !is_array(*json, at(key), most)) return false;
    std::vector<T> values(json->size());
    for (std::size_t i = 0; i < json->size(); ++i)
      if (!parse_text((*json)[i], child(at(key), std::to_string(i)), values[i], expected, parse))
        return false;
    out = std::move(values);
    return true;
  }

  // A member that is an object. A missing one reads as empty, so that its keys become known.
  ObjectReader object(std::string_view key);
  // The elements of a member that is an array of objects; a missing one has none.
  std::vector<ObjectReader> objects(std::string_view key, std::size_t most);
  // The members of an object whose keys are names; `*` in the pattern.
  std::vector<std::pair<std::string, ObjectReader>> named_objects(std::string_view key);

  // The member itself, for keys that take several types; nullptr when absent. Makes it known.
  const Json* find(std::string_view key);
  bool has(std::string_view key) const;
  // Reports what was not asked for. Last.
  void finish();

  std::string at(std::string_view key) const { return child(pointer_, key); }
  const std::string& pointer() const { return pointer_; }
  void error(std::string_view key, std::string message) {
    context_->report.error(key.empty() ? pointer_ : at(key), std::move(message));
  }
  void warning(std::string_view key, std::string message) {
    context_->report.warning(key.empty() ? pointer_ : at(key), std::move(message));
  }

 private:
  bool secret_of_file(const Json& name, const std::string& pointer, Secret& out);
  bool integer(std::string_view key, std::uint64_t& out, std::uint64_t least, std::uint64_t most);
  bool is_array(const Json& json, const std::string& pointer,
                std::size_t most = std::numeric_limits<std::size_t>::max());
  bool is_text(const Json& json, const std::string& pointer, std::size_t longest);
  bool fail(const std::string& pointer, std::string message) {
    context_->report.error(pointer, std::move(message));
    return false;
  }
  template <typename Enum>
  bool choice_of(const Json& json, const std::string& pointer, Enum& out,
                 std::initializer_list<Enum> values) {
    std::vector<std::string_view> names;
    for (const Enum value : values) {
      names.push_back(name(value));
      if (json.is_string() && json.get_ref<const std::string&>() == names.back()) {
        out = value;
        return true;
      }
    }
    return not_among(json, pointer, names);
  }
  bool not_among(const Json& json, const std::string& pointer,
                 const std::vector<std::string_view>& names);
  template <typename Parse, typename T>
  bool parse_text(const Json& json, const std::string& pointer, T& out, std::string_view expected,
                  Parse parse) {
    if (!is_text(json, pointer, 255)) return false;
    const auto value = parse(json.get_ref<const std::string&>());
    if (!value) return fail(pointer, "must be " + std::string(expected));
    out = *value;
    return true;
  }

  ReadContext* context_;
  const Json* json_;
  std::string pointer_;
  std::string pattern_;
  std::set<std::string, std::less<>> asked_;
  bool is_object_ = true;
};

// The one of `candidates` that `text` was probably meant to be; "" when none is near.
std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates);

}  // namespace l2tpm::config
