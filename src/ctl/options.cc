#include "ctl/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>

#include "ctl/help.h"

namespace l2tpm::ctl {
namespace {

using Words = std::vector<std::string>;

bool names(const Option& option, const std::string& word) {
  return word.compare(0, 2, "--") == 0
             ? word.substr(2, word.find('=') - 2) == option.key()
             : option.names[1] != '-' && word.find(option.names[1], 1) != std::string::npos;
}

// The option that a word names: a global one, or the first of any command. Of "-jw" the last letter
// counts: it is the one that may be followed by a value.
const Option* option_of(const std::string& word) {
  const std::string last = word.compare(0, 2, "--") == 0 ? word : std::string{'-', word.back()};
  for (const Option& option : global_options())
    if (names(option, last)) return &option;
  for (const Command& command : commands())
    for (const Option& option : command.options)
      if (names(option, last)) return &option;
  return nullptr;
}

// The one of `candidates` that `word` is or begins; "" if none. The error names several.
Result<std::string, std::string> complete(const std::string& word, const Words& candidates) {
  Words fitting;
  for (const std::string& candidate : candidates) {
    if (candidate == word) return word;
    if (candidate.compare(0, word.size(), word) == 0) fitting.push_back(candidate);
  }
  if (fitting.empty()) return std::string();
  if (fitting.size() == 1) return fitting.front();
  std::string text = "\"" + word + "\" is ambiguous:";
  for (const std::string& candidate : fitting) text += " " + candidate;
  return Unexpected(std::move(text));
}

Words words_after(std::string_view first) {
  Words words;
  for (const Command& command : commands()) {
    if (!first.empty() && command.first_word() != first) continue;
    const std::string word(first.empty() ? command.first_word() : command.second_word());
    if (words.empty() || words.back() != word) words.push_back(word);
  }
  return words;
}

const Command* fallback_of(const Group* group) {
  if (!group) return find_command("status");
  if (group->fallback.empty()) return nullptr;
  return find_command(std::string(group->word) + " " + std::string(group->fallback));
}

// One command's options on a flat CLI11 parser.
class Parser {
 public:
  explicit Parser(const Command& command) : command_(command), app_("", "l2tpctl") {
    app_.set_help_flag();  // --help is a flag like others here: the text is help.cc's
    for (const Option& option : global_options()) add(option);
    for (const Option& option : command.options) add(option);
    if (!command.arguments.empty()) app_.add_option("WORD", words_);
  }

  Result<Options, NotRun> parse(Words args) {
    std::reverse(args.begin(), args.end());  // CLI11 takes them from the back
    // Asked for help, nobody wants to hear what is missing.
    if (std::any_of(args.begin(), args.end(),
                    [](const std::string& word) { return word == "-h" || word == "--help"; }))
      return Unexpected(NotRun{true, help_of(command_)});
    try {
      app_.parse(args);
    } catch (const CLI::ParseError& error) {
      return Unexpected(NotRun{false, std::string(error.what()) + "\n" + usage_of(command_)});
    }
    Options options;
    options.command = &command_;
    for (const auto& [option, key] : options_)
      if (option->count() > 0) options.set(key, option->results());
    if (std::string problem = check_words(); !problem.empty())
      return Unexpected(NotRun{false, problem + "\n" + usage_of(command_)});
    options.words = words_;
    return options;
  }

 private:
  // What is wrong with the words behind the command; "" if nothing is.
  std::string check_words() const {
    const auto& arguments = command_.arguments;
    const auto many = [](const Argument& argument) {
      return argument.count == Count::some || argument.count == Count::any;
    };
    for (std::size_t i = words_.size(); i < arguments.size(); ++i)
      if (arguments[i].count == Count::one || arguments[i].count == Count::some)
        return std::string(arguments[i].name) + " is missing";
    for (std::size_t i = 0; i < words_.size(); ++i) {
      if (i >= arguments.size() && !many(arguments.back()))
        return "\"" + words_[i] + "\" is too much";
      const Argument& argument = arguments[std::min(i, arguments.size() - 1)];
      const auto& choices = argument.choices;
      if (!choices.empty() && std::find(choices.begin(), choices.end(), words_[i]) == choices.end())
        return "\"" + words_[i] + "\" is no " + std::string(argument.name);
      if (argument.completes == Completes::session && !session_name(words_[i]))
        return "\"" + words_[i] + "\" is not TUNNEL/ID, for example work/4711";
    }
    return {};
  }

