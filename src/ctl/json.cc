#include "ctl/json.h"

namespace l2tpm::ctl {

Json parse_json(const std::string& text) {
  auto json = Json::parse(text, nullptr, false);
  return json.is_object() ? json : Json::object();
}

const Json& member_of(const Json& object, const char* key) {
  static const Json kNull;
  if (!object.is_object()) return kNull;
  const auto found = object.find(key);
  return found == object.end() ? kNull : *found;
}

std::string text_of(const Json& object, const char* key) {
  const Json& member = member_of(object, key);
  return member.is_string() ? member.get<std::string>() : "";
}

std::uint64_t number_of(const Json& object, const char* key) {
  const Json& member = member_of(object, key);
  // A number that was not parsed but put in may be of a signed type.
  if (!member.is_number_integer() ||
      (!member.is_number_unsigned() && member.get<std::int64_t>() < 0))
    return 0;
  return member.get<std::uint64_t>();
}

bool flag_of(const Json& object, const char* key) {
  const Json& member = member_of(object, key);
  return member.is_boolean() && member.get<bool>();
}

std::string one_line(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace l2tpm::ctl
