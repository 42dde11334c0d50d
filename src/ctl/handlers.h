// The commands that talk to the daemon, one function each; daemon_commands.cc says which is which.
#pragma once

#include "ctl/context.h"

namespace l2tpm::ctl {

// status.cc, why.cc
ExitCode status(Context& context, Client& client);
ExitCode why(Context& context, Client& client);

// lists.cc
ExitCode tunnel_list(Context& context, Client& client);
ExitCode tunnel_show(Context& context, Client& client);
ExitCode session_list(Context& context, Client& client);
ExitCode session_show(Context& context, Client& client);

// steer.cc
ExitCode up(Context& context, Client& client);
ExitCode down(Context& context, Client& client);
ExitCode tunnel_restart(Context& context, Client& client);
ExitCode tunnel_ping(Context& context, Client& client);
ExitCode session_close(Context& context, Client& client);
ExitCode reload(Context& context, Client& client);

// connect.cc
ExitCode connect(Context& context, Client& client);

// listeners.cc
ExitCode listener_list(Context& context, Client& client);
ExitCode listener_show(Context& context, Client& client);
ExitCode listener_drain(Context& context, Client& client);

// profiles.cc, profile_edit.cc
ExitCode profile_list(Context& context, Client& client);
ExitCode profile_show(Context& context, Client& client);
ExitCode profile_set(Context& context, Client& client);
ExitCode profile_enable(Context& context, Client& client);
ExitCode profile_disable(Context& context, Client& client);
ExitCode profile_rm(Context& context, Client& client);
ExitCode profile_edit(Context& context, Client& client);
ExitCode profile_diff(Context& context, Client& client);

// stats.cc, top.cc
ExitCode stats(Context& context, Client& client);
ExitCode top(Context& context, Client& client);

// monitor.cc
ExitCode monitor(Context& context, Client& client);
ExitCode trace(Context& context, Client& client);

// dump.cc
ExitCode dump_lines(Context& context, Client& client);
ExitCode log_level(Context& context, Client& client);

}  // namespace l2tpm::ctl
