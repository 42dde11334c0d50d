#include "convert/ppp_options.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

#include "convert/words.h"

namespace l2tpm::convert {
namespace {

using Level = Notice::Level;
constexpr unsigned kMaxDepth = 4;  // of "file" in "file"
constexpr unsigned kMaxNumber = 1u << 30;

// Options that mean nothing here; how many words follow them, and what to say.
struct Needless {
  std::string_view name;
  unsigned arguments;
  std::string_view why;
  Level level;
};
constexpr std::string_view kSerial = "is about serial lines";
constexpr std::string_view kCompression = "is about compression, which l2tp-manager does not do";
constexpr std::string_view kProcess = "is about pppd's process; there is none";
constexpr std::string_view kNegotiated = "is how l2tp-manager negotiates anyway";
constexpr std::string_view kLog =
    "is about pppd's log; see \"l2tpctl log-level\" and \"l2tpctl trace\"";
constexpr std::string_view kRedial = "is the matter of \"redial\" in the profile, here of xl2tpd's";
constexpr Needless kNeedless[] = {
    {"asyncmap",            1, kSerial,                                                            Level::note   },
    {"default-asyncmap",    0, kSerial,                                                            Level::note   },
    {"-am",                 0, kSerial,                                                            Level::note   },
    {"crtscts",             0, kSerial,                                                            Level::note   },
    {"nocrtscts",           0, kSerial,                                                            Level::note   },
    {"xonxoff",             0, kSerial,                                                            Level::note   },
    {"modem",               0, kSerial,                                                            Level::note   },
    {"local",               0, kSerial,                                                            Level::note   },
    {"lock",                0, kSerial,                                                            Level::note   },
    {"nolock",              0, kSerial,                                                            Level::note   },
    {"escape",              1, kSerial,                                                            Level::note   },
    {"sync",                0, kSerial,                                                            Level::note   },
    {"connect-delay",       1, kSerial,                                                            Level::note   },
    {"noaccomp",            0, kCompression,                                                       Level::note   },
    {"-ac",                 0, kCompression,                                                       Level::note   },
    {"nopcomp",             0, kCompression,                                                       Level::note   },
    {"-pc",                 0, kCompression,                                                       Level::note   },
    {"nobsdcomp",           0, kCompression,                                                       Level::note   },
    {"bsdcomp",             1, kCompression,                                                       Level::note   },
    {"nodeflate",           0, kCompression,                                                       Level::note   },
    {"deflate",             1, kCompression,                                                       Level::note   },
    {"nopredictor1",        0, kCompression,                                                       Level::note   },
    {"novj",                0, kCompression,                                                       Level::note   },
    {"-vj",                 0, kCompression,                                                       Level::note   },
    {"novjccomp",           0, kCompression,                                                       Level::note   },
    {"-vjccomp",            0, kCompression,                                                       Level::note   },
    {"vj-max-slots",        1, kCompression,                                                       Level::note   },
    {"nodetach",            0, kProcess,                                                           Level::note   },
    {"-detach",             0, kProcess,                                                           Level::note   },
    {"detach",              0, kProcess,                                                           Level::note   },
    {"updetach",            0, kProcess,                                                           Level::note   },
    {"linkname",            1, kProcess,                                                           Level::note   },
    {"hide-password",       0, kLog,                                                               Level::note   },
    {"show-password",       0, kLog,                                                               Level::note   },
    {"debug",               0, kLog,                                                               Level::note   },
    {"nodebug",             0, kLog,                                                               Level::note   },
    {"kdebug",              1, kLog,                                                               Level::note   },
    {"dump",                0, kLog,                                                               Level::note   },
    {"dryrun",              0, kLog,                                                               Level::note   },
    {"logfd",               1, kLog,                                                               Level::note   },
    {"logfile",             1, kLog,                                                               Level::note   },
    {"nologfd",             0, kLog,                                                               Level::note   },
    {"noipdefault",         0, kNegotiated,                                                        Level::note   },
    {"ipcp-accept-local",   0, kNegotiated,                                                        Level::note   },
    {"ipcp-accept-remote",  0, kNegotiated,                                                        Level::note   },
    {"ipv6cp-accept-local", 0, kNegotiated,                                                        Level::note   },
    {"receive-all",         0, kNegotiated,                                                        Level::note   },
    {"passive",             0, kNegotiated,                                                        Level::note   },
    {"silent",              0, kNegotiated,                                                        Level::note   },
    {"noipx",               0, kNegotiated,                                                        Level::note   },
    {"-ipx",                0, kNegotiated,                                                        Level::note   },
    {"nomultilink",         0, kNegotiated,                                                        Level::note   },
    {"nomp",                0, kNegotiated,                                                        Level::note   },
    {"nodefaultroute",      0, "is the default",                                                   Level::note   },
    {"-defaultroute",       0, "is the default",                                                   Level::note   },
    {"noproxyarp",          0, "is the default",                                                   Level::note   },
    {"nousepeerdns",        0, "is the default",                                                   Level::note   },
    {"persist",             0, kRedial,                                                            Level::note   },
    {"nopersist",           0, kRedial,                                                            Level::note   },
    {"maxfail",             1, kRedial,                                                            Level::note   },
    {"holdoff",             1, kRedial,                                                            Level::note   },
    {"ktune",               0, "is about sysctls of the machine",                                  Level::note   },
    {"noktune",             0, "is about sysctls of the machine",                                  Level::note   },
    {"netmask",             1, "means nothing on a point-to-point link",                           Level::note   },
    {"pppol2tp",            1, "is how xl2tpd calls pppd",                                         Level::note   },
    {"ipparam",             1, "is lost: there are no scripts in /etc/ppp/ip-up.d to pass it to",
     Level::warning                                                                                              },
    {"proxyarp",            0,
     "is lost: route the users' addresses to this host, or take them from a network of their own", Level::warning},
    {"multilink",           0, "is lost: there is no multilink PPP",                               Level::warning},
    {"mp",                  0, "is lost: there is no multilink PPP",                               Level::warning},
    {"mrru",                1, "is lost: there is no multilink PPP",                               Level::warning},
    {"demand",              0, "is lost: there is no dialling on demand",                          Level::warning},
    {"plugin",              1, "is lost: pppd's plugins have no counterpart",                      Level::warning},
    {"connect",             1, "is lost: no command is run",                                       Level::warning},
    {"disconnect",          1, "is lost: no command is run",                                       Level::warning},
    {"init",                1, "is lost: no command is run",                                       Level::warning},
    {"welcome",             1, "is lost: no command is run",                                       Level::warning},
    {"login",               0, "is lost: users are those of the profile, not the system's",        Level::warning},
    {"lcp-restart",         1, "is lost: 3 seconds, as RFC 1661 has it",                           Level::warning},
    {"lcp-max-configure",   1, "is lost: 10, as RFC 1661 has it",                                  Level::warning},
    {"lcp-max-terminate",   1, "is lost: 2, as RFC 1661 has it",                                   Level::warning},
    {"ipcp-restart",        1, "is lost: 3 seconds, as RFC 1661 has it",                           Level::warning},
    {"ipcp-max-configure",  1, "is lost: 10, as RFC 1661 has it",                                  Level::warning},
    {"chap-interval",       1, "is lost: users prove themselves once",                             Level::warning},
    {"chap-restart",        1, "is lost",                                                          Level::warning},
    {"chap-max-challenge",  1, "is lost",                                                          Level::warning},
};

struct Method {
  std::string_view option;  // behind "require-", "refuse-", "+", "-"
  const char* name;
};
constexpr Method kMethods[] = {
    {"mschap-v2", "mschapv2"},
    {"mschapv2",  "mschapv2"},
    {"mschap",    "mschap"  },
    {"chap",      "chap-md5"},
    {"pap",       "pap"     },
    {"eap",       "eap"     },
};
const char* method_of(std::string_view text) {
  for (const Method& method : kMethods)
    if (method.option == text) return method.name;
  return nullptr;
}

bool starts_with(std::string_view text, std::string_view start) {
  return text.substr(0, start.size()) == start;
}

// "10.0.0.1:10.0.0.2", either half may be missing.
bool address_pair(const std::string& word, PppOptions& options) {
  const auto colon = word.find(':');
  if (colon == std::string::npos) return false;
  const std::string_view text = word;
  const auto local = IpAddress::parse(text.substr(0, colon));
  const auto remote = IpAddress::parse(text.substr(colon + 1));
  if ((!local && colon != 0) || (!remote && colon + 1 != word.size())) return false;
  if ((local && !local->is_v4()) || (remote && !remote->is_v4())) return false;
  if (local && !local->is_unspecified()) options.local = local;
  if (remote && !remote->is_unspecified()) options.remote = remote;
  return true;
}

class Reader {
 public:
  Reader(bool server, const ReadFile& read, PppOptions& options, Import& import)
      : server_(server), read_(read), options_(options), import_(import) {}

