#include "ctl/ask.h"

#include <fcntl.h>
#include <poll.h>
#include <termios.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "base/fd.h"

namespace l2tpm::ctl {
namespace {

constexpr std::size_t kLongest = 4096;

// Neither echo nor signals while it exists: Ctrl-C arrives as a character, so that the terminal is
// put right before anything ends.
class Quiet {
 public:
  explicit Quiet(int fd) : fd_(fd) {
    if (::tcgetattr(fd_, &before_) != 0) return;
    termios quiet = before_;
    quiet.c_lflag &= ~static_cast<tcflag_t>(ECHO | ISIG | ICANON);
    quiet.c_cc[VMIN] = 1;
    quiet.c_cc[VTIME] = 0;
    is_changed_ = ::tcsetattr(fd_, TCSAFLUSH, &quiet) == 0;
  }
  ~Quiet() {
    if (is_changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  Quiet(const Quiet&) = delete;
  Quiet& operator=(const Quiet&) = delete;
  bool ok() const { return is_changed_; }

 private:
  int fd_;
  termios before_ = {};
  bool is_changed_ = false;
};

void put(int fd, std::string_view text) {
  [[maybe_unused]] const auto written = ::write(fd, text.data(), text.size());
}

}  // namespace

Result<Secret, std::string> ask_secret(const std::string& prompt, int stop_fd) {
  constexpr char kInterrupt = 3;
  constexpr char kEnd = 4;
  constexpr char kKill = 21;
  constexpr char kDelete = 127;
  const UniqueFd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal) return Unexpected(std::string("there is no terminal to ask on"));
  const Quiet quiet(terminal.get());
  if (!quiet.ok()) return Unexpected(std::string("the terminal cannot be asked without echo"));
  put(terminal.get(), prompt);
  // One buffer that never grows: a reallocation would leave a copy behind.
  std::array<std::uint8_t, kLongest> text;
  std::size_t size = 0;
  std::string problem;
  for (bool is_done = false; !is_done;) {
    pollfd fds[] = {
        {terminal.get(), POLLIN, 0},
        {stop_fd,        POLLIN, 0}
    };
    if (::poll(fds, 2, -1) < 0 && errno != EINTR) problem = "the terminal is gone";
    if (fds[1].revents != 0) problem = "the question is no longer of interest";
    char c = 0;
    if (problem.empty() && fds[0].revents != 0 && ::read(terminal.get(), &c, 1) != 1)
      problem = "the terminal is gone";
    if (c == kInterrupt || (c == kEnd && size == 0)) problem = "canceled";
    is_done = !problem.empty() || c == '\n' || c == '\r' || c == kEnd;
    if (is_done || fds[0].revents == 0) continue;
    if (c == kDelete || c == '\b') {
      if (size > 0) --size;
    } else if (c == kKill) {
      size = 0;
    } else if (size < text.size()) {
      text[size++] = static_cast<std::uint8_t>(c);
    }
  }
  put(terminal.get(), "\n");
  Secret secret{ByteView(text.data(), size)};
  wipe(text);
  if (!problem.empty()) return Unexpected(std::move(problem));
  return secret;
}

Result<Secret, std::string> read_secret(const std::string& path) {
  const UniqueFd file(path == "-" ? ::dup(STDIN_FILENO)
                                  : ::open(path.c_str(), O_RDONLY | O_CLOEXEC | O_NOCTTY));
  if (!file) return Unexpected(path + ": " + std::strerror(errno));
  std::array<std::uint8_t, kLongest> text;
  std::size_t size = 0;
  ssize_t count = 0;
  while (size < text.size() &&
         (count = ::read(file.get(), text.data() + size, text.size() - size)) > 0)
    size += static_cast<std::size_t>(count);
  if (count < 0) return Unexpected(path + ": " + std::strerror(errno));
  const auto* newline = static_cast<std::uint8_t*>(std::memchr(text.data(), '\n', size));
  if (newline) size = static_cast<std::size_t>(newline - text.data());
  Secret secret{ByteView(text.data(), size)};
  wipe(text);
  if (secret.empty()) return Unexpected(path + " has no secret in its first line");
  return secret;
}

}  // namespace l2tpm::ctl
