#include <unistd.h>

#include <iostream>

#include "ctl/run.h"

int main(int argc, char** argv) {
  std::ios::sync_with_stdio(false);
  return l2tpm::ctl::run(
      {argv + 1, argv + argc}, std::cout, std::cerr,
      {::isatty(STDIN_FILENO) == 1, ::isatty(STDOUT_FILENO) == 1, ::isatty(STDERR_FILENO) == 1});
}
