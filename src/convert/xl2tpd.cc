#include "convert/xl2tpd.h"

#include <fmt/core.h>

#include <algorithm>
#include <functional>
#include <optional>
#include <set>
#include <string>
#include <utility>

#include "convert/ppp_options.h"
#include "convert/words.h"
#include "convert/xl2tpd_settings.h"

namespace l2tpm::convert {
namespace {

using Level = Notice::Level;

constexpr unsigned kL2tpPort = 1701;
constexpr const char* kSystemOptions = "/etc/ppp/options";  // pppd reads it before any other
constexpr const char* kChapSecrets = "/etc/ppp/chap-secrets";
constexpr const char* kPapSecrets = "/etc/ppp/pap-secrets";
constexpr const char* kTunnelSecrets = "/etc/xl2tpd/l2tp-secrets";

Json secret_reference(const char* key) {
  return Json{
      {"$secret", key}
  };
}

class Importer {
 public:
  Importer(const Xl2tpdFiles& files, const ReadFile& read) : files_(files), read_(read) {}

  Import run() {
    auto text = read_(files_.config);
    if (!text) {
      import_.say(Level::error, files_.config, 0, "cannot be read");
      return std::move(import_);
    }
    const Sections parsed = parse_sections(*text);
    for (const unsigned line : parsed.bad_lines)
      import_.say(Level::warning, files_.config, line, "is neither a section nor a setting of one");
    for (const Section& section : parsed.sections) sort(section);
    read_global();
    for (const Section* lac : lacs_) client(*lac);
    if (lacs_.empty() && lac_default_ != nullptr && has(*lac_default_, "lns"))
      client(*lac_default_);
    listeners();
    if (import_.profiles.empty() && !import_.has_errors())
      import_.say(Level::error, files_.config, 0, "has no [lac] and no [lns] to make a profile of");
    return std::move(import_);
  }

 private:
  static bool has(const Section& section, std::string_view key) {
    return std::any_of(section.settings.begin(), section.settings.end(),
                       [&](const Setting& setting) { return setting.key == key; });
  }
  void warn(unsigned line, std::string text) {
    import_.say(Level::warning, files_.config, line, std::move(text));
  }

  void sort(const Section& section) {
    const bool is_default = lower(section.name) == "default";
    if (section.kind == "global")
      global_ = &section;
    else if (section.kind == "lac")
      is_default ? void(lac_default_ = &section) : lacs_.push_back(&section);
    else if (section.kind == "lns")
      is_default ? void(lns_default_ = &section) : lnss_.push_back(&section);
    else
      warn(section.line, fmt::format("there is no section [{}]; it is left out", section.kind));
  }

  void read_global() {
    std::string secrets = kTunnelSecrets;
    if (global_ != nullptr) {
      Settings settings(nullptr, *global_, files_.config, import_);
      if (const auto port = settings.number("port", 65535); port && *port != 0) port_ = *port;
      if (const auto address = settings.text("listen-addr")) listen_ = *address;
      access_control_ = settings.boolean("access control").value_or(false);
      retries_ = settings.number("max retries", 100);
      if (const auto file = settings.text("auth file")) secrets = *file;
      if (settings.boolean("ipsec saref") == true)
        settings.warn(settings.line_of("ipsec saref"), "IPsec SA tracking is not supported");
      settings.finish();
    }
    if (!files_.tunnel_secrets.empty()) secrets = files_.tunnel_secrets;
    if (auto text = read_(secrets))
      tunnel_secrets_ = read_tunnel_secrets(secrets, std::move(*text), import_);
  }

  // ---- what both kinds share ----

  PppOptions ppp_options(Settings& settings, bool server) {
    PppOptions options;
    if (read_(kSystemOptions)) read_ppp_options(kSystemOptions, server, read_, options, import_);
    std::string path = files_.ppp_options;
    const auto named = settings.text("pppoptfile");
    if (path.empty() && named) path = *named;
    if (!path.empty()) read_ppp_options(path, server, read_, options, import_);
    for (const auto& [key, method] : {std::pair("pap", "pap"), std::pair("chap", "chap-md5")}) {
      // xl2tpd's "chap" is every CHAP; what must not be is refused one by one.
      const bool all_chap = std::string_view(key) == "chap";
      if (settings.boolean(fmt::format("refuse {}", key)) == true) {
        options.refused.insert(method);
        if (all_chap) options.refused.insert({"mschap", "mschapv2"});
      }
      if (settings.boolean(fmt::format("require {}", key)) == true) {
        options.required.insert(method);
        options.authenticate = true;
      }
    }
    for (const char* key : {"require authentication", "require auth"})
      if (const auto value = settings.boolean(key)) options.authenticate = *value;
    return options;
  }