  void file(const std::string& path, unsigned depth) {
    auto text = read_(path);
    if (!text) {
      import_.say(Level::warning, path, 0, "cannot be read; its options are missing here");
      return;
    }
    auto lines = pppd_words(*text);
    wipe(*text);
    for (WordLine& line : lines) {
      path_ = path;
      line_ = line.line;
      words_ = &line.words;
      for (at_ = 0; at_ < line.words.size();) {
        const std::string word = line.words[at_++];
        if (word == "file") {
          const std::string other = next(word);
          if (depth >= kMaxDepth)
            say(Level::warning, "\"file\" is not followed this deep");
          else if (!other.empty())
            Reader(server_, read_, options_, import_).file(other, depth + 1);
        } else if (!option(word)) {
          say(Level::warning, fmt::format("\"{}\" is not known; what follows it on its line is "
                                          "left out",
                                          word));
          break;
        }
      }
    }
    wipe_words(lines);
  }

 private:
  void say(Level level, std::string text) { import_.say(level, path_, line_, std::move(text)); }

  std::string next(std::string_view option) {
    if (at_ < words_->size()) return (*words_)[at_++];
    say(Level::warning, fmt::format("\"{}\" lacks its value", option));
    return {};
  }
  void number(std::string_view option, std::optional<unsigned>& out) {
    const std::string word = next(option);
    if (const auto value = parse_number(word, kMaxNumber))
      out = value;
    else if (!word.empty())
      say(Level::warning, fmt::format("\"{} {}\" is not a number", option, word));
  }
  void address(std::string_view option, std::vector<IpAddress>& out) {
    const std::string word = next(option);
    const auto value = IpAddress::parse(word);
    if (value && value->is_v4())
      out.push_back(*value);
    else if (!word.empty())
      say(Level::warning, fmt::format("\"{} {}\" is not an IPv4 address", option, word));
  }

