// The rows of commands that talk to the daemon.
#include "ctl/command.h"
#include "ctl/handlers.h"

namespace l2tpm::ctl {
namespace {

const Argument kTunnel{"NAME", Count::one, Completes::tunnel};
const Argument kProfiles{"PROFILE", Count::some, Completes::profile};
const Argument kSession{"TUNNEL/ID", Count::one, Completes::session};
const Argument kSessions{"TUNNEL/ID", Count::some, Completes::session};
const Option kNoWait{"--no-wait", "", "Return at once"};
const Option kState{"--state", "STATE", "Only those in a state"};

}  // namespace

std::vector<Command> daemon_commands() {
  return {
      {"status",
       "The daemon, or one tunnel with its last error and a hint",            {{"NAME", Count::optional, Completes::tunnel}},
       {},
       status                                                                                                                                         },
      {"up",            "Start profiles and wait until they carry a session", {kProfiles},                                    {kNoWait}, up           },
      {"down",          "End all that profiles have",                         {kProfiles},                                    {},        down         },

      {"tunnel list",
       "One line each",                                                       {},
       {{"--profile", "PROFILE", "Only those of a profile", Completes::profile},
        kState,
        {"--peer", "ADDRESS", "Only those to a peer"}},
       tunnel_list                                                                                                                                    },
      {"tunnel show",   "All about one",                                      {kTunnel},                                      {},        tunnel_show  },
      {"tunnel start",  "As \"up\"",                                          {kProfiles},                                    {kNoWait}, up           },
      {"tunnel stop",   "As \"down\"",                                        {kProfiles},                                    {},        down         },

      {"session list",
       "One line each",                                                       {},
       {{"--tunnel", "TUNNEL", "Only those in a tunnel", Completes::tunnel},
        {"--user", "USER", "Only those of a user"},
        {"--iface", "INTERFACE", "Only the one on a network interface"},
        kState},
       session_list                                                                                                                                   },
      {"session show",  "All about one",                                      {kSession},                                     {},        session_show },
      {"session close", "End sessions; their tunnels stay",                   {kSessions},                                    {},        session_close},

      {"reload",        "Read the configuration again",                       {},                                             {},        reload       },
  };
}

}  // namespace l2tpm::ctl
