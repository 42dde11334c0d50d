// l2tpctl as a function: arguments in, text and an exit code out. It is a client of the bus and
// knows the daemon by nothing else.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

namespace l2tpm::ctl {

// Published in l2tpctl(1): scripts rely on the numbers.
enum class ExitCode : int {
  ok = 0,
  failure = 1,
  usage = 2,
  not_running = 3,     // no bus, or the daemon is not on it
  no_such_object = 4,  // profile, tunnel or session
  refused = 5,         // the caller may not
  timeout = 6
};

// What is around the program: colour and progress go to terminals only, questions need one.
struct Terminal {
  bool in = false;
  bool out = false;
  bool err = false;
  int interrupt_fd = -1;  // readable: stop, as at Ctrl-C; -1: SIGINT and SIGTERM say so
};

// `args` without the program's name.
int run(const std::vector<std::string>& args, std::ostream& out, std::ostream& err,
        Terminal terminal = {});

}  // namespace l2tpm::ctl
