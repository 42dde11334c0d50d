// L2TPv3 in profiles: what is read, and what is wrong with it.
#include <gtest/gtest.h>

#include "config/diff.h"
#include "support/config_text.h"

namespace l2tpm::config {
namespace {

using test::read_text;

std::string client(const std::string& more) {
  return R"({"kind": "client", "peer": "lns.example.net", )" + more + "}";
}
std::string wires(const std::string& list) {
  return client(R"("version": 3, "pseudowires": [)" + list + "]");
}
std::string fixed(const std::string& more,
                  const std::string& session = R"("session-id": 11, "peer-session-id": 21,
                                                  "interface": "l2tp-b")") {
  return R"({"kind": "static", "local": {"address": "192.0.2.1"}, "peer": {"address": "192.0.2.2"},
             "tunnel-id": 10, "peer-tunnel-id": 20, )" +
         more + R"("sessions": [{)" + session + "}]}";
}
// Whether the errors speak of this pointer, and say this.
bool complains(const std::string& text, const std::string& pointer, const std::string& words) {
  const std::string errors = read_text(text).errors;
  const auto line = errors.find(" " + pointer + ": ");
  const bool good =
      line != std::string::npos &&
      errors.substr(line, errors.find('\n', line) - line).find(words) != std::string::npos;
  if (!good) ADD_FAILURE() << "no \"" << words << "\" at " << pointer << " in:\n" << errors;
  return good;
}

TEST(Version3, DefaultsOfAClient) {
  const auto two = read_text(client(R"("ppp": {})"));
  ASSERT_TRUE(two.profile) << two.errors;
  EXPECT_EQ(two.client().version, Version::two);
  EXPECT_EQ(two.client().transport, Transport::udp);
  EXPECT_TRUE(two.client().has_ppp);
  EXPECT_EQ(needs_version3(*two.profile), "");

  const auto read = read_text(wires(R"({"name": "site"})"));
  ASSERT_TRUE(read.profile) << read.errors;
  const ClientProfile& three = read.client();
  EXPECT_EQ(three.version, Version::three);
  EXPECT_FALSE(three.has_ppp);
  EXPECT_EQ(needs_version3(*read.profile), "\"version\": 3");
  ASSERT_EQ(three.pseudowires.size(), 1u);
  const Pseudowire& wire = three.pseudowires[0];
  EXPECT_EQ(wire.remote_end_id, "site");
  EXPECT_EQ(wire.type, PseudowireType::ethernet);
  EXPECT_EQ(wire.cookie, 8u);
  EXPECT_FALSE(wire.sublayer);
  EXPECT_FALSE(wire.port.mtu);
  EXPECT_FALSE(wire.port.mac);
  EXPECT_EQ(wire.circuit, "");
}

TEST(Version3, EverythingOfAPseudowire) {
  const auto read = read_text(wires(R"({
    "name": "site", "remote-end-id": "100", "type": "ethernet-vlan", "vlan": 7, "cookie": 4,
    "sequencing": "require", "interface": "l2tp-site", "mtu": 1500, "mac": "02:00:5e:10:00:01",
    "circuit": "eth1",
    "bridge": {"name": "br0", "create": true, "stp": true, "vlan-filtering": true, "priority": 4096,
               "forward-delay": "4s", "hello-time": "1500ms", "max-age": "6s", "ageing": "1m",
               "path-cost": 10, "port-priority": 8, "isolated": true, "pvid": 30,
               "tagged": ["7", "40-49"]}
  }, {"name": "second", "bridge": "br1"}, {"name": "dial", "type": "ppp"})"));
  ASSERT_TRUE(read.profile) << read.errors;
  EXPECT_TRUE(read.client().has_ppp);
  const Pseudowire& wire = read.client().pseudowires[0];
  EXPECT_EQ(wire.remote_end_id, "100");
  EXPECT_EQ(wire.type, PseudowireType::ethernet_vlan);
  EXPECT_EQ(wire.cookie, 4u);
  EXPECT_TRUE(wire.sublayer && wire.send_sequence && wire.require_sequence);
  EXPECT_EQ(wire.port.vlan, 7);
  EXPECT_EQ(wire.port.mtu, 1500);
  EXPECT_EQ(wire.port.mac->to_string(), "02:00:5e:10:00:01");
  const Bridge& bridge = wire.port.bridge;
  EXPECT_EQ(bridge.name, "br0");
  EXPECT_TRUE(bridge.create && bridge.stp && bridge.vlan_filtering && bridge.isolated);
  EXPECT_EQ(bridge.forward_delay, Duration(4s));
  EXPECT_EQ(bridge.hello_time, Duration(1500ms));
  EXPECT_EQ(bridge.pvid, 30);
  EXPECT_EQ(bridge.tagged, (std::vector<VlanRange>{
                               {7,  7 },
                               {40, 49}
  }));
  EXPECT_EQ(read.client().pseudowires[1].port.bridge.name, "br1");
  EXPECT_FALSE(read.client().pseudowires[1].port.bridge.create);
}