  bool option(const std::string& word) {
    return value(word) || authentication(word) || mppe(word) || network(word) || needless(word);
  }

  bool value(const std::string& word) {
    if (word == "user")
      options_.user = next(word);
    else if (word == "name")
      options_.name = next(word);
    else if (word == "remotename")
      options_.remote_name = next(word);
    else if (word == "password") {
      std::string text = next(word);
      options_.password = Secret(text);
      wipe(text);
    } else if (word == "mtu")
      number(word, options_.mtu);
    else if (word == "mru")
      number(word, options_.mru);
    else if (word == "idle")
      number(word, options_.idle);
    else if (word == "maxconnect")
      number(word, options_.max_connect);
    else if (word == "unit")
      number(word, options_.unit);
    else if (word == "ifname")
      options_.interface = next(word);
    else if (word == "lcp-echo-interval")
      number(word, options_.echo_interval);
    else if (word == "lcp-echo-failure")
      number(word, options_.echo_failures);
    else if (word == "lcp-echo-adaptive")
      say(Level::note,
          "\"lcp-echo-adaptive\" has no counterpart: there is an echo request after "
          "each interval");
    else
      return false;
    return true;
  }

  bool authentication(const std::string& word) {
    if (word == "auth" || word == "noauth" || word == "-auth") {
      options_.authenticate = word == "auth";
      return true;
    }
    const bool required = starts_with(word, "require-") || word[0] == '+';
    const bool refused = starts_with(word, "refuse-") || word[0] == '-';
    if (!required && !refused) return false;
    const std::string_view rest =
        std::string_view(word).substr(word[0] == '+' || word[0] == '-' ? 1 : word.find('-') + 1);
    const char* method = method_of(rest);
    if (method == nullptr) return false;
    if (method == std::string_view("eap")) {
      say(required ? Level::warning : Level::note,
          required ? "EAP is not supported; \"" + word + "\" is left out"
                   : std::string("EAP is never used"));
    } else {
      (required ? options_.required : options_.refused).insert(method);
    }
    return true;
  }

