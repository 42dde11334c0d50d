// The command line: words may be shortened as long as they stay unambiguous (l2tpctl tu sh work).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace l2tpm::ctl {

enum class Command : std::uint8_t {
  status,
  tunnel_list,
  tunnel_show,
  session_list,
  session_show,
  session_close,
  up,
  down,
  reload,
  version
};

struct SessionName {
  std::string tunnel;
  std::uint32_t id = 0;
};

struct Options {
  Command command = Command::status;
  bool json = false;
  bool no_color = false;
  std::string bus;                           // "": the system bus
  std::optional<std::chrono::seconds> wait;  // nullopt: return at once
  std::vector<std::string> names;
  std::vector<SessionName> sessions;
  // Filters of the lists; "": all.
  std::string profile, state, peer, tunnel, user, interface;
};

// The help that was asked for (goes to stdout, exit 0) or what is wrong (stderr, exit 2).
struct NotRun {
  bool is_help = false;
  std::string text;
};

Result<Options, NotRun> parse(const std::vector<std::string>& args);

// The first words of `args` completed to commands: {"tu", "sh"} becomes {"tunnel", "show"}. Text of
// the error when a word is ambiguous; an unknown one is left for the parser to refuse.
Result<std::vector<std::string>, std::string> complete_commands(std::vector<std::string> args);

}  // namespace l2tpm::ctl
