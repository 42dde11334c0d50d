#include "nm/connection.h"

namespace l2tpm::nm {

std::string_view Connection::item(const std::string& key) const {
  const auto found = data.find(key);
  return found == data.end() ? std::string_view() : std::string_view(found->second);
}

bool Connection::has_secret(const std::string& key) const {
  const auto found = secrets.find(key);
  return found != secrets.end() && !found->second.empty();
}

}  // namespace l2tpm::nm
