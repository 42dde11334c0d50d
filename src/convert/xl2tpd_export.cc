#include "convert/xl2tpd_export.h"

#include <fmt/core.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "convert/words.h"

namespace l2tpm::convert {
namespace {

using config::AuthMethod;

long seconds_of(Duration duration) {
  return static_cast<long>(std::chrono::duration_cast<std::chrono::seconds>(duration).count());
}

std::string quoted(std::string_view text) {
  std::string result = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') result += '\\';
    result += c;
  }
  return result + "\"";
}

const char* pppd_name(AuthMethod method) {
  switch (method) {
    case AuthMethod::pap:
      return "pap";
    case AuthMethod::chap_md5:
      return "chap";
    case AuthMethod::mschap_v1:
      return "mschap";
    case AuthMethod::mschap_v2:
      return "mschap-v2";
  }
  return "pap";
}

// A word of l2tp-secrets, which knows neither quotes nor escapes; our import knows both. xl2tpd
// ends names at '!', and reads no more of a line than kSecretsLine octets.
constexpr std::size_t kSecretsLine = 79;
bool is_secrets_word(std::string_view text) {
  return !text.empty() && std::all_of(text.begin(), text.end(), [](char c) {
    return c > '!' && c < '\x7f' && std::string_view("#;\"'\\").find(c) == std::string_view::npos;
  });
}

bool is_line(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) >= ' ' && c != '\x7f'; });
}

bool has(const std::vector<AuthMethod>& methods, AuthMethod method) {
  return std::find(methods.begin(), methods.end(), method) != methods.end();
}

class Exporter {
 public:
  explicit Exporter(std::string directory) : directory_(std::move(directory)) {}

  ExportedFiles run(const config::Profile& profile) {
    if (const auto* client = std::get_if<config::ClientProfile>(&profile))
      client_of(*client);
    else if (const auto* listener = std::get_if<config::ListenerProfile>(&profile))
      listener_of(*listener);
    else
      return {};  // xl2tpd knows L2TPv2 only
    if (!tunnel_secrets_.empty())
      global_ += fmt::format("auth file = {}/l2tp-secrets\n", directory_);
    ExportedFiles out;
    out.files.push_back({"xl2tpd.conf", global_ + "\n" + section_, false});
    out.files.push_back({options_name_, options_, false});
    if (!ppp_secrets_.empty()) {
      out.files.push_back({"chap-secrets", ppp_secrets_, true});
      out.files.push_back({"pap-secrets", ppp_secrets_, true});
    }
    if (!tunnel_secrets_.empty()) out.files.push_back({"l2tp-secrets", tunnel_secrets_, true});
    out.warnings = std::move(warnings_);
    return out;
  }

 private:
  // What is behind ';' or '#' is a comment.
  void set(std::string_view key, std::string_view value) {
    if (value.find_first_of(";#") != std::string_view::npos || trim(value) != value)
      warn(fmt::format("\"{}\" is left out: xl2tpd.conf cannot hold its value", key));
    else
      section_ += fmt::format("{} = {}\n", key, value);
  }
  void option(std::string_view text) { options_ += fmt::format("{}\n", text); }
  void warn(std::string text) { warnings_.push_back(std::move(text)); }

  void start(std::string_view kind, const std::string& name, const config::Tunnel& tunnel) {
    global_ = "[global]\n";
    if (tunnel.retransmit.count != config::Retransmit{}.count)
      global_ += fmt::format("max retries = {}\n", tunnel.retransmit.count);
    section_ = fmt::format("[{} {}]\n", kind, name);
    options_name_ = "options." + name;
    set("pppoptfile", directory_ + "/" + options_name_);
    set("length bit", "yes");
    if (!tunnel.host_name.empty()) set("hostname", tunnel.host_name);
    if (!tunnel.secret.empty()) {
      if (tunnel.challenge) set("challenge", "yes");
      if (tunnel.hide_avps) set("hidden bit", "yes");
    }
    if (tunnel.hello != config::Tunnel{}.hello)
      warn("\"hello\" has no counterpart: xl2tpd sends one after a minute");
  }

  void link(const config::PppLink& link) {
    if (link.mru) option(fmt::format("mru {}", *link.mru));
    if (link.mtu) option(fmt::format("mtu {}", *link.mtu));
    if (link.mppe.mode == config::MppeMode::off) {
      option("nomppe");
    } else {
      option(link.mppe.bits_128 && link.mppe.bits_40 ? "require-mppe"
             : link.mppe.bits_128                    ? "require-mppe-128"
                                                     : "require-mppe-40");
      if (link.mppe.stateful) option("mppe-stateful");
      if (link.mppe.mode == config::MppeMode::prefer)
        warn("pppd cannot prefer MPPE: it is required in the exported options");
    }
    for (const char* text : {"novj", "nobsdcomp", "nodeflate"}) option(text);
    if (link.echo.interval != 0s) {
      option(fmt::format("lcp-echo-interval {}", seconds_of(link.echo.interval)));
      option(fmt::format("lcp-echo-failure {}", link.echo.failures));
    }
  }