  std::vector<PppSecret> ppp_secrets(const char* path) {
    const std::string file = files_.ppp_secrets.empty() ? path : files_.ppp_secrets;
    auto text = read_(file);
    if (!text) return {};
    return read_ppp_secrets(file, std::move(*text), import_);
  }

  void check_mppe(const PppOptions& options, unsigned line) {
    if (options.mppe_required && options.mppe_refused)
      warn(line, "its ppp options require MPPE and forbid it (nomppe, noccp); it is required here");
  }

  // `others_have`: no secret for everybody, but for some peers.
  Json tunnel_of(Settings& settings, bool has_secret, bool others_have = false) {
    Json tunnel = Json::object();
    if (const auto host_name = settings.text("hostname")) tunnel["host-name"] = *host_name;
    const auto challenge = settings.boolean("challenge");
    if (has_secret) {
      tunnel["secret"] = secret_reference("tunnel");
      tunnel["challenge"] = challenge == true;
    } else if (challenge == true && !others_have) {
      settings.warn(
          settings.line_of("challenge"),
          "the secrets file has no secret for it: there will be no tunnel authentication");
    }
    if (settings.boolean("hidden bit") == true) {
      if (has_secret)
        tunnel["hide-avps"] = true;
      else
        settings.warn(settings.line_of("hidden bit"),
                      "hiding needs a tunnel secret; there is none");
    }
    if (const auto window = settings.number("tunnel rws", 32768); window && *window > 0)
      tunnel["receive-window"] = *window;
    if (retries_ && *retries_ > 0)
      tunnel["retransmit"] = {
          {"count", *retries_}
      };
    return tunnel;
  }

  std::string unique_name(std::string_view wanted) {
    std::string name = profile_name_from(wanted);
    const auto taken = [&](const std::string& candidate) {
      return std::any_of(import_.profiles.begin(), import_.profiles.end(),
                         [&](const ImportedProfile& p) { return p.name == candidate; });
    };
    if (!taken(name)) return name;
    for (unsigned i = 2;; ++i)
      if (std::string other = fmt::format("{}-{}", name.substr(0, 58), i); !taken(other))
        return other;
  }

  // ---- [lac NAME] ----

  void client(const Section& section) {
    Settings settings(lac_default_, section, files_.config, import_);
    ImportedProfile result;
    result.name = unique_name(section.name);
    Json& profile = result.profile;
    profile["description"] = fmt::format("from {}, [lac {}]", files_.config, section.name);
    profile["kind"] = "client";
    profile["autostart"] = settings.boolean("autodial").value_or(false);

    Json peers = lns_list(settings);
    if (peers.empty()) {
      import_.say(Level::error, files_.config, section.line,
                  fmt::format("[lac {}] names no lns: no profile is made of it", section.name));
      settings.finish();
      return;
    }
    if (peers.size() == 1)
      profile["peer"] = peers[0];
    else
      profile["peers"] = std::move(peers);
    if (!listen_.empty()) profile["local"]["address"] = listen_;
    if (port_ != kL2tpPort) profile["local"]["port"] = port_;

    const TunnelSecret* secret = client_secret(settings);
    if (secret != nullptr) result.secrets.emplace("tunnel", secret->secret);
    if (Json tunnel = tunnel_of(settings, secret != nullptr); !tunnel.empty())
      profile["tunnel"] = std::move(tunnel);

    PppOptions options = ppp_options(settings, false);
    check_mppe(options, section.line);
    if (const auto name = settings.text("name");
        name && options.user.empty() && options.name.empty())
      options.user = *name;
    if (options.user.empty()) options.user = options.name;
    profile["ppp"] = client_ppp(settings, section, options, result);
    if (!options.interface.empty())
      profile["interface"] = options.interface;
    else if (options.unit)
      profile["interface"] = fmt::format("ppp{}", *options.unit);
    if (options.default_route || settings.boolean("defaultroute") == true)
      profile["routes"] = {
          {"default", true}
      };
    profile["redial"] = redial_of(settings, section);
    timeouts_of(options, profile);
    settings.finish();
    import_.profiles.push_back(std::move(result));
  }

