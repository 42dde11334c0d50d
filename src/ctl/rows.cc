#include "ctl/rows.h"

namespace l2tpm::ctl {

bool is_endpoint(const std::string& endpoint, const std::string& name) {
  std::string address = endpoint.substr(0, endpoint.rfind(':'));
  if (endpoint == name || address == name) return true;
  if (address.size() > 2 && address.front() == '[') address = address.substr(1, address.size() - 2);
  return address == name;
}

Cell state_cell(const std::string& state) { return {state, colour_of_state(state)}; }

Json session_json(const SessionRow& session) {
  return {
      {"tunnel",     session.tunnel    },
      {"id",         session.id        },
      {"peer_id",    session.peer_id   },
      {"pseudowire", session.pseudowire},
      {"state",      session.state     },
      {"interface",  session.interface },
      {"user",       session.user      },
      {"address",    session.address   },
      {"up_since",   session.up_since  }
  };
}

ExitCode session_table(Context& context, const std::vector<SessionRow>& sessions) {
  std::vector<std::vector<Cell>> rows;
  for (const SessionRow& session : sessions)
    rows.push_back({session.tunnel + "/" + std::to_string(session.id), state_cell(session.state),
                    session.interface, session.user, session.address, since(session.up_since),
                    session.pseudowire});
  return print_table(context,
                     {
                         {"session",   "SESSION"  },
                         {"state",     "STATE"    },
                         {"interface", "INTERFACE"},
                         {"user",      "USER"     },
                         {"address",   "ADDRESS"  },
                         {"up",        "UP"       },
                         {"type",      "TYPE"     }
  },
                     rows);
}

}  // namespace l2tpm::ctl
