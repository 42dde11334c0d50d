// Real datagrams on loopback: what the filters pass, which address an answer leaves from, who may
// share a port.
#include "daemon/control_socket.h"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <optional>
#include <tuple>

namespace l2tpm::daemon {
namespace {

Endpoint at(const char* address, std::uint16_t port = 0) {
  return {*IpAddress::parse(address), port};
}

ControlSocket listener(const char* address) {
  auto socket = ControlSocket::listen(at(address));
  EXPECT_TRUE(socket) << socket.error().to_string();
  return std::move(*socket);
}
ControlSocket connected(const Endpoint& local, const Endpoint& peer,
                        ControlSocket::Filter filter = ControlSocket::Filter::none) {
  auto socket = ControlSocket::connect(local, peer, filter);
  EXPECT_TRUE(socket) << socket.error().to_string();
  return std::move(*socket);
}

// Loopback delivers within the send call, so what is not there now never comes.
std::vector<std::string> read_all(ControlSocket& socket, std::vector<Datagram>* raw = nullptr) {
  static DatagramBuffer buffer;
  std::vector<std::string> out;
  std::vector<Datagram> batch;
  bool more = true;
  while (more) {
    more = socket.read_batch(buffer, batch);
    for (const auto& each : batch) out.push_back(to_hex(each.bytes));
    if (raw != nullptr) raw->insert(raw->end(), batch.begin(), batch.end());
  }
  return out;
}

Bytes packet(std::string_view hex) {
  Bytes out;
  for (std::size_t i = 0; i + 1 < hex.size(); i += 2)
    out.push_back(
        static_cast<std::uint8_t>(std::stoul(std::string(hex.substr(i, 2)), nullptr, 16)));
  return out;
}

struct Form {
  const char* what;
  const char* hex;
  bool control;  // a listener hears it
  bool tunnel;   // a tunnel's socket hears it
};
const Form kForms[] = {
    {"control",                   "c802000c0001000000000000",                               true,  true },
    {"LCP, plain header",         "000200010001ff03c02101010004",                           false, true },
    {"LCP without FF 03",         "000200010001c02101010004",                               false, true },
    {"LCP with L",                "40020010000100 01ff03c02101010004",                      false, true },
    {"LCP with L and S",          "4802001400010001 00000000 ff03c02101010004",             false, true },
    {"LCP with S",                "0802 00010001 00000000 ff03c02101010004",                false, true },
    {"LCP with O of 0",           "0202 00010001 0000 ff03c02101010004",                    false, true },
    {"LCP with O of 4",           "0202 00010001 0004 11223344 ff03c02101010004",           false, true },
    {"LCP with L, S, O",          "4a02 0018 00010001 00000000 0002 aabb ff03c02101010004", false, true },
    {"LCP with P",                "0102 00010001 ff03c02101010004",                         false, true },
    {"IPCP",                      "000200010001ff03802101010004",                           false, true },
    {"CCP",                       "000200010001ff0380fd01010004",                           false, true },
    {"IPv4",                      "000200010001ff03002145000014",                           false, false},
    {"IPv4 with L",               "4002001000010001ff03002145000014",                       false, false},
    {"IPv4 with L, S, O of 1",    "4a02001700010001000000000001ccff03002145000014",         false, false},
    {"IPv4, compressed protocol", "000200010001ff032145000014",                             false, false},
    {"IPv4, both compressed",     "0002000100012145000014",                                 false, false},
    {"IPv6",                      "000200010001ff03005760000000",                           false, false},
    {"MPPE, compressed protocol", "000200010001fd9000aabbcc",                               false, false},
    {"MPPE",                      "000200010001ff0300fd9000aabbcc",                         false, false},
    {"cut in the header",         "00020001",                                               false, false},
    {"cut before the protocol",   "000200010001ff03",                                       false, false},
    {"cut in the protocol",       "000200010001ff03c0",                                     false, false},
    {"offset past the end",       "02020001 0001 ffff ff03c021",                            false, false},
    {"one octet, control",        "c8",                                                     true,  true },
    {"nothing",                   "",                                                       false, false},
};

TEST(ControlSocket, FiltersPassWhatTheyShould) {
  for (const auto& form : kForms) {
    std::string hex = form.hex;
    hex.erase(std::remove(hex.begin(), hex.end(), ' '), hex.end());
    const Bytes bytes = packet(hex);
    auto server = listener("127.0.0.1");
    auto client = connected(at("127.0.0.1"), server.local());
    ASSERT_TRUE(client.send(bytes)) << form.what;
    EXPECT_EQ(read_all(server).size(), form.control ? 1u : 0u) << form.what;

    auto far = listener("127.0.0.1");
    auto tunnel = connected(at("127.0.0.1"), far.local(), ControlSocket::Filter::control_and_ppp);
    auto peer = connected(far.local(), tunnel.local());
    ASSERT_TRUE(peer.send(bytes)) << form.what;
    EXPECT_EQ(read_all(tunnel).size(), form.tunnel ? 1u : 0u) << form.what;
  }
}

TEST(ControlSocket, FilterCanBeChanged) {
  auto server = listener("127.0.0.1");
  auto client = connected(at("127.0.0.1"), server.local());
  const Bytes ip = packet("000200010001ff03002145000014");
  client.send(ip);
  EXPECT_TRUE(read_all(server).empty());
  ASSERT_TRUE(server.set_filter(ControlSocket::Filter::none));
  ASSERT_TRUE(server.set_filter(ControlSocket::Filter::none));
  client.send(ip);
  EXPECT_EQ(read_all(server).size(), 1u);
  EXPECT_TRUE(server.set_tos(0xb8));
}

TEST(ControlSocket, AnAnswerLeavesFromTheAddressItWasAskedOn) {
  for (const auto& [any, asked, other] :
       {std::tuple("0.0.0.0", "127.0.0.2", "127.0.0.1"), std::tuple("::", "::1", "::1")}) {
    auto server = listener(any);
    auto client = connected({*IpAddress::parse(other), 0}, at(asked, server.local().port));
    ASSERT_TRUE(client.send(packet("c802000c0001000000000000")));
    std::vector<Datagram> got;
    read_all(server, &got);
    ASSERT_EQ(got.size(), 1u);
    EXPECT_EQ(got[0].local, at(asked, server.local().port));
    EXPECT_EQ(got[0].source, client.local());
    // The client is connected: an answer from elsewhere would not reach it.
    ASSERT_TRUE(server.send_to(packet("c801"), got[0].source, got[0].local.address));
    EXPECT_EQ(read_all(client), std::vector<std::string>{"c801"});
  }
}

TEST(ControlSocket, ATunnelsSocketHearsItsPeerTheListenerTheRest) {
  auto server = listener("127.0.0.1");
  auto one = connected(at("127.0.0.1"), server.local());
  auto two = connected(at("127.0.0.1"), server.local());
  auto tunnel = connected(server.local(), one.local(), ControlSocket::Filter::control_and_ppp);
  for (int i = 0; i < 20; ++i) {
    one.send(packet("c801"));
    two.send(packet("c802"));
  }
  EXPECT_EQ(read_all(tunnel), std::vector<std::string>(20, "c801"));
  EXPECT_EQ(read_all(server), std::vector<std::string>(20, "c802"));
  tunnel.send(packet("c803"));
  EXPECT_EQ(read_all(one), std::vector<std::string>{"c803"});
}

TEST(ControlSocket, OurTunnelsNeverShareA4Tuple) {
  auto server = listener("127.0.0.1");
  std::optional<ControlSocket> first = connected(at("127.0.0.1", 1701), server.local());
  auto second = connected(at("127.0.0.1"), server.local());
  EXPECT_NE(second.local().port, 1701);
  const auto clash = ControlSocket::connect(at("127.0.0.1", 1701), server.local());
  ASSERT_FALSE(clash);
  EXPECT_EQ(clash.error().code, EADDRINUSE);
  // Another peer is another 4-tuple.
  auto other = listener("127.0.0.1");
  EXPECT_EQ(connected(at("127.0.0.1"), other.local()).local().port, 1701);
  // The pair is free again when the last owner of the descriptor lets go, not before.
  SharedFd held = first->shared_fd();
  first.reset();
  EXPECT_NE(connected(at("127.0.0.1"), server.local()).local().port, 1701);
  held.reset();
  EXPECT_EQ(connected(at("127.0.0.1"), server.local()).local().port, 1701);
}

TEST(ControlSocket, APortWithoutReusePortCannotBeTaken) {
  auto server = listener("127.0.0.1");
  const UniqueFd thief(::socket(AF_INET, SOCK_DGRAM, 0));
  const int one = 1;
  ::setsockopt(thief.get(), SOL_SOCKET, SO_REUSEADDR, &one, sizeof one);
  sockaddr_storage storage{};
  const socklen_t length = server.local().to_sockaddr(storage);
  EXPECT_EQ(::bind(thief.get(), reinterpret_cast<const sockaddr*>(&storage), length), -1);
  EXPECT_EQ(errno, EADDRINUSE);
}

TEST(ControlSocket, BatchesAndTruncation) {
  auto server = listener("127.0.0.1");
  auto client = connected(at("127.0.0.1"), server.local());
  for (std::size_t i = 0; i < DatagramBuffer::kBatch + 5; ++i) client.send(packet("c80200"));
  DatagramBuffer buffer;
  std::vector<Datagram> batch;
  EXPECT_TRUE(server.read_batch(buffer, batch));
  EXPECT_EQ(batch.size(), DatagramBuffer::kBatch);
  EXPECT_FALSE(server.read_batch(buffer, batch));
  EXPECT_EQ(batch.size(), 5u);
  EXPECT_FALSE(server.read_batch(buffer, batch));
  EXPECT_TRUE(batch.empty());
  Bytes longest(DatagramBuffer::kLongest, 0xc8);
  client.send(longest);
  longest.push_back(0);
  client.send(longest);
  EXPECT_EQ(read_all(server).size(), 1u);
  EXPECT_EQ(server.counters().truncated, 1u);
  EXPECT_EQ(server.counters().received, DatagramBuffer::kBatch + 7);
}

TEST(ControlSocket, ADeadPeerIsAnErrorToCountOnly) {
  Endpoint gone;
  {
    auto server = listener("127.0.0.1");
    gone = server.local();
  }
  auto client = connected(at("127.0.0.1"), gone);
  client.send(packet("c801"));  // comes back as ICMP port unreachable
  DatagramBuffer buffer;
  std::vector<Datagram> batch;
  EXPECT_FALSE(client.read_batch(buffer, batch));
  EXPECT_EQ(client.counters().last_error, ECONNREFUSED);
  EXPECT_TRUE(client.send(packet("c801")));
  EXPECT_FALSE(ControlSocket::listen(at("192.0.2.1")));
}

}  // namespace
}  // namespace l2tpm::daemon
