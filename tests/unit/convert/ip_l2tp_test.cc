#include "convert/ip_l2tp.h"

#include <gtest/gtest.h>

#include "config/load.h"
#include "support/imported.h"

namespace l2tpm::convert {
namespace {

kview::Tunnel tunnel(std::uint32_t id) {
  kview::Tunnel tunnel;
  tunnel.id = id;
  tunnel.peer_id = id + 10;
  tunnel.version = 3;
  tunnel.encapsulation = kview::Encapsulation::udp;
  tunnel.local = Endpoint{*IpAddress::parse("192.0.2.1"), 5000, 0};
  tunnel.remote = Endpoint{*IpAddress::parse("192.0.2.2"), 5001, 0};
  tunnel.owner.whose = kview::Owner::Whose::foreign;
  tunnel.owner.of_kernel = true;
  kview::Session session;
  session.tunnel = id;
  session.id = id + 1;
  session.peer_id = id + 2;
  session.pseudowire = kview::kEthernet;
  session.interface = "wire" + std::to_string(id);
  session.cookie = {1, 2, 3, 4};
  session.peer_cookie = {1, 2, 3, 4, 5, 6, 7, 8};
  session.send_sequence = session.receive_sequence = true;
  kview::Link link;
  link.name = session.interface;
  link.mtu = 1500;
  link.master_name = "br0";
  link.master_kind = "bridge";
  session.link = link;
  tunnel.sessions = {session};
  return tunnel;
}

config::StaticProfile checked(const Import& import) {
  const auto profile = test::checked(import.profiles.at(0));
  EXPECT_TRUE(profile) << (profile ? "" : profile.error()[0].to_string());
  return std::get<config::StaticProfile>(*profile);
}

TEST(IpL2tp, EverythingTheKernelTells) {
  const Import import = import_ip_l2tp({tunnel(7)}, {});
  ASSERT_EQ(import.profiles.size(), 1u);
  EXPECT_EQ(import.profiles[0].name, "l2tp-7");
  EXPECT_EQ(import.profiles[0].profile.dump().find("01020304"), std::string::npos);
  EXPECT_EQ(import.profiles[0].secrets.at("send-cookie-8"), Secret(std::string_view("01020304")));
  EXPECT_TRUE(import.notices.empty()) << import.notices[0].to_string();
  const auto profile = checked(import);
  EXPECT_EQ(profile.tunnel, TunnelId(7));
  EXPECT_EQ(profile.peer_tunnel, TunnelId(17));
  EXPECT_EQ(profile.local.to_string(), "192.0.2.1:5000");
  EXPECT_EQ(profile.peer.to_string(), "192.0.2.2:5001");
  EXPECT_TRUE(profile.udp_checksum);
  const auto& session = profile.sessions.at(0);
  EXPECT_EQ(session.local, SessionId(8));
  EXPECT_EQ(session.peer, SessionId(9));
  EXPECT_EQ(session.send_cookie, (Bytes{1, 2, 3, 4}));
  EXPECT_EQ(session.receive_cookie.size(), 8u);
  EXPECT_TRUE(session.require_sequence && session.sublayer);
  EXPECT_EQ(session.port.interface, "wire7");
  EXPECT_EQ(session.port.mtu, 1500);
  EXPECT_EQ(session.port.bridge.name, "br0");
}

TEST(IpL2tp, OverIpWithoutChecksumsOrCookies) {
  auto plain = tunnel(7);
  plain.udp_checksum = false;
  plain.sessions[0].send_sequence = plain.sessions[0].receive_sequence = false;
  plain.sessions[0].cookie.clear();
  plain.sessions[0].link->master_kind = "vrf";
  auto import = import_ip_l2tp({plain}, {});
  EXPECT_FALSE(checked(import).udp_checksum);
  EXPECT_EQ(checked(import).sessions[0].port.vrf, "br0");
  ASSERT_EQ(import.notices.size(), 1u);
  EXPECT_NE(import.notices[0].text.find("l2spec_type none"), std::string::npos);
  plain.encapsulation = kview::Encapsulation::ip;
  plain.local->port = plain.remote->port = 0;
  plain.sessions[0].link.reset();
  import = import_ip_l2tp({plain}, {});
  EXPECT_EQ(checked(import).transport, config::Transport::ip);
  EXPECT_EQ(import.notices.size(), 2u) << "an interface that is not here";
}

TEST(IpL2tp, WhatIsNotStaticStays) {
  auto two = tunnel(1);
  two.version = 2;
  auto held = tunnel(2);
  held.owner.processes = {
      {512, "kl2tpd"}
  };
  auto ours = tunnel(3);
  ours.owner.whose = kview::Owner::Whose::ours;
  auto ppp = tunnel(4);
  ppp.sessions[0].pseudowire = kview::kPpp;
  const Import import = import_ip_l2tp({two, held, ours, ppp, tunnel(5)}, {});
  ASSERT_EQ(import.profiles.size(), 1u);
  EXPECT_EQ(import.profiles[0].name, "l2tp-5");
  EXPECT_FALSE(import.has_errors());
  EXPECT_TRUE(import_ip_l2tp({held}, {.tunnel = 2}).has_errors());
  EXPECT_TRUE(import_ip_l2tp({}, {.tunnel = 2}).has_errors());
  EXPECT_EQ(import_ip_l2tp({}, {}).notices.size(), 1u);
  EXPECT_EQ(import_ip_l2tp({tunnel(5), tunnel(6)}, {.tunnel = 6}).profiles.size(), 1u);
}

}  // namespace
}  // namespace l2tpm::convert