  // A row of chap-secrets and pap-secrets. pppd takes some words for more than themselves.
  void ppp_secret(const std::string& user, const Secret& password, const std::string& address) {
    const std::string_view text = as_text(password.octets());
    if (user == "*") {
      warn("the user \"*\" is left out: in pppd's secrets it stands for everybody");
    } else if (text.starts_with("@/") || !is_line(text)) {
      warn(fmt::format("the password of \"{}\" is left out: pppd's secrets cannot hold it", user));
    } else {
      ppp_secrets_ += fmt::format("{} * {} {}\n", quoted(user), quoted(text), address);
    }
  }

  // Who is who in l2tp-secrets: the first row that fits counts.
  void secret_row(const std::string& whose, const std::string& peer, const Secret& secret) {
    const std::string_view text = as_text(secret.octets());
    std::string row = fmt::format("* {} {}\n", peer, text);
    if (!is_secrets_word(peer)) {
      warn(fmt::format("{}: its tunnel secret is left out: l2tp-secrets cannot hold the host name",
                       whose));
    } else if (!is_secrets_word(text) || row.size() > kSecretsLine) {
      warn(
          fmt::format("{}: its tunnel secret is left out: in l2tp-secrets it has to be one short "
                      "word of ASCII without quotes, '!', '#', ';' and '\\'",
                      whose));
    } else {
      tunnel_secrets_ += row;
    }
    wipe(row);
  }

  void timeouts(Duration idle, Duration session) {
    if (idle != 0s) option(fmt::format("idle {}", seconds_of(idle)));
    if (session != 0s) option(fmt::format("maxconnect {}", seconds_of(session)));
  }

  void client_of(const config::ClientProfile& profile) {
    start("lac", profile.name, profile.tunnel);
    if (!profile.tunnel.secret.empty()) secret_row(profile.name, "*", profile.tunnel.secret);
    for (const config::Peer& peer : profile.peers)
      set("lns",
          peer.port == config::kL2tpPort ? peer.host : fmt::format("{}:{}", peer.host, peer.port));
    set("autodial", profile.autostart ? "yes" : "no");
    set("redial", profile.redial.enabled ? "yes" : "no");
    if (profile.redial.enabled) {
      set("redial timeout", std::to_string(std::max(seconds_of(profile.redial.initial), 1L)));
      if (profile.redial.give_up != 0) set("max redials", std::to_string(profile.redial.give_up));
    }
    if (profile.local.address)
      global_ += fmt::format("listen-addr = {}\n", profile.local.address->to_string());
    if (profile.local.port != 0) global_ += fmt::format("port = {}\n", profile.local.port);

    const config::ClientPpp& ppp = profile.ppp;
    option("noauth");
    if (!ppp.user.empty()) {
      option("user " + quoted(ppp.user));
      if (!ppp.password.empty()) ppp_secret(ppp.user, ppp.password, "*");
    }
    option("refuse-eap");
    for (const AuthMethod method :
         {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap_v1, AuthMethod::mschap_v2})
      if (!has(ppp.methods, method)) option(fmt::format("refuse-{}", pppd_name(method)));
    if (!ppp.authenticate_peer.methods.empty())
      warn("\"authenticate-peer\" is left out: pppd's options for it depend on its other secrets");
    link(ppp.link);
    option("ipcp-accept-local");
    option("ipcp-accept-remote");
    option(ppp.ipv6.enabled ? "+ipv6" : "noipv6");
    if (!ppp.ipv4.enabled) option("noip");
    if (ppp.ipv4.request_dns) option("usepeerdns");
    if (ppp.ipv4.address || ppp.ipv4.peer_address)
      option(fmt::format("{}:{}", ppp.ipv4.address ? ppp.ipv4.address->to_string() : "",
                         ppp.ipv4.peer_address ? ppp.ipv4.peer_address->to_string() : ""));
    if (profile.routes.default_route) option("defaultroute");
    if (!profile.routes.add.empty())
      warn("routes have no counterpart: a script in /etc/ppp/ip-up.d has to set them");
    constexpr std::string_view kPpp = "ppp";
    const std::string& interface = profile.interface;
    if (interface.starts_with(kPpp) && interface.size() > kPpp.size() &&
        interface.find_first_not_of("0123456789", kPpp.size()) == std::string::npos)
      option("unit " + interface.substr(kPpp.size()));
    else if (!interface.empty())
      warn(fmt::format("the interface name \"{}\" needs \"ifname\" of pppd 2.5", interface));
    timeouts(profile.idle_timeout, profile.session_timeout);
  }

