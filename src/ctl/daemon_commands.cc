// The rows of commands that talk to the daemon.
#include "ctl/command.h"
#include "ctl/handlers.h"

namespace l2tpm::ctl {
namespace {

const Argument kTunnel{"NAME", Count::one, Completes::tunnel};
const Argument kTunnels{"NAME", Count::some, Completes::tunnel};
const Argument kProfile{"NAME", Count::one, Completes::profile};
const Argument kProfiles{"PROFILE", Count::some, Completes::profile};
const Argument kListener{"NAME", Count::one, Completes::listener};
const Argument kSession{"TUNNEL/ID", Count::one, Completes::session};
const Argument kSessions{"TUNNEL/ID", Count::some, Completes::session};

const Option kNoWait{"--no-wait", "", "Return at once"};
const Option kAsk{"--ask", "", "Ask on the terminal for a password that is missing or refused"};
const Option kPasswordFile{"--password-file", "FILE",
                           "The password is the first line of FILE; - is standard input",
                           Completes::file};
const Option kState{"--state", "STATE", "Only those in a state"};
const Option kOfProfile{"--profile", "PROFILE", "Only those of a profile", Completes::profile};
const Option kOfTunnel{"--tunnel", "TUNNEL", "Only those in a tunnel", Completes::tunnel};
const Option kOfUser{"--user", "USER", "Only those of a user"};
const Option kRuntime{"--runtime", "", "Only until the next boot"};
const Option kNoApply{"--no-apply", "", "Write it, and leave what runs as it is"};

Option repeated(Option option) {
  option.repeats = true;
  return option;
}

Option number(std::string_view names, std::string_view value, std::string_view help, Range range) {
  return {names, value, help, Completes::nothing, {}, range};
}

std::vector<Command> running() {
  return {
      {"status",
       "The daemon, or one tunnel with its last error and a hint",    {{"NAME", Count::optional, Completes::tunnel}},
       {},
       status                                                                                                                 },
      {"why",
       "What went wrong with a peer, in plain words, and what to do", {{"PEER", Count::one, Completes::tunnel}},
       {{"--all", "", "All that the daemon remembers, not only the last three"}},
       why                                                                                                                    },
      {"up",
       "Start profiles and wait until they carry a session",          {kProfiles},
       {kNoWait, kAsk, kPasswordFile},
       up                                                                                                                     },
      {"down",    "End all that profiles have",                       {kProfiles},                                    {}, down},
      {"connect",
       "Dial a peer that is in no profile; Ctrl-C ends it",           {{"PEER"}},
       {{"--user", "USER", "Our name"},
        kPasswordFile,
        {"--ask", "", "Ask for the password on the terminal"},
        {"--secret-file", "FILE", "The tunnel secret is the first line of FILE", Completes::file},
        {"--mppe", "MODE", "Encryption of PPP", Completes::choice, {"off", "prefer", "require"}},
        {"--default-route", "", "Send everything through it"},
        repeated({"--route", "PREFIX", "Send a network through it; may be repeated"}),
        {"--interface", "NAME", "The network interface's name"},
        {"--name", "NAME", "The tunnel's name; default: connect"},
        {"--once", "", "Do not dial again when it is lost"},
        repeated({"--set", "POINTER=VALUE",
                  "Any value of a profile, as in \"profile set\"; may be repeated"})},
       connect                                                                                                                },
  };
}

std::vector<Command> objects() {
  return {
      {"tunnel list",
       "One line each",                                                           {},
       {kOfProfile, kState, {"--peer", "ADDRESS", "Only those to a peer"}},
       tunnel_list                                                                                                                                                          },
      {"tunnel show",    "All about one",                                         {kTunnel},                                   {},                             tunnel_show  },
      {"tunnel start",   "As \"up\"",                                             {kProfiles},                                 {kNoWait, kAsk, kPasswordFile}, up           },
      {"tunnel stop",    "As \"down\"",                                           {kProfiles},                                 {},                             down         },
      {"tunnel restart",
       "Hang up and dial again at once",                                          {kProfiles},
       {kNoWait, kAsk, kPasswordFile},
       tunnel_restart                                                                                                                                                       },
      {"tunnel ping",    "Send HELLO and wait for its acknowledgement",           {kTunnels},                                  {},                             tunnel_ping  },

      {"session list",
       "One line each",                                                           {},
       {kOfTunnel,
        kOfUser,
        {"--iface", "INTERFACE", "Only the one on a network interface"},
        kState},
       session_list                                                                                                                                                         },
      {"session show",   "All about one",                                         {kSession},                                  {},                             session_show },
      {"session close",
       "End sessions; their tunnels stay",                                        {kSessions},
       {{"--reason", "TEXT", "What the peer is told"}},
       session_close                                                                                                                                                        },

      {"listener list",  "One line each",                                         {},                                          {},                             listener_list},
      {"listener show",  "All about one",                                         {kListener},                                 {},                             listener_show},
      {"listener drain",
       "No new tunnels and sessions, or with \"off\" again; what is there stays", {{"NAME", Count::any, Completes::listener}},
       {{"--all", "", "All listeners, those to come as well"}},
       listener_drain                                                                                                                                                       },
  };
}

std::vector<Command> configuration() {
  return {
      {"profile list",    "One line each",                                {},                                                     {},                   profile_list},
      {"profile show",    "The profile as the daemon has it",             {kProfile},                                             {},                   profile_show},
      {"profile set",
       "Set values by JSON pointer, such as /ppp/mru=1400; null removes", {kProfile, {"/POINTER=VALUE", Count::any}},
       {repeated({"--ask", "/POINTER", "Ask for a secret value on the terminal; may be repeated"}),
        kRuntime, kNoApply},
       profile_set                                                                                                                                                  },
      {"profile edit",    "Change it in $EDITOR",                         {kProfile},                                             {kRuntime, kNoApply}, profile_edit},
      {"profile diff",
       "What the daemon has that its file, or FILE, does not",            {kProfile, {"FILE", Count::optional, Completes::file}},
       {},
       profile_diff                                                                                                                                                 },
      {"profile enable",
       "Start it with the daemon",                                        {kProfiles},
       {kRuntime, kNoApply},
       profile_enable                                                                                                                                               },
      {"profile disable",
       "Start it on demand only",                                         {kProfiles},
       {kRuntime, kNoApply},
       profile_disable                                                                                                                                              },
      {"profile rm",
       "Remove profiles",                                                 {kProfiles},
       {{"--stop", "", "End what runs of them as well"}},
       profile_rm                                                                                                                                                   },
      {"reload",          "Read the configuration again",                 {},                                                     {},                   reload      },
  };
}

std::vector<Command> looking() {
  return {
      {"stats",
       "Counters of the daemon, its listeners and tunnels, or of one object", {{"NAME", Count::optional, Completes::tunnel}},
       {number("--rates", "SECS", "Measure for so long and add rates", {1, 3600}),
        {"--sessions", "", "Sessions, too"}},
       stats     },
      {"top",
       "The sessions that move most; q quits",                                {},
       {number("--interval", "SECS", "Look so often; default 2", {1, 3600}),
        number("--count", "N", "So many sessions at most", {1, 100000})},
       top       },
      {"monitor",
       "Show what happens, until Ctrl-C",                                     {{"NAME", Count::optional, Completes::tunnel}},
       {repeated({"--events", "KIND,...",
                  "Only these: tunnel, session, profile, reload, daemon, listener",
                  Completes::choice}),
        {"--packets", "", "Control messages and PPP frames, too"},
        number("--count", "N", "End after so many", {1, 1'000'000'000})},
       monitor   },
      {"trace",
       "Decoded control messages and PPP frames of a tunnel or session",      {{"NAME", Count::one, Completes::tunnel}},
       {{"--pcap", "FILE", "Write them for Wireshark, too; - is standard output", Completes::file},
        {"--details", "", "All fields, one to a line"},
        number("--count", "N", "End after so many", {1, 1'000'000'000})},
       trace     },
      {"dump",
       "Everything of a kind as JSON lines",                                  {{"KIND",
         Count::one,
         Completes::choice,
         {"state", "sessions", "statistics", "config", "failures"}}},
       {kOfProfile,
        kOfTunnel,
        kOfUser,
        {"--peer", "PEER", "Only those of a peer"},
        number("--limit", "N", "So many lines at most", {1, 1'000'000'000})},
       dump_lines},
      {"log-level",
       "Show or set how much the daemon logs",                                {{"LEVEL",
         Count::optional,
         Completes::choice,
         {"error", "warning", "notice", "info", "debug"}}},
       {},
       log_level },
  };
}

}  // namespace

std::vector<Command> daemon_commands() {
  std::vector<Command> all;
  for (auto part : {running(), objects(), configuration(), looking()})
    for (Command& command : part) all.push_back(std::move(command));
  return all;
}

}  // namespace l2tpm::ctl
