// The rows of commands that do without the daemon.
#include "ctl/command.h"
#include "ctl/local.h"

namespace l2tpm::ctl {
namespace {

std::vector<Option> kernel_options(const Option& own) {
  return {
      own,
      {"--ours",    "",       "Only l2tp-manager's"                     },
      {"--foreign", "",       "Only others'"                            },
      {"--tunnel",  "TUNNEL", "Only one, by its id or the daemon's name", Completes::tunnel},
      {"--iface",           "INTERFACE",           "Only the session on a network interface"                               },
      {"--peer",           "ADDRESS",            "Only those to a peer"   }
  };
}

}  // namespace

std::vector<Command> local_commands() {
  std::vector<Option> show = kernel_options({"-s,--statistics", "", "With counters"});
  std::vector<Option> monitor = kernel_options({"--initial", "", "Begin with what there is"});
  monitor.push_back({
      "--interval",
      "SECS",
      "Look at least this often; default 1",
      Completes::nothing,
      {    },
      { 1, 3600}
  });
  return {
      {"kernel show",    "The kernel's tunnels, whoever made them", {}, std::move(show), kernel_show},
      {"kernel monitor",
       "What comes and goes in the kernel",                         {},
       std::move(monitor),
       kernel_monitor                                                                               },
      {"version",        "This program's version and the daemon's", {}, {},              version    },
  };
}

}  // namespace l2tpm::ctl
