#include "ctl/pointer.h"

#include <algorithm>
#include <charconv>
#include <optional>

namespace l2tpm::ctl {
namespace {

using Tokens = std::vector<std::string>;

// nullopt: not a pointer.
std::optional<Tokens> tokens_of(const std::string& pointer) {
  if (pointer.size() < 2 || pointer.front() != '/') return std::nullopt;
  Tokens tokens{""};
  for (std::size_t i = 1; i < pointer.size(); ++i) {
    if (pointer[i] == '/') {
      tokens.emplace_back();
    } else if (pointer[i] != '~') {
      tokens.back() += pointer[i];
    } else if (i + 1 < pointer.size() && (pointer[i + 1] == '0' || pointer[i + 1] == '1')) {
      tokens.back() += pointer[++i] == '0' ? '~' : '/';
    } else {
      return std::nullopt;
    }
  }
  return tokens;
}

std::string escaped(const std::string& token) {
  std::string text;
  for (const char c : token) text += c == '~' ? "~0" : c == '/' ? "~1" : std::string(1, c);
  return text;
}

// nullopt: no place in or directly behind the list.
std::optional<std::size_t> index_of(const Json& list, const std::string& token) {
  if (token == "-") return list.size();
  std::size_t index = 0;
  const auto [stop, error] = std::from_chars(token.data(), token.data() + token.size(), index);
  if (error != std::errc() || stop != token.data() + token.size() || index > list.size())
    return std::nullopt;
  return index;
}

const Json* find(const Json& json, const Tokens& tokens) {
  const Json* at = &json;
  for (const std::string& token : tokens) {
    if (at->is_object() && at->contains(token)) {
      at = &at->at(token);
    } else if (at->is_array()) {
      const auto index = index_of(*at, token);
      if (!index || *index == at->size()) return nullptr;
      at = &at->at(*index);
    } else {
      return nullptr;
    }
  }
  return at;
}

bool is_masked(const Json& json) {
  return json.is_object() && json.size() == 1 && text_of(json, "$secret") == "***";
}

std::string shown(const Json& json) { return one_line(json); }

void compare(const Json& before, const Json& after, const std::string& at,
             std::vector<std::string>& lines) {
  if (before == after || is_masked(before) || is_masked(after)) return;
  if (before.is_object() && after.is_object()) {
    for (const auto& [key, value] : before.items()) {
      const std::string pointer = at + "/" + escaped(key);
      if (after.contains(key))
        compare(value, after.at(key), pointer, lines);
      else
        lines.push_back("-" + pointer + ": " + shown(value));
    }
    for (const auto& [key, value] : after.items())
      if (!before.contains(key))
        lines.push_back("+" + at + "/" + escaped(key) + ": " + shown(value));
    return;
  }
  if (before.is_array() && after.is_array()) {
    for (std::size_t i = 0; i < std::max(before.size(), after.size()); ++i) {
      const std::string pointer = at + "/" + std::to_string(i);
      if (i < before.size() && i < after.size())
        compare(before[i], after[i], pointer, lines);
      else if (i < before.size())
        lines.push_back("-" + pointer + ": " + shown(before[i]));
      else
        lines.push_back("+" + pointer + ": " + shown(after[i]));
    }
    return;
  }
  lines.push_back("-" + at + ": " + shown(before));
  lines.push_back("+" + at + ": " + shown(after));
}

}  // namespace

Json value_of(const Json& profile, const std::string& pointer, const std::string& word) {
  const auto tokens = tokens_of(pointer);
  const Json* present = tokens ? find(profile, *tokens) : nullptr;
  Json value = Json::parse(word, nullptr, false);
  if (value.is_discarded()) return word;
  const bool is_text_now = present != nullptr && present->is_string();
  return is_text_now && (value.is_number() || value.is_boolean()) ? Json(word) : value;
}

Result<Done, std::string> set_at(Json& profile, Json& merge, const std::string& pointer,
                                 Json value) {
  const auto tokens = tokens_of(pointer);
  if (!tokens) return Unexpected("\"" + pointer + "\" is no JSON pointer; one looks like /ppp/mru");
  Json* at = &profile;
  Json* patch = &merge;  // nullptr once a list is in the way
  Json* list = nullptr;  // the outermost list on the way, and where its copy goes
  Json* list_patch = nullptr;
  for (std::size_t i = 0; i < tokens->size(); ++i) {
    const std::string& token = (*tokens)[i];
    const bool is_last = i + 1 == tokens->size();
    if (at->is_array()) {
      if (!list) {
        list = at;
        list_patch = patch;
      }
      const auto index = index_of(*at, token);
      if (!index)
        return Unexpected(pointer + ": the list there has " + std::to_string(at->size()) +
                          " elements, the first is 0");
      if (is_last && value.is_null()) {
        if (*index < at->size()) at->erase(*index);
        break;
      }
      if (*index == at->size()) at->push_back(is_last ? Json() : Json::object());
      at = &at->at(*index);
    } else {
      if (!at->is_object()) *at = Json::object();
      if (is_last && value.is_null()) {
        at->erase(token);
        if (!list) (*patch)[token] = nullptr;
        break;
      }
      at = &(*at)[token];
      if (!is_last && at->is_null()) *at = Json::object();
      if (!list) {
        patch = &(*patch)[token];
        if (!is_last && !at->is_array() && !patch->is_object()) *patch = Json::object();
      }
    }
    if (is_last) {
      *at = value;
      if (!list) *patch = std::move(value);
    }
  }
  if (list) *list_patch = *list;
  return Done{};
}

Json merge_patch(const Json& before, const Json& after) {
  if (!before.is_object() || !after.is_object()) return after;
  Json patch = Json::object();
  for (const auto& [key, value] : before.items())
    if (!after.contains(key)) patch[key] = nullptr;
  for (const auto& [key, value] : after.items()) {
    if (!before.contains(key))
      patch[key] = value;
    else if (before.at(key) != value)
      patch[key] = merge_patch(before.at(key), value);
  }
  return patch;
}

std::vector<std::string> differences(const Json& before, const Json& after) {
  std::vector<std::string> lines;
  compare(before, after, "", lines);
  return lines;
}

}  // namespace l2tpm::ctl
