#include "config/object_reader.h"

#include <fmt/core.h>

#include <algorithm>
#include <utility>

#include "base/bytes.h"
#include "config/parse_value.h"

namespace l2tpm::config {
namespace {

std::string_view type_of(const Json& json) {
  switch (json.type()) {
    case nlohmann::json::value_t::null:
      return "null";
    case nlohmann::json::value_t::object:
      return "an object";
    case nlohmann::json::value_t::array:
      return "an array";
    case nlohmann::json::value_t::string:
      return "a string";
    case nlohmann::json::value_t::boolean:
      return "true or false";
    case nlohmann::json::value_t::number_integer:
    case nlohmann::json::value_t::number_unsigned:
    case nlohmann::json::value_t::number_float:
      return "a number";
    case nlohmann::json::value_t::binary:
    case nlohmann::json::value_t::discarded:
      return "something else";
  }
  return "something else";
}

// Insertions, deletions, changes and swaps of neighbours (Damerau).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> before;
  std::vector<std::size_t> last(b.size() + 1);
  for (std::size_t j = 0; j <= b.size(); ++j) last[j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i) {
    std::vector<std::size_t> row(b.size() + 1);
    row[0] = i;
    for (std::size_t j = 1; j <= b.size(); ++j) {
      const std::size_t change = a[i - 1] == b[j - 1] ? 0 : 1;
      row[j] = std::min({last[j] + 1, row[j - 1] + 1, last[j - 1] + change});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        row[j] = std::min(row[j], before[j - 2] + 1);
    }
    before = std::move(last);
    last = std::move(row);
  }
  return last[b.size()];
}

const Json& empty_object() {
  static const Json empty = Json::object();
  return empty;
}

}  // namespace

std::string_view nearest(std::string_view text, const std::vector<std::string_view>& candidates) {
  if (text.size() > 40) return {};
  std::string folded;
  for (const char c : text)
    folded += c == '_' ? '-' : (c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c);
  std::string_view best;
  std::size_t best_distance =
      std::max<std::size_t>(1, std::min<std::size_t>(3, text.size() / 3)) + 1;
  for (const auto candidate : candidates) {
    const std::size_t far = distance(folded, candidate);
    if (far < best_distance) {
      best = candidate;
      best_distance = far;
    }
  }
  return best;
}

void Report::add(Severity severity, const std::string& pointer, std::string message, bool at_key) {
  ConfigErrors& list = severity == Severity::error ? errors_ : warnings_;
  if (list.size() >= kMaxErrors) return;
  ConfigError error;
  error.severity = severity;
  if (!layers_.empty()) error.file = layers_.front().document->file();
  error.pointer = pointer;
  error.message = std::move(message);
  // The place itself or the nearest thing around it, in the layer that had the last word.
  for (std::string near = pointer;; near = parent(near)) {
    bool found = false;
    for (auto layer = layers_.rbegin(); layer != layers_.rend() && !found; ++layer) {
      const auto place = layer->document->find(near);
      if (!place) continue;
      error.file = layer->document->file();
      if (layer->located)
        layer->document->locate(at_key && near == pointer ? place->key : place->value, error.line,
                                error.column);
      found = true;
    }
    if (found || near.empty()) break;
  }
  list.push_back(std::move(error));
}

ObjectReader::ObjectReader(ReadContext& context, const Json& json, std::string pointer,
                           std::string pattern)
    : context_(&context), json_(&json), pointer_(std::move(pointer)), pattern_(std::move(pattern)) {
  if (!json.is_object()) {
    context_->report.error(pointer_, fmt::format("must be an object, not {}", type_of(json)));
    json_ = &empty_object();
    is_object_ = false;
  }
  if (context_->report.known() != nullptr) (*context_->report.known())[pattern_];
}

const Json* ObjectReader::find(std::string_view key) {
  asked_.emplace(key);
  if (context_->report.known() != nullptr)
    (*context_->report.known())[pattern_].insert(std::string(key));
  const auto found = json_->find(std::string(key));
  return found == json_->end() ? nullptr : &*found;
}

