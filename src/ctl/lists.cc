// The lists, and all about one of what they have.
#include "ctl/handlers.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {
ExitCode tunnel_list(Context& context, Client& client) {
  const Options& options = context.options;
  std::uint32_t total = 0;
  const auto rows = client.tunnels(
      {options.value("profile"), options.value("state"), options.value("peer")}, kAll, total);
  if (!rows) return report(context, rows.error());
  if (!is_json(context)) {
    std::vector<std::vector<Cell>> cells;
    for (const TunnelRow& row : *rows)
      cells.push_back({row.name, row.role, state_cell(row.state), row.local, row.remote,
                       std::to_string(row.sessions)});
    return print_table(context,
                       {
                           {"name",     "NAME"    },
                           {"role",     "ROLE"    },
                           {"state",    "STATE"   },
                           {"local",    "LOCAL"   },
                           {"peer",     "PEER"    },
                           {"sessions", "SESSIONS"}
    },
                       cells);
  }
  auto array = Json::array();
  for (const TunnelRow& row : *rows) {
    const auto text = client.describe_tunnel(row.name);
    if (!text) continue;  // it went meanwhile
    const auto tunnel = parse_json(*text);
    Json entry;
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
    entry["last_error"] = error != tunnel.end() ? *error : Json(nullptr);
    array.push_back(std::move(entry));
  }
  print_json(context, array);
  return ExitCode::ok;
}

ExitCode tunnel_show(Context& context, Client& client) {
  return show_object(context, client.describe_tunnel(context.options.words.front()));
}

ExitCode session_list(Context& context, Client& client) {
  const Options& options = context.options;
  std::uint32_t total = 0;
  const auto rows = client.sessions({options.value("tunnel"), options.value("user"),
                                     options.value("iface"), options.value("state")},
                                    kAll, total);
  if (!rows) return report(context, rows.error());
  if (!is_json(context)) {
    return session_table(context, *rows);
  }
  auto array = Json::array();
  for (const SessionRow& row : *rows) array.push_back(session_json(row));
  print_json(context, array);
  return ExitCode::ok;
}

ExitCode session_show(Context& context, Client& client) {
  const auto session = session_name(context.options.words.front());
  return show_object(context, client.describe_session(session->tunnel, session->id));
}

}  // namespace l2tpm::ctl