TEST(Version3, SecretsAndDigests) {
  const auto digest = [](const std::string& tunnel) {
    const auto read = read_text(client(R"("version": 3, "tunnel": {)" + tunnel + "}"));
    EXPECT_TRUE(read.profile) << read.errors;
    return read.client().tunnel.digest;
  };
  EXPECT_EQ(digest(R"("secret": {"$secret": "s"})"), MessageDigest::sha1);
  EXPECT_EQ(digest(R"("secret": {"$secret": "s"}, "digest": "md5")"), MessageDigest::md5);
  EXPECT_EQ(digest(R"("secret": {"$secret": "s"}, "digest": "none")"), MessageDigest::none);
  EXPECT_EQ(digest(R"("digest": "md5")"), MessageDigest::md5);
  EXPECT_EQ(digest(R"("secret": {"$secret": "s"}, "cisco-challenge": true)"), MessageDigest::none);
  EXPECT_EQ(digest(R"("secret": {"$secret": "s"}, "cisco-challenge": true, "digest": "md5")"),
            MessageDigest::md5);
  EXPECT_EQ(digest(""), MessageDigest::none);
  const auto both = read_text(client(
      R"("version": "3-then-2", "tunnel": {"secret": {"$secret": "s"}, "second-secret": "old",
         "router-id": "192.0.2.9"})"));
  ASSERT_TRUE(both.profile) << both.errors;
  EXPECT_EQ(both.client().version, Version::three_then_two);
  EXPECT_EQ(both.client().tunnel.router_id, 0xc0000209u);
  EXPECT_FALSE(both.client().tunnel.second_secret.empty());
  complains(client(R"("version": 3, "tunnel": {"second-secret": "old"})"), "/tunnel/second-secret",
            "needs a \"secret\"");
  complains(client(R"("version": 3, "tunnel": {"cisco-challenge": true})"),
            "/tunnel/cisco-challenge", "needs a \"secret\"");
  for (const char* key :
       {R"("digest": "md5")", R"("cisco-challenge": true)", R"("router-id": "192.0.2.9")"})
    EXPECT_NE(read_text(client("\"tunnel\": {" + std::string(key) + "}"))
                  .errors.find("is of version 3 only"),
              std::string::npos)
        << key;
  complains(client(R"("version": 3, "tunnel": {"router-id": "0.0.0.0"})"), "/tunnel/router-id",
            "four numbers");
}

