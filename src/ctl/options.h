// The command line against the table of commands: words may be shortened as long as they stay
// unambiguous (l2tpctl tu sh work).
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "ctl/command.h"

namespace l2tpm::ctl {

enum class JsonStyle : std::uint8_t { off, pretty, one_line };

struct SessionName {
  std::string tunnel;
  std::uint32_t id = 0;
};
// "work/4711"; nullopt if it is none.
std::optional<SessionName> session_name(const std::string& text);

// A command line that was understood.
struct Options {
  const Command* command = nullptr;
  JsonStyle json = JsonStyle::off;
  bool terse = false;
  bool no_color = false;
  std::vector<std::string> fields;  // of tables; empty: all
  std::string bus;                  // "": the system bus
  std::chrono::seconds wait{60};
  std::vector<std::string> words;  // the command's arguments, at least as many as it requires

  // Options of the command by their long name without dashes; "" when not given.
  const std::string& value(std::string_view key) const;
  const std::vector<std::string>& all(std::string_view key) const;  // of one that repeats
  bool has(std::string_view key) const { return values_.find(key) != values_.end(); }
  // Of an option with a range.
  std::optional<int> number(std::string_view key) const;
  void set(std::string_view key, std::vector<std::string> values);

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

// The help that was asked for (goes to stdout, exit 0) or what is wrong (stderr, exit 2).
struct NotRun {
  bool is_help = false;
  std::string text;
};

Result<Options, NotRun> parse(const std::vector<std::string>& args);

// Where the words of `args` lead.
struct Resolved {
  const Command* command = nullptr;  // nullptr: help of `group`, or of everything
  const Group* group = nullptr;
  std::vector<std::string> rest;  // what is not part of the command's name
};
// {"tu", "sh", "work"} is "tunnel show" with the rest {"work"}. Without a word it is status, a
// group alone its fallback. The error is what is wrong with a word.
Result<Resolved, std::string> resolve(const std::vector<std::string>& args);

}  // namespace l2tpm::ctl
