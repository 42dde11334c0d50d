// What the floors share: netlink with nothing around it, and a loop of threads: no library stands
// between a benchmark and the kernel.
#pragma once

#include <linux/genetlink.h>
#include <linux/l2tp.h>
#include <linux/rtnetlink.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/time.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <iostream>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"

namespace l2tpm::bench {

[[noreturn]] inline void die(const std::string& doing) {
  std::cerr << doing << ": " << std::strerror(errno) << '\n';
  std::exit(1);
}
inline void check(bool good, const char* doing) {
  if (!good) die(doing);
}

// One netlink request with nested attributes, built in place.
class Request {
 public:
  Request(std::uint16_t type, std::uint16_t flags) {
    header()->nlmsg_len = NLMSG_HDRLEN;
    header()->nlmsg_type = type;
    header()->nlmsg_flags = static_cast<std::uint16_t>(NLM_F_REQUEST | NLM_F_ACK | flags);
  }
  nlmsghdr* header() { return reinterpret_cast<nlmsghdr*>(buffer_); }
  template <typename T>
  Request& append(const T& body) {
    std::memcpy(buffer_ + header()->nlmsg_len, &body, sizeof body);
    header()->nlmsg_len += NLMSG_ALIGN(static_cast<unsigned>(sizeof body));
    return *this;
  }
  Request& put(unsigned type, const void* data, std::size_t size) {
    auto* attribute = reinterpret_cast<rtattr*>(buffer_ + header()->nlmsg_len);
    attribute->rta_type = static_cast<unsigned short>(type);
    attribute->rta_len = static_cast<unsigned short>(RTA_LENGTH(size));
    std::memcpy(RTA_DATA(attribute), data, size);
    header()->nlmsg_len += RTA_ALIGN(attribute->rta_len);
    return *this;
  }
  template <typename T>
  Request& put(unsigned type, T value) {
    return put(type, &value, sizeof value);
  }
  Request& text(unsigned type, const std::string& value) {
    return put(type, value.c_str(), value.size() + 1);
  }
  unsigned open(unsigned type) {
    const unsigned at = header()->nlmsg_len;
    put(type, nullptr, 0);
    return at;
  }
  Request& close(unsigned at) {
    reinterpret_cast<rtattr*>(buffer_ + at)->rta_len =
        static_cast<unsigned short>(header()->nlmsg_len - at);
    return *this;
  }

 private:
  alignas(nlmsghdr) char buffer_[1024] = {};
};

class Netlink {
 public:
  explicit Netlink(int family) : fd_(::socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, family)) {
    check(static_cast<bool>(fd_), "netlink socket");
  }
  // 0 or an errno; `reply` gets the first message that is not an acknowledgement.
  int ask(Request& request, std::vector<char>* reply = nullptr) {
    check(::send(fd_.get(), request.header(), request.header()->nlmsg_len, 0) >= 0, "netlink send");
    for (;;) {
      alignas(nlmsghdr) char buffer[8192];
      const ssize_t size = ::recv(fd_.get(), buffer, sizeof buffer, 0);
      check(size > 0, "netlink receive");
      auto left = static_cast<unsigned>(size);
      for (auto* message = reinterpret_cast<nlmsghdr*>(buffer); NLMSG_OK(message, left);
           message = NLMSG_NEXT(message, left)) {
        if (message->nlmsg_type == NLMSG_ERROR)
          return -static_cast<nlmsgerr*>(NLMSG_DATA(message))->error;
        if (reply != nullptr) reply->assign(buffer, buffer + size);
      }
    }
  }
  void must(Request& request, const char* doing) {
    errno = ask(request);
    check(errno == 0, doing);
  }

 private:
  UniqueFd fd_;
};

inline std::uint16_t l2tp_family(Netlink& genl) {
  Request request(GENL_ID_CTRL, 0);
  request.append(genlmsghdr{CTRL_CMD_GETFAMILY, 1, 0}).text(CTRL_ATTR_FAMILY_NAME, L2TP_GENL_NAME);
  std::vector<char> reply;
  errno = genl.ask(request, &reply);
  check(errno == 0 && !reply.empty(), "the l2tp netlink family");
  auto* message = reinterpret_cast<nlmsghdr*>(reply.data());
  auto left = static_cast<int>(message->nlmsg_len - NLMSG_LENGTH(GENL_HDRLEN));
  auto* attribute =
      reinterpret_cast<rtattr*>(static_cast<char*>(NLMSG_DATA(message)) + GENL_HDRLEN);
  for (; RTA_OK(attribute, left); attribute = RTA_NEXT(attribute, left))
    if (attribute->rta_type == CTRL_ATTR_FAMILY_ID) {
      std::uint16_t family = 0;
      std::memcpy(&family, RTA_DATA(attribute), sizeof family);
      return family;
    }
  errno = ENOENT;
  die("the l2tp netlink family");
}

// A tunnel's UDP socket on loopback; nobody is at the other end.
inline UniqueFd tunnel_socket() {
  UniqueFd udp(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in here{};
  here.sin_family = AF_INET;
  here.sin_port = htons(1701);
  here.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  sockaddr_in there = here;
  there.sin_port = htons(1702);
  check(::bind(udp.get(), reinterpret_cast<sockaddr*>(&here), sizeof here) == 0 &&
            ::connect(udp.get(), reinterpret_cast<sockaddr*>(&there), sizeof there) == 0,
        "the tunnel's socket");
  return udp;
}

inline double milliseconds(const timeval& time) {
  return 1000.0 * static_cast<double>(time.tv_sec) + static_cast<double>(time.tv_usec) / 1000.0;
}

// Runs body(0..count-1) on `threads` threads; seconds.
template <typename Body>
double timed(unsigned count, unsigned threads, Body body) {
  using Clock = std::chrono::steady_clock;
  const auto began = Clock::now();
  std::atomic<unsigned> next{0};
  std::vector<std::thread> pool;
  for (unsigned thread = 0; thread < threads; ++thread)
    pool.emplace_back([&] {
      Netlink rtnl(NETLINK_ROUTE);
      for (unsigned at = next++; at < count; at = next++) body(at, rtnl);
    });
  for (std::thread& thread : pool) thread.join();
  return std::chrono::duration<double>(Clock::now() - began).count();
}

}  // namespace l2tpm::bench
