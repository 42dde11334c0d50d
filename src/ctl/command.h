// What l2tpctl can do, as a table: parsing, prefix completion, help, the shells' completion and the
// man page's test all read these rows, so that none of them can forget a command or an option.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "ctl/run.h"

namespace l2tpm::ctl {

struct Context;
class Client;

// What a shell offers where a word is expected.
enum class Completes : std::uint8_t {
  nothing,
  tunnel,
  session,   // TUNNEL/ID
  profile,   // any kind
  listener,  // profiles that listen
  file,
  choice,  // one of `choices`
};

enum class Count : std::uint8_t { one, optional, some /* one or more */, any };

// A word after the command. Only the last of a command may be anything but `one`.
struct Argument {
  std::string_view name;  // as help shows it: "NAME"
  Count count = Count::one;
  Completes completes = Completes::nothing;
  std::vector<std::string_view> choices = {};
};

// Inclusive; without it any text is taken.
struct Range {
  int least = 0;
  int most = 0;
};

struct Option {
  std::string_view names;  // "--state" or "-w,--wait": the last is the long one
  std::string_view value;  // "SECS"; "" for a flag; "[=WORD]" for a flag that may have one
  std::string_view help;
  Completes completes = Completes::nothing;
  std::vector<std::string_view> choices = {};  // of an optional value, too
  Range range = {};
  bool repeats = false;

  bool is_flag() const { return value.empty(); }
  bool has_optional_value() const { return !value.empty() && value.front() == '['; }
  // "wait" of "-w,--wait".
  std::string_view key() const { return names.substr(names.rfind("--") + 2); }
};

// A function that needs the daemon gets it connected; if there is none, it is not called.
struct Handler {
  // Implicit: a row names a function. NOLINTNEXTLINE(google-explicit-constructor)
  Handler(ExitCode (*function)(Context&)) : local(function) {}
  // NOLINTNEXTLINE(google-explicit-constructor)
  Handler(ExitCode (*function)(Context&, Client&)) : with_daemon(function) {}
  ExitCode (*local)(Context&) = nullptr;
  ExitCode (*with_daemon)(Context&, Client&) = nullptr;
};

struct Command {
  std::string_view path;  // one or two words: "tunnel list"
  std::string_view help;  // one line
  std::vector<Argument> arguments;
  std::vector<Option> options;
  Handler handler;

  std::string_view first_word() const { return path.substr(0, path.find(' ')); }
  std::string_view second_word() const {
    const auto space = path.find(' ');
    return space == std::string_view::npos ? std::string_view{} : path.substr(space + 1);
  }
};

// A first word that is followed by a second one.
struct Group {
  std::string_view word;
  std::string_view help;
  std::string_view fallback;  // the second word if none is given; "" where one is needed
};

// Rows that talk to the daemon (daemon_commands.cc) and rows that do without (local_commands.cc).
std::vector<Command> daemon_commands();
std::vector<Command> local_commands();

// All of them, in the order of help: commands of one group stand together.
const std::vector<Command>& commands();
const std::vector<Group>& groups();
// Those that every command takes, -h and --help among them.
const std::vector<Option>& global_options();

// nullptr if there is none.
const Command* find_command(std::string_view path);
const Group* find_group(std::string_view word);

}  // namespace l2tpm::ctl
