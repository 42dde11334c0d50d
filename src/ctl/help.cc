#include "ctl/help.h"

#include <algorithm>

namespace l2tpm::ctl {
namespace {

using Row = std::pair<std::string, std::string>;

std::string rows(const std::vector<Row>& all) {
  constexpr std::size_t kWidest = 34;  // a longer one has its text on the next line
  std::size_t width = 0;
  for (const auto& [left, right] : all)
    if (left.size() <= kWidest) width = std::max(width, left.size());
  std::string text;
  for (const auto& [left, right] : all) {
    text += "  " + left;
    if (left.size() > width)
      text += "\n  " + std::string(width, ' ');
    else
      text += std::string(width - left.size(), ' ');
    text += "  " + right + "\n";
  }
  return text;
}

std::string left_of(const Option& option) {
  std::string text(option.names);
  if (const auto comma = text.find(','); comma != std::string::npos) text.insert(comma + 1, " ");
  if (option.names.substr(0, 2) == "--") text.insert(0, "    ");
  if (option.has_optional_value()) return text + std::string(option.value);
  return option.is_flag() ? text : text + " " + std::string(option.value);
}

std::string options_text(const std::vector<Option>& options) {
  std::vector<Row> all;
  for (const Option& option : options) all.emplace_back(left_of(option), option.help);
  return rows(all);
}

std::string with_arguments(std::string_view name, const Command& command) {
  const std::string arguments = arguments_of(command);
  return std::string(name) + (arguments.empty() ? "" : " " + arguments);
}

}  // namespace

std::string arguments_of(const Command& command) {
  std::string text;
  for (const Argument& argument : command.arguments) {
    std::string name(argument.name);
    if (argument.count == Count::some || argument.count == Count::any) name += "...";
    if (argument.count == Count::optional || argument.count == Count::any) name = "[" + name + "]";
    text += (text.empty() ? "" : " ") + name;
  }
  return text;
}

std::string usage_of(const Command& command) {
  return "Usage: l2tpctl " + with_arguments(command.path, command) +
         (command.options.empty() ? "" : " [OPTIONS]") + "\n";
}

std::string help() {
  std::string text =
      "Shows and steers l2tp-manager, the L2TP daemon.\n"
      "Usage: l2tpctl [OPTIONS] [COMMAND]\n\nCommands:\n";
  std::vector<Row> all;
  const Group* previous = nullptr;
  for (const Command& command : commands()) {
    const Group* group = find_group(command.first_word());
    if (!group) {
      all.emplace_back(with_arguments(command.path, command), command.help);
    } else if (group != previous) {
      std::string words;
      for (const Command& other : commands())
        if (other.first_word() == group->word)
          words += (words.empty() ? " " : "|") + std::string(other.second_word());
      all.emplace_back(std::string(group->word) + words, group->help);
    }
    previous = group;
  }
  return text + rows(all) + "\nOptions, before or after the command:\n" +
         options_text(global_options()) +
         "\nCommands may be shortened while they stay unambiguous. l2tpctl COMMAND --help says "
         "more.\n";
}

std::string help_of(const Group& group) {
  std::vector<Row> all;
  for (const Command& command : commands())
    if (command.first_word() == group.word)
      all.emplace_back(with_arguments(command.second_word(), command), command.help);
  return std::string(group.help) + ".\nUsage: l2tpctl " + std::string(group.word) +
         " COMMAND\n\nCommands:\n" + rows(all);
}

std::string help_of(const Command& command) {
  std::string text = std::string(command.help) + ".\n" + usage_of(command);
  if (!command.options.empty()) text += "\nOptions:\n" + options_text(command.options);
  return text + "\nOptions of every command:\n" + options_text(global_options());
}

}  // namespace l2tpm::ctl
