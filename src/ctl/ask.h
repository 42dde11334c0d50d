// Secrets from the terminal without echo, or from a file.
#pragma once

#include <string>

#include "base/result.h"
#include "base/secret.h"

namespace l2tpm::ctl {

// Asks on the controlling terminal. Fails where there is none, at Ctrl-C and at Ctrl-D on an empty
// line; `stop_fd` (-1: none) readable ends the question as well. The error is a sentence.
Result<Secret, std::string> ask_secret(const std::string& prompt, int stop_fd = -1);

// The first line of a file, at most 4096 octets; "-" is standard input.
Result<Secret, std::string> read_secret(const std::string& path);

}  // namespace l2tpm::ctl
