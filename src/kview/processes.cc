#include <dirent.h>
#include <fcntl.h>
#include <fmt/core.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <memory>
#include <set>
#include <string_view>

#include "base/fd.h"
#include "kview/source.h"

namespace l2tpm::kview {
namespace {

struct CloseDirectory {
  void operator()(DIR* directory) const { closedir(directory); }
};
using Directory = std::unique_ptr<DIR, CloseDirectory>;

template <typename T>
bool number(std::string_view text, T& out) {
  const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), out);
  return !text.empty() && error == std::errc() && stop == text.data() + text.size();
}

std::string command_name(int process_directory) {
  const UniqueFd fd(openat(process_directory, "comm", O_RDONLY | O_CLOEXEC));
  std::array<char, 64> text{};
  const ssize_t got = fd ? ::read(fd.get(), text.data(), text.size()) : 0;
  std::string_view name(text.data(), static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  return std::string(name.substr(0, name.find('\n')));
}

// In the first PID namespace, whose number is the kernel's (PROC_PID_INIT_INO).
bool sees_all_processes() {
  constexpr std::string_view kFirst = "pid:[4026531836]";
  std::array<char, 64> target{};
  const ssize_t length = readlink("/proc/self/ns/pid", target.data(), target.size());
  return length > 0 && std::string_view(target.data(), static_cast<std::size_t>(length)) == kFirst;
}

}  // namespace

Holders socket_holders(const std::vector<std::uint64_t>& inodes) {
  Holders holders;
  holders.complete = sees_all_processes();
  const std::set<std::uint64_t> wanted(inodes.begin(), inodes.end());
  const Directory proc(opendir("/proc"));
  while (const dirent* entry = proc ? readdir(proc.get()) : nullptr) {
    Process process;
    if (!number(std::string_view(entry->d_name), process.pid)) continue;
    const UniqueFd directory(
        openat(dirfd(proc.get()), entry->d_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC));
    const int list =
        directory ? openat(directory.get(), "fd", O_RDONLY | O_DIRECTORY | O_CLOEXEC) : -1;
    if (list < 0) {
      // A process that has just ended is no loss.
      if (errno != ENOENT && errno != ESRCH) holders.complete = false;
      continue;
    }
    const Directory descriptors(fdopendir(list));
    std::set<std::uint64_t> held;
    while (const dirent* fd = descriptors ? readdir(descriptors.get()) : nullptr) {
      std::array<char, 64> target{};
      const ssize_t length = readlinkat(list, fd->d_name, target.data(), target.size());
      constexpr std::string_view kSocket = "socket:[";
      if (length <= static_cast<ssize_t>(kSocket.size())) continue;
      std::string_view text(target.data(), static_cast<std::size_t>(length));
      if (text.substr(0, kSocket.size()) != kSocket || text.back() != ']') continue;
      text = text.substr(kSocket.size(), text.size() - kSocket.size() - 1);
      if (std::uint64_t inode = 0; number(text, inode) && wanted.contains(inode))
        held.insert(inode);
    }
    if (held.empty()) continue;
    process.name = command_name(directory.get());
    for (const std::uint64_t inode : held) holders.of[inode].push_back(process);
  }
  return holders;
}

}  // namespace l2tpm::kview
