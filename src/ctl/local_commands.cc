// The rows of commands that do without the daemon.
#include "ctl/command.h"
#include "ctl/local.h"

namespace l2tpm::ctl {

std::vector<Command> local_commands() {
  return {
      {"version", "This program's version and the daemon's", {}, {}, version},
  };
}

}  // namespace l2tpm::ctl
