#include "kernel/pppol2tp.h"

#include <fmt/core.h>
#include <linux/ppp-ioctl.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

#include <array>
#include <cerrno>
#include <cstring>

#include "kernel/linux_l2tp.h"
#include "kernel/retry.h"

namespace l2tpm::kernel {

namespace {

constexpr std::size_t kMaximumDrained = 64;

// The kernel tells the address variants apart by length and looks only at the ids.
static_assert(sizeof(sockaddr_pppol2tp) == 38 && sizeof(sockaddr_pppol2tpv3) == 46);

Unexpected<KernelError> failed(std::string doing) {
  return Unexpected(KernelError{errno, std::move(doing), {}});
}

}  // namespace

Result<UniqueFd, KernelError> connect_session(const SessionIds& ids, int tunnel_socket) {
  alignas(sockaddr) sockaddr_pppol2tp version2{};
  version2.sa_family = AF_PPPOX;
  version2.sa_protocol = PX_PROTO_OL2TP;
  version2.pppol2tp.fd = tunnel_socket;
  version2.pppol2tp.addr.sin_family = AF_INET;
  version2.pppol2tp.s_tunnel = static_cast<__u16>(ids.tunnel.value());
  version2.pppol2tp.d_tunnel = static_cast<__u16>(ids.peer_tunnel.value());
  version2.pppol2tp.s_session = static_cast<__u16>(ids.session.value());
  version2.pppol2tp.d_session = static_cast<__u16>(ids.peer_session.value());
  alignas(sockaddr) sockaddr_pppol2tpv3 version3{};
  version3.sa_family = AF_PPPOX;
  version3.sa_protocol = PX_PROTO_OL2TP;
  version3.pppol2tp.fd = tunnel_socket;
  version3.pppol2tp.addr.sin_family = AF_INET;
  version3.pppol2tp.s_tunnel = ids.tunnel.value();
  version3.pppol2tp.d_tunnel = ids.peer_tunnel.value();
  version3.pppol2tp.s_session = ids.session.value();
  version3.pppol2tp.d_session = ids.peer_session.value();

  // Packed structures.
  const bool is_version3 = ids.version == 3;
  const void* const untyped = is_version3 ? static_cast<const void*>(&version3) : &version2;
  const socklen_t length = is_version3 ? sizeof version3 : sizeof version2;

  return retry_while_busy([&]() -> Result<UniqueFd, KernelError> {
    UniqueFd fd(socket(AF_PPPOX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, PX_PROTO_OL2TP));
    if (!fd) {
      auto error = failed("opening a PPPoL2TP socket");
      if (errno == EAFNOSUPPORT || errno == EPROTONOSUPPORT)
        error.error().detail = "the kernel module l2tp_ppp is not there";
      return error;
    }
    if (connect(fd.get(), static_cast<const sockaddr*>(untyped), length) != 0)
      return failed(
          fmt::format("creating kernel session {}/{}", ids.tunnel.value(), ids.session.value()));
    return fd;
  });
}

Result<Done, KernelError> set_session_options(int session, const SessionSpec& spec) {
  struct Option {
    int name;
    int value;
    const char* doing;
  };
  const auto reorder =
      std::chrono::duration_cast<std::chrono::milliseconds>(spec.reorder_timeout).count();
  const std::array options = {
      Option{PPPOL2TP_SO_LNSMODE,   spec.lns_mode,             "setting the session's LNS mode"},
      Option{PPPOL2TP_SO_SENDSEQ,   spec.send_sequence,        "turning on sequence numbers"   },
      Option{PPPOL2TP_SO_RECVSEQ,   spec.require_sequence,     "requiring sequence numbers"    },
      Option{PPPOL2TP_SO_REORDERTO, static_cast<int>(reorder),
             "setting the session's reorder timeout"                                           },
  };
  for (const Option& option : options) {
    if (option.value == 0) continue;  // as the kernel makes them
    if (setsockopt(session, SOL_PPPOL2TP, option.name, &option.value, sizeof option.value) != 0)
      return failed(option.doing);
  }
  return Done{};
}

std::vector<Bytes> drain_session(int session) {
  std::vector<Bytes> frames;
  std::array<std::uint8_t, 4096> buffer;
  while (frames.size() < kMaximumDrained) {
    const ssize_t got = recv(session, buffer.data(), buffer.size(), MSG_DONTWAIT);
    if (got < 0) break;
    if (got > 0) frames.emplace_back(buffer.begin(), buffer.begin() + got);
  }
  return frames;
}

Result<int, KernelError> channel_index(int session) {
  int index = 0;
  if (ioctl(session, PPPIOCGCHAN, &index) != 0) return failed("binding the session's PPP channel");
  return index;
}

}  // namespace l2tpm::kernel
