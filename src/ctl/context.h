// What every command of l2tpctl works with.
#pragma once

#include <iosfwd>
#include <nlohmann/json.hpp>
#include <string>

#include "ctl/client.h"
#include "ctl/format.h"
#include "ctl/options.h"
#include "ctl/run.h"

namespace l2tpm::ctl {

struct Context {
  const Options& options;
  std::ostream& out;
  std::ostream& err;
  Printer print;       // to out
  bool show_progress;  // err is a terminal
};

// Says what went wrong and returns the exit code for it.
ExitCode report(Context& context, const ClientError& error);

// Pretty, one trailing newline.
void print_json(Context& context, const nlohmann::json& json);

// The daemon's JSON; an empty object if it is none.
nlohmann::json parse_json(const std::string& text);

// Seconds since a CLOCK_REALTIME time in microseconds, and until one; "" for 0.
std::string since(std::uint64_t microseconds);
std::string until(std::uint64_t microseconds);

// "auth-failed by peer: E=691" and the hint for it, from the "last_error" of a described tunnel.
// Both empty when there is none.
struct LastError {
  std::string text;
  std::string hint;
  bool is_definite = false;
};
LastError last_error(const nlohmann::json& tunnel);

// The commands, one function each.
ExitCode status(Context& context, Client& client);
ExitCode tunnel_list(Context& context, Client& client);
ExitCode tunnel_show(Context& context, Client& client);
ExitCode session_list(Context& context, Client& client);
ExitCode session_show(Context& context, Client& client);
ExitCode session_close(Context& context, Client& client);
ExitCode up(Context& context, Client& client);
ExitCode down(Context& context, Client& client);
ExitCode reload(Context& context, Client& client);

}  // namespace l2tpm::ctl
