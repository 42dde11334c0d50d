// JSON lines from a descriptor of the daemon: a dump, or the stream of events.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/fd.h"
#include "ctl/client.h"
#include "ctl/interrupt.h"
#include "ctl/json.h"

namespace l2tpm::ctl {

class Lines {
 public:
  explicit Lines(UniqueFd fd);

  // The next line without its end, or nullopt when there is none at the moment; then is_over()
  // says whether there will ever be one. Reads what is there and does not block on a pipe.
  std::optional<std::string> next();
  bool is_over() const { return is_over_ && line_end() == std::string::npos; }
  int fd() const { return fd_.get(); }

 private:
  std::size_t line_end() const { return buffer_.find('\n', begin_); }

  UniqueFd fd_;
  std::string buffer_;
  std::size_t begin_ = 0;
  bool is_over_ = false;
};

// A dump as objects; what is no object is left out.
Answer<std::vector<Json>> dump(Client& client, const std::string& kind,
                               const std::map<std::string, std::string>& filter = {});

}  // namespace l2tpm::ctl