  bool mppe(const std::string& word) {
    const auto only = [&](bool bits_40, bool bits_128) {
      // Two of them together mean either.
      const bool fresh = !options_.mppe_required;
      options_.mppe_40 = bits_40 || (!fresh && options_.mppe_40);
      options_.mppe_128 = bits_128 || (!fresh && options_.mppe_128);
      options_.mppe_required = true;
    };
    if (word == "require-mppe" || word == "+mppe")
      options_.mppe_required = true;
    else if (word == "require-mppe-40" || word == "+mppe-40")
      only(true, false);
    else if (word == "require-mppe-128" || word == "+mppe-128")
      only(false, true);
    else if (word == "nomppe-40" || word == "-mppe-40")
      options_.mppe_40 = false;
    else if (word == "nomppe-128" || word == "-mppe-128")
      options_.mppe_128 = false;
    else if (word == "mppe-stateful")
      options_.mppe_stateful = true;
    else if (word == "nomppe-stateful")
      options_.mppe_stateful = false;
    else if (word == "nomppe" || word == "-mppe" || word == "noccp" || word == "-ccp")
      options_.mppe_refused = true;
    else
      return false;
    return true;
  }

  bool network(const std::string& word) {
    const bool for_server = word == "ms-dns" || word == "ms-wins";
    const bool for_client =
        word == "usepeerdns" || word == "defaultroute" || word == "replacedefaultroute";
    if (server_ ? for_client : for_server)
      say(Level::note,
          fmt::format("\"{}\" means nothing for a {}", word, server_ ? "server" : "client"));
    if (word == "ms-dns")
      address(word, options_.dns);
    else if (word == "ms-wins")
      address(word, options_.wins);
    else if (word == "usepeerdns")
      options_.use_peer_dns = true;
    else if (word == "defaultroute" || word == "replacedefaultroute")
      options_.default_route = true;
    else if (word == "+ipv6")
      options_.ipv6 = true;
    else if (word == "noipv6" || word == "-ipv6")
      options_.ipv6 = false;
    else if (word == "noip" || word == "-ip")
      options_.ipv4 = false;
    else if (word == "ipv6") {
      options_.ipv6 = true;
      say(Level::warning, "the interface identifiers \"" + next(word) + "\" are left out");
    } else
      return address_pair(word, options_);
    return true;
  }

  bool needless(const std::string& word) {
    for (const Needless& one : kNeedless) {
      if (one.name != word) continue;
      std::string text = "\"" + word;
      for (unsigned i = 0; i < one.arguments; ++i) text += " " + next(word);
      say(one.level, text + "\" " + std::string(one.why));
      return true;
    }
    return false;
  }

