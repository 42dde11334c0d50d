// GLib's key files, as NetworkManager writes .nmconnection: groups of "key=value" lines.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace l2tpm::convert {

struct KeyFileEntry {
  std::string key, value;  // the value without its escapes
  unsigned line = 0;
};
struct KeyFileGroup {
  std::string name;
  std::vector<KeyFileEntry> entries;
  // The last of that key; nullptr: none.
  const KeyFileEntry* find(std::string_view key) const;
  std::string text(std::string_view key) const;
};
struct KeyFile {
  std::vector<KeyFileGroup> groups;  // of one name: one
  std::vector<unsigned> bad_lines;
  const KeyFileGroup* find(std::string_view name) const;
  // Values may be secrets.
  void wipe_values();
};

KeyFile parse_key_file(std::string_view text);
// With the escapes that a value needs: \s at its ends, \n, \t, \r, "\\".
std::string escape_value(std::string_view value);

}  // namespace l2tpm::convert
