#include <fmt/core.h>

#include <algorithm>

#include "base/address.h"
#include "convert/keyfile.h"
#include "convert/nm.h"
#include "convert/words.h"
#include "nm/translate.h"

namespace l2tpm::convert {
namespace {

using Level = Notice::Level;

// NMSettingSecretFlags
constexpr unsigned kAgentOwned = 1;
constexpr unsigned kNotSaved = 2;

// Keys that steer NetworkManager itself, or that nm::translate() reads.
constexpr std::string_view kConnectionKeys[] = {"id", "uuid", "type", "timestamp", "permissions"};
constexpr std::string_view kVpnKeys[] = {"service-type", "user-name", "persistent", "timeout"};

template <typename List>
bool contains(const List& list, std::string_view value) {
  return std::find(std::begin(list), std::end(list), value) != std::end(list);
}

bool is_yes(const std::string& value) { return value == "true" || value == "1" || value == "yes"; }

class Importer {
 public:
  explicit Importer(const NmOptions& options) : options_(options) {}

  Import run(std::string text) {
    KeyFile file = parse_key_file(text);
    wipe(text);
    read(file);
    file.wipe_values();
    for (auto& [key, value] : connection_.data) wipe(value);
    return std::move(import_);
  }

 private:
  void say(Level level, const KeyFileEntry* where, std::string what) {
    import_.say(level, options_.file, where == nullptr ? 0 : where->line, std::move(what));
  }

  void read(const KeyFile& file) {
    for (const unsigned line : file.bad_lines)
      import_.say(Level::warning, options_.file, line, "is neither a group nor a key of one");
    const KeyFileGroup* vpn = file.find("vpn");
    if (vpn == nullptr) {
      say(Level::error, nullptr, "has no [vpn] group: this is no VPN connection");
      return;
    }
    const KeyFileEntry* service = vpn->find("service-type");
    if (service != nullptr && !nm::service_type_of(service->value)) {
      say(Level::error, service,
          fmt::format("is a connection of {}, not of an L2TP plugin", service->value));
      return;
    }
    read_connection(file.find("connection"));
    read_vpn(*vpn, file.find("vpn-secrets"));
    read_family(file.find("ipv4"), connection_.ipv4);
    read_family(file.find("ipv6"), connection_.ipv6);
    if (!check_ipsec(*vpn)) return;
    translate(*vpn, file);
    for (const KeyFileGroup& group : file.groups)
      if (!contains(std::initializer_list<std::string_view>{"connection", "vpn", "vpn-secrets",
                                                            "ipv4", "ipv6"},
                    group.name) &&
          !group.entries.empty())
        say(Level::warning, &group.entries.front(),
            fmt::format("group [{}] has no counterpart", group.name));
  }

  void read_connection(const KeyFileGroup* group) {
    if (group == nullptr) return;
    connection_.id = group->text("id");
    connection_.uuid = group->text("uuid");
    for (const KeyFileEntry& entry : group->entries) {
      if (entry.key == "autoconnect" || entry.key == "autoconnect-priority")
        say(Level::note, &entry,
            "NetworkManager does not start VPNs by themselves; \"autostart\" does");
      else if (entry.key == "interface-name")
        say(Level::warning, &entry, "the device underneath cannot be chosen; the route decides");
      else if (!contains(kConnectionKeys, entry.key))
        say(Level::warning, &entry, fmt::format("connection.{} has no counterpart", entry.key));
    }
  }

  void read_vpn(const KeyFileGroup& vpn, const KeyFileGroup* secrets) {
    connection_.user_name = vpn.text("user-name");
    connection_.persistent = is_yes(vpn.text("persistent"));
    for (const KeyFileEntry& entry : vpn.entries)
      if (!contains(kVpnKeys, entry.key)) connection_.data[entry.key] = entry.value;
    if (secrets != nullptr)
      for (const KeyFileEntry& entry : secrets->entries)
        connection_.secrets.insert_or_assign(entry.key, Secret(entry.value));
  }

  static void read_family(const KeyFileGroup* group, nm::Connection::Family& family) {
    if (group == nullptr) return;
    family.method = group->text("method");
    family.ignore_auto_dns = is_yes(group->text("ignore-auto-dns"));
    // "10.0.0.7/24,10.0.0.1", or the older "10.0.0.7;24;10.0.0.1;"
    for (const char* key : {"address1", "addresses1", "address"}) {
      const std::string value = group->text(key);
      if (value.empty()) continue;
      family.address = value.substr(0, value.find_first_of("/,;"));
      return;
    }
  }

