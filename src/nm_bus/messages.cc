#include "nm_bus/messages.h"

#include <optional>
#include <utility>
#include <variant>
#include <vector>

namespace l2tpm::nm_bus {
namespace {

template <typename T>
std::optional<T> value_of(const Variants& from, const char* key) {
  const auto found = from.find(key);
  if (found == from.end() || !found->second.containsValueOfType<T>()) return std::nullopt;
  return found->second.get<T>();
}

nm::Connection::Family family_of(const Settings& settings, const char* name) {
  nm::Connection::Family family;
  const auto setting = settings.find(name);
  if (setting == settings.end()) return family;
  family.method = value_of<std::string>(setting->second, "method").value_or("");
  family.ignore_auto_dns = value_of<bool>(setting->second, "ignore-auto-dns").value_or(false);
  const auto addresses = value_of<std::vector<Variants>>(setting->second, "address-data");
  if (addresses && !addresses->empty())
    family.address = value_of<std::string>(addresses->front(), "address").value_or("");
  return family;
}

}  // namespace

nm::Connection connection_of(const Settings& settings) {
  using Strings = std::map<std::string, std::string>;
  nm::Connection connection;
  if (const auto general = settings.find("connection"); general != settings.end()) {
    connection.id = value_of<std::string>(general->second, "id").value_or("");
    connection.uuid = value_of<std::string>(general->second, "uuid").value_or("");
  }
  if (const auto vpn = settings.find("vpn"); vpn != settings.end()) {
    connection.user_name = value_of<std::string>(vpn->second, "user-name").value_or("");
    connection.persistent = value_of<bool>(vpn->second, "persistent").value_or(false);
    connection.timeout = value_of<std::uint32_t>(vpn->second, "timeout").value_or(0);
    connection.data = value_of<Strings>(vpn->second, "data").value_or(Strings());
    Strings secrets = value_of<Strings>(vpn->second, "secrets").value_or(Strings());
    for (auto& [name, value] : secrets) {
      connection.secrets[name] = Secret(std::string_view(value));
      wipe(value);
    }
  }
  connection.ipv4 = family_of(settings, "ipv4");
  connection.ipv6 = family_of(settings, "ipv6");
  return connection;
}

Variants variants_of(const nm::Dictionary& dictionary) {
  Variants variants;
  for (const auto& [key, value] : dictionary) {
    std::visit([&](const auto& each) { variants.emplace(key, sdbus::Variant(each)); }, value);
  }
  return variants;
}

}  // namespace l2tpm::nm_bus
