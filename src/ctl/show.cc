// The commands that only look: status, tunnel list and show, session list and show.
#include <limits>
#include <ostream>

#include "ctl/context.h"

namespace l2tpm::ctl {
namespace {

constexpr auto kAll = std::numeric_limits<std::uint32_t>::max();
// The overview asks for each tunnel's details; a page of a screen is enough of that.
constexpr std::uint32_t kOverview = 50;

nlohmann::json session_json(const SessionRow& session) {
  nlohmann::json json;
  json["tunnel"] = session.tunnel;
  json["id"] = session.id;
  json["peer_id"] = session.peer_id;
  json["state"] = session.state;
  json["interface"] = session.interface;
  json["user"] = session.user;
  json["address"] = session.address;
  json["up_since"] = session.up_since;
  return json;
}

Cell state_cell(const std::string& state) { return {state, colour_of_state(state)}; }

void session_table(Context& context, const std::vector<SessionRow>& sessions) {
  std::vector<std::vector<Cell>> rows;
  for (const SessionRow& session : sessions)
    rows.push_back({session.tunnel + "/" + std::to_string(session.id), state_cell(session.state),
                    session.interface, session.user, session.address, since(session.up_since)});
  context.print.table({"SESSION", "STATE", "INTERFACE", "USER", "ADDRESS", "UP"}, rows);
}

std::uint64_t number_of(const nlohmann::json& tunnel, const char* key) {
  const auto found = tunnel.find(key);
  return found != tunnel.end() && found->is_number_unsigned() ? found->get<std::uint64_t>() : 0;
}

std::string text_of(const nlohmann::json& tunnel, const char* key) {
  const auto found = tunnel.find(key);
  return found != tunnel.end() && found->is_string() ? found->get<std::string>() : "";
}

// "3h 12m", or "retry in 37s (auth-failed by peer: ...)".
std::string time_cell(const nlohmann::json& tunnel, const std::string& state) {
  if (state == "established") return since(number_of(tunnel, "established_at"));
  std::string text;
  if (const auto retry = number_of(tunnel, "retry_at"); retry != 0)
    text = "retry in " + until(retry);
  if (const LastError error = last_error(tunnel); !error.text.empty())
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
  context.print.table({"NAME", "ROLE", "PEER", "STATE", "SESSIONS", "UP"}, cells);
  if (tunnels > kOverview)
    context.print.line("... and " + std::to_string(tunnels - kOverview) +
                       " more: l2tpctl tunnel list");
  return ExitCode::ok;
}

ExitCode status_of(Context& context, Client& client, const std::string& name,
                   const nlohmann::json& tunnel) {
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
  if (const LastError error = last_error(tunnel); !error.text.empty() && state != "established") {
    context.print.line("  " + error.text);
    if (!error.hint.empty()) context.print.line("  hint: " + error.hint);
    context.print.line("  journal: journalctl L2TPM_TUNNEL=" + clean(name));
  }
  std::uint32_t total = 0;
  const auto sessions = client.sessions({name, "", "", ""}, kOverview, total);
  if (!sessions) return report(context, sessions.error());
  session_table(context, *sessions);
  if (total > kOverview)
    context.print.line("... and " + std::to_string(total - kOverview) +
                       " more: l2tpctl session list --tunnel " + clean(name));
  return ExitCode::ok;
}

}  // namespace

ExitCode status(Context& context, Client& client) {
  if (context.options.names.empty()) {
    if (!context.options.json) return overview(context, client);
    const auto text = client.describe();
    if (!text) return report(context, text.error());
    context.out << *text << '\n';
    return ExitCode::ok;
  }
  // A tunnel's own name first; else all that a profile has.
  const std::string& name = context.options.names.front();
  if (const auto text = client.describe_tunnel(name); text) {
    if (!context.options.json) return status_of(context, client, name, parse_json(*text));
    context.out << *text << '\n';
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
  auto array = nlohmann::json::array();
  for (const TunnelRow& row : *rows) {
    const auto text = client.describe_tunnel(row.name);
    if (!text) continue;
    if (context.options.json) {
      array.push_back(parse_json(*text));
    } else if (const auto code = status_of(context, client, row.name, parse_json(*text));
               code != ExitCode::ok) {
      return code;
    }
  }
  if (context.options.json) print_json(context, array);
  return ExitCode::ok;
}

ExitCode tunnel_list(Context& context, Client& client) {
  const Options& options = context.options;
  std::uint32_t total = 0;
  const auto rows = client.tunnels({options.profile, options.state, options.peer}, kAll, total);
  if (!rows) return report(context, rows.error());
  if (!options.json) {
    std::vector<std::vector<Cell>> cells;
    for (const TunnelRow& row : *rows)
      cells.push_back({row.name, row.role, state_cell(row.state), row.local, row.remote,
                       std::to_string(row.sessions)});
    context.print.table({"NAME", "ROLE", "STATE", "LOCAL", "PEER", "SESSIONS"}, cells);
    return ExitCode::ok;
  }
  auto array = nlohmann::json::array();
  for (const TunnelRow& row : *rows) {
    const auto text = client.describe_tunnel(row.name);
    if (!text) continue;  // it went meanwhile
    const auto tunnel = parse_json(*text);
    nlohmann::json entry;
    entry["name"] = row.name;
    entry["profile"] = text_of(tunnel, "profile");
    entry["role"] = row.role;
    entry["state"] = row.state;
    entry["local"] = row.local;
    entry["remote"] = row.remote;
    entry["sessions"] = row.sessions;
    for (const char* number : {"tunnel_id", "peer_tunnel_id", "established_at", "retry_at"})
      entry[number] = number_of(tunnel, number);
    const auto error = tunnel.find("last_error");
    entry["last_error"] = error != tunnel.end() ? *error : nlohmann::json(nullptr);
    array.push_back(std::move(entry));
  }
  print_json(context, array);
  return ExitCode::ok;
}

ExitCode tunnel_show(Context& context, Client& client) {
  const auto text = client.describe_tunnel(context.options.names.front());
  if (!text) return report(context, text.error());
  if (context.options.json)
    context.out << *text << '\n';
  else
    context.print.object(parse_json(*text));
  return ExitCode::ok;
}

ExitCode session_list(Context& context, Client& client) {
  const Options& options = context.options;
  std::uint32_t total = 0;
  const auto rows = client.sessions(
      {options.tunnel, options.user, options.interface, options.state}, kAll, total);
  if (!rows) return report(context, rows.error());
  if (!options.json) {
    session_table(context, *rows);
    return ExitCode::ok;
  }
  auto array = nlohmann::json::array();
  for (const SessionRow& row : *rows) array.push_back(session_json(row));
  print_json(context, array);
  return ExitCode::ok;
}

ExitCode session_show(Context& context, Client& client) {
  const SessionName& session = context.options.sessions.front();
  const auto text = client.describe_session(session.tunnel, session.id);
  if (!text) return report(context, text.error());
  if (context.options.json)
    context.out << *text << '\n';
  else
    context.print.object(parse_json(*text));
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
