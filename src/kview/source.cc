#include "kview/source.h"

#include <fcntl.h>
#include <fmt/core.h>
#include <libmnl/libmnl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <functional>
#include <set>
#include <string_view>
#include <utility>
// clang-format off
#include <linux/l2tp.h>  // after what brings <netinet/in.h>
// clang-format on
#include <linux/genetlink.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>

#include "base/fd.h"
#include "kview/parse.h"

namespace l2tpm::kview {
namespace {

constexpr std::size_t kBuffer = 64 * 1024;  // a dump's datagrams are at most 32 KiB
constexpr int kReceiveBuffer = 4 << 20;
constexpr timeval kPatience{10, 0};  // an answer that takes longer will not come
constexpr std::chrono::milliseconds kSettle{30};
constexpr char kFamilyName[] = L2TP_GENL_NAME;

ViewError failure(int error, std::string_view doing) {
  if (error == EPERM || error == EACCES)
    return {ViewError::Reason::no_permission,
            fmt::format("{}: not permitted; the kernel shows its tunnels only to CAP_NET_ADMIN, so "
                        "run this as root (sudo l2tpctl kernel ...)",
                        doing)};
  return {ViewError::Reason::failure, fmt::format("{}: {}", doing, std::strerror(error))};
}

// One netlink socket for questions.
class Asker {
 public:
  using Visit = std::function<void(const nlmsghdr&)>;

  static Result<Asker, ViewError> open(int bus) {
    Asker asker;
    asker.socket_.reset(mnl_socket_open2(bus, SOCK_CLOEXEC));
    if (!asker.socket_ || mnl_socket_bind(asker.socket_.get(), 0, MNL_SOCKET_AUTOPID) != 0)
      return Unexpected(failure(errno, "opening a netlink socket"));
    const int fd = mnl_socket_get_fd(asker.socket_.get());
    setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &kPatience, sizeof kPatience);
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &kReceiveBuffer, sizeof kReceiveBuffer);
    asker.buffer_ = std::make_unique<Buffer>();
    return asker;
  }

  // `payload` is the message after its netlink header. Returns the errno of the answer.
  Result<Done, int> ask(std::uint16_t type, bool dump, const Bytes& payload, const Visit& visit) {
    std::array<std::uint64_t, 32> space{};
    nlmsghdr* header = mnl_nlmsg_put_header(space.data());
    header->nlmsg_type = type;
    header->nlmsg_flags =
        static_cast<std::uint16_t>(NLM_F_REQUEST | (dump ? NLM_F_DUMP : NLM_F_ACK));
    header->nlmsg_seq = ++sequence_;
    std::memcpy(mnl_nlmsg_put_extra_header(header, payload.size()), payload.data(), payload.size());
    if (mnl_socket_sendto(socket_.get(), header, header->nlmsg_len) < 0) return Unexpected(errno);
    while (true) {
      const ssize_t size = mnl_socket_recvfrom(socket_.get(), buffer_->data(), kBuffer);
      if (size < 0) {
        if (errno == EINTR) continue;
        return Unexpected(errno == EAGAIN ? ETIMEDOUT : errno);
      }
      std::optional<int> end;
      for_each_message({buffer_->data(), static_cast<std::size_t>(size)},
                       [&](const nlmsghdr& message) {
                         if (message.nlmsg_seq != sequence_ || end) return;
                         end = parse_end(message);
                         if (!end) visit(message);
                       });
      if (end) return *end == 0 ? Result<Done, int>(Done{}) : Unexpected(*end);
    }
  }

 private:
  struct alignas(nlmsghdr) Buffer : std::array<std::uint8_t, kBuffer> {};
  struct Close {
    void operator()(mnl_socket* socket) const { mnl_socket_close(socket); }
  };
  std::unique_ptr<mnl_socket, Close> socket_;
  std::unique_ptr<Buffer> buffer_;
  std::uint32_t sequence_ = 0;
};

template <typename T>
Bytes payload_of(const T& header) {
  Bytes bytes(sizeof header);
  std::memcpy(bytes.data(), &header, sizeof header);
  return bytes;
}