  // The row for us and this LNS: which name it gives itself is not known before it answers.
  const TunnelSecret* client_secret(Settings& settings) {
    const std::string us = settings.text("hostname").value_or("");
    const TunnelSecret* best = nullptr;
    unsigned candidates = 0;
    for (const TunnelSecret& row : tunnel_secrets_) {
      if (row.us != "*" && !us.empty() && row.us != us) continue;
      ++candidates;
      if (best == nullptr || (best->them == "*" && row.them != "*")) best = &row;
    }
    if (candidates > 1)
      warn(best->line == 0 ? 0 : settings.line_of("lns"),
           fmt::format("several tunnel secrets fit; the one for \"{}\" is taken", best->them));
    return best;
  }

  Json client_ppp(Settings& settings, const Section& section, const PppOptions& options,
                  ImportedProfile& result) {
    Json ppp = Json::object();
    std::set<std::string> refused = options.refused;
    const bool refuses_all = settings.boolean("refuse authentication") == true ||
                             settings.boolean("refuse auth") == true;
    if (!options.user.empty() && !refuses_all) {
      ppp["user"] = options.user;
      if (const auto password = password_of(options, settings, section)) {
        result.secrets.emplace("password", *password);
        ppp["password"] = secret_reference("password");
      }
      const auto methods = methods_without(refused, options.mppe_required);
      if (methods.empty())
        warn(section.line, "every method to authenticate is refused");
      else
        ppp["methods"] = methods;
    }
    if (options.authenticate == true && !options.required.empty()) {
      const auto rows = ppp_secrets(kChapSecrets);
      const PppSecret* row = find_secret(rows, options.remote_name, options.user);
      if (row == nullptr || options.remote_name.empty()) {
        warn(section.line,
             "the LNS is to prove itself (auth), but with which secret is not clear: "
             "\"authenticate-peer\" is left out");
      } else {
        result.secrets.emplace("peer", row->secret);
        ppp["authenticate-peer"] = {
            {"methods", options.required        },
            {"name",    options.remote_name     },
            {"secret",  secret_reference("peer")}
        };
      }
    } else if (!options.required.empty()) {
      warn(section.line,
           "its ppp options ask the LNS to prove itself (require-...), but do not insist (noauth): "
           "that is left out; how we prove ourselves is in ppp.methods");
    }
    link_of(options, ppp);
    Json ipv4 = Json::object();
    const auto local = settings.address("local ip");
    const auto remote = settings.address("remote ip");
    if (local || options.local) ipv4["address"] = (local ? *local : *options.local).to_string();
    if (remote || options.remote)
      ipv4["peer-address"] = (remote ? *remote : *options.remote).to_string();
    if (!options.use_peer_dns) ipv4["dns"] = false;
    if (!options.ipv4)
      ppp["ipv4"] = false;
    else if (!ipv4.empty())
      ppp["ipv4"] = std::move(ipv4);
    ppp["ipv6"] = options.ipv6;
    return ppp;
  }

  std::optional<Secret> password_of(const PppOptions& options, Settings& settings,
                                    const Section& section) {
    if (!options.password.empty()) return options.password;
    const auto chap = ppp_secrets(kChapSecrets);
    const auto pap = ppp_secrets(kPapSecrets);
    const PppSecret* of_chap = find_secret(chap, options.user, options.remote_name);
    const PppSecret* of_pap = find_secret(pap, options.user, options.remote_name);
    if (of_chap != nullptr && of_pap != nullptr && !(of_chap->secret == of_pap->secret))
      settings.warn(section.line,
                    fmt::format("chap-secrets and pap-secrets have different passwords "
                                "for \"{}\"; that of chap-secrets is taken",
                                options.user));
    if (of_chap == nullptr) of_chap = of_pap;
    if (of_chap != nullptr) return of_chap->secret;
    settings.warn(section.line, fmt::format("no password for \"{}\" was found: add {{\"password\": "
                                            "...}} to its secrets file, or give it with --ask",
                                            options.user));
    return std::nullopt;
  }

  Json redial_of(Settings& settings, const Section& section) {
    const bool redial = settings.boolean("redial").value_or(false);
    const auto wait = settings.number("redial timeout", 24 * 3600);
    const auto most = settings.number("max redials", 1000000);
    if (!redial) {
      import_.say(
          Level::note, files_.config, section.line,
          fmt::format("[lac {}] does not redial, as xl2tpd has it without \"redial = yes\"; "
                      "set redial.enabled to stay connected",
                      section.name));
      return {
          {"enabled", false}
      };
    }
    constexpr unsigned kDefaultWait = 30;
    const unsigned pause = std::max(wait.value_or(kDefaultWait), 1u);
    Json json{
        {"enabled",            true},
        {     "initial", pppd_seconds(pause)    },
        { "max",               pppd_seconds(std::max(pause,                   60u))}
    };
    if (most) json["give-up"] = *most;
    return json;
  }

