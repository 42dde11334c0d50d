// l2tpctl(1) has every command with every option: the table of commands is the measure.
#include <gtest/gtest.h>

#include <fstream>
#include <map>
#include <sstream>

#include "ctl/command.h"
#include "support/source_dir.h"

namespace l2tpm::ctl {
namespace {

// The page's lines without what roff makes bold or cursive.
std::vector<std::string> page() {
  std::ifstream file(test::in_source_tree("docs/man/l2tpctl.1"));
  std::vector<std::string> lines;
  for (std::string line; std::getline(file, line);) {
    std::string plain;
    for (std::size_t at = 0; at < line.size(); ++at) {
      if (line.compare(at, 2, "\\f") == 0) {
        at += 2;
      } else if (line.compare(at, 2, "\\-") == 0) {
        plain += '-';
        ++at;
      } else if (line[at] != '"') {
        plain += line[at];
      }
    }
    lines.push_back(plain);
  }
  return lines;
}

bool begins(const std::string& text, std::string_view with) {
  return text.compare(0, with.size(), with) == 0 &&
         (text.size() == with.size() || text[with.size()] == ' ');
}

// The heading behind ".TP" and the lines until the next command's, for each command.
std::map<std::string, std::string> sections() {
  std::map<std::string, std::string> all;
  std::string* current = nullptr;
  bool is_heading = false;
  int depth = 0;
  for (const std::string& line : page()) {
    if (line == ".RS") ++depth;
    if (line == ".RE") --depth;
    if (line.rfind(".S", 0) == 0) current = nullptr;
    if (is_heading && depth == 0) {
      const std::string words = line.substr(std::min(line.find(' '), line.size() - 1) + 1);
      std::string_view best;
      for (const Command& command : commands())
        if (begins(words, command.path) && command.path.size() > best.size()) best = command.path;
      current = best.empty() ? nullptr : &all[std::string(best)];
    }
    if (current) *current += line + "\n";
    is_heading = line == ".TP";
  }
  return all;
}

// The option itself, not the beginning of a longer one.
bool has_option(const std::string& text, std::string_view key) {
  const std::string option = "--" + std::string(key);
  for (auto at = text.find(option); at != std::string::npos; at = text.find(option, at + 1)) {
    const auto next = at + option.size();
    if (next == text.size() || (text[next] != '-' && (text[next] < 'a' || text[next] > 'z')))
      return true;
  }
  return false;
}

TEST(ManPage, HasEveryCommandWithItsOptions) {
  const auto all = sections();
  for (const Command& command : commands()) {
    const auto found = all.find(std::string(command.path));
    ASSERT_NE(found, all.end()) << command.path << " has no paragraph of its own";
    for (const Option& option : command.options)
      EXPECT_TRUE(has_option(found->second, option.key()))
          << command.path << " lacks --" << option.key();
    for (const Argument& argument : command.arguments)
      for (const std::string_view choice : argument.choices)
        EXPECT_NE(found->second.find(choice), std::string::npos)
            << command.path << " lacks " << choice;
  }
}

TEST(ManPage, HasTheGlobalOptions) {
  std::string text;
  for (const std::string& line : page()) text += line + "\n";
  const std::string options = text.substr(text.find(".SH OPTIONS"));
  for (const Option& option : global_options())
    EXPECT_TRUE(has_option(options, option.key())) << option.key();
}

}  // namespace
}  // namespace l2tpm::ctl
