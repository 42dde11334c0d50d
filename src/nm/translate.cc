#include "nm/translate.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <nlohmann/json.hpp>
#include <string_view>

#include "base/address.h"

namespace l2tpm::nm {
namespace {

using Json = nlohmann::ordered_json;

enum class Kind : std::uint8_t {
  text,
  yes_no,
  number,
  needless,  // a pppd option against something that we never do
  ipsec,     // looked at only when IPsec is wanted, and then the connection is refused
  file       // of EAP-TLS
};
struct Key {
  std::string_view name;
  Kind kind;
};
// NetworkManager-l2tp's shared/nm-service-defines.h has the same names.
constexpr Key kKeys[] = {
    {"gateway",                Kind::text    },
    {"user",                   Kind::text    },
    {"domain",                 Kind::text    },
    {"user-auth-type",         Kind::text    },
    {"user-ca",                Kind::file    },
    {"user-cert",              Kind::file    },
    {"user-key",               Kind::file    },
    {"refuse-eap",             Kind::yes_no  },
    {"refuse-pap",             Kind::yes_no  },
    {"refuse-chap",            Kind::yes_no  },
    {"refuse-mschap",          Kind::yes_no  },
    {"refuse-mschapv2",        Kind::yes_no  },
    {"require-mppe",           Kind::yes_no  },
    {"require-mppe-40",        Kind::yes_no  },
    {"require-mppe-128",       Kind::yes_no  },
    {"mppe-stateful",          Kind::yes_no  },
    {"nobsdcomp",              Kind::needless},
    {"nodeflate",              Kind::needless},
    {"no-vj-comp",             Kind::needless},
    {"nopcomp",                Kind::needless},
    {"noaccomp",               Kind::needless},
    {"mrru",                   Kind::text    },
    {"mtu",                    Kind::number  },
    {"mru",                    Kind::number  },
    {"lcp-echo-interval",      Kind::number  },
    {"lcp-echo-failure",       Kind::number  },
    {"unit",                   Kind::number  },
    {"xl2tpd-max-retries",     Kind::number  },
    {"ipcp-peer-ip",           Kind::text    },
    {"ephemeral-port",         Kind::yes_no  },
    {"machine-auth-type",      Kind::ipsec   },
    {"machine-ca",             Kind::ipsec   },
    {"machine-cert",           Kind::ipsec   },
    {"machine-key",            Kind::ipsec   },
    {"ipsec-enabled",          Kind::yes_no  },
    {"ipsec-remote-id",        Kind::ipsec   },
    {"ipsec-gateway-id",       Kind::ipsec   },
    {"ipsec-group-name",       Kind::ipsec   },
    {"ipsec-psk",              Kind::ipsec   },
    {"ipsec-ike",              Kind::ipsec   },
    {"ipsec-esp",              Kind::ipsec   },
    {"ipsec-ikelifetime",      Kind::ipsec   },
    {"ipsec-salifetime",       Kind::ipsec   },
    {"ipsec-forceencaps",      Kind::ipsec   },
    {"ipsec-ipcomp",           Kind::ipsec   },
    {"ipsec-ikev2",            Kind::ipsec   },
    {"ipsec-pfs",              Kind::ipsec   },
    {"password-flags",         Kind::number  },
    {"user-certpass-flags",    Kind::number  },
    {"ipsec-psk-flags",        Kind::number  },
    {"machine-certpass-flags", Kind::number  },
};

struct Method {
  std::string_view refuse_key;
  const char* method;
  bool makes_mppe_keys;
};
// In the order of preference.
constexpr Method kMethods[] = {
    {"refuse-mschapv2", "mschapv2", true },
    {"refuse-mschap",   "mschap",   true },
    {"refuse-chap",     "chap-md5", false},
    {"refuse-pap",      "pap",      false},
};

// NetworkManager-l2tp's default in both directions. Ours would be what the path's first hop
// carries, which is too much where PPPoE or a NAT sits further away.
constexpr std::uint32_t kDefaultMtu = 1400;

const Key* find_key(std::string_view name) {
  const auto found = std::find_if(std::begin(kKeys), std::end(kKeys),
                                  [name](const Key& key) { return key.name == name; });
  return found == std::end(kKeys) ? nullptr : found;
}

std::optional<std::uint32_t> number_of(std::string_view text) {
  std::uint32_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (text.empty() || error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return number;
}

bool is_name(std::string_view text) {
  return !text.empty() && text.size() <= 253 && std::ranges::all_of(text, [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '-' ||
           c == '_' || c == '.';
  });
}

std::string_view trimmed(std::string_view text) {
  const auto first = text.find_first_not_of(' ');
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(' ') - first + 1);
}

// Why IPsec is wanted, or "" when it is not. A key that says so decides; without it a pre-shared
// key or a machine's certificate can only mean one thing.
std::string ipsec_wish(const Connection& connection) {
  const std::string_view enabled = connection.item("ipsec-enabled");
  if (enabled == "yes") return "ipsec-enabled=yes";
  if (!enabled.empty()) return "";
  if (!connection.item("ipsec-psk").empty() || connection.has_secret("ipsec-psk"))
    return "it has a pre-shared key (ipsec-psk) and does not say ipsec-enabled=no";
  if (connection.item("machine-auth-type") == "tls" || !connection.item("machine-cert").empty())
    return "it has a machine certificate and does not say ipsec-enabled=no";
  return "";
}

bool wants_eap_tls(const Connection& connection) {
  return connection.item("user-auth-type") == "tls";
}

std::string user_of(const Connection& connection) {
  std::string user(connection.item("user"));
  if (user.empty()) user = connection.user_name;
  const std::string_view domain = connection.item("domain");
  if (!user.empty() && !domain.empty()) user = std::string(domain) + "\\" + user;
  return user;
}

unsigned password_flags(const Connection& connection) {
  return number_of(connection.item("password-flags")).value_or(0);
}

class Translator {
 public:
  Translator(const Connection& connection, ServiceType type) : from_(connection), type_(type) {}