TEST(Version3, WhatContradictsItself) {
  complains(client(R"("version": 4)"), "/version", "must be 2, 3 or \"3-then-2\"");
  complains(client(R"("version": "3")"), "/version", "must be 2, 3");
  complains(client(R"("pseudowires": [{"name": "a"}])"), "/pseudowires", "needs \"version\": 3");
  complains(client(R"("version": "3-then-2", "pseudowires": [{"name": "a"}])"), "/pseudowires",
            "has no PPP");
  complains(client(R"("transport": "ip")"), "", "needs \"version\": 3");
  complains(wires(R"({"remote-end-id": "7"})"), "/pseudowires/0", "needs a \"name\"");
  complains(wires(R"({"name": "a"}, {"name": "a", "remote-end-id": "b"})"), "/pseudowires/1/name",
            "is another pseudowire's");
  complains(wires(R"({"name": "a"}, {"name": "b", "remote-end-id": "a"})"), "/pseudowires/1",
            "remote end id \"a\"");
  complains(wires(R"({"name": "a", "type": "ppp"}, {"name": "b", "type": "ppp"})"),
            "/pseudowires/1/type", "twice");
  complains(wires(R"({"name": "a", "cookie": 5})"), "/pseudowires/0/cookie", "0, 4 or 8");
  complains(wires(R"({"name": "a", "type": "ethernet-vlan"})"), "/pseudowires/0",
            "needs a \"vlan\"");
  complains(wires(R"({"name": "a", "vlan": 7})"), "/pseudowires/0/vlan", "ethernet-vlan");
  complains(wires(R"({"name": "a", "type": "ppp", "mtu": 1500})"), "/pseudowires/0/mtu",
            "is not used with \"type\": \"ppp\"");
  complains(wires(R"({"name": "a", "sublayer": "none", "sequencing": "send"})"), "/pseudowires/0",
            "leave that out");
  complains(wires(R"({"name": "a", "bridge": "br0", "vrf": "blue"})"), "/pseudowires/0/vrf",
            "exclude each other");
  complains(wires(R"({"name": "a", "vrf": "blue", "namespace": "ns"})"), "/pseudowires/0/namespace",
            "excludes");
  complains(wires(R"({"name": "a", "namespace": "../x"})"), "/pseudowires/0/namespace", "no path");
  complains(wires(R"({"name": "a", "bridge": {"create": true}})"), "/pseudowires/0/bridge",
            "needs a \"name\"");
  complains(wires(R"({"name": "a", "bridge": {"name": "b", "stp": true}})"),
            "/pseudowires/0/bridge/stp", "without \"create\": true");
  complains(wires(R"({"name": "a", "bridge": {"name": "b", "tagged": ["7-3"]}})"),
            "/pseudowires/0/bridge/tagged/0", "a range");
  complains(wires(R"({"name": "a", "bridge": {"name": "b", "tagged": ["4095"]}})"),
            "/pseudowires/0/bridge/tagged/0", "a VLAN");
  complains(wires(R"({"name": "a", "mac": "01:00:5e:00:00:01"})"), "/pseudowires/0/mac", "unicast");
  complains(wires(R"({"name": "a", "interface": "w", "circuit": "w"})"), "/pseudowires/0/circuit",
            "own interface");
  complains(wires(R"({"name": "a", "interfac": "w"})"), "/pseudowires/0/interfac",
            "did you mean \"interface\"");
}

TEST(Version3, WhatIsOfNoUseIsSaid) {
  const auto read = read_text(client(
      R"("version": 3, "pseudowires": [{"name": "a"}], "interface": "x", "routes": {"default": true})"));
  ASSERT_TRUE(read.profile) << read.errors;
  EXPECT_NE(read.warnings.find("/interface: is not used"), std::string::npos) << read.warnings;
  EXPECT_NE(read.warnings.find("/routes: is not used"), std::string::npos) << read.warnings;
}

TEST(Version3, AListener) {
  const auto read = read_text(R"({"kind": "listener", "versions": [3],
    "listen": {"transports": ["udp", "ip"]}, "tunnel": {"secret": {"$secret": "s"}},
    "peers": [{"name": "branch", "match": {"host-name": "branch*"}}],
    "pseudowires": [{"name": "site", "peer": "branch", "bridge": "br0"}]})");
  ASSERT_TRUE(read.profile) << read.errors;
  const ListenerProfile& listener = read.listener();
  EXPECT_TRUE(listener.accepts_three && !listener.accepts_two);
  EXPECT_TRUE(listener.on_udp && listener.on_ip);
  EXPECT_FALSE(listener.has_ppp);
  EXPECT_EQ(listener.tunnel.digest, MessageDigest::sha1);
  EXPECT_EQ(listener.peers[0].tunnel.digest, MessageDigest::sha1);
  EXPECT_EQ(needs_version3(*read.profile), "\"versions\": 3");
  EXPECT_EQ(read.warnings, "") << "no users are needed where there is no PPP";

  const auto with = [](const std::string& more) {
    return R"({"kind": "listener", "ppp": {"ipv4": {"local-address": "10.0.0.1"}}, )" + more + "}";
  };
  EXPECT_TRUE(read_text(with(R"("versions": [2, 3])")).profile);
  for (const char* bad : {"[]", "[4]", "[2, 2]", "3", R"(["3"])"})
    complains(with("\"versions\": " + std::string(bad)), "/versions", "must be [2], [3] or [2, 3]");
  complains(with(R"("listen": {"transports": ["ip"]})"), "/listen/transports", "versions");
  complains(with(R"("versions": [2, 3], "listen": {"transports": ["ip"]})"), "/listen/transports",
            "no \"udp\"");
  complains(with(R"("versions": [2], "pseudowires": [{"name": "a"}])"), "/pseudowires",
            "needs 3 among \"versions\"");
  complains(with(R"("versions": [3], "peers": [{"name": "branch"}],
                    "pseudowires": [{"name": "a", "peer": "brunch"}])"),
            "/pseudowires/0/peer", "did you mean \"branch\"");
}

