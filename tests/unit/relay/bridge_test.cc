// Two relays back to back: LAN interfaces in two network namespaces of our own, a pair of sockets
// as the line. Needs root; the kernel's own PPP is tried in a virtual machine.
#include <arpa/inet.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <string>

#include "base/fd.h"
#include "relay/lan.h"
#include "relay/offloads.h"
#include "relay/relay.h"
#include "support/tap_lan.h"

namespace l2tpm::relay {
namespace {

UniqueFd this_namespace() {
  return UniqueFd(open("/proc/thread-self/ns/net", O_RDONLY | O_CLOEXEC));
}

// A network namespace; the calling thread is inside while an Inside lives.
class Place {
 public:
  Place() {
    const UniqueFd home = this_namespace();
    if (unshare(CLONE_NEWNET) != 0) return;
    fd_ = this_namespace();
    EXPECT_EQ(setns(home.get(), CLONE_NEWNET), 0);
  }
  explicit operator bool() const { return static_cast<bool>(fd_); }
  int fd() const { return fd_.get(); }

 private:
  UniqueFd fd_;
};

class Inside {
 public:
  explicit Inside(const Place& place) : home_(this_namespace()) {
    EXPECT_EQ(setns(place.fd(), CLONE_NEWNET), 0);
  }
  ~Inside() { setns(home_.get(), CLONE_NEWNET); }
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  UniqueFd home_;
};

bool run(const std::string& command) {
  return std::system((command + " >/dev/null 2>&1").c_str()) == 0;  // NOLINT: our own words
}

struct Variant {
  const char* name;
  FdKind lan;
  Settings settings;
};

class Bridge : public testing::TestWithParam<Variant> {
 protected:
  static constexpr const char* kLan = "lan0";

  void SetUp() override {
    if (geteuid() != 0 || !places_[0] || !places_[1]) GTEST_SKIP() << "no namespaces of our own";
    if (!run("ip -V") || !run("ping -V")) GTEST_SKIP() << "no ip or no ping";
    if (GetParam().lan == FdKind::file && access("/dev/net/tun", R_OK | W_OK) != 0) {
      GTEST_SKIP() << "no /dev/net/tun";
    }
    int fds[2];
    ASSERT_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds), 0);
    const int size = 1 << 20;
    for (std::size_t i = 0; i < 2; ++i) {
      lines_[i] = UniqueFd(fds[i]);
      setsockopt(fds[i], SOL_SOCKET, SO_SNDBUFFORCE, &size, sizeof size);
      const Inside inside(places_[i]);
      open_lan(i);
      ASSERT_TRUE(lans_[i]);
      ASSERT_TRUE(relays_[i].add(kKey,
                                 {.line = lines_[i].get(),
                                  .line_kind = FdKind::socket,
                                  .lan = lans_[i].get(),
                                  .lan_kind = GetParam().lan,
                                  .control = -1},
                                 GetParam().settings));
    }
  }

  void open_lan(std::size_t i) {
    ASSERT_TRUE(run("ip link set lo up"));
    if (GetParam().lan == FdKind::file) {
      auto lan = open_tap_lan(kLan);
      ASSERT_TRUE(lan) << std::strerror(lan.error());
      lans_[i] = std::move(*lan);
    } else {
      ASSERT_TRUE(run("ip link add lan0 type veth peer name inner0"));
      ASSERT_TRUE(switch_offloads_off(kLan));
      ASSERT_TRUE(run("ip link set inner0 addrgenmode none up"));
      auto lan = open_packet_lan(static_cast<int>(if_nametoindex("inner0")));
      ASSERT_TRUE(lan) << std::strerror(lan.error());
      lans_[i] = std::move(*lan);
    }
    const std::string host = std::to_string(i + 1);
    ASSERT_TRUE(run("ip link set lan0 address 02:00:00:00:00:0" + host + " up"));
    ASSERT_TRUE(run("ip address add 192.0.2." + host + "/24 dev lan0"));
    ASSERT_TRUE(run("ip address add 2001:db8::" + host + "/64 dev lan0 nodad"));
  }

  std::uint64_t count(std::size_t i, Counter counter) const {
    return (*relays_[i].counters(kKey))[counter];
  }
  void expect_no_drops() const {
    for (std::size_t i = 0; i < 2; ++i) {
      for (const Counter counter : {Counter::malformed, Counter::unfinished, Counter::too_big,
                                    Counter::lan_failed, Counter::fragments_stale}) {
        EXPECT_EQ(count(i, counter), 0u) << name(counter);
      }
    }
  }

  const SessionKey kKey{TunnelId(1), SessionId(1)};
  Place places_[2];
  UniqueFd lines_[2], lans_[2];
  Relay relays_[2];
};

constexpr Settings kWhole{.peer_mru = 1600};
constexpr Settings kFragmented{.peer_mru = 600, .peer_mrru = 1600, .local_mrru = 1600};
INSTANTIATE_TEST_SUITE_P(Lan, Bridge,
                         testing::Values(Variant{"Tap", FdKind::file, kWhole},
                                         Variant{"Packet", FdKind::packet, kWhole},
                                         Variant{"TapMultilink", FdKind::file, kFragmented},
                                         Variant{"PacketMultilink", FdKind::packet, kFragmented}),
                         [](const auto& each) { return std::string(each.param.name); });

