// What runs and why something does not: the overview, or one tunnel with its last error.
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
    cells.push_back({row.name, row.role, row.remote, state_cell(row.state), interface,
                     time_cell(parse_json(*text), row.state)});
  }
  const auto code = print_table(context,
                                {
                                    {"name",     "NAME"    },
                                    {"role",     "ROLE"    },
                                    {"peer",     "PEER"    },
                                    {"state",    "STATE"   },
                                    {"sessions", "SESSIONS"},
                                    {"up",       "UP"      }
  },
                                cells);
  if (code != ExitCode::ok || context.options.terse) return code;
  if (tunnels > kOverview)
    context.print.line("... and " + std::to_string(tunnels - kOverview) +
                       " more: l2tpctl tunnel list");
  return ExitCode::ok;
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
  if (const Explained error = last_error(tunnel); !error.text.empty() && state != "established") {
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
