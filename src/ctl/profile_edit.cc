// Profiles as texts: in the person's editor, and compared.
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>

#include "base/fd.h"
#include "ctl/handlers.h"
#include "ctl/pointer.h"

namespace l2tpm::ctl {
namespace {

// A file that only we can read, gone with the object.
class Draft {
 public:
  Draft() {
    const char* runtime = std::getenv("XDG_RUNTIME_DIR");
    const std::string directory = runtime && *runtime == '/' ? runtime : "/tmp";
    path_ = directory + "/l2tpctl-XXXXXX.json";
    fd_ = UniqueFd(::mkostemps(path_.data(), 5, O_CLOEXEC));
  }
  ~Draft() {
    if (fd_) ::unlink(path_.c_str());
  }
  Draft(const Draft&) = delete;
  Draft& operator=(const Draft&) = delete;
  bool ok() const { return static_cast<bool>(fd_); }
  const std::string& path() const { return path_; }
  bool write(const std::string& text) {
    return ::write(fd_.get(), text.data(), text.size()) == static_cast<ssize_t>(text.size());
  }

 private:
  std::string path_;
  UniqueFd fd_;
};

// $VISUAL and $EDITOR may have arguments, so a shell takes them apart; the file is a word of its
// own.
bool edit(const std::string& path) {
  const char* editor = std::getenv("VISUAL");
  if (!editor || !*editor) editor = std::getenv("EDITOR");
  if (!editor || !*editor) editor = "vi";
  const std::string command = std::string(editor) + " \"$1\"";
  const pid_t pid = ::fork();
  if (pid < 0) return false;
  if (pid == 0) {
    ::execl("/bin/sh", "sh", "-c", command.c_str(), "sh", path.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

// The object in a file, which may have comments.
Result<Json, std::string> read_profile(const std::string& path) {
  std::ostringstream text;
  if (path == "-") {
    text << std::cin.rdbuf();
  } else {
    std::ifstream file(path);
    if (!file) return Unexpected(path + ": " + std::strerror(errno));
    text << file.rdbuf();
  }
  try {
    Json json = Json::parse(text.str(), nullptr, true, true);
    if (!json.is_object()) return Unexpected(path + " is no JSON object");
    return json;
  } catch (const Json::exception& error) {
    return Unexpected(path + ": " + error.what());
  }
}

bool wants_another_try(Context& context) {
  if (!context.terminal.in) return false;
  context.err << "Edit it again? [Y/n] " << std::flush;
  std::string answer;
  return std::getline(std::cin, answer) && (answer.empty() || answer[0] == 'y' || answer[0] == 'Y');
}

}  // namespace

ExitCode profile_edit(Context& context, Client& client) {
  const std::string& name = context.options.words.front();
  const auto text = client.profile(name);
  if (!text) return report(context, text.error());
  const Json before = parse_json(*text);
  Draft draft;
  if (!draft.ok() ||
      !draft.write(before.dump(2, ' ', false, Json::error_handler_t::replace) + "\n"))
    return fail(context, draft.path() + ": " + std::strerror(errno));
  const Writing how{context.options.has("runtime"), !context.options.has("no-apply"), false};
  for (;;) {
    if (!edit(draft.path())) return fail(context, "the editor failed; nothing was changed");
    // Not through our descriptor: editors like to put a new file in the old one's place.
    const auto after = read_profile(draft.path());
    ExitCode code = ExitCode::failure;
    if (!after) {
      fail(context, after.error());
    } else {
      const Json patch = merge_patch(before, *after);
      if (patch.empty()) {
        context.err << "nothing was changed\n";
        return ExitCode::ok;
      }
      const auto diagnostics = client.patch_profile(name, one_line(patch), how);
      code =
          diagnostics ? report(context, name, *diagnostics) : report(context, diagnostics.error());
      if (code == ExitCode::ok || code == ExitCode::refused) return code;
    }
    if (!wants_another_try(context)) return code;
  }
}

// The profile as the daemon has it against its file, or another.
ExitCode profile_diff(Context& context, Client& client) {
  const std::vector<std::string>& words = context.options.words;
  const auto text = client.profile(words.front());
  if (!text) return report(context, text.error());
  std::string path = words.size() > 1 ? words[1] : "";
  if (path.empty()) {
    const auto profiles = client.profiles();
    if (!profiles) return report(context, profiles.error());
    for (const ProfileRow& profile : *profiles)
      if (profile.name == words.front()) path = profile.path;
    if (path.empty()) return fail(context, words.front() + " is in no file");
  }
  const auto file = read_profile(path);
  if (!file) return fail(context, file.error());
  const auto lines = differences(*file, parse_json(*text));
  if (is_json(context)) {
    print_json(context, merge_patch(*file, parse_json(*text)));
    return ExitCode::ok;
  }
  for (const std::string& line : lines)
    context.print.line(
        context.print.paint(clean(line), line.front() == '-' ? Colour::red : Colour::green));
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
