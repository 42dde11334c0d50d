#include "ctl/command.h"

#include <algorithm>

namespace l2tpm::ctl {

const std::vector<Group>& groups() {
  static const std::vector<Group> kGroups{
      {"tunnel",   "Tunnels",                                       "list"},
      {"session",  "Sessions",                                      "list"},
      {"listener", "Listeners: what makes us an LNS",               "list"},
      {"profile",  "Profiles",                                      "list"},
      {"kernel",   "The kernel itself, with or without the daemon", "show"},
      {"import",   "Profiles from other programs' files",           ""    },
  };
  return kGroups;
}

const std::vector<Option>& global_options() {
  static const std::vector<Option> kOptions{
      {"-j,--json",
       "[=pretty|short]",                                                "Print JSON; short is one line",
       Completes::choice,
       {"pretty", "short"}},
      {"-t,--terse",                                            "",                                            "Tables without header and colour, fields separated by \":\""                                                                                       },
      {"-f,--fields", "COLUMNS","The columns of tables, separated by commas"},
      {"-w,--wait",
       "SECS",                                                             "How long to wait for what was asked for; default 60",
       Completes::nothing,
       {},
       {0, 86400}},
      {"--no-color",         "",                                               "No colour, as with NO_COLOR set"                                                                                                                       },
      {"--bus",                                                              "ADDRESS",                                                   "The bus the daemon is on; default: the system bus"                                                                                               },
      {"-h,--help",                                                              "",                                                        "Help on l2tpctl or on a command"},
  };
  return kOptions;
}

const std::vector<Command>& commands() {
  static const std::vector<Command> kCommands = [] {
    std::vector<Command> all = daemon_commands();
    for (Command& command : local_commands()) {
      // Behind the rows of its group, so that the group stays together.
      const auto last = std::find_if(all.rbegin(), all.rend(), [&](const Command& other) {
        return !command.second_word().empty() && other.first_word() == command.first_word();
      });
      all.insert(last == all.rend() ? all.end() : last.base(), std::move(command));
    }
    return all;
  }();
  return kCommands;
}

const Command* find_command(std::string_view path) {
  for (const Command& command : commands())
    if (command.path == path) return &command;
  return nullptr;
}

const Group* find_group(std::string_view word) {
  for (const Group& group : groups())
    if (group.word == word) return &group;
  return nullptr;
}

}  // namespace l2tpm::ctl
