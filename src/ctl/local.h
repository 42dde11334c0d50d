// The commands that do without the daemon, one function each; local_commands.cc says which is
// which.
#pragma once

#include "ctl/context.h"

namespace l2tpm::ctl {

ExitCode version(Context& context);  // asks the daemon for its own, if it runs
ExitCode kernel_show(Context& context);
ExitCode kernel_monitor(Context& context);

}  // namespace l2tpm::ctl