bool ObjectReader::has(std::string_view key) const { return json_->contains(std::string(key)); }

bool ObjectReader::is_text(const Json& json, const std::string& pointer, std::size_t longest) {
  if (!json.is_string())
    return fail(pointer, fmt::format("must be a string, not {}", type_of(json)));
  const auto& text = json.get_ref<const std::string&>();
  if (text.size() > longest) return fail(pointer, fmt::format("is longer than {} octets", longest));
  if (std::any_of(text.begin(), text.end(),
                  [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == 0x7f; }))
    return fail(pointer, "contains a control character");
  return true;
}

bool ObjectReader::is_array(const Json& json, const std::string& pointer, std::size_t most) {
  if (!json.is_array())
    return fail(pointer, fmt::format("must be an array, not {}", type_of(json)));
  if (json.size() > most) return fail(pointer, fmt::format("has more than {} entries", most));
  return true;
}

bool ObjectReader::text(std::string_view key, std::string& out, std::size_t longest) {
  const Json* json = find(key);
  if (json == nullptr || !is_text(*json, at(key), longest)) return false;
  out = json->get_ref<const std::string&>();
  return true;
}

bool ObjectReader::boolean(std::string_view key, bool& out) {
  const Json* json = find(key);
  if (json == nullptr) return false;
  if (!json->is_boolean())
    return fail(at(key), fmt::format("must be true or false, not {}", type_of(*json)));
  out = json->get<bool>();
  return true;
}

bool ObjectReader::integer(std::string_view key, std::uint64_t& out, std::uint64_t least,
                           std::uint64_t most) {
  const Json* json = find(key);
  if (json == nullptr) return false;
  if (!json->is_number())
    return fail(at(key), fmt::format("must be a number, not {}", type_of(*json)));
  if (!json->is_number_unsigned() || json->get<std::uint64_t>() < least ||
      json->get<std::uint64_t>() > most)
    return fail(at(key), fmt::format("must be a whole number from {} to {}", least, most));
  out = json->get<std::uint64_t>();
  return true;
}

bool ObjectReader::duration(std::string_view key, Duration& out, Duration least, Duration most) {
  const Json* json = find(key);
  if (json == nullptr) return false;
  if (json->is_number())
    return fail(at(key), fmt::format("must be a time with its unit, such as \"{}s\"",
                                     json->is_number_unsigned() ? json->get<std::uint64_t>() : 30));
  Duration value{};
  if (!parse_text(*json, at(key), value, "a time such as \"30s\", \"5m\" or \"1h30m\"",
                  parse_duration))
    return false;
  if (value < least || value > most)
    return fail(at(key), fmt::format("must be from {} to {}", format_duration(least),
                                     format_duration(most)));
  out = value;
  return true;
}

bool ObjectReader::duration_or_never(std::string_view key, Duration& out, Duration least,
                                     Duration most) {
  const Json* json = find(key);
  if (json != nullptr && json->is_string()) {
    const auto& text = json->get_ref<const std::string&>();
    const auto value = parse_duration(text);
    if (text == "never" || (value && *value == Duration::zero())) {
      out = Duration::zero();
      return true;
    }
  }
  return duration(key, out, least, most);
}

bool ObjectReader::secret(std::string_view key, Secret& out) {
  const Json* json = find(key);
  if (json == nullptr) return false;
  const std::string pointer = at(key);
  if (json->is_string()) {
    if (!is_text(*json, pointer, 255)) return false;
    const auto& text = json->get_ref<const std::string&>();
    if (text.empty()) return fail(pointer, "is empty");
    // Once: a users file may have thousands.
    if (std::exchange(context_->readable_by_others, false))
      context_->report.warning(pointer,
                               "is a secret in a file that others may read: chmod 640 and chgrp "
                               "l2tp-manager, or move it to secrets.d");
    out = Secret(text);
    return true;
  }
  if (json->is_object() && json->size() == 1 && json->contains("$file"))
    return secret_of_file((*json)["$file"], pointer, out);
  if (!json->is_object() || json->size() != 1 || !json->contains("$secret"))
    return fail(pointer, "must be a string or {\"$secret\": \"name\"}");
  const Json& reference = (*json)["$secret"];
  if (!is_text(reference, child(pointer, "$secret"), 64)) return false;
  const auto& wanted = reference.get_ref<const std::string&>();
  if (!is_name(wanted)) return fail(child(pointer, "$secret"), "is not a secret's name");
  auto found = context_->secrets->find(context_->profile, wanted);
  if (!found || found->empty())
    return fail(child(pointer, "$secret"),
                fmt::format("there is no secret '{0}': neither key \"{0}\" in secrets.d/{1}.json "
                            "nor the credential {1}.{0}",
                            wanted, context_->profile));
  out = std::move(*found);
  return true;
}