TEST_P(Bridge, PingsPass) {
  const Inside inside(places_[0]);
  EXPECT_TRUE(run("ping -c 3 -i 0.05 -W 5 192.0.2.2"));
  EXPECT_TRUE(run("ping -6 -c 3 -i 0.05 -W 5 2001:db8::2"));
  expect_no_drops();
}

TEST_P(Bridge, WholeFramesPassUndivided) {
  const Inside inside(places_[1]);
  EXPECT_TRUE(run("ping -c 3 -i 0.05 -W 5 -M do -s 1472 192.0.2.1"));
  EXPECT_EQ(count(1, Counter::fragments_out) != 0, GetParam().settings.peer_mrru != 0);
  expect_no_drops();
}

// A frame with a tag is the same frame on the other side.
TEST_P(Bridge, TagsSurvive) {
  UniqueFd ends[2];
  for (std::size_t i = 0; i < 2; ++i) {
    const Inside inside(places_[i]);
    ASSERT_TRUE(run("ip link set lan0 mtu 1504"));
    ASSERT_TRUE(GetParam().lan == FdKind::file || run("ip link set inner0 mtu 1504"));
    auto end = open_packet_lan(static_cast<int>(if_nametoindex(kLan)));
    ASSERT_TRUE(end);
    ends[i] = std::move(*end);
  }
  InBatch in;
  for (const std::uint8_t type : {std::uint8_t{0x81}, std::uint8_t{0x88}}) {
    for (const std::size_t size : {60u, 1518u}) {
      Bytes frame{2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1, type, 0xa8, 0x60, 0x07, 0x88, 0xb5};
      if (type == 0x81) frame[13] = 0x00;
      frame.resize(size, 0x5a);
      ASSERT_EQ(send(ends[0].get(), frame.data(), frame.size(), 0),
                static_cast<ssize_t>(frame.size()))
          << std::strerror(errno);
      bool found = false;
      while (!found) {
        pollfd waiting{ends[1].get(), POLLIN, 0};
        ASSERT_EQ(poll(&waiting, 1, 10'000), 1) << "nothing came, " << size << " octets";
        ASSERT_EQ(in.receive(ends[1].get(), FdKind::packet), 0);
        for (const InBatch::Frame& each : in.frames()) {
          found = found || Bytes(each.data, each.data + each.size) == frame;
        }
      }
    }
  }
}

// Bytes from one end to the other, by stacks that would like to leave checksums and segments to
// the device.
void expect_stream(const Place& from, const Place& to, const char* address) {
  constexpr std::size_t kTotal = 8 << 20;
  UniqueFd listener;
  UniqueFd client;
  sockaddr_in where{};
  where.sin_family = AF_INET;
  inet_pton(AF_INET, address, &where.sin_addr);
  where.sin_port = htons(4321);
  const timeval patience{20, 0};
  {
    const Inside inside(to);
    listener = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    const int on = 1;
    setsockopt(listener.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    ASSERT_EQ(bind(listener.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
    ASSERT_EQ(listen(listener.get(), 1), 0);
  }
  {
    const Inside inside(from);
    client = UniqueFd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
  }
  setsockopt(client.get(), SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
  ASSERT_EQ(connect(client.get(), reinterpret_cast<sockaddr*>(&where), sizeof where), 0);
  const UniqueFd server(accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC));
  setsockopt(server.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  int client_fd = client.get();
  pthread_t sender;
  ASSERT_EQ(pthread_create(
                &sender, nullptr,
                [](void* fd) -> void* {
                  Bytes block(1 << 16);
                  std::size_t sent = 0;
                  while (sent < kTotal) {
                    for (std::size_t i = 0; i < block.size(); ++i) {
                      block[i] = static_cast<std::uint8_t>((sent + i) % 251);
                    }
                    const std::size_t wanted = std::min(block.size(), kTotal - sent);
                    const ssize_t got =
                        send(*static_cast<int*>(fd), block.data(), wanted, MSG_NOSIGNAL);
                    if (got <= 0) break;
                    sent += static_cast<std::size_t>(got);
                  }
                  shutdown(*static_cast<int*>(fd), SHUT_WR);
                  return nullptr;
                },
                &client_fd),
            0);
  Bytes block(1 << 16);
  std::size_t received = 0;
  bool same = true;
  for (ssize_t got = 0; (got = recv(server.get(), block.data(), block.size(), 0)) > 0;) {
    for (ssize_t i = 0; i < got; ++i, ++received) {
      same = same && block[static_cast<std::size_t>(i)] == received % 251;
    }
  }
  pthread_join(sender, nullptr);
  EXPECT_TRUE(same);
  EXPECT_EQ(received, kTotal);
}

TEST_P(Bridge, StreamsPassBothWays) {
  expect_stream(places_[0], places_[1], "192.0.2.2");
  expect_stream(places_[1], places_[0], "192.0.2.1");
  expect_no_drops();
}

TEST_P(Bridge, OwnFramesDoNotComeBack) {
  {
    const Inside inside(places_[0]);
    EXPECT_TRUE(run("ping -c 20 -i 0.01 -W 5 192.0.2.2"));
  }
  for (std::size_t i = 0; i < 2; ++i) {
    EXPECT_LT(count(i, Counter::lan_in_frames), 60u) << "what was sent was taken in again";
  }
}

}  // namespace
}  // namespace l2tpm::relay
