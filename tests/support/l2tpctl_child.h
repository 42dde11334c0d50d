// l2tpctl in a process and on a terminal of its own. A process with threads must not go on in the
// child of its fork (a lock of malloc's may be held), so the child is this program anew, told by
// its environment to be l2tpctl and nothing else.
#pragma once

#include <gtest/gtest.h>
#include <pty.h>
#include <unistd.h>

#include <cstdlib>
#include <iostream>
#include <sstream>
#include <string>
#include <vector>

#include "ctl/run.h"

namespace l2tpm::test {

inline constexpr const char* kArgumentsVariable = "L2TPM_TEST_L2TPCTL";  // a line each

// Before the first test, and instead of them in such a child.
class BeL2tpctl : public ::testing::Environment {
 public:
  void SetUp() override {
    const char* const lines = std::getenv(kArgumentsVariable);
    if (lines == nullptr) return;
    std::vector<std::string> arguments;
    std::istringstream in(lines);
    for (std::string line; std::getline(in, line);) arguments.push_back(line);
    ctl::Terminal terminal;
    terminal.in = true;
    const int status = ctl::run(arguments, std::cout, std::cerr, terminal);
    std::cout.flush();
    ::_exit(status);
  }
};

// Its process id; -1 when there is none. `master`: the terminal's other end.
inline pid_t l2tpctl_on_a_terminal(int& master, const std::vector<std::string>& arguments) {
  std::string lines = std::string(kArgumentsVariable) + "=";
  for (const std::string& argument : arguments) lines += argument + "\n";
  std::vector<char*> environment;
  for (char** each = environ; *each != nullptr; ++each) environment.push_back(*each);
  environment.push_back(lines.data());
  environment.push_back(nullptr);
  std::string name = "l2tpctl";
  char* const words[] = {name.data(), nullptr};
  const pid_t pid = ::forkpty(&master, nullptr, nullptr, nullptr);
  if (pid == 0) {
    ::execve("/proc/self/exe", words, environment.data());
    ::_exit(127);
  }
  return pid;
}

}  // namespace l2tpm::test