  Result<Plan, std::string> run(const std::string& interface) {
    profile_ = {
        {"kind",        "client"                               },
        {"description", "NetworkManager connection " + from_.id}
    };
    check_supported();
    check_keys();
    read_gateway();
    read_tunnel();
    profile_["ppp"] = Json::object();
    read_user();
    read_link();
    read_network();
    const auto unit = number("unit", 0, 9999);
    profile_["interface"] = unit ? "ppp" + std::to_string(*unit) : interface;
    // NetworkManager ends the first attempt that fails; later ones are after a link was lost.
    profile_["redial"] = {
        {"initial", "2s" },
        {"max",     "30s"}
    };
    if (!error_.empty()) return Unexpected(error_);
    plan_.profile = profile_.dump(-1, ' ', false, Json::error_handler_t::replace);
    return std::move(plan_);
  }

 private:
  void fail(std::string message) {
    if (error_.empty()) error_ = std::move(message);
  }
  void warn(std::string message) { plan_.warnings.push_back(std::move(message)); }

  bool yes(const std::string& key) const { return from_.item(key) == "yes"; }

  std::optional<std::uint32_t> number(const std::string& key, std::uint32_t least,
                                      std::uint32_t most) {
    const std::string_view text = from_.item(key);
    if (text.empty()) return std::nullopt;
    const auto value = number_of(text);
    if (value && *value >= least && *value <= most) return value;
    fail(fmt::format("{}={} is not a number from {} to {}", key, text, least, most));
    return std::nullopt;
  }

  void check_keys() {
    for (const auto& [name, value] : from_.data) {
      const auto is_control = [](unsigned char c) { return c < 0x20 || c == 0x7f; };
      if (std::ranges::any_of(name, is_control) || std::ranges::any_of(value, is_control)) {
        fail("an item of vpn.data has a control character in it");
        return;
      }
      const Key* key = find_key(name);
      if (key == nullptr) {
        if (type_ == ServiceType::own)
          fail(fmt::format("vpn.data has an unknown key \"{}\"", name));
        warn(fmt::format("the unknown key \"{}\" of vpn.data is ignored", name));
        continue;
      }
      if (key->kind == Kind::yes_no && !value.empty() && value != "yes" && value != "no")
        fail(fmt::format("{}={} is neither yes nor no", name, value));
      if (key->kind == Kind::number && !value.empty() && !number_of(value))
        fail(fmt::format("{}={} is not a number", name, value));
      if (key->kind == Kind::file && !value.empty() && !wants_eap_tls(from_))
        warn(name + " is not used without user-auth-type=tls");
    }
  }

  void check_supported() {
    if (const std::string why = ipsec_wish(from_); !why.empty()) {
      fail("this connection asks for IPsec (" + why +
           "), which l2tp-manager does not support yet; it is not connected without");
    }
    if (wants_eap_tls(from_)) {
      fail(
          "this connection wants to authenticate by a certificate (user-auth-type=tls, EAP-TLS), "
          "which l2tp-manager does not support yet");
    } else if (const auto type = from_.item("user-auth-type");
               !type.empty() && type != "password") {
      fail(fmt::format("user-auth-type={} is neither password nor tls", type));
    }
    if (!from_.item("mrru").empty())
      fail(
          "this connection asks for multilink PPP (mrru), which l2tp-manager does not support yet");
  }

  void read_gateway() {
    std::string_view gateway = trimmed(from_.item("gateway"));
    if (gateway.empty()) {
      fail("the connection names no gateway (vpn.data gateway=...)");
      return;
    }
    const bool in_brackets = gateway.size() > 2 && gateway.front() == '[' && gateway.back() == ']';
    if (in_brackets) gateway = gateway.substr(1, gateway.size() - 2);
    const auto address = IpAddress::parse(gateway);
    if (address ? (in_brackets && address->is_v4()) || address->is_unspecified() ||
                      address->is_multicast()
                : in_brackets || !is_name(gateway)) {
      fail(fmt::format("gateway={} is neither an address of one host nor a DNS name",
                       from_.item("gateway")));
      return;
    }
    plan_.gateway = gateway;
    plan_.gateway_is_name = !address;
    profile_["peer"] = plan_.gateway;
  }

