// What runs and why something does not: the overview, or one tunnel with its last error.
#include <algorithm>

#include "ctl/handlers.h"
#include "ctl/hint.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {
namespace {

// The overview asks for each tunnel's details; a page of a screen is enough of that.
constexpr std::uint32_t kOverview = 50;

// "3h 12m", or "retry in 37s (auth-failed by peer: ...)".
std::string time_cell(const Json& tunnel, const std::string& state) {
  if (state == "established") return since(number_of(tunnel, "established_at"));
  std::string text;
  if (const auto retry = number_of(tunnel, "retry_at"); retry != 0)
    text = "retry in " + until(retry);
  if (const Explained error = last_error(tunnel); !error.text.empty())
    text += (text.empty() ? "(" : " (") + error.text + ")";
  return text;
}

// "v2", "v3", "v3/ip".
std::string protocol_cell(const Json& tunnel) {
  std::string text = "v" + std::to_string(std::max<std::uint64_t>(number_of(tunnel, "version"), 2));
  if (text_of(tunnel, "encapsulation") == "ip") text += "/ip";
  return text;
}

ExitCode overview(Context& context, Client& client) {
  const auto version = client.version();
  if (!version) return report(context, version.error());
  const auto state = client.state();
  if (!state) return report(context, state.error());
  const auto features = client.kernel_features();
  if (!features) return report(context, features.error());
  std::uint32_t tunnels = 0;
  const auto rows = client.tunnels({}, kOverview, tunnels);
  if (!rows) return report(context, rows.error());
  std::uint32_t sessions = 0;
  if (const auto some = client.sessions({}, 1, sessions); !some)
    return report(context, some.error());

  std::string kernel;
  for (const std::string& feature : *features) kernel += (kernel.empty() ? "" : " ") + feature;
  const auto count = [](std::uint32_t number, const char* noun) {
    return std::to_string(number) + " " + noun + (number == 1 ? "" : "s");
  };
  if (!context.options.terse)
    context.print.line(context.print.paint("●", colour_of_state(*state)) + " l2tp-manager " +
                       clean(*version) + " " + clean(*state) +
                       (kernel.empty() ? "" : " (kernel: " + clean(kernel) + ")") + ", " +
                       count(tunnels, "tunnel") + ", " + count(sessions, "session"));

  std::vector<std::vector<Cell>> cells;
  for (const TunnelRow& row : *rows) {
    const auto text = client.describe_tunnel(row.name);
    if (!text) continue;  // it went meanwhile
    std::string interface = std::to_string(row.sessions);
    if (row.sessions == 1) {
      std::uint32_t total = 0;
      const auto only = client.sessions({row.name, "", "", ""}, 1, total);
      if (only && !only->empty() && !only->front().interface.empty())
        interface = only->front().interface;
    }
    const Json tunnel = parse_json(*text);
    cells.push_back({row.name, row.role, row.remote, state_cell(row.state), interface,
                     time_cell(tunnel, row.state), protocol_cell(tunnel)});
  }
  const auto code = print_table(context,
                                {
                                    {"name",     "NAME"    },
                                    {"role",     "ROLE"    },
                                    {"peer",     "PEER"    },
                                    {"state",    "STATE"   },
                                    {"sessions", "SESSIONS"},
                                    {"up",       "UP"      },
                                    {"protocol", "L2TP"    }
  },
                                cells);
  if (code != ExitCode::ok || context.options.terse) return code;
  if (tunnels > kOverview)
    context.print.line("... and " + std::to_string(tunnels - kOverview) +
                       " more: l2tpctl tunnel list");
  return ExitCode::ok;
}

std::string join(const Json& words) {
  std::string text;
  if (words.is_array())
    for (const Json& word : words)
      if (word.is_string()) text += (text.empty() ? "" : " ") + word.get<std::string>();
  return text;
}

// What L2TPv3's control connection agreed on, or how a static tunnel stands in the kernel.
void print_version3(Context& context, const Json& tunnel) {
  if (number_of(tunnel, "version") != 3) return;
  const auto ids = std::to_string(number_of(tunnel, "tunnel_id")) + ", peer's " +
                   std::to_string(number_of(tunnel, "peer_tunnel_id"));
  context.print.line(
      "  L2TPv3 over " +
      std::string(text_of(tunnel, "encapsulation") == "ip" ? "IP (protocol 115)" : "UDP") +
      ", id " + ids);
  if (text_of(tunnel, "role") == "static") {
    context.print.line("  static, without a control connection: " +
                       clean(text_of(tunnel, "convergence")));
    return;
  }
  const Json& version3 = member_of(tunnel, "version3");
  if (const auto router = text_of(version3, "peer_router_id"); !router.empty())
    context.print.line("  router id: " + clean(text_of(version3, "router_id")) + ", peer's " +
                       clean(router) +
                       "; it can: " + clean(join(member_of(version3, "peer_pseudowires"))));
  const std::string digest = text_of(version3, "digest");
  const bool has_secret = flag_of(version3, "authenticated");
  std::string line = "  digest: " + (digest.empty() ? "none" : clean(digest));
  if (digest != "none" && !digest.empty())
    line += has_secret ? " with the secret" : " without a secret: damage is found, forgery is not";
  if (number_of(version3, "peer_secret") == 2) line += "; the peer still uses the second secret";
  context.print.line(line);
  const Json& control = member_of(tunnel, "control");
  const auto wrong = number_of(control, "digests_wrong");
  const auto missing = number_of(control, "digests_missing");
  if (wrong + missing > 0)
    context.print.line("  dropped: " + std::to_string(wrong) + " messages with a wrong digest, " +
                       std::to_string(missing) + " without one");
}

ExitCode status_of(Context& context, Client& client, const std::string& name, const Json& tunnel) {
  const std::string state = text_of(tunnel, "state");
  const Colour colour = colour_of_state(state);
  std::string headline = context.print.paint(colour == Colour::red ? "✗" : "●", colour) + " " +
                         clean(name) + " — " + clean(state);
  if (state == "established")
    headline += " for " + since(number_of(tunnel, "established_at"));
  else if (const auto retry = number_of(tunnel, "retry_at"); retry != 0)
    headline += ", next attempt in " + until(retry);
  context.print.line(headline);
  context.print.line("  peer: " + clean(text_of(tunnel, "remote")) +
                     "  local: " + clean(text_of(tunnel, "local")));
  print_version3(context, tunnel);
  // A static tunnel can stand while a session of its does not.
  const bool tells_error = state != "established" || text_of(tunnel, "role") == "static";
  if (const Explained error = last_error(tunnel); !error.text.empty() && tells_error) {
    context.print.line("  " + error.text);
    if (!error.hint.empty()) context.print.line("  hint: " + error.hint);
    context.print.line("  more: l2tpctl why " + clean(name));
  }
  std::uint32_t total = 0;
  const auto sessions = client.sessions({name, "", "", ""}, kOverview, total);
  if (!sessions) return report(context, sessions.error());
  if (const auto code = session_table(context, *sessions); code != ExitCode::ok) return code;
  if (total > kOverview)
    context.print.line("... and " + std::to_string(total - kOverview) +
                       " more: l2tpctl session list --tunnel " + clean(name));
  return ExitCode::ok;
}

}  // namespace

