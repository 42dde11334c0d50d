#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "convert/keyfile.h"
#include "convert/nm.h"
#include "nm/names.h"

namespace l2tpm::convert {
namespace {

using config::AuthMethod;
using config::ClientProfile;

// NMSettingSecretFlags: a secret that an agent keeps, or asks for.
constexpr unsigned kAgentOwned = 1;
constexpr std::uint16_t kNmMru = 1400;  // what the plugin takes without the key

struct Method {
  AuthMethod method;
  const char* refuse;
};
constexpr Method kMethods[] = {
    {AuthMethod::pap,       "refuse-pap"     },
    {AuthMethod::chap_md5,  "refuse-chap"    },
    {AuthMethod::mschap_v1, "refuse-mschap"  },
    {AuthMethod::mschap_v2, "refuse-mschapv2"},
};

long seconds_of(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

class Exporter {
 public:
  Exporter(const ClientProfile& profile, bool secrets) : profile_(profile), secrets_(secrets) {}

  Exported run(const std::string& uuid) {
    group("connection");
    put("id", profile_.name);
    put("uuid", uuid);
    put("type", "vpn");
    put("autoconnect", "false");
    group("vpn");
    put("service-type", nm::kOwnService);
    vpn();
    if (secrets_ && !profile_.ppp.password.empty()) {
      group("vpn-secrets");
      put("password", as_text(profile_.ppp.password.octets()));
    }
    family(false);
    family(true);
    warnings();
    return std::move(out_);
  }

 private:
  void group(std::string_view name) {
    out_.text += fmt::format("{}[{}]\n", out_.text.empty() ? "" : "\n", name);
  }
  void put(std::string_view key, std::string_view value) {
    out_.text += fmt::format("{}={}\n", key, escape_value(value));
  }
  void number(std::string_view key, long value) { put(key, std::to_string(value)); }
  void yes(std::string_view key) { put(key, "yes"); }
  void warn(std::string text) { out_.warnings.push_back(std::move(text)); }

  void vpn() {
    const config::ClientPpp& ppp = profile_.ppp;
    put("gateway", profile_.peers.front().host);
    if (profile_.local.any_port) yes("ephemeral-port");
    if (const unsigned count = profile_.tunnel.retransmit.count;
        count != config::Retransmit{}.count)
      number("xl2tpd-max-retries", count);
    if (!ppp.user.empty()) {
      put("user", ppp.user);
      if (!secrets_ || ppp.password.empty()) number("password-flags", kAgentOwned);
    }
    const config::Mppe& mppe = ppp.link.mppe;
    for (const Method& method : kMethods) {
      const bool used =
          std::find(ppp.methods.begin(), ppp.methods.end(), method.method) != ppp.methods.end();
      if (!used) yes(method.refuse);
    }
    if (mppe.mode == config::MppeMode::require) {
      yes(mppe.bits_128 && mppe.bits_40 ? "require-mppe"
          : mppe.bits_128               ? "require-mppe-128"
                                        : "require-mppe-40");
      if (mppe.stateful) yes("mppe-stateful");
    } else if (mppe.mode == config::MppeMode::prefer) {
      warn(
          "\"mppe\": \"prefer\" has no counterpart: the connection goes without encryption; "
          "\"require\" would be kept");
    }
    if (ppp.link.mru && *ppp.link.mru != kNmMru) number("mru", *ppp.link.mru);
    if (ppp.link.mtu) number("mtu", *ppp.link.mtu);
    const config::Echo usual;
    if (ppp.link.echo.interval == 0s) {
      number("lcp-echo-interval", 0);
    } else if (!(ppp.link.echo == usual)) {
      number("lcp-echo-interval", seconds_of(ppp.link.echo.interval));
      number("lcp-echo-failure", ppp.link.echo.failures);
    }
    if (ppp.ipv4.peer_address) put("ipcp-peer-ip", ppp.ipv4.peer_address->to_string());
    constexpr std::string_view kPpp = "ppp";
    const std::string& interface = profile_.interface;
    if (interface.starts_with(kPpp) && interface.size() > kPpp.size() &&
        interface.find_first_not_of("0123456789", kPpp.size()) == std::string::npos)
      put("unit", std::string_view(interface).substr(kPpp.size()));
    else if (!interface.empty())
      warn(fmt::format("the interface name \"{}\" has no counterpart", interface));
  }

  void family(bool v6) {
    group(v6 ? "ipv6" : "ipv4");
    const bool enabled = v6 ? profile_.ppp.ipv6.enabled : profile_.ppp.ipv4.enabled;
    if (!enabled) {
      put("method", "disabled");
      return;
    }
    if (!v6 && profile_.ppp.ipv4.address) {
      // What is asked for is also what NetworkManager then sets.
      put("method", "manual");
      put("address1", profile_.ppp.ipv4.address->to_string() + "/32");
    } else {
      put("method", "auto");
    }
    if (!v6 && !profile_.ppp.ipv4.request_dns) put("ignore-auto-dns", "true");
    unsigned count = 0;
    for (const IpPrefix& prefix : profile_.routes.add)
      if (prefix.address.is_v6() == v6) put(fmt::format("route{}", ++count), prefix.to_string());
    if (profile_.routes.metric != 0) number("route-metric", profile_.routes.metric);
    if (!profile_.routes.default_route) put("never-default", "true");
  }

  void warnings() {
    if (profile_.peers.size() > 1)
      warn("only the first of its LNSs is in it: a connection has one gateway");
    if (profile_.peers.front().port != config::kL2tpPort)
      warn(fmt::format("port {} is not in it: a gateway is always asked on 1701",
                       profile_.peers.front().port));
    if (profile_.local.address || profile_.local.port != 0)
      warn("\"local\" has no counterpart: the route chooses");
    const config::Tunnel& tunnel = profile_.tunnel;
    if (!tunnel.secret.empty())
      warn("the tunnel secret has no counterpart: an LNS that asks for it will refuse");
    config::Tunnel rest = tunnel;
    rest.secret = {};
    rest.challenge = false;
    rest.hide_avps = false;
    rest.retransmit.count = config::Retransmit{}.count;
    if (!(rest == config::Tunnel{})) warn("the rest of \"tunnel\" has no counterpart");
    if (!profile_.ppp.authenticate_peer.methods.empty())
      warn("\"authenticate-peer\" has no counterpart: the LNS need not prove itself");
    if (profile_.ppp.ipv6.interface_id) warn("the interface identifier has no counterpart");
    if (profile_.answer_outgoing.enabled) warn("\"calls\" has no counterpart");
    if (profile_.data_sequencing != config::DataSequencing::none)
      warn("\"data-sequencing\" has no counterpart");
    if (profile_.idle_timeout != 0s || profile_.session_timeout != 0s)
      warn("timeouts of sessions have no counterpart");
    if (profile_.autostart)
      warn(
          "\"autostart\" is not in it: NetworkManager does not start VPNs by themselves; name it "
          "as a secondary of another connection (connection.secondaries)");
  }

  const ClientProfile& profile_;
  bool secrets_;
  Exported out_;
};

}  // namespace

Exported export_nm(const ClientProfile& profile, const std::string& uuid, bool secrets) {
  return Exporter(profile, secrets).run(uuid);
}

}  // namespace l2tpm::convert
