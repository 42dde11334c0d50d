// Names to addresses without blocking the loop: getaddrinfo on a few threads of its own, answers
// through an eventfd. A thread that is stuck in getaddrinfo never holds up the destructor: it keeps
// what it shares alive and its answer is dropped.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "base/address.h"

namespace l2tpm::daemon {

class Resolver {
 public:
  using Token = std::uint64_t;

  struct Answer {
    Token token = 0;
    std::vector<IpAddress> addresses;  // in getaddrinfo's order (RFC 6724), no duplicates
    std::string error;                 // when there are none: getaddrinfo's words
  };

  explicit Resolver(unsigned threads);
  ~Resolver();
  Resolver(const Resolver&) = delete;
  Resolver& operator=(const Resolver&) = delete;

  // A literal address is answered without a thread, but through dispatch() as well. At most 1024
  // questions wait; beyond that the answer is an error.
  Token resolve(const std::string& host);
  // The answer to this token will not come any more.
  void cancel(Token token);

  // Readable when dispatch() has something to give.
  int completion_fd() const;
  // What has been answered since the last call.
  std::vector<Answer> dispatch();

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace l2tpm::daemon