ExitCode status(Context& context, Client& client) {
  const bool is_json = context.options.json != JsonStyle::off;
  if (context.options.words.empty()) {
    if (!is_json) return overview(context, client);
    const auto text = client.describe();
    if (!text) return report(context, text.error());
    print_json(context, parse_json(*text));
    return ExitCode::ok;
  }
  // A tunnel's own name first; else all that a profile has.
  const std::string& name = context.options.words.front();
  if (const auto text = client.describe_tunnel(name); text) {
    if (!is_json) return status_of(context, client, name, parse_json(*text));
    print_json(context, parse_json(*text));
    return ExitCode::ok;
  } else if (text.error().code != ExitCode::no_such_object) {
    return report(context, text.error());
  }
  std::uint32_t total = 0;
  const auto rows = client.tunnels({name, "", ""}, kAll, total);
  if (!rows) return report(context, rows.error());
  if (rows->empty())
    return report(context, {ExitCode::no_such_object, "",
                            "no tunnel and no running profile is named \"" + name + "\""});
  auto array = Json::array();
  for (const TunnelRow& row : *rows) {
    const auto text = client.describe_tunnel(row.name);
    if (!text) continue;
    if (is_json) {
      array.push_back(parse_json(*text));
    } else if (const auto code = status_of(context, client, row.name, parse_json(*text));
               code != ExitCode::ok) {
      return code;
    }
  }
  if (is_json) print_json(context, array);
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
