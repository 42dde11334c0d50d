// What a shell may offer, from the table of commands.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/command.h"

namespace l2tpm::ctl {

struct Candidate {
  std::string word;
  std::string help;  // one line; may be empty
  friend bool operator==(const Candidate&, const Candidate&) = default;
};

// The names that exist now: of tunnels, sessions, profiles, listeners.
using Names = std::function<std::vector<Candidate>(Completes)>;

// What the last of `words` may become; the words before it are complete, the program's name is not
// among them. {":file", ""} stands for file names.
std::vector<Candidate> complete_words(const std::vector<std::string>& words, const Names& names);

// The script for "bash", "zsh" or "fish"; "" for another shell.
std::string_view completion_script(std::string_view shell);

// `l2tpctl __complete WORD...`: prints candidates, one per line, and takes no longer than a moment.
int run_complete(const std::vector<std::string>& words, std::ostream& out);

}  // namespace l2tpm::ctl