  // ---- [lns NAME] ----

  void listeners() {
    // [lns default] is what the others start from, and a server itself when it is the only one.
    if (lnss_.empty()) {
      if (lns_default_ != nullptr) listener(*lns_default_, "lns");
      return;
    }
    listener(*lnss_.front(), lnss_.front()->name);
    for (std::size_t i = 1; i < lnss_.size(); ++i)
      import_.say(Level::error, files_.config, lnss_[i]->line,
                  fmt::format("[lns {}] is left out: one address and port has one listener; give "
                              "each its own \"listen\" address and write its profile by hand",
                              lnss_[i]->name));
  }

  void listener(const Section& section, std::string_view name) {
    Settings settings(lns_default_, section, files_.config, import_);
    ImportedProfile result;
    result.name = unique_name(name);
    Json& profile = result.profile;
    profile["description"] = fmt::format("from {}, [lns {}]", files_.config, section.name);
    profile["kind"] = "listener";
    profile["listen"] = {
        {"addresses", Json::array({listen_.empty() ? std::string("0.0.0.0") : listen_})},
        {"port",      port_                                                            }
    };

    Json rules = Json::array();
    const bool any_secret = peer_secrets(settings, result, rules);
    const bool unknown_may_come = access_rules(settings, rules);
    if (settings.boolean("exclusive") == true)
      settings.warn(settings.line_of("exclusive"),
                    "several tunnels of one peer are not refused; see limits");
    if (Json tunnel = tunnel_of(settings, any_secret, !rules.empty()); !tunnel.empty())
      profile["tunnel"] = std::move(tunnel);
    if (!result.secrets.empty())
      profile["require-tunnel-auth"] = settings.boolean("challenge") == true;
    if (!rules.empty()) profile["peers"] = std::move(rules);
    if (!unknown_may_come) profile["allow-unknown-peers"] = false;

    const PppOptions options = ppp_options(settings, true);
    check_mppe(options, section.line);
    const auto own_name = settings.text("name");
    profile["ppp"] = listener_ppp(settings, section, options, own_name.value_or(""));
    const std::string server = options.name.empty() ? own_name.value_or("") : options.name;
    if (Json users = users_of(options, server, result); !users.empty())
      profile["users"] = std::move(users);
    else if (options.authenticate != false)
      settings.warn(section.line, "no user was found in chap-secrets and pap-secrets");
    timeouts_of(options, profile);
    settings.finish();
    import_.profiles.push_back(std::move(result));
  }

  // Rows of l2tp-secrets: the one for everybody is the listener's, others are rules. Returns
  // whether there is one for everybody.
  bool peer_secrets(Settings& settings, ImportedProfile& result, Json& rules) {
    const std::string us = settings.text("hostname").value_or("");
    bool for_all = false;
    unsigned count = 0;
    for (const TunnelSecret& row : tunnel_secrets_) {
      if (row.us != "*" && !us.empty() && row.us != us) continue;
      if (row.them == "*") {
        if (!for_all) result.secrets.emplace("tunnel", row.secret);
        for_all = true;
        continue;
      }
      const std::string key = fmt::format("tunnel-{}", ++count);
      result.secrets.emplace(key, row.secret);
      Json tunnel;
      tunnel["secret"] = Json{
          {"$secret", key}
      };
      tunnel["challenge"] = settings.boolean("challenge") == true;
      rules.push_back({
          {"match",  Json{{"host-name", row.them}}},
          {"tunnel", std::move(tunnel)            }
      });
    }
    return for_all;
  }

  // "lac" and "no lac". Returns whether peers that no rule matches may come.
  bool access_rules(Settings& settings, Json& rules) {
    bool only_named = access_control_;
    const auto add = [&](std::string_view value, unsigned line, bool allow) {
      if (value == "*" && allow) {
        only_named = false;
        return;
      }
      const auto span = parse_span(value);
      if (!span) {
        settings.warn(line, fmt::format("\"{}\" is not a range of IPv4 addresses", value));
        return;
      }
      for (const IpPrefix& prefix : prefixes_of(*span)) {
        Json rule{
            {"match", {{"address", prefix.to_string()}}}
        };
        if (!allow) rule["allow"] = false;
        rules.push_back(std::move(rule));
      }
      if (allow) only_named = true;
    };
    settings.each("no lac", [&](std::string_view v, unsigned line) { add(v, line, false); });
    settings.each("lac", [&](std::string_view v, unsigned line) { add(v, line, true); });
    return !only_named;
  }

