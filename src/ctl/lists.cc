// The lists, and all about one of what they have.
#include "ctl/handlers.h"
#include "ctl/lines.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {
namespace {

// As the daemon's filter for tunnels.
bool is_wanted(const Json& tunnel, const Options& options) {
  const std::string& state = options.value("state");
  const std::string& peer = options.value("peer");
  return (state.empty() || text_of(tunnel, "state") == state) &&
         (peer.empty() || is_endpoint(text_of(tunnel, "remote"), peer) ||
          text_of(tunnel, "peer_host_name") == peer);
}

}  // namespace
ExitCode tunnel_list(Context& context, Client& client) {
  const Options& options = context.options;
  if (is_json(context)) {
    // One answer for all of them, with every detail; a name for each would be a call for each.
    const auto lines = dump(client, "state",
                            {
                                {"profile", options.value("profile")}
    });
    if (!lines) return report(context, lines.error());
    auto array = Json::array();
    for (Json line : *lines) {
      if (text_of(line, "kind") != "tunnel" || !is_wanted(line, options)) continue;
      line.erase("kind");
      array.push_back(std::move(line));
    }
    print_json(context, array);
    return ExitCode::ok;
  }
  std::uint32_t total = 0;
  const auto rows = client.tunnels(
      {options.value("profile"), options.value("state"), options.value("peer")}, kAll, total);
  if (!rows) return report(context, rows.error());
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