Bytes genl(std::uint8_t command) {
  genlmsghdr header{};
  header.cmd = command;
  header.version = L2TP_GENL_VERSION;
  return payload_of(header);
}

// "" when it cannot be read: without l2tp_ppp there is no such file, and no such session.
std::string read_proc(const char* path) {
  std::string text;
  const UniqueFd fd(::open(path, O_RDONLY | O_CLOEXEC));
  if (!fd) return text;
  constexpr std::size_t kPiece = 64 * 1024;
  while (true) {
    const std::size_t had = text.size();
    text.resize(had + kPiece);
    const ssize_t got = ::read(fd.get(), text.data() + had, kPiece);
    text.resize(had + static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
    if (got <= 0) return text;
  }
}

}  // namespace

struct Source::Impl {
  Asker generic, routing;
  Family family;
  UniqueFd generic_events, routing_events;
  // Looking through /proc costs: who held a socket is asked once.
  std::map<std::uint64_t, std::vector<Process>> known_holders;
  bool all_holders_known = false;

  template <typename T>
  Result<Done, ViewError> dump(Asker& asker, std::uint16_t type, const Bytes& request,
                               std::optional<T> (*parse)(const nlmsghdr&), std::vector<T>& out,
                               std::string_view doing) {
    const auto done = asker.ask(type, true, request, [&](const nlmsghdr& message) {
      if (auto value = parse(message)) out.push_back(std::move(*value));
    });
    if (!done) return Unexpected(failure(done.error(), doing));
    return Done{};
  }

  void find_holders(const Snapshot& snapshot, Material& material) {
    std::set<std::uint64_t> wanted;
    std::set<std::pair<Endpoint, Endpoint>> ends;
    for (const Tunnel& tunnel : snapshot)
      if (tunnel.local && tunnel.remote) ends.emplace(*tunnel.local, *tunnel.remote);
    for (const UdpSocket& socket : material.udp_sockets)
      if (socket.inode != 0 && socket.remote.port != 0) wanted.insert(socket.inode);
    std::erase_if(known_holders, [&](const auto& known) { return !wanted.contains(known.first); });
    std::vector<std::uint64_t> unknown;
    for (const std::uint64_t inode : wanted)
      if (!known_holders.contains(inode)) unknown.push_back(inode);
    if (!unknown.empty() && !ends.empty()) {
      Holders holders = socket_holders(unknown);
      all_holders_known = holders.complete;
      for (const std::uint64_t inode : unknown) known_holders[inode] = std::move(holders.of[inode]);
    }
    material.holders = known_holders;
    material.all_holders_known = all_holders_known;
  }
};

