// Any vpn.data ("key=value" lines) and secrets ("!key=value"): a profile or a sentence, never
// anything else; what asks for IPsec is never a profile, no password gets into one. Then the same
// text as the daemon's JSON, and what comes of it as NetworkManager is told it.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "nm/ip_config.h"
#include "nm/translate.h"
#include "support/config_text.h"

namespace {

using namespace l2tpm;

nm::Connection connection_of(std::string_view text) {
  nm::Connection connection;
  while (!text.empty()) {
    const auto end = text.find('\n');
    std::string_view line = text.substr(0, end);
    text.remove_prefix(end == text.npos ? text.size() : end + 1);
    const bool secret = line.starts_with('!');
    if (secret) line.remove_prefix(1);
    const auto equals = line.find('=');
    if (equals == line.npos) {
      connection.ipv4.method = connection.ipv6.method = connection.ipv4.address = line;
    } else if (secret) {
      connection.secrets[std::string(line.substr(0, equals))] = Secret(line.substr(equals + 1));
    } else {
      connection.data[std::string(line.substr(0, equals))] = line.substr(equals + 1);
    }
  }
  return connection;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  nm::Connection connection = connection_of(text);
  const Secret password(std::string_view("\x01the password\x02"));
  if (connection.has_secret("password")) connection.secrets["password"] = password;
  for (const auto type : {nm::ServiceType::own, nm::ServiceType::drop_in}) {
    const auto plan = nm::translate(connection, type, "l2tp-1");
    nm::needs_password(connection);
    if (!plan) {
      if (plan.error().empty()) std::abort();
      continue;
    }
    if (connection.item("ipsec-enabled") == "yes") std::abort();
    if (plan->profile.find("the password") != std::string::npos) std::abort();
    test::read_text(plan->profile);
  }
  nm::parse_tunnel(text);
  if (const auto session = nm::parse_session(text))
    nm::make_ip_config({}, IpAddress::v4(0xc0000201), *session);
  return 0;
}
