#include "ppp/ipcp.h"

#include <gtest/gtest.h>

#include "ppp/ipv6cp.h"
#include "support/ppp_text.h"

namespace l2tpm::ppp {
namespace {

using test::from_hex;
using test::Packet;
using test::text_of;
using wire::PppCode;

template <typename Protocol>
std::string give(Protocol& protocol, PppCode code, std::uint8_t id, const char* options) {
  protocol.receive(Packet(code, id, from_hex(options)).view(), TimePoint{});
  return text_of(protocol.take_actions());
}

template <typename Protocol>
std::string start(Protocol& protocol) {
  protocol.open(TimePoint{});
  protocol.lower_up(TimePoint{});
  return text_of(protocol.take_actions()).substr(9);  // without "started; "
}

Ipv4Settings lns() {
  Ipv4Settings settings;
  settings.local = *IpAddress::parse("10.0.0.1");
  settings.peer = *IpAddress::parse("10.0.0.7");
  settings.dns[0] = *IpAddress::parse("9.9.9.9");
  return settings;
}

const FsmTimers kTimers;

TEST(Ipcp, AnLnsGivesAddressAndNameServer) {
  Ipcp ipcp(lns(), kTimers);
  EXPECT_EQ(start(ipcp), "IPCP Configure-Request id 1 <address 10.0.0.1>");
  // Windows: address and all four servers.
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 5,
                 "030600000000 810600000000 820600000000 830600000000 840600000000"),
            "IPCP Configure-Reject id 5 <nbns1 0.0.0.0> <dns2 0.0.0.0> <nbns2 0.0.0.0>");
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 6, "030600000000 810600000000"),
            "IPCP Configure-Nak id 6 <address 10.0.0.7> <dns1 9.9.9.9>");
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 7, "03060a000007 810609090909"),
            "IPCP Configure-Ack id 7 <address 10.0.0.7> <dns1 9.9.9.9>");
  EXPECT_EQ(give(ipcp, PppCode::configure_ack, 1, "03060a000001"), "up");
  EXPECT_EQ(ipcp.peer().to_string(), "10.0.0.7");
  EXPECT_EQ(ipcp.local().to_string(), "10.0.0.1");
}

TEST(Ipcp, APeersOwnAddressIsAMatterOfPolicy) {
  Ipv4Settings settings = lns();
  Ipcp strict(settings, kTimers);
  start(strict);
  EXPECT_EQ(give(strict, PppCode::configure_request, 1, "0306c0000263"),
            "IPCP Configure-Nak id 1 <address 10.0.0.7>");
  settings.accept_peer = true;
  Ipcp lax(settings, kTimers);
  start(lax);
  EXPECT_EQ(give(lax, PppCode::configure_request, 1, "0306c0000263"),
            "IPCP Configure-Ack id 1 <address 192.0.2.99>");
  // Not ours, not loopback, not multicast.
  for (const char* address : {"03060a000001", "03067f000001", "0306e0000001", "0306ffffffff"})
    EXPECT_EQ(give(lax, PppCode::configure_request, 1, address),
              "IPCP Configure-Nak id 1 <address 10.0.0.7>");
}

TEST(Ipcp, RefusesCompressionAndTheOldOption) {
  Ipcp ipcp(lns(), kTimers);
  start(ipcp);
  EXPECT_EQ(
      give(ipcp, PppCode::configure_request, 1, "010a0a0000070a000001 0206002d0f01 03060a000007"),
      "IPCP Configure-Reject id 1 <addresses 0a0000070a000001> <compression 002d0f01>");
}

TEST(Ipcp, AsksForTheAddressOfASilentPeer) {
  Ipcp ipcp(lns(), kTimers);
  start(ipcp);
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 1, ""),
            "IPCP Configure-Nak id 1 <address 10.0.0.7>");
  for (std::uint8_t id = 2; id <= 5; ++id) give(ipcp, PppCode::configure_request, id, "");
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 6, ""), "IPCP Configure-Ack id 6");
  give(ipcp, PppCode::configure_ack, 1, "03060a000001");
  EXPECT_EQ(ipcp.peer().to_string(), "10.0.0.7");
}

