// nm-l2tp-manager-auth-dialog: what nmcli, nm-applet and GNOME Shell run when a VPN's secrets are
// to be asked for. It has no window: it tells them what to ask.
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <string>
#include <vector>

#include "nm/dialog.h"

namespace {

using namespace l2tpm;  // NOLINT: this is the program

// Up to DONE, or the end: callers leave the pipe open behind it.
std::string read_input() {
  std::string text;
  text.reserve(nm::kMaxDialogInput);  // a reallocation would leave secrets behind
  const auto is_done = [&] {
    return text.starts_with("DONE\n") || text.find("\nDONE\n") != std::string::npos;
  };
  while (text.size() < nm::kMaxDialogInput && !is_done()) {
    char buffer[4096];
    const std::size_t room = std::min(sizeof buffer, nm::kMaxDialogInput - text.size());
    const ssize_t count = ::read(STDIN_FILENO, buffer, room);
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) break;
    text.append(buffer, static_cast<std::size_t>(count));
    wipe({reinterpret_cast<std::uint8_t*>(buffer), static_cast<std::size_t>(count)});
  }
  return text;
}

bool write_all(std::string_view text) {
  while (!text.empty()) {
    const ssize_t count = ::write(STDOUT_FILENO, text.data(), text.size());
    if (count < 0 && errno == EINTR) continue;
    if (count <= 0) return false;
    text.remove_prefix(static_cast<std::size_t>(count));
  }
  return true;
}

}  // namespace

int main(int argc, char** argv) {
  const auto options = nm::parse_dialog_options({argv + 1, argv + argc});
  if (!options) {
    std::fprintf(stderr, "nm-l2tp-manager-auth-dialog: %s\n", options.error().c_str());
    return 2;
  }
  if (!options->external_ui) {
    std::fputs("nm-l2tp-manager-auth-dialog: there is no window; --external-ui-mode is needed\n",
               stderr);
    return 1;
  }
  std::string text = read_input();
  std::string answer = nm::dialog_answer(*options, nm::parse_dialog_input(text));
  wipe(text);
  const bool written = write_all(answer);
  wipe(answer);
  return written ? 0 : 1;
}
