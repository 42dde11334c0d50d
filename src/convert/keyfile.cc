#include "convert/keyfile.h"

#include <algorithm>

#include "base/secret.h"
#include "convert/words.h"

namespace l2tpm::convert {
namespace {

std::string unescape(std::string_view text) {
  std::string value;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '\\' || i + 1 == text.size()) {
      value += text[i];
      continue;
    }
    switch (text[++i]) {
      case 's':
        value += ' ';
        break;
      case 'n':
        value += '\n';
        break;
      case 't':
        value += '\t';
        break;
      case 'r':
        value += '\r';
        break;
      default:
        value += text[i];
    }
  }
  return value;
}

}  // namespace

const KeyFileEntry* KeyFileGroup::find(std::string_view key) const {
  const auto it = std::find_if(entries.rbegin(), entries.rend(),
                               [&](const KeyFileEntry& entry) { return entry.key == key; });
  return it == entries.rend() ? nullptr : &*it;
}

std::string KeyFileGroup::text(std::string_view key) const {
  const KeyFileEntry* entry = find(key);
  return entry == nullptr ? std::string() : entry->value;
}

const KeyFileGroup* KeyFile::find(std::string_view name) const {
  for (const KeyFileGroup& group : groups)
    if (group.name == name) return &group;
  return nullptr;
}

void KeyFile::wipe_values() {
  for (KeyFileGroup& group : groups)
    for (KeyFileEntry& entry : group.entries) wipe(entry.value);
}

KeyFile parse_key_file(std::string_view text) {
  KeyFile result;
  std::size_t current = 0;  // 0: none yet, else the group's index + 1
  for (unsigned number = 1; !text.empty(); ++number) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    line = trim(line);
    if (line.empty() || line.front() == '#') continue;
    if (line.front() == '[' && line.back() == ']' && line.size() > 2) {
      const std::string_view name = line.substr(1, line.size() - 2);
      const auto it = std::find_if(result.groups.begin(), result.groups.end(),
                                   [&](const KeyFileGroup& group) { return group.name == name; });
      current = static_cast<std::size_t>(it - result.groups.begin()) + 1;
      if (it == result.groups.end()) result.groups.push_back({std::string(name), {}});
      continue;
    }
    const auto equals = line.find('=');
    if (equals == std::string_view::npos || equals == 0 || current == 0) {
      result.bad_lines.push_back(number);
      continue;
    }
    result.groups[current - 1].entries.push_back({std::string(trim(line.substr(0, equals))),
                                                  unescape(trim(line.substr(equals + 1))), number});
  }
  return result;
}

std::string escape_value(std::string_view value) {
  std::string text;
  for (std::size_t i = 0; i < value.size(); ++i) {
    const bool at_end = i == 0 || i + 1 == value.size();
    switch (value[i]) {
      case '\\':
        text += "\\\\";
        break;
      case '\n':
        text += "\\n";
        break;
      case '\t':
        text += "\\t";
        break;
      case '\r':
        text += "\\r";
        break;
      case ' ':
        text += at_end ? "\\s" : " ";
        break;
      default:
        text += value[i];
    }
  }
  return text;
}

}  // namespace l2tpm::convert
