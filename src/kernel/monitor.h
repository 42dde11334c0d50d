// Notifications about links and routes: a hint that something changed, never the only source of
// truth (the kernel drops them when they come too fast).
#pragma once

#include <functional>
#include <memory>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/rtnl.h"

namespace l2tpm::kernel {

class Monitor {
 public:
  struct Handler {
    std::function<void(const LinkInfo&, bool deleted)> link;
    std::function<void(const RouteEntry&)> route;
    std::function<void()> overflow;  // some were lost
  };
  static Result<Monitor, KernelError> open();

  int fd() const { return fd_.get(); }
  // At most 64 datagrams; the descriptor stays readable when there are more.
  void read(const Handler& handler);

 private:
  explicit Monitor(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace l2tpm::kernel
