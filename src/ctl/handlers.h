// The commands that talk to the daemon, one function each; daemon_commands.cc says which is which.
#pragma once

#include "ctl/context.h"

namespace l2tpm::ctl {

// status.cc
ExitCode status(Context& context, Client& client);

// lists.cc
ExitCode tunnel_list(Context& context, Client& client);
ExitCode tunnel_show(Context& context, Client& client);
ExitCode session_list(Context& context, Client& client);
ExitCode session_show(Context& context, Client& client);

// steer.cc
ExitCode up(Context& context, Client& client);
ExitCode down(Context& context, Client& client);
ExitCode session_close(Context& context, Client& client);
ExitCode reload(Context& context, Client& client);

}  // namespace l2tpm::ctl