  bool server_;
  const ReadFile& read_;
  PppOptions& options_;
  Import& import_;
  std::string path_;
  unsigned line_ = 0;
  std::vector<std::string>* words_ = nullptr;
  std::size_t at_ = 0;
};

}  // namespace

void read_ppp_options(const std::string& path, bool server, const ReadFile& read,
                      PppOptions& options, Import& import) {
  Reader(server, read, options, import).file(path, 0);
}

std::vector<PppSecret> read_ppp_secrets(const std::string& path, std::string text, Import& import) {
  std::vector<PppSecret> rows;
  auto lines = pppd_words(text);
  wipe(text);
  for (const WordLine& line : lines) {
    const auto& words = line.words;
    if (words.size() < 3) {
      import.say(Level::warning, path, line.line, "a row needs client, server and secret");
      continue;
    }
    if (words[2].empty() || words[2].starts_with("@/")) {
      import.say(Level::warning, path, line.line,
                 words[2].empty() ? "no secret in this row: it is left out"
                                  : "secrets in other files (@) are not followed: the row is left "
                                    "out");
      continue;
    }
    PppSecret row{words[0], words[1], Secret(words[2]), {}, line.line};
    for (std::size_t i = 3; i < words.size() && words[i] != "--"; ++i)
      row.addresses.push_back(words[i]);
    rows.push_back(std::move(row));
  }
  wipe_words(lines);
  return rows;
}

const PppSecret* find_secret(const std::vector<PppSecret>& rows, std::string_view client,
                             std::string_view server) {
  const PppSecret* best = nullptr;
  int best_score = -1;
  for (const PppSecret& row : rows) {
    const bool any_client = row.client == "*";
    const bool any_server = row.server == "*";
    if (!any_client && row.client != client) continue;
    if (!any_server && !server.empty() && row.server != server) continue;
    const int score = (any_client ? 0 : 2) + (any_server ? 0 : 1);
    if (score > best_score) {
      best = &row;
      best_score = score;
    }
  }
  return best;
}

std::vector<TunnelSecret> read_tunnel_secrets(const std::string& path, std::string text,
                                              Import& import) {
  std::vector<TunnelSecret> rows;
  auto lines = pppd_words(text);
  wipe(text);
  for (const WordLine& line : lines) {
    if (line.words[0].substr(0, 1) == ";") continue;
    if (line.words.size() < 3) {
      import.say(Level::warning, path, line.line,
                 "a row needs our host name, the peer's and the secret");
      continue;
    }
    rows.push_back({line.words[0], line.words[1], Secret(line.words[2]), line.line});
  }
  wipe_words(lines);
  return rows;
}

std::vector<std::string> methods_without(const std::set<std::string>& refused, bool mppe) {
  std::vector<std::string> methods;
  for (const char* method : {"mschapv2", "mschap", "chap-md5", "pap"}) {
    const bool has_keys = std::string_view(method).substr(0, 6) == "mschap";
    if (!refused.contains(method) && (!mppe || has_keys)) methods.emplace_back(method);
  }
  return methods;
}

std::string pppd_seconds(unsigned count) {
  return count == 0 ? "never" : fmt::format("{}s", count);
}

void link_of(const PppOptions& options, Json& ppp) {
  if (options.mru) ppp["mru"] = *options.mru;
  if (options.mtu) ppp["mtu"] = *options.mtu;
  if (options.mppe_required) {
    Json strengths = Json::array();
    if (options.mppe_128) strengths.push_back(128);
    if (options.mppe_40) strengths.push_back(40);
    ppp["mppe"] = {
        {"mode",      "require"            },
        {"strengths", std::move(strengths) },
        {"stateful",  options.mppe_stateful}
    };
  }
  // pppd: without an interval there are no echoes; without failures they end nothing.
  if (options.echo_interval.value_or(0) == 0 || options.echo_failures.value_or(0) == 0) {
    if (options.echo_interval || options.echo_failures)
      ppp["echo"] = {
          {"interval", "never"}
      };
  } else {
    ppp["echo"] = {
        {"interval", pppd_seconds(*options.echo_interval)},
        {"failures", *options.echo_failures              }
    };
  }
}

void timeouts_of(const PppOptions& options, Json& profile) {
  if (options.idle) profile["idle-timeout"] = pppd_seconds(*options.idle);
  if (options.max_connect) profile["session-timeout"] = pppd_seconds(*options.max_connect);
}

}  // namespace l2tpm::convert
