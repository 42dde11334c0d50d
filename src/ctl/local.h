// The commands that do without the daemon, one function each; local_commands.cc says which is
// which.
#pragma once

#include "ctl/context.h"

namespace l2tpm::ctl {

ExitCode version(Context& context);  // asks the daemon for its own, if it runs
ExitCode kernel_show(Context& context);
ExitCode kernel_monitor(Context& context);

// offline_profile.cc
ExitCode profile_new(Context& context);
ExitCode check_config(Context& context);

// transfer.cc
ExitCode import_xl2tpd(Context& context);
ExitCode import_nm(Context& context);
ExitCode import_ip_l2tp(Context& context);
ExitCode export_profile(Context& context);

ExitCode run_doctor(Context& context);
ExitCode completion(Context& context);

}  // namespace l2tpm::ctl
