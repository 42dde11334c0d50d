// What --help shows, from the table of commands.
#pragma once

#include <string>

#include "ctl/command.h"

namespace l2tpm::ctl {

std::string help();
std::string help_of(const Group& group);
std::string help_of(const Command& command);

// "Usage: l2tpctl tunnel show NAME", one line.
std::string usage_of(const Command& command);
// "[NAME...]"; empty for a command without arguments.
std::string arguments_of(const Command& command);

}  // namespace l2tpm::ctl