  void add(const Option& option) {
    const std::string names(option.names);
    CLI::Option* added = nullptr;
    if (option.is_flag() || option.has_optional_value())
      added = app_.add_flag(names);
    else
      added = app_.add_option(names);
    if (option.repeats)
      added->take_all()->allow_extra_args(false);
    else if (option.is_flag())
      added->multi_option_policy(CLI::MultiOptionPolicy::TakeLast);
    if (option.range.least != option.range.most)
      added->check(CLI::Range(option.range.least, option.range.most));
    if (!option.choices.empty()) {
      Words choices(option.choices.begin(), option.choices.end());
      if (option.has_optional_value()) choices.emplace_back("true");  // CLI11's for none
      added->check(CLI::IsMember(std::move(choices)));
    }
    options_.emplace_back(added, option.key());
  }

  const Command& command_;
  CLI::App app_;
  std::vector<std::pair<CLI::Option*, std::string_view>> options_;
  Words words_;
};

Words split(const std::string& text, char separator) {
  Words parts;
  std::size_t begin = 0;
  while (begin <= text.size()) {
    const auto end = std::min(text.find(separator, begin), text.size());
    if (end > begin) parts.push_back(text.substr(begin, end - begin));
    begin = end + 1;
  }
  return parts;
}

}  // namespace

std::optional<SessionName> session_name(const std::string& text) {
  const auto slash = text.rfind('/');
  if (slash == std::string::npos || slash == 0) return std::nullopt;
  SessionName result{text.substr(0, slash), 0};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, result.id);
  if (error != std::errc() || stop != end || result.id == 0) return std::nullopt;
  return result;
}

const std::vector<std::string>& Options::all(std::string_view key) const {
  static const Words kNone;
  const auto found = values_.find(key);
  return found == values_.end() ? kNone : found->second;
}

const std::string& Options::value(std::string_view key) const {
  static const std::string kNone;
  const Words& given = all(key);
  return given.empty() ? kNone : given.back();
}

std::optional<int> Options::number(std::string_view key) const {
  const std::string& text = value(key);
  int result = 0;
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), result);
  if (text.empty() || error != std::errc() || stop != text.data() + text.size())
    return std::nullopt;
  return result;
}

void Options::set(std::string_view key, std::vector<std::string> values) {
  values_[std::string(key)] = std::move(values);
}

Result<Resolved, std::string> resolve(const std::vector<std::string>& args) {
  Resolved resolved;
  std::string_view first;
  bool is_help = false;
  std::size_t at = 0;
  for (; at < args.size(); ++at) {
    const std::string& word = args[at];
    if (word == "--") break;
    if (word.size() > 1 && word[0] == '-') {
      const Option* option = option_of(word);
      if (!option) break;
      is_help = is_help || word == "-h" || word == "--help";
      resolved.rest.push_back(word);
      const bool needs_none = option->is_flag() || option->has_optional_value() ||
                              (word[1] == '-' && word.find('=') != std::string::npos);
      if (!needs_none && at + 1 < args.size()) resolved.rest.push_back(args[++at]);
      continue;
    }
    const Words candidates = words_after(first);
    auto full = complete(word, candidates);
    if (!full) return Unexpected(std::move(full.error()));
    if (full->empty()) {
      std::string text = "\"" + word + "\" is no command";
      if (!first.empty()) text += " of \"" + std::string(first) + "\"";
      text += ", these are:";
      for (const std::string& candidate : candidates) text += " " + candidate;
      return Unexpected(std::move(text));
    }
    if (!first.empty()) {
      resolved.command = find_command(std::string(first) + " " + *full);
    } else if (const Group* group = find_group(*full)) {
      resolved.group = group;
      first = group->word;
      continue;
    } else {
      resolved.command = find_command(*full);
    }
    ++at;
    break;
  }
  resolved.rest.insert(resolved.rest.end(), args.begin() + static_cast<std::ptrdiff_t>(at),
                       args.end());
  if (!resolved.command && !is_help) resolved.command = fallback_of(resolved.group);
  return resolved;
}

Result<Options, NotRun> parse(const std::vector<std::string>& args) {
  auto resolved = resolve(args);
  if (!resolved) return Unexpected(NotRun{false, resolved.error() + "\n"});
  if (!resolved->command) {
    if (!resolved->group) return Unexpected(NotRun{true, help()});
    const auto& rest = resolved->rest;
    const bool is_help = std::any_of(rest.begin(), rest.end(), [](const std::string& word) {
      return word == "-h" || word == "--help";
    });
    return Unexpected(NotRun{is_help, help_of(*resolved->group)});
  }
  auto options = Parser(*resolved->command).parse(std::move(resolved->rest));
  if (!options) return options;
  if (options->has("json"))
    options->json = options->value("json") == "short" ? JsonStyle::one_line : JsonStyle::pretty;
  options->terse = options->has("terse");
  options->no_color = options->has("no-color");
  options->fields = split(options->value("fields"), ',');
  options->bus = options->value("bus");
  if (const auto wait = options->number("wait")) options->wait = std::chrono::seconds(*wait);
  return options;
}

}  // namespace l2tpm::ctl
