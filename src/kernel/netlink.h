// Netlink requests: build, ask, wait for the answer. Sockets belong to a thread; each worker has
// its own, so requests run side by side as far as the kernel allows.
#pragma once

#include <netlink/attr.h>
#include <netlink/msg.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/address.h"
#include "base/fd.h"
#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

// A request under construction. Allocation failure is remembered and comes out as ENOBUFS.
class NetlinkMessage {
 public:
  NetlinkMessage(std::uint16_t type, int flags);

  template <typename Header>
  void append(const Header& header) {
    ok_ &= message_ && nlmsg_append(message_.get(), const_cast<Header*>(&header), sizeof header,
                                    NLMSG_ALIGNTO) == 0;
  }
  void put(int attribute, const void* data, std::size_t size);
  void put_u8(int attribute, std::uint8_t value) { put(attribute, &value, sizeof value); }
  void put_u16(int attribute, std::uint16_t value) { put(attribute, &value, sizeof value); }
  void put_u32(int attribute, std::uint32_t value) { put(attribute, &value, sizeof value); }
  void put_text(int attribute, const std::string& value);
  void put_address(int attribute, const IpAddress& address);
  // The attribute's content is what is put until close(). Attributes nest.
  nlattr* open(int attribute);
  void close(nlattr* nest);

  bool ok() const { return ok_; }
  nlmsghdr* header() const { return nlmsg_hdr(message_.get()); }

 private:
  struct Free {
    void operator()(nl_msg* message) const { nlmsg_free(message); }
  };
  std::unique_ptr<nl_msg, Free> message_;
  bool ok_;
};

class NetlinkSocket {
 public:
  using Visitor = std::function<void(nlmsghdr*)>;

  static Result<NetlinkSocket, KernelError> open(int protocol);

  // Sends and waits for the acknowledgement; what comes before it goes to `visit`.
  Result<Done, KernelError> request(const NetlinkMessage& message, std::string_view doing,
                                    const Visitor& visit = nullptr);
  // The same for NLM_F_DUMP requests. EAGAIN inside a dump (it was interrupted) is hidden: the
  // callers tolerate a torn view.
  Result<Done, KernelError> dump(const NetlinkMessage& message, std::string_view doing,
                                 const Visitor& visit);
  int fd() const { return fd_.get(); }

 private:
  explicit NetlinkSocket(UniqueFd fd) : fd_(std::move(fd)) {}
  Result<Done, KernelError> send(const NetlinkMessage& message, std::string_view doing);
  Result<Done, KernelError> receive(std::string_view doing, const Visitor& visit);

  UniqueFd fd_;
  std::uint32_t sequence_ = 0;
};

// The calling thread's socket for routing (or generic) netlink, opened when first used. An error
// when it cannot be had; pass the result on.
Result<NetlinkSocket*, KernelError> thread_rtnl();
Result<NetlinkSocket*, KernelError> thread_genl();

// Attribute content, checked for size; the default when it is absent or too short.
std::uint32_t attribute_u32(const nlattr* attribute, std::uint32_t otherwise = 0);
std::optional<IpAddress> attribute_address(const nlattr* attribute);

}  // namespace l2tpm::kernel
