// What every command of l2tpctl works with.
#pragma once

#include <iosfwd>
#include <string>
#include <vector>

#include "ctl/client.h"
#include "ctl/format.h"
#include "ctl/json.h"
#include "ctl/options.h"
#include "ctl/run.h"

namespace l2tpm::ctl {

struct Context {
  const Options& options;
  std::ostream& out;
  std::ostream& err;
  Terminal terminal;
  Printer print;       // to out
  bool show_progress;  // err is a terminal and nobody parses
};

// Says what went wrong and returns the exit code for it.
ExitCode report(Context& context, const ClientError& error);
// What is wrong with the command line, found by a command itself.
ExitCode usage(Context& context, const std::string& text);

// Any other failure, in a sentence.
ExitCode fail(Context& context, const std::string& text);
// Errors, warnings and hints about a profile, to err. The exit code is failure if one is an error.
ExitCode report(Context& context, const std::string& profile,
                const std::vector<Diagnostic>& diagnostics);

bool has_error(const std::vector<Diagnostic>& diagnostics);
Json diagnostics_json(const std::vector<Diagnostic>& diagnostics);

// With one trailing newline, in the style that was asked for.
void print_json(Context& context, const Json& json);

// What the daemon says about an object: as JSON, or "key: value" lines.
ExitCode show_object(Context& context, const Answer<std::string>& text);

// A table with the columns that -f asks for, as -t asks for (all of them, for a script). The exit
// code is ok, or usage when a column has no such name. Nothing is printed without a row.
ExitCode print_table(Context& context, const std::vector<Column>& columns,
                     const std::vector<std::vector<Cell>>& rows);

// Seconds since a CLOCK_REALTIME time in microseconds, and until one; "" for 0.
std::string since(std::uint64_t microseconds);
std::string until(std::uint64_t microseconds);

inline bool is_json(const Context& context) { return context.options.json != JsonStyle::off; }

// Does it for every name and returns the first failure.
template <typename Names, typename Act>
ExitCode for_each(const Names& names, Act act) {
  ExitCode first = ExitCode::ok;
  for (const auto& each : names)
    if (const ExitCode code = act(each); first == ExitCode::ok) first = code;
  return first;
}

}  // namespace l2tpm::ctl