  Json listener_ppp(Settings& settings, const Section& section, const PppOptions& options,
                    const std::string& own_name) {
    Json ppp = Json::object();
    const bool none = options.authenticate == false && options.required.empty();
    if (none) {
      ppp["authenticate"] = Json::array();
      warn(section.line, "users are not asked to authenticate (noauth): anybody may come in");
    } else {
      std::set<std::string> refused;
      if (options.required.empty()) {
        refused = options.refused;
      } else {
        for (const char* method : {"mschapv2", "mschap", "chap-md5", "pap"})
          if (!options.required.contains(method)) refused.insert(method);
      }
      ppp["authenticate"] = methods_without(refused, options.mppe_required);
    }
    for (const char* key : {"refuse authentication", "refuse auth"})
      if (settings.boolean(key) == true)
        settings.warn(settings.line_of(key),
                      "we never prove ourselves to users unless ppp.user is "
                      "given");
    if (!options.name.empty() || !own_name.empty())
      ppp["name"] = options.name.empty() ? own_name : options.name;
    link_of(options, ppp);
    if (!options.ipv4) {
      ppp["ipv4"] = false;
    } else {
      Json ipv4 = Json::object();
      const auto local = settings.address("local ip");
      if (local || options.local)
        ipv4["local-address"] = (local ? *local : *options.local).to_string();
      else
        warn(section.line, "no \"local ip\": give ppp.ipv4.local-address");
      address_pools(settings, ipv4);
      const auto list = [&](const char* key, const std::vector<IpAddress>& addresses) {
        for (std::size_t i = 0; i < std::min<std::size_t>(addresses.size(), 2); ++i)
          ipv4[key].push_back(addresses[i].to_string());
      };
      list("dns", options.dns);
      list("nbns", options.wins);
      ppp["ipv4"] = std::move(ipv4);
    }
    ppp["ipv6"] = options.ipv6;
    return ppp;
  }

  Json users_of(const PppOptions& options, const std::string& server, ImportedProfile& result) {
    Json users = Json::array();
    std::set<std::string> known;
    const auto add_all = [&](const char* path) {
      const std::string file = files_.ppp_secrets.empty() ? path : files_.ppp_secrets;
      for (const PppSecret& row : ppp_secrets(path)) {
        if (row.server != "*" && !server.empty() && row.server != server) {
          import_.say(Level::note, file, row.line, "is for another server");
          continue;
        }
        if (row.client == "*") {
          import_.say(Level::warning, file, row.line,
                      "a password for any name at all has no counterpart: the row is left out");
          continue;
        }
        if (!known.insert(row.client).second) continue;
        const std::string key = fmt::format("user-{}", known.size());
        Json user{
            {"name",     row.client            },
            {"password", Json{{"$secret", key}}}
        };
        address_of(row, file, user);
        result.secrets.emplace(key, row.secret);
        users.push_back(std::move(user));
      }
    };
    add_all(kChapSecrets);
    if (files_.ppp_secrets.empty() && !options.refused.contains("pap")) add_all(kPapSecrets);
    return users;
  }

  void address_of(const PppSecret& row, const std::string& file, Json& user) {
    if (row.addresses.empty() || row.addresses[0] == "*") return;
    const auto address = IpAddress::parse(row.addresses[0]);
    if (row.addresses.size() == 1 && address && address->is_v4())
      user["address"] = address->to_string();
    else
      import_.say(Level::warning, file, row.line,
                  fmt::format("which addresses \"{}\" may have is left out: one of its own can be "
                              "given as \"address\"",
                              row.client));
  }

  const Xl2tpdFiles& files_;
  const ReadFile& read_;
  Import import_;
  const Section* global_ = nullptr;
  const Section* lac_default_ = nullptr;
  const Section* lns_default_ = nullptr;
  std::vector<const Section*> lacs_, lnss_;
  std::vector<TunnelSecret> tunnel_secrets_;
  unsigned port_ = kL2tpPort;
  std::string listen_;
  bool access_control_ = false;
  std::optional<unsigned> retries_;
};

}  // namespace

Import import_xl2tpd(const Xl2tpdFiles& files, const ReadFile& read) {
  Import import = Importer(files, read).run();
  // Files that several sections share are read for each.
  std::set<std::string> said;
  std::vector<Notice> once;
  for (Notice& notice : import.notices)
    if (said.insert(notice.to_string()).second) once.push_back(std::move(notice));
  import.notices = std::move(once);
  return import;
}

}  // namespace l2tpm::convert