Source::Source(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Source::Source(Source&&) noexcept = default;
Source& Source::operator=(Source&&) noexcept = default;
Source::~Source() = default;

Result<Source, ViewError> Source::open() {
  auto impl = std::make_unique<Impl>();
  auto generic = Asker::open(NETLINK_GENERIC);
  if (!generic) return Unexpected(generic.error());
  auto routing = Asker::open(NETLINK_ROUTE);
  if (!routing) return Unexpected(routing.error());
  impl->generic = std::move(*generic);
  impl->routing = std::move(*routing);

  constexpr std::string_view kDoing = "looking for the kernel's l2tp family";
  genlmsghdr header{};
  header.cmd = CTRL_CMD_GETFAMILY;
  header.version = 1;
  Bytes request = payload_of(header);
  nlattr attribute{};
  attribute.nla_type = CTRL_ATTR_FAMILY_NAME;
  attribute.nla_len = sizeof attribute + sizeof kFamilyName;
  const Bytes head = payload_of(attribute);
  request.insert(request.end(), head.begin(), head.end());
  request.insert(request.end(), std::begin(kFamilyName), std::end(kFamilyName));
  request.resize(MNL_ALIGN(request.size()));
  const auto asked = impl->generic.ask(GENL_ID_CTRL, false, request, [&](const nlmsghdr& message) {
    if (const auto family = parse_family(message)) impl->family = *family;
  });
  if (!asked && asked.error() != ENOENT) return Unexpected(failure(asked.error(), kDoing));
  if (!asked || impl->family.id == 0)
    return Unexpected(ViewError{
        ViewError::Reason::no_module,
        "the kernel has no L2TP: the module l2tp_netlink is not loaded and could not be, so there "
        "are no tunnels in it (modprobe l2tp_netlink says why; on RHEL and Fedora it is in "
        "kernel-modules-extra; \"l2tpctl doctor\" looks further)"});
  return Source(std::move(impl));
}

Result<Snapshot, ViewError> Source::read(
    const std::optional<std::vector<DaemonTunnel>>& daemon_tunnels) {
  Material material;
  // Sessions first: a session read without its tunnel would look orphaned, the reverse does not.
  auto done = impl_->dump(impl_->generic, impl_->family.id, genl(L2TP_CMD_SESSION_GET),
                          &parse_session, material.sessions, "reading the kernel's L2TP sessions");
  if (!done) return Unexpected(done.error());
  done = impl_->dump(impl_->generic, impl_->family.id, genl(L2TP_CMD_TUNNEL_GET), &parse_tunnel,
                     material.tunnels, "reading the kernel's L2TP tunnels");
  if (!done) return Unexpected(done.error());
  ifinfomsg links{};
  links.ifi_family = AF_UNSPEC;
  done = impl_->dump(impl_->routing, RTM_GETLINK, payload_of(links), &parse_link, material.links,
                     "reading the network interfaces");
  if (!done) return Unexpected(done.error());
  material.ppp = parse_pppol2tp(read_proc("/proc/net/pppol2tp"));
  material.udp_sockets = parse_udp_table(read_proc("/proc/net/udp"));
  const auto v6 = parse_udp_table(read_proc("/proc/net/udp6"));
  material.udp_sockets.insert(material.udp_sockets.end(), v6.begin(), v6.end());
  material.daemon_tunnels = daemon_tunnels;
  impl_->find_holders(material.tunnels, material);
  return merge(std::move(material));
}

Result<Done, ViewError> Source::listen() {
  const auto open = [](int bus, std::uint32_t group) -> Result<UniqueFd, ViewError> {
    constexpr std::string_view kDoing = "listening to the kernel's notifications";
    UniqueFd fd(socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, bus));
    sockaddr_nl local{};
    local.nl_family = AF_NETLINK;
    if (!fd || bind(fd.get(), reinterpret_cast<const sockaddr*>(&local), sizeof local) != 0)
      return Unexpected(failure(errno, kDoing));
    if (group != 0 &&
        setsockopt(fd.get(), SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof group) != 0)
      return Unexpected(failure(errno, kDoing));
    return fd;
  };
  auto generic = open(NETLINK_GENERIC, impl_->family.multicast_group);
  if (!generic) return Unexpected(generic.error());
  auto routing = open(NETLINK_ROUTE, RTNLGRP_LINK);
  if (!routing) return Unexpected(routing.error());
  impl_->generic_events = std::move(*generic);
  impl_->routing_events = std::move(*routing);
  return Done{};
}

Result<Source::Heard, ViewError> Source::wait(std::chrono::milliseconds limit, int stop) {
  pollfd fds[] = {
      {stop,                        POLLIN, 0},
      {impl_->generic_events.get(), POLLIN, 0},
      {impl_->routing_events.get(), POLLIN, 0},
  };
  Heard heard = Heard::nothing;
  // Once something was heard, until it is quiet for a moment; not for ever, if it never is.
  for (int round = 0; round < 10; ++round) {
    const auto timeout = heard == Heard::nothing ? limit : kSettle;
    const int ready = poll(fds, std::size(fds), static_cast<int>(timeout.count()));
    if (ready < 0 && errno != EINTR) return Unexpected(failure(errno, "waiting for the kernel"));
    if (ready <= 0) return heard;
    if (fds[0].revents != 0) return Heard::stop;
    heard = Heard::something;
    // What they say does not matter, and that some were lost does not either: a snapshot follows.
    std::array<std::uint8_t, 4096> ignored;
    for (std::size_t i = 1; i < std::size(fds); ++i)
      while (recv(fds[i].fd, ignored.data(), ignored.size(), MSG_TRUNC) >= 0 || errno == ENOBUFS) {
      }
  }
  return heard;
}

}  // namespace l2tpm::kview
