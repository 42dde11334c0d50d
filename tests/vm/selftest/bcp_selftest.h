// What the files of bcp_selftest share: the peer, sessions and what is told about them.
#pragma once

#include <arpa/inet.h>
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <string>

#include "base/bytes.h"
#include "kernel/rtnl.h"
#include "selftest.h"

namespace l2tpm::selftest {

using namespace l2tpm::kernel;

constexpr std::uint16_t kExperimental = 0x88b5;
inline const SessionKey kKey{TunnelId(1), SessionId(1)};

inline Bytes octets(const std::string& hex) {
  Bytes out;
  for (std::size_t at = 0; at + 1 < hex.size(); at += 2)
    out.push_back(static_cast<std::uint8_t>(std::stoi(hex.substr(at, 2), nullptr, 16)));
  return out;
}

inline BcpSpec bcp_spec(const std::string& name = "bcp1") {
  BcpSpec spec;
  spec.key = kKey;
  spec.peer_session = SessionId(1);
  spec.interface_name = name;
  spec.port.emplace();
  spec.port->bridge = "lan";
  spec.port->create.emplace();
  return spec;
}

inline Result<BcpInstalled, KernelError> install(Dataplane& dataplane, const BcpSpec& spec) {
  return await<BcpInstalled>(dataplane,
                             [&](auto done) { dataplane.install_bcp(spec, std::move(done)); });
}

// Frames of 1500 octets take two fragments each.
inline BcpSpec multilink_spec() {
  BcpSpec spec = bcp_spec();
  spec.path = BcpPath::relay_channel;
  spec.peer_mru = 1400;
  spec.peer_mrru = spec.local_mrru = 1600;
  return spec;
}

// A session that carries IP in the kernel, and bridged frames by the relay.
Result<BcpInstalled, KernelError> install_beside_ip(Dataplane& dataplane, const char* local,
                                                    const char* peer);

inline bool remove(Dataplane& dataplane) {
  return await<Done>(dataplane, [&](auto done) { dataplane.remove(kKey, std::move(done)); })
      .has_value();
}

inline BcpCounters counters(Dataplane& dataplane) {
  const auto read = await<std::vector<Counters>>(
      dataplane, [&](auto done) { dataplane.read_counters(std::move(done)); });
  if (!read) return {};
  for (const Counters& row : *read)
    if (row.key == kKey && row.bcp) return *row.bcp;
  return {};
}

// The next frame of the channel; the dataplane brings it there.
inline Bytes next_frame(Dataplane& dataplane, const SharedFd& channel) {
  Bytes frame(4096);
  ssize_t got = -1;
  wait_until(
      dataplane, [&] { return (got = read(channel->get(), frame.data(), frame.size())) > 0; }, 10);
  frame.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
  return frame;
}

inline bool nothing_left() {
  const auto limit = Clock::now() + std::chrono::seconds(20);
  std::string left;
  while (Clock::now() < limit) {
    left = shell(
               "ip -o link | grep -vE ': (lo|v[ab](@[a-z0-9]+)?):'; ip l2tp show session; "
               "cat /proc/net/pppoe 2>/dev/null | tail -n +2")
               .output;
    if (left.empty()) return true;
    usleep(50'000);
  }
  std::printf("left:\n%s", left.c_str());
  return false;
}

inline std::string ask(const std::string& command) {
  dprintf(3, "%s\n", command.c_str());
  std::string answer;
  char c = 0;
  while (read(4, &c, 1) == 1 && c != '\n') answer += c;
  return answer;
}

inline void tell(const std::string& command) {
  const std::string answer = ask(command);
  check(answer == "ok", "peer: " + command.substr(0, 100) + (answer == "ok" ? "" : ": " + answer));
}

inline void run(const std::string& command) {
  const Shell done = shell(command);
  check(done.good, command + (done.good ? "" : ": " + done.output));
}

// Frames of the peer's that come out at the bridge.
class Sniffer {
 public:
  Sniffer() : fd_(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, htons(kExperimental))) {
    sockaddr_ll address{};
    address.sll_family = AF_PACKET;
    address.sll_protocol = htons(kExperimental);
    address.sll_ifindex = static_cast<int>(if_nametoindex("lan"));
    check(bind(fd_.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) == 0,
          "a socket on the bridge");
  }
  // Empty: none came in this time.
  Bytes next(int milliseconds) {
    Bytes frame(2048);
    pollfd ready{fd_.get(), POLLIN, 0};
    ssize_t got = 0;
    if (poll(&ready, 1, milliseconds) > 0)
      got = recv(fd_.get(), frame.data(), frame.size(), MSG_DONTWAIT);
    frame.resize(got > 0 ? static_cast<std::size_t>(got) : 0);
    return frame;
  }
  unsigned count() {
    unsigned frames = 0;
    while (!next(300).empty()) ++frames;
    return frames;
  }

 private:
  UniqueFd fd_;
};

// They install sessions of their own. The peer has one by the kernel's path, before and after.
void test_relay(Dataplane& dataplane);
void test_limits(Dataplane& dataplane);
void test_repairs(Dataplane& dataplane);

}  // namespace l2tpm::selftest