  void read_tunnel() {
    if (yes("ephemeral-port")) profile_["local"]["port"] = "any";
    if (const auto retries = number("xl2tpd-max-retries", 1, 100))
      profile_["tunnel"]["retransmit"]["count"] = *retries;
  }

  void read_user() {
    Json& ppp = profile_["ppp"];
    const bool mppe = read_mppe();
    Json methods = Json::array();
    for (const Method& method : kMethods) {
      if (!yes(std::string(method.refuse_key)) && (!mppe || method.makes_mppe_keys))
        methods.push_back(method.method);
    }
    const std::string user = user_of(from_);
    const auto password = from_.secrets.find("password");
    const bool has_password = from_.has_secret("password");
    if (user.empty()) {
      if (has_password) fail("the connection has a password and no user name");
      return;
    }
    if (!has_password) {
      if ((password_flags(from_) & kSecretNotRequired) == 0) fail("there is no password");
      warn("without a password only a server that asks for none can be used");
      return;
    }
    if (methods.empty()) {
      fail(mppe ? "require-mppe needs MS-CHAP or MS-CHAPv2, where its keys come from, and both are "
                  "refused"
                : "the connection refuses every way to authenticate");
      return;
    }
    plan_.user = user;
    plan_.secrets.emplace("password", password->second);
    ppp["user"] = user;
    ppp["password"] = {
        {"$secret", "password"}
    };
    ppp["methods"] = std::move(methods);
  }

  // Whether encryption is required.
  bool read_mppe() {
    const bool only_40 = yes("require-mppe-40");
    const bool only_128 = yes("require-mppe-128");
    if (!yes("require-mppe") && !only_40 && !only_128) {
      if (yes("mppe-stateful")) warn("mppe-stateful is not used without require-mppe");
      return false;
    }
    Json strengths = Json::array();
    if (only_128 || !only_40) strengths.push_back(128);
    if (only_40 || !only_128) strengths.push_back(40);
    profile_["ppp"]["mppe"] = {
        {"mode",      "require"           },
        {"strengths", std::move(strengths)},
        {"stateful",  yes("mppe-stateful")}
    };
    return true;
  }

  void read_link() {
    Json& ppp = profile_["ppp"];
    ppp["mru"] = number("mru", 128, 16384).value_or(kDefaultMtu);
    if (const auto mtu = number("mtu", 128, 16384)) {
      ppp["mtu"] = *mtu;
    } else {
      plan_.longest_mtu = kDefaultMtu;
    }
    const auto interval = number("lcp-echo-interval", 0, 3600);
    const auto failures = number("lcp-echo-failure", 0, 100);
    // pppd: 0 of either switches it off.
    if (interval == 0u || failures == 0u) {
      ppp["echo"]["interval"] = "never";
    } else {
      if (interval) ppp["echo"]["interval"] = std::to_string(*interval) + "s";
      if (failures) ppp["echo"]["failures"] = *failures;
    }
  }

  void read_network() {
    plan_.ipv4 = from_.ipv4.method != "disabled";
    plan_.ipv6 = from_.ipv6.method != "disabled" && from_.ipv6.method != "ignore";
    plan_.server_dns = !from_.ipv4.ignore_auto_dns;
    if (!plan_.ipv4 && !plan_.ipv6) fail("the connection has both IPv4 and IPv6 switched off");
    Json& ppp = profile_["ppp"];
    ppp["ipv6"] = plan_.ipv6;
    if (!plan_.ipv4) {
      ppp["ipv4"] = false;
      return;
    }
    Json ipv4 = {
        {"dns", plan_.server_dns}
    };
    if (from_.ipv4.method == "manual" && !from_.ipv4.address.empty())
      ipv4["address"] = from_.ipv4.address;
    if (const auto peer = from_.item("ipcp-peer-ip"); !peer.empty()) {
      const auto address = IpAddress::parse(peer);
      if (!address || !address->is_v4())
        fail(fmt::format("ipcp-peer-ip={} is not an IPv4 address", peer));
      ipv4["peer-address"] = std::string(peer);
    }
    ppp["ipv4"] = std::move(ipv4);
  }

  const Connection& from_;
  ServiceType type_;
  Json profile_;
  Plan plan_;
  std::string error_;
};

}  // namespace

Result<Plan, std::string> translate(const Connection& connection, ServiceType type,
                                    const std::string& interface) {
  return Translator(connection, type).run(interface);
}

bool takes_password(const Connection& connection) {
  return ipsec_wish(connection).empty() && !wants_eap_tls(connection) &&
         (password_flags(connection) & kSecretNotRequired) == 0;
}

bool needs_password(const Connection& connection) {
  return takes_password(connection) && !user_of(connection).empty() &&
         !connection.has_secret("password");
}

}  // namespace l2tpm::nm