TEST(Static, EverythingOfIt) {
  const auto read =
      read_text(fixed(R"("transport": "udp", "udp-checksum": false, )",
                      R"("session-id": 11, "peer-session-id": 4294967295, "interface": "l2tp-b",
         "send-cookie": "0102030405060708", "receive-cookie": "a1B2c3D4", "sublayer": "none",
         "mtu": 1500, "bridge": "br0")"));
  ASSERT_TRUE(read.profile) << read.errors;
  const StaticProfile& profile = read.fixed();
  EXPECT_EQ(profile.local.to_string(), "192.0.2.1:1701");
  EXPECT_EQ(profile.tunnel, TunnelId(10));
  EXPECT_EQ(profile.peer_tunnel, TunnelId(20));
  EXPECT_FALSE(profile.udp_checksum);
  const StaticSession& session = profile.sessions.at(0);
  EXPECT_EQ(session.peer, SessionId(0xffffffff));
  EXPECT_EQ(session.send_cookie, (Bytes{1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_EQ(session.receive_cookie, (Bytes{0xa1, 0xb2, 0xc3, 0xd4}));
  EXPECT_FALSE(session.sublayer);
  EXPECT_EQ(session.port.bridge.name, "br0");
  EXPECT_EQ(needs_version3(*read.profile), "\"kind\": \"static\"");
  const auto plain = read_text(fixed(R"("transport": "ip", )"));
  ASSERT_TRUE(plain.profile) << plain.errors;
  EXPECT_EQ(plain.fixed().local.port, 0);
  EXPECT_TRUE(plain.fixed().sessions[0].sublayer) << "as ip l2tp makes them";
}

TEST(Static, WhatIsMissingOrWrong) {
  const std::string nothing = read_text(R"({"kind": "static"})").errors;
  for (const char* what : {"needs an \"address\"", "needs \"tunnel-id\"",
                           "needs \"peer-tunnel-id\"", "needs \"sessions\""})
    EXPECT_NE(nothing.find(what), std::string::npos) << nothing;
  complains(fixed("", R"("session-id": 0, "peer-session-id": 1, "interface": "a")"),
            "/sessions/0/session-id", "from 1 to 4294967295");
  complains(fixed("", R"("session-id": 1, "peer-session-id": 1)"), "/sessions/0",
            "needs \"interface\"");
  for (const char* cookie : {"01", "0102030", "010203040", "zz020304", "+1020304"})
    complains(
        fixed("", R"("session-id": 1, "peer-session-id": 1, "interface": "a", "send-cookie": ")" +
                      std::string(cookie) + "\""),
        "/sessions/0/send-cookie", "8 or 16 hexadecimal digits");
  complains(R"({"kind": "static", "local": {"address": "::1"}, "peer": {"address": "192.0.2.2"}})",
            "/peer", "another address family");
  complains(
      R"({"kind": "static", "transport": "ip", "local": {"address": "192.0.2.1", "port": 5}})",
      "/local/port", "is not used");
  complains(fixed(R"("transport": "ip", "udp-checksum": false, )"), "/udp-checksum", "is not used");
  complains(fixed("", R"("session-id": 1, "peer-session-id": 1, "interface": "a",
                         "reorder-timeout": "100ms")"),
            "/sessions/0/reorder-timeout", "without \"sequencing\"");
  const std::string twice = read_text(R"({"kind": "static", "local": {"address": "192.0.2.1"},
    "peer": {"address": "192.0.2.2"}, "tunnel-id": 1, "peer-tunnel-id": 1, "sessions": [
    {"session-id": 1, "peer-session-id": 1, "interface": "a"},
    {"session-id": 1, "peer-session-id": 2, "interface": "a"}]})")
                                .errors;
  EXPECT_NE(twice.find("/sessions/1/session-id: is another session's, too"), std::string::npos);
  EXPECT_NE(twice.find("/sessions/1/interface: is another session's, too"), std::string::npos);
}

TEST(Static, DifferencesAreSeen) {
  Config old, fresh;
  old.statics["s"] = read_text(fixed("")).fixed();
  fresh.statics["s"] = old.statics["s"];
  EXPECT_TRUE(diff(old, fresh).empty());
  fresh.statics["s"].sessions[0].port.mtu = 1500;
  ASSERT_EQ(diff(old, fresh).size(), 1u);
  EXPECT_EQ(diff(old, fresh)[0].keys, std::vector<std::string>{"sessions"});
  fresh.statics.clear();
  EXPECT_EQ(diff(old, fresh)[0].kind, ProfileChange::Kind::removed);
}

}  // namespace
}  // namespace l2tpm::config
