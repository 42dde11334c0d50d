#include "ctl/options.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <charconv>
#include <map>
#include <sstream>

namespace l2tpm::ctl {
namespace {

constexpr std::chrono::seconds kDefaultWait{60};
constexpr int kLongestWait = 24 * 3600;

using Words = std::vector<std::string>;

// What l2tpctl knows, for completion; parse() builds the same tree.
const std::map<std::string, Words>& command_tree() {
  static const std::map<std::string, Words> tree{
      {"status",  {}                               },
      {"tunnel",  {"list", "show", "start", "stop"}},
      {"session", {"list", "show", "close"}        },
      {"up",      {}                               },
      {"down",    {}                               },
      {"reload",  {}                               },
      {"version", {}                               },
  };
  return tree;
}

bool takes_value(const std::string& option) {
  static const Words with_value{"--bus",  "--wait",   "--state", "--profile",
                                "--peer", "--tunnel", "--user",  "--iface"};
  if (option.size() > 2 && option[1] == '-')
    return std::find(with_value.begin(), with_value.end(), option) != with_value.end();
  return option.back() == 'w';  // -w, -jw
}

// Sets `word` to the one candidate that it begins; "" or what is wrong.
std::string complete(std::string& word, const Words& candidates) {
  Words fitting;
  for (const std::string& candidate : candidates) {
    if (candidate == word) return {};
    if (candidate.compare(0, word.size(), word) == 0) fitting.push_back(candidate);
  }
  if (fitting.size() == 1) word = fitting.front();
  if (fitting.size() < 2) return {};
  std::string text = "\"" + word + "\" is ambiguous:";
  for (const std::string& candidate : fitting) text += " " + candidate;
  return text;
}

std::optional<SessionName> session_name(const std::string& text) {
  const auto slash = text.rfind('/');
  if (slash == std::string::npos || slash == 0) return std::nullopt;
  SessionName result{text.substr(0, slash), 0};
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + slash + 1, end, result.id);
  if (error != std::errc() || stop != end || result.id == 0) return std::nullopt;
  return result;
}

// The tree of commands around the Options that it fills.
class Parser {
 public:
  Parser() : app_("Shows and steers l2tp-manager, the L2TP daemon.", "l2tpctl") {
    app_.fallthrough();
    app_.require_subcommand(0, 1);
    app_.add_flag("-j,--json", options_.json, "Print JSON");
    app_.add_option("--bus", options_.bus, "The bus the daemon is on; default: the system bus")
        ->type_name("ADDRESS");
    app_.add_option("-w,--wait", wait_, "How long \"up\" waits; default 60")
        ->type_name("SECS")
        ->check(CLI::Range(0, kLongestWait));
    app_.add_flag("--no-wait", no_wait_, "\"up\" returns at once");
    app_.add_flag("--no-color", options_.no_color, "No colour, as with NO_COLOR set");

    auto* status =
        command(app_, "status", "The daemon, or one tunnel with its last error", Command::status);
    status->add_option("NAME", options_.names, "Tunnel or profile");

    auto* tunnel = command(app_, "tunnel", "Tunnels", Command::tunnel_list);
    tunnel->require_subcommand(0, 1);
    auto* tunnels = command(*tunnel, "list", "One line each", Command::tunnel_list);
    tunnels->add_option("--profile", options_.profile, "Only those of a profile");
    tunnels->add_option("--state", options_.state, "Only those in a state");
    tunnels->add_option("--peer", options_.peer, "Only those to a peer");
    names(*command(*tunnel, "show", "All about one", Command::tunnel_show), "NAME", 1);
    names(*command(*tunnel, "start", "As \"up\"", Command::up), "PROFILE", -1);
    names(*command(*tunnel, "stop", "As \"down\"", Command::down), "PROFILE", -1);

    auto* session = command(app_, "session", "Sessions", Command::session_list);
    session->require_subcommand(0, 1);
    auto* sessions = command(*session, "list", "One line each", Command::session_list);
    sessions->add_option("--tunnel", options_.tunnel, "Only those in a tunnel");
    sessions->add_option("--user", options_.user, "Only those of a user");
    sessions->add_option("--iface", options_.interface, "Only the one on a network interface");
    sessions->add_option("--state", options_.state, "Only those in a state");
    names(*command(*session, "show", "All about one", Command::session_show), "TUNNEL/ID", 1);
    names(*command(*session, "close", "End it", Command::session_close), "TUNNEL/ID", -1);

    names(*command(app_, "up", "Start profiles and wait until they carry a session", Command::up),
          "PROFILE", -1);
    names(*command(app_, "down", "End all that profiles have", Command::down), "PROFILE", -1);
    command(app_, "reload", "Read the configuration again", Command::reload);
    command(app_, "version", "This program's version and the daemon's", Command::version);
  }

  Result<Options, NotRun> parse(Words args) {
    std::reverse(args.begin(), args.end());  // CLI11 takes them from the back
    try {
      app_.parse(args);
    } catch (const CLI::ParseError& error) {
      std::ostringstream out;
      std::ostringstream err;
      const bool is_help = app_.exit(error, out, err) == 0;
      return Unexpected(NotRun{is_help, is_help ? out.str() : err.str()});
    }
    if (!no_wait_) options_.wait = wait_ ? std::chrono::seconds(*wait_) : kDefaultWait;
    if (options_.command == Command::status && options_.names.size() > 1)
      return Unexpected(NotRun{false, "status takes one name\n"});
    if (options_.command == Command::session_show || options_.command == Command::session_close) {
      for (const std::string& name : options_.names) {
        const auto parsed = session_name(name);
        if (!parsed)
          return Unexpected(
              NotRun{false, "\"" + name + "\" is not TUNNEL/ID, for example work/4711\n"});
        options_.sessions.push_back(*parsed);
      }
    }
    return options_;
  }

 private:
  CLI::App* command(CLI::App& parent, const char* word, const char* help, Command which) {
    CLI::App* child = parent.add_subcommand(word, help);
    child->fallthrough();
    // A parent is parsed before its child, which so has the last word.
    child->preparse_callback([this, which](std::size_t) { options_.command = which; });
    return child;
  }
  // count -1: one or more.
  void names(CLI::App& parent, const char* label, int count) {
    parent.add_option(label, options_.names)->required()->expected(count);
  }

  Options options_;
  std::optional<int> wait_;
  bool no_wait_ = false;
  CLI::App app_;
};

}  // namespace

Result<std::vector<std::string>, std::string> complete_commands(std::vector<std::string> args) {
  const auto& tree = command_tree();
  Words candidates;
  for (const auto& [word, children] : tree) candidates.push_back(word);
  for (std::size_t at = 0; at < args.size(); ++at) {
    if (args[at] == "--") break;
    if (args[at].size() > 1 && args[at][0] == '-') {
      if (takes_value(args[at])) ++at;
      continue;
    }
    if (std::string problem = complete(args[at], candidates); !problem.empty())
      return Unexpected(std::move(problem));
    const auto found = tree.find(args[at]);
    if (found == tree.end() || found->second.empty()) break;
    candidates = found->second;
  }
  return args;
}

Result<Options, NotRun> parse(const std::vector<std::string>& args) {
  auto completed = complete_commands(args);
  if (!completed) return Unexpected(NotRun{false, completed.error() + "\n"});
  return Parser().parse(std::move(*completed));
}

}  // namespace l2tpm::ctl