TEST(Ipcp, AClientAsksForEverything) {
  Ipv4Settings settings;
  settings.request_dns = true;
  Ipcp ipcp(settings, kTimers);
  EXPECT_EQ(start(ipcp),
            "IPCP Configure-Request id 1 <address 0.0.0.0> <dns1 0.0.0.0> <dns2 0.0.0.0>");
  EXPECT_EQ(give(ipcp, PppCode::configure_reject, 1, "830600000000"),
            "IPCP Configure-Request id 2 <address 0.0.0.0> <dns1 0.0.0.0>");
  EXPECT_EQ(give(ipcp, PppCode::configure_nak, 2, "03060a000007 810609090909"),
            "IPCP Configure-Request id 3 <address 10.0.0.7> <dns1 9.9.9.9>");
  give(ipcp, PppCode::configure_ack, 3, "03060a000007 810609090909");
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 1, "03060a000001"),
            "IPCP Configure-Ack id 1 <address 10.0.0.1>; up");
  EXPECT_EQ(ipcp.dns()[0].to_string(), "9.9.9.9");
  EXPECT_TRUE(ipcp.dns()[1].is_unspecified());
  EXPECT_EQ(ipcp.local().to_string(), "10.0.0.7");
}

TEST(Ipcp, ARefusedAddressEndsIt) {
  Ipcp ipcp(Ipv4Settings{}, kTimers);
  start(ipcp);
  EXPECT_NE(give(ipcp, PppCode::configure_reject, 1, "030600000000").find("Terminate-Request"),
            std::string::npos);
}

TEST(Ipcp, PeersSection4Row27_DuplicateAddresses) {
  Ipcp ipcp(lns(), kTimers);
  start(ipcp);
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 1, "03060a000007 03060a000008"),
            "IPCP Configure-Reject id 1 <address 10.0.0.8>");
}

TEST(Ipcp, PeersSection4Row19_BadLengths) {
  Ipcp ipcp(lns(), kTimers);
  start(ipcp);
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 1, "0300"), "");
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 1, "03060a0000"), "");
  EXPECT_EQ(give(ipcp, PppCode::configure_request, 1, "03050a0000"),
            "IPCP Configure-Reject id 1 <address 0a0000>");
  EXPECT_EQ(give(ipcp, PppCode::configure_nak, 1, "0300"), "");
  EXPECT_EQ(give(ipcp, PppCode::configure_nak, 1, "03050a0000"), "");
}

TEST(Ipv6cp, AgreesOnIdentifiers) {
  SeededRandom random(3);
  Ipv6Settings settings;
  settings.local_id = 1;
  Ipv6cp ipv6cp(settings, random, kTimers);
  EXPECT_EQ(start(ipv6cp), "IPV6CP Configure-Request id 1 <interface-id 0000000000000001>");
  EXPECT_EQ(give(ipv6cp, PppCode::configure_request, 1, "010a0000000000000002 0204004f"),
            "IPV6CP Configure-Reject id 1 <compression 004f>");
  EXPECT_EQ(give(ipv6cp, PppCode::configure_request, 2, "010a0000000000000002"),
            "IPV6CP Configure-Ack id 2 <interface-id 0000000000000002>");
  EXPECT_EQ(give(ipv6cp, PppCode::configure_ack, 1, "010a0000000000000001"), "up");
  EXPECT_EQ(ipv6cp.peer_id(), 2u);
}

TEST(Ipv6cp, ZeroAndACollisionAreNaked) {
  SeededRandom random(3);
  Ipv6Settings settings;
  settings.local_id = 1;
  settings.peer_id = 9;
  Ipv6cp ipv6cp(settings, random, kTimers);
  start(ipv6cp);
  const char* nak = "IPV6CP Configure-Nak id 1 <interface-id 0000000000000009>";
  EXPECT_EQ(give(ipv6cp, PppCode::configure_request, 1, "010a0000000000000000"), nak);
  EXPECT_EQ(give(ipv6cp, PppCode::configure_request, 1, "010a0000000000000001"), nak);
  EXPECT_EQ(give(ipv6cp, PppCode::configure_request, 1, ""), nak);
}

TEST(Ipv6cp, RandomIdentifiersAreLocal) {
  SeededRandom random(4);
  Ipv6cp ipv6cp(Ipv6Settings{}, random, kTimers);
  start(ipv6cp);
  EXPECT_NE(ipv6cp.local_id(), 0u);
  EXPECT_EQ((ipv6cp.local_id() >> 56) & 2, 0u);
  const std::uint64_t before = ipv6cp.local_id();
  give(ipv6cp, PppCode::configure_nak, 1, "010a0000000000000000");
  EXPECT_NE(ipv6cp.local_id(), before);
  give(ipv6cp, PppCode::configure_nak, 2, "010a0000000000000005");
  EXPECT_EQ(ipv6cp.local_id(), 5u);
}

}  // namespace
}  // namespace l2tpm::ppp
