// JSON as the daemon sends it: keys keep their order, and reading never throws, since a newer
// daemon may say more than we understand.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace l2tpm::ctl {

using Json = nlohmann::ordered_json;

// The object in a text; an empty one if there is none.
Json parse_json(const std::string& text);

// A member of an object, or nothing of its kind when it is absent or of another type.
std::string text_of(const Json& object, const char* key);
std::uint64_t number_of(const Json& object, const char* key);
bool flag_of(const Json& object, const char* key);
const Json& member_of(const Json& object, const char* key);  // null when absent

// One line; octets that are no UTF-8 are replaced.
std::string one_line(const Json& json);

}  // namespace l2tpm::ctl