  bool check_ipsec(const KeyFileGroup& vpn) {
    const std::string enabled(connection_.item("ipsec-enabled"));
    const bool wanted =
        enabled == "yes" || (enabled.empty() && (!connection_.item("ipsec-psk").empty() ||
                                                 connection_.has_secret("ipsec-psk") ||
                                                 !connection_.item("machine-cert").empty() ||
                                                 connection_.item("machine-auth-type") == "tls"));
    if (!wanted) return true;
    const KeyFileEntry* where = vpn.find("ipsec-enabled");
    if (!options_.without_ipsec) {
      say(Level::error, where,
          "asks for IPsec, which l2tp-manager does not support yet. No profile is made: it would "
          "connect without the protection that this one asks for. --without-ipsec makes one all "
          "the same, for networks where something else protects the tunnel");
      return false;
    }
    say(Level::warning, where,
        "IPsec is left out, as --without-ipsec says: what goes through the tunnel can be read and "
        "changed on its way; no IPsec key or identity was taken over");
    std::erase_if(connection_.data, [](const auto& item) {
      return item.first.starts_with("ipsec-") || item.first.starts_with("machine-");
    });
    connection_.data["ipsec-enabled"] = "no";
    connection_.secrets.erase("ipsec-psk");
    connection_.secrets.erase("machine-certpass");
    return true;
  }

  void translate(const KeyFileGroup& vpn, const KeyFile& file) {
    // The plugin refuses a connection whose password somebody has yet to give; a profile may do
    // without it, and asks.
    const KeyFileEntry* flags_entry = vpn.find("password-flags");
    const unsigned flags =
        parse_number(flags_entry == nullptr ? "" : flags_entry->value, 7).value_or(0);
    const bool missing = !connection_.has_secret("password") &&
                         (!connection_.item("user").empty() || !connection_.user_name.empty());
    if (missing) {
      connection_.secrets.insert_or_assign("password", Secret(std::string_view("missing")));
      say(Level::warning, flags_entry,
          (flags & (kAgentOwned | kNotSaved)) != 0
              ? "the password is the user's, not in this file: give it with --ask when the profile "
                "is started, or put it into its secrets file"
              : "no password is in this file: put it into the profile's secrets file");
    }
    auto plan = nm::translate(connection_, nm::ServiceType::drop_in, "");
    if (!plan) {
      say(Level::error, nullptr, plan.error());
      return;
    }
    for (const std::string& warning : plan->warnings) say(Level::warning, nullptr, warning);

    ImportedProfile result;
    result.name = profile_name_from(connection_.id.empty() ? plan->gateway : connection_.id);
    result.profile = Json::parse(plan->profile, nullptr, false);
    if (!result.profile.is_object()) result.profile = Json::object();  // cannot be
    Json& profile = result.profile;
    if (profile.contains("interface") && profile["interface"] == "") profile.erase("interface");
    profile.erase("redial");  // the plugin's own, short as NetworkManager waits
    if (missing && profile.contains("ppp"))
      profile["ppp"].erase("password");
    else
      result.secrets = plan->secrets;
    if (Json routes = routes_of(file); !routes.empty()) profile["routes"] = std::move(routes);
    import_.profiles.push_back(std::move(result));
  }

  // NetworkManager routes everything through a VPN that does not say never-default.
  Json routes_of(const KeyFile& file) {
    Json routes = Json::object();
    bool is_default = false;
    for (const char* family : {"ipv4", "ipv6"}) {
      const KeyFileGroup* group = file.find(family);
      const std::string method = group == nullptr ? "auto" : group->text("method");
      if (method == "disabled" || method == "ignore" || (group == nullptr && family[3] == '6'))
        continue;
      if (group == nullptr || !is_yes(group->text("never-default"))) is_default = true;
      if (group != nullptr) read_routes(*group, routes);
    }
    if (is_default) routes["default"] = true;
    return routes;
  }

  void read_routes(const KeyFileGroup& group, Json& routes) {
    constexpr std::string_view kHandled[] = {
        "method",  "never-default", "ignore-auto-dns", "address1",    "addresses1",
        "address", "addr-gen-mode", "may-fail",        "ip6-privacy", "dns-search"};
    for (const KeyFileEntry& entry : group.entries) {
      if (entry.key.starts_with("route") && entry.key.find('_') == std::string::npos &&
          parse_number(std::string_view(entry.key).substr(entry.key.starts_with("routes") ? 6 : 5),
                       1000000)) {
        // "10.0.0.0/8,0.0.0.0,50": the next hop means nothing on a point-to-point link
        const std::string_view text = std::string_view(entry.value);
        const auto prefix = IpPrefix::parse(text.substr(0, text.find(',')));
        if (prefix)
          routes["add"].push_back(prefix->to_string());
        else
          say(Level::warning, &entry, fmt::format("\"{}\" is not a route", entry.value));
      } else if (entry.key == "route-metric") {
        if (const auto metric = parse_number(entry.value, 0x7fffffff)) routes["metric"] = *metric;
      } else if (entry.key == "dns" || entry.key == "dns-search") {
        if (!entry.value.empty())
          say(Level::warning, &entry,
              "name servers and search domains of one's own are not the profile's business: set "
              "them for the interface, with resolvectl for example");
      } else if (!contains(kHandled, entry.key)) {
        say(Level::warning, &entry, fmt::format("{}.{} has no counterpart", group.name, entry.key));
      }
    }
  }

  const NmOptions& options_;
  nm::Connection connection_;
  Import import_;
};

}  // namespace

Import import_nm(std::string text, const NmOptions& options) {
  return Importer(options).run(std::move(text));
}

}  // namespace l2tpm::convert
