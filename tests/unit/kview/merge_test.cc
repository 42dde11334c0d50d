#include <gtest/gtest.h>

#include "kview/source.h"
#include "kview/view.h"

namespace l2tpm::kview {
namespace {

Endpoint at(const char* address, std::uint16_t port) {
  return {*IpAddress::parse(address), port, 0};
}

Tunnel tunnel(std::uint32_t id) {
  Tunnel result;
  result.id = id;
  result.peer_id = id + 1000;
  result.version = 2;
  result.encapsulation = Encapsulation::udp;
  result.local = at("192.0.2.2", 1701);
  result.remote = at("192.0.2.1", static_cast<std::uint16_t>(id));
  return result;
}

Session session(std::uint32_t tunnel, std::uint32_t id, std::string interface = {}) {
  Session result;
  result.tunnel = tunnel;
  result.peer_tunnel = tunnel + 1000;
  result.id = id;
  result.pseudowire = kPpp;
  result.interface = std::move(interface);
  return result;
}

Link link(std::string name, std::uint32_t group) {
  Link result;
  result.name = std::move(name);
  result.kind = "ppp";
  result.group = group;
  result.up = true;
  return result;
}

constexpr std::uint32_t kOurGroup = 3u << 17 | 5;  // instance 3, slot 5

Owner owner_of(Material material) { return merge(std::move(material)).at(0).owner; }

Material one_tunnel() {
  Material material;
  material.tunnels = {tunnel(7)};
  return material;
}

// What a PPPoX connect made is in generic netlink without its interface, and in /proc with it.
TEST(KernelView, TheInterfaceComesFromProcAndItsGroupFromRtnetlink) {
  Material material = one_tunnel();
  material.sessions = {session(7, 1)};
  material.ppp = {session(7, 1, "ppp0")};
  material.links = {link("eth0", 0), link("ppp0", kOurGroup)};
  const Snapshot snapshot = merge(material);
  ASSERT_EQ(snapshot.size(), 1u);
  ASSERT_EQ(snapshot[0].sessions.size(), 1u);
  EXPECT_EQ(snapshot[0].sessions[0].interface, "ppp0");
  ASSERT_TRUE(snapshot[0].sessions[0].link);
  EXPECT_EQ(snapshot[0].sessions[0].link->group, kOurGroup);
  EXPECT_EQ(snapshot[0].owner.whose, Owner::Whose::ours);
  EXPECT_EQ(snapshot[0].owner.evidence, Owner::Evidence::group);
  EXPECT_EQ(snapshot[0].owner.instance, 3u);
}

// xl2tpd connects one, and Linux 6.1 shows it.
TEST(KernelView, ATunnelsManagementSocketIsNoSession) {
  Material material = one_tunnel();
  material.sessions = {session(7, 0), session(7, 1)};
  const Snapshot snapshot = merge(material);
  ASSERT_EQ(snapshot.size(), 1u);
  ASSERT_EQ(snapshot[0].sessions.size(), 1u);
  EXPECT_EQ(snapshot[0].sessions[0].id, 1u);
}

TEST(KernelView, NothingThatSaysWhoseIsUnknown) {
  EXPECT_EQ(owner_of(one_tunnel()).whose, Owner::Whose::unknown);
  Material with_session = one_tunnel();
  with_session.sessions = {session(7, 1)};
  EXPECT_EQ(owner_of(with_session).whose, Owner::Whose::unknown);
  // A daemon that does not know it: it may be another instance's, without a bus.
  Material with_daemon = one_tunnel();
  with_daemon.daemon_tunnels.emplace();
  EXPECT_EQ(owner_of(with_daemon).whose, Owner::Whose::unknown);
}

TEST(KernelView, AnInterfaceWithoutOurGroupIsForeign) {
  Material material = one_tunnel();
  material.ppp = {session(7, 1, "ppp0")};
  material.links = {link("ppp0", 5)};
  const Owner owner = owner_of(material);
  EXPECT_EQ(owner.whose, Owner::Whose::foreign);
  EXPECT_EQ(owner.evidence, Owner::Evidence::group);
}

TEST(KernelView, TheDaemonsListCountsWithItsAddressesOnly) {
  Material material = one_tunnel();
  material.daemon_tunnels = {{{"work", "192.0.2.2:1701", "192.0.2.1:7", 7}}};
  Owner owner = owner_of(material);
  EXPECT_EQ(owner.whose, Owner::Whose::ours);
  EXPECT_EQ(owner.evidence, Owner::Evidence::daemon);
  EXPECT_EQ(owner.tunnel_name, "work");
  // The same id to another peer is somebody else's.
  material.daemon_tunnels = {{{"work", "192.0.2.2:1701", "198.51.100.1:1701", 7}}};
  EXPECT_EQ(owner_of(material).whose, Owner::Whose::unknown);
}

TEST(KernelView, TheHolderOfTheSocketDecides) {
  Material material = one_tunnel();
  material.udp_sockets = {
      {at("192.0.2.2", 1701), at("192.0.2.1", 7), 99}
  };
  material.holders[99] = {
      {512, "xl2tpd"}
  };
  Owner owner = owner_of(material);
  EXPECT_EQ(owner.whose, Owner::Whose::foreign);
  EXPECT_EQ(owner.evidence, Owner::Evidence::socket);
  ASSERT_EQ(owner.processes.size(), 1u);
  EXPECT_EQ(owner.processes[0].name, "xl2tpd");

  material.holders[99] = {
      {513, "l2tp-manager"}
  };
  EXPECT_EQ(owner_of(material).whose, Owner::Whose::ours);

  // Held by a process that we may not look into.
  material.holders.clear();
  EXPECT_EQ(owner_of(material).whose, Owner::Whose::unknown);

  // Without any process: "ip l2tp add tunnel".
  material.all_holders_known = true;
  EXPECT_TRUE(owner_of(material).of_kernel);
  material.all_holders_known = false;
  material.udp_sockets[0].inode = 0;
  owner = owner_of(material);
  EXPECT_EQ(owner.whose, Owner::Whose::foreign);
  EXPECT_TRUE(owner.of_kernel);
}

TEST(KernelView, MappedAddressesAreTheSameSocket) {
  Material material = one_tunnel();
  material.udp_sockets = {
      {at("::ffff:192.0.2.2", 1701), at("::ffff:192.0.2.1", 7), 99}
  };
  material.holders[99] = {
      {513, "l2tp-manager"}
  };
  EXPECT_EQ(owner_of(material).whose, Owner::Whose::ours);
}

TEST(KernelView, AnInstanceIsNoSmallGroupAndNoNegativeOne) {
  EXPECT_EQ(instance_of_group(0), 0u);
  EXPECT_EQ(instance_of_group(0x1ffff), 0u);
  EXPECT_EQ(instance_of_group(0x20000), 1u);
  EXPECT_EQ(instance_of_group(0x7fffffff), 0x3fffu);
  EXPECT_EQ(instance_of_group(0x80020000), 0u);
}

std::vector<std::string> told(const Snapshot& before, const Snapshot& after) {
  std::vector<std::string> lines;
  for (const Change& change : changes(before, after))
    lines.push_back(std::string(name(change.what)) + " " + std::to_string(change.tunnel.id) +
                    (change.session ? "/" + std::to_string(change.session->id) : "") +
                    (change.detail.empty() ? "" : " " + change.detail));
  return lines;
}

Snapshot snapshot(std::vector<Session> ppp, std::vector<Link> links) {
  Material material = one_tunnel();
  material.ppp = std::move(ppp);
  material.links = std::move(links);
  return merge(material);
}

TEST(KernelChanges, ATunnelComesBeforeItsSessionsAndGoesAfterThem) {
  const Snapshot both = snapshot({session(7, 1), session(7, 2)}, {});
  using Lines = std::vector<std::string>;
  EXPECT_EQ(told({}, both), (Lines{"appeared 7", "appeared 7/1", "appeared 7/2"}));
  EXPECT_EQ(told(both, {}), (Lines{"vanished 7/1", "vanished 7/2", "vanished 7"}));
  EXPECT_EQ(told(both, both), Lines{});
}

TEST(KernelChanges, InterfacesAndOwners) {
  const Snapshot without = snapshot({session(7, 1)}, {});
  const Snapshot with = snapshot({session(7, 1, "ppp0")}, {link("ppp0", kOurGroup)});
  using Lines = std::vector<std::string>;
  EXPECT_EQ(told(without, with), (Lines{"changed 7 owner ours", "changed 7/1 interface ppp0"}));
}

TEST(KernelChanges, TheSameIdWithAnotherPeerIsAnotherTunnel) {
  const Snapshot before = snapshot({session(7, 1)}, {});
  Snapshot after = before;
  after[0].remote = at("198.51.100.1", 1701);
  using Lines = std::vector<std::string>;
  EXPECT_EQ(told(before, after),
            (Lines{"vanished 7/1", "vanished 7", "appeared 7", "appeared 7/1"}));
}

}  // namespace
}  // namespace l2tpm::kview
