#include "ctl/completion.h"

#include <signal.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>

#include "ctl/client.h"
#include "ctl/format.h"
#include "ctl/local.h"
#include "ctl/options.h"

namespace l2tpm::ctl {
namespace {

constexpr unsigned kPatience = 2;  // seconds; a shell waits for it

using Candidates = std::vector<Candidate>;

bool begins(std::string_view word, std::string_view start) {
  return word.substr(0, start.size()) == start;
}

// "-s,--statistics": the names one by one.
std::vector<std::string_view> names_of(const Option& option) {
  std::vector<std::string_view> names;
  std::string_view rest = option.names;
  while (true) {
    const auto comma = rest.find(',');
    names.push_back(rest.substr(0, comma));
    if (comma == std::string_view::npos) return names;
    rest.remove_prefix(comma + 1);
  }
}

class Completer {
 public:
  Completer(const std::vector<std::string>& words, const Names& names)
      : words_(words), current_(words.empty() ? std::string() : words.back()), names_(names) {}

  Candidates run() {
    const Option* pending = read_words();
    if (pending != nullptr)
      values(pending->completes, pending->choices);
    else if (only_arguments_)
      argument();
    else if (begins(current_, "-"))
      options();
    else if (command_ == nullptr)
      commands_after(group_);
    else
      argument();
    Candidates fitting;
    for (Candidate& candidate : found_)
      if (candidate.word == kFile || begins(candidate.word, current_))
        fitting.push_back(std::move(candidate));
    return fitting;
  }

 private:
  static constexpr std::string_view kFile = ":file";

  // The words before the current one; returns the option whose value the current one is.
  const Option* read_words() {
    for (std::size_t i = 0; i + 1 < words_.size(); ++i) {
      const std::string& word = words_[i];
      if (only_arguments_) {
        ++arguments_;
      } else if (word == "--") {
        only_arguments_ = true;
      } else if (word.size() > 1 && word[0] == '-') {
        const Option* option = find_option(word);
        const bool takes_next = option != nullptr && !option->is_flag() &&
                                !option->has_optional_value() &&
                                word.find('=') == std::string::npos;
        if (!takes_next) continue;
        if (i + 2 == words_.size()) return option;
        ++i;
      } else {
        command_word(word);
      }
    }
    // "--option=VAL" and what is before the '=' is done with.
    const auto equals = current_.find('=');
    if (only_arguments_ || !begins(current_, "--") || equals == std::string::npos) return nullptr;
    const Option* option = find_option(current_);
    current_ = current_.substr(equals + 1);
    static const Option kNone{"--none", "NONE", ""};
    return option == nullptr ? &kNone : option;
  }

  void command_word(const std::string& word) {
    if (command_ != nullptr) {
      ++arguments_;
      return;
    }
    // As the command line does: shortened words count.
    std::vector<std::string> path;
    if (group_ != nullptr) path.emplace_back(group_->word);
    path.push_back(word);
    const auto resolved = resolve(path);
    if (!resolved) return;
    if (group_ == nullptr && resolved->group != nullptr)
      group_ = resolved->group;
    else
      command_ = resolved->command;
  }

  const Option* find_option(const std::string& word) const {
    const std::string name = word.substr(0, word.find('='));
    const auto search = [&](const std::vector<Option>& list) -> const Option* {
      for (const Option& option : list)
        for (const std::string_view one : names_of(option))
          if (one == name) return &option;
      return nullptr;
    };
    if (const Option* option = command_ != nullptr ? search(command_->options) : nullptr)
      return option;
    return search(global_options());
  }

  void options() {
    const auto add = [&](const std::vector<Option>& list) {
      for (const Option& option : list)
        for (const std::string_view name : names_of(option))
          if (begins(name, "--") || current_ == "-")
            found_.push_back({std::string(name), std::string(option.help)});
    };
    if (command_ != nullptr) add(command_->options);
    add(global_options());
  }

  void commands_after(const Group* group) {
    for (const Command& command : commands()) {
      if (group != nullptr) {
        if (command.first_word() == group->word)
          found_.push_back({std::string(command.second_word()), std::string(command.help)});
      } else if (const Group* own = find_group(command.first_word()); own != nullptr) {
        if (found_.empty() || found_.back().word != own->word)
          found_.push_back({std::string(own->word), std::string(own->help)});
      } else {
        found_.push_back({std::string(command.path), std::string(command.help)});
      }
    }
  }

  void argument() {
    if (command_ == nullptr || command_->arguments.empty()) return;
    const std::size_t last = command_->arguments.size() - 1;
    const Argument& argument = command_->arguments[std::min(arguments_, last)];
    const bool many = argument.count == Count::some || argument.count == Count::any;
    if (arguments_ > last && !many) return;
    values(argument.completes, argument.choices);
  }

  void values(Completes completes, const std::vector<std::string_view>& choices) {
    switch (completes) {
      case Completes::nothing:
        break;
      case Completes::choice:
        for (const std::string_view choice : choices) found_.push_back({std::string(choice), {}});
        break;
      case Completes::file:
        found_.push_back({std::string(kFile), {}});
        break;
      case Completes::tunnel:
      case Completes::session:
      case Completes::profile:
      case Completes::listener:
        found_ = names_(completes);
        break;
    }
  }

  const std::vector<std::string>& words_;
  std::string current_;
  const Names& names_;
  const Group* group_ = nullptr;
  const Command* command_ = nullptr;
  std::size_t arguments_ = 0;
  bool only_arguments_ = false;
  Candidates found_;
};

Candidates names_of_daemon(Completes completes) {
  Candidates candidates;
  auto client = Client::connect("");
  if (!client) return candidates;
  constexpr std::uint32_t kMost = 1000;  // more help nobody
  std::uint32_t total = 0;
  if (completes == Completes::session) {
    if (const auto rows = client->sessions({}, kMost, total))
      for (const SessionRow& row : *rows)
        candidates.push_back({row.tunnel + "/" + std::to_string(row.id), row.user});
  } else if (completes == Completes::tunnel) {
    if (const auto rows = client->tunnels({}, kMost, total))
      for (const TunnelRow& row : *rows) candidates.push_back({row.name, row.state});
  } else if (const auto rows = client->profiles()) {
    for (const ProfileRow& row : *rows)
      if (completes == Completes::profile || row.kind == "listener")
        candidates.push_back({row.name, row.kind});
  }
  return candidates;
}

extern "C" void give_up(int) { ::_exit(0); }

}  // namespace

Candidates complete_words(const std::vector<std::string>& words, const Names& names) {
  return Completer(words, names).run();
}

int run_complete(const std::vector<std::string>& words, std::ostream& out) {
  struct sigaction action {};
  action.sa_handler = give_up;
  ::sigaction(SIGALRM, &action, nullptr);
  ::alarm(kPatience);
  for (const Candidate& candidate : complete_words(words, names_of_daemon))
    out << clean(candidate.word) << (candidate.help.empty() ? "" : "\t") << clean(candidate.help)
        << '\n';
  return 0;
}

ExitCode completion(Context& context) {
  context.out << completion_script(context.options.words.front());
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