  void listener_of(const config::ListenerProfile& profile) {
    start("lns", profile.name, profile.tunnel);
    if (profile.port != config::kL2tpPort) global_ += fmt::format("port = {}\n", profile.port);
    const bool any = std::any_of(profile.addresses.begin(), profile.addresses.end(),
                                 [](const IpAddress& a) { return a.is_unspecified(); });
    if (!any) {
      if (profile.addresses.front().is_v6())
        warn("xl2tpd does not listen on IPv6");
      else
        global_ += fmt::format("listen-addr = {}\n", profile.addresses.front().to_string());
      if (profile.addresses.size() > 1) warn("xl2tpd listens on one address only: the first");
    }
    for (const config::PeerRule& rule : profile.peers) peer_rule(rule);
    tunnel_secrets(profile);
    if (!profile.allow_unknown_peers) global_ += "access control = yes\n";

    const config::ListenerPpp& ppp = profile.ppp;
    if (ppp.ipv4.enabled) {
      set("local ip", ppp.ipv4.local_address.to_string());
      for (const config::AddressRange& range : ppp.ipv4.ranges) set("ip range", text_of(range));
      const config::AddressRange own{ppp.ipv4.local_address, ppp.ipv4.local_address};
      for (const config::AddressRange& range : ppp.ipv4.exclude)  // config adds our own to them
        if (!(range == own)) set("no ip range", text_of(range));
      if (ppp.ipv4.ranges.empty()) set("assign ip", "no");
    } else {
      option("noip");
    }
    option(ppp.authenticate.empty() ? "noauth" : "auth");
    for (const AuthMethod method : ppp.authenticate)
      option(fmt::format("require-{}", pppd_name(method)));
    if (!ppp.name.empty()) option("name " + quoted(ppp.name));
    link(ppp.link);
    option(ppp.ipv6.enabled ? "+ipv6" : "noipv6");
    for (const IpAddress& server : ppp.ipv4.dns) option("ms-dns " + server.to_string());
    for (const IpAddress& server : ppp.ipv4.nbns) option("ms-wins " + server.to_string());
    timeouts(profile.idle_timeout, profile.session_timeout);
    for (const config::User& user : profile.users) {
      ppp_secret(user.name, user.password, user.address ? user.address->to_string() : "*");
      if (!user.routes.empty())
        warn(fmt::format("the routes behind \"{}\" have no counterpart", user.name));
    }
    if (!profile.outgoing.empty()) warn("\"outgoing\" has no counterpart");
  }

  static std::string text_of(const config::AddressRange& range) {
    if (range.first == range.last) return range.first.to_string();
    return range.first.to_string() + "-" + range.last.to_string();
  }

  void peer_rule(const config::PeerRule& rule) {
    if (rule.address && rule.address->address.is_v4()) {
      const std::uint32_t first = rule.address->address.v4_value();
      const std::uint32_t size = rule.address->length == 0
                                     ? ~std::uint32_t{0}
                                     : (std::uint32_t{1} << (32 - rule.address->length)) - 1;
      set(rule.allow ? "lac" : "no lac",
          text_of({IpAddress::v4(first), IpAddress::v4(first + size)}));
    } else if (!rule.allow) {
      warn(fmt::format("the rule \"{}\" has no counterpart: only addresses can be refused",
                       rule.name));
    }
  }

  void tunnel_secrets(const config::ListenerProfile& profile) {
    // Whose secret is everybody's.
    std::string whose = profile.name;
    const Secret* of_all = &profile.tunnel.secret;
    for (const config::PeerRule& rule : profile.peers) {
      const bool any_name = rule.host_name.empty() || rule.host_name == "*";
      if (!rule.allow || rule.tunnel.secret.empty()) continue;
      if (!any_name && rule.host_name.find('*') != std::string::npos) {
        warn(
            fmt::format("\"{}\": its tunnel secret is left out: xl2tpd knows no patterns; "
                        "l2tp-secrets needs a row for each name",
                        rule.name));
      } else if (!any_name) {
        secret_row(fmt::format("\"{}\"", rule.name), rule.host_name, rule.tunnel.secret);
      } else if (rule.address && rule.tunnel.secret == profile.tunnel.secret) {
        continue;  // it is that of everybody anyway
      } else if (rule.address && !of_all->empty()) {
        warn(
            fmt::format("\"{}\": its tunnel secret is left out: xl2tpd tells peers' secrets apart "
                        "by host names only",
                        rule.name));
      } else {
        whose = fmt::format("\"{}\"", rule.name);
        of_all = &rule.tunnel.secret;
        if (!rule.address) break;  // no peer gets to the rules behind it
        warn(
            fmt::format("\"{}\": its tunnel secret is for peers of any address: xl2tpd tells "
                        "peers' secrets apart by host names only",
                        rule.name));
      }
    }
    if (!of_all->empty()) secret_row(whose, "*", *of_all);
  }

  std::string directory_;
  std::string global_, section_, options_, options_name_, ppp_secrets_, tunnel_secrets_;
  std::vector<std::string> warnings_;
};

}  // namespace

ExportedFiles export_xl2tpd(const config::Profile& profile, const std::string& directory) {
  return Exporter(directory).run(profile);
}

}  // namespace l2tpm::convert