bool ObjectReader::secret_of_file(const Json& name, const std::string& pointer, Secret& out) {
  const std::string at_name = child(pointer, "$file");
  if (!is_text(name, at_name, 64)) return false;
  auto found = context_->secrets->find_file(name.get_ref<const std::string&>());
  if (!found) return fail(at_name, "no such file was handed over");
  if (found->empty() || found->octets().size() > 255)
    return fail(at_name, "must hold 1 to 255 octets");
  out = std::move(*found);
  return true;
}

bool ObjectReader::secret_or_ask(std::string_view key, Secret& out, bool& ask) {
  const Json* json = find(key);
  if (json == nullptr || !json->is_object() || !json->contains("$ask")) return secret(key, out);
  if (json->size() != 1 || (*json)["$ask"] != Json(true))
    return fail(at(key), "must be a string, {\"$secret\": \"name\"} or {\"$ask\": true}");
  ask = true;
  return true;
}

bool ObjectReader::not_among(const Json& json, const std::string& pointer,
                             const std::vector<std::string_view>& names) {
  std::string list;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (i > 0) list += i + 1 == names.size() ? " or " : ", ";
    list += fmt::format("\"{}\"", names[i]);
  }
  std::string hint;
  if (json.is_string()) {
    const auto near = nearest(json.get_ref<const std::string&>(), names);
    if (!near.empty()) hint = fmt::format("; did you mean \"{}\"?", near);
  }
  return fail(pointer, fmt::format("must be {}{}", list, hint));
}

ObjectReader ObjectReader::object(std::string_view key) {
  const Json* json = find(key);
  return {*context_, json == nullptr ? empty_object() : *json, at(key), child(pattern_, key)};
}

std::vector<ObjectReader> ObjectReader::objects(std::string_view key, std::size_t most) {
  std::vector<ObjectReader> out;
  const Json* json = find(key);
  if (json == nullptr || !is_array(*json, at(key), most)) return out;
  out.reserve(json->size());
  for (std::size_t i = 0; i < json->size(); ++i)
    out.emplace_back(*context_, (*json)[i], child(at(key), std::to_string(i)),
                     child(pattern_, key) + "/*");
  return out;
}

std::vector<std::pair<std::string, ObjectReader>> ObjectReader::named_objects(
    std::string_view key) {
  std::vector<std::pair<std::string, ObjectReader>> out;
  const Json* json = find(key);
  if (json == nullptr) return out;
  if (!json->is_object()) {
    fail(at(key), fmt::format("must be an object, not {}", type_of(*json)));
    return out;
  }
  for (const auto& [entry, value] : json->items())
    out.emplace_back(
        entry, ObjectReader(*context_, value, child(at(key), entry), child(pattern_, key) + "/*"));
  return out;
}

void ObjectReader::finish() {
  if (!is_object_) return;
  std::vector<std::string_view> candidates(asked_.begin(), asked_.end());
  for (const auto& [key, value] : json_->items()) {
    if (asked_.count(key) > 0) continue;
    const auto near = nearest(key, candidates);
    context_->report.error(at(key),
                           near.empty()
                               ? fmt::format("unknown key \"{}\"", printable(as_bytes(key), 64))
                               : fmt::format("unknown key \"{}\"; did you mean \"{}\"?",
                                             printable(as_bytes(key), 64), near),
                           true);
  }
}

}  // namespace l2tpm::config
