// Listeners: what makes us an LNS.
#include "ctl/handlers.h"
#include "ctl/lines.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {

ExitCode listener_list(Context& context, Client& client) {
  const auto lines = dump(client, "state");
  if (!lines) return report(context, lines.error());
  auto array = Json::array();
  std::vector<std::vector<Cell>> rows;
  for (Json line : *lines) {
    if (text_of(line, "kind") != "listener") continue;
    rows.push_back({text_of(line, "name"), state_cell(text_of(line, "state")),
                    std::to_string(number_of(line, "tunnels")),
                    std::to_string(number_of(line, "sessions")),
                    std::to_string(number_of(line, "half_open")), text_of(line, "problem")});
    line.erase("kind");
    array.push_back(std::move(line));
  }
  if (is_json(context)) {
    print_json(context, array);
    return ExitCode::ok;
  }
  return print_table(context,
                     {
                         {"name",      "NAME"     },
                         {"state",     "STATE"    },
                         {"tunnels",   "TUNNELS"  },
                         {"sessions",  "SESSIONS" },
                         {"half-open", "HALF-OPEN"},
                         {"problem",   "PROBLEM"  }
  },
                     rows);
}

ExitCode listener_show(Context& context, Client& client) {
  return show_object(context, client.describe_listener(context.options.words.front()));
}

ExitCode listener_drain(Context& context, Client& client) {
  // "drain NAME off": the last word may say which way.
  std::vector<std::string> names = context.options.words;
  bool draining = true;
  if (!names.empty() && (names.back() == "on" || names.back() == "off")) {
    draining = names.back() == "on";
    names.pop_back();
  }
  const bool all = context.options.has("all");
  if (names.empty() != all)
    return usage(context,
                 all ? "either names or --all" : "which listener? --all drains the daemon");
  if (all) names = {""};
  return for_each(names, [&](const std::string& name) {
    const auto done = client.set_draining(name, draining);
    return done ? ExitCode::ok : report(context, done.error());
  });
}

}  // namespace l2tpm::ctl
