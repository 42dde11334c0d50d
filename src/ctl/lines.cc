#include "ctl/lines.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>

namespace l2tpm::ctl {
namespace {

constexpr std::size_t kChunk = 64 * 1024;
// Longer than any line that the daemon writes; a line beyond it ends the stream.
constexpr std::size_t kLongest = 4 * 1024 * 1024;

}  // namespace

Lines::Lines(UniqueFd fd) : fd_(std::move(fd)) {
  // A memfd comes with its offset at the end of what was written; a pipe has none.
  if (::lseek(fd_.get(), 0, SEEK_SET) < 0)
    ::fcntl(fd_.get(), F_SETFL, ::fcntl(fd_.get(), F_GETFL) | O_NONBLOCK);
}

std::optional<std::string> Lines::next() {
  for (;;) {
    if (const auto end = line_end(); end != std::string::npos) {
      std::string line = buffer_.substr(begin_, end - begin_);
      begin_ = end + 1;
      return line;
    }
    if (is_over_) return std::nullopt;
    buffer_.erase(0, begin_);
    begin_ = 0;
    std::array<char, kChunk> chunk;
    const ssize_t count = ::read(fd_.get(), chunk.data(), chunk.size());
    if (count < 0 && errno == EINTR) continue;
    if (count < 0 && errno == EAGAIN) return std::nullopt;
    if (count > 0) buffer_.append(chunk.data(), static_cast<std::size_t>(count));
    if (count <= 0 || buffer_.size() > kLongest) is_over_ = true;
  }
}

Answer<std::vector<Json>> dump(Client& client, const std::string& kind,
                               const std::map<std::string, std::string>& filter) {
  auto fd = client.dump(kind, filter);
  if (!fd) return Unexpected(std::move(fd.error()));
  Lines lines(std::move(*fd));
  std::vector<Json> objects;
  while (const auto line = lines.next())
    if (Json object = parse_json(*line); !object.empty()) objects.push_back(std::move(object));
  return objects;
}

}  // namespace l2tpm::ctl
