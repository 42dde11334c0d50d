#include "ctl/templates.h"

namespace l2tpm::ctl {
namespace {

constexpr std::string_view kClient = R"(// A client: dials an LNS when told to ("l2tpctl up NAME").
{
  "kind": "client",
  // A DNS name or an address; several: "peers": ["first.example.net", "second.example.net"]
  "peer": "vpn.example.net",
  // Dial when the daemon starts, and stay connected.
  "autostart": false,
  "ppp": {
    "user": "alice",
    // Key "password" of the secrets file.
    "password": {"$secret": "password"},
    // How we may prove ourselves. Others: "chap-md5", "mschap", "pap" (which tells the password).
    "methods": ["mschapv2"]
  },
  // What goes through the tunnel; "default": true is everything.
  "routes": {"default": false, "add": ["10.0.0.0/8"]}
}
)";

constexpr std::string_view kGateway =
    R"(// A branch's gateway: one tunnel to headquarters that is always there.
{
  "kind": "client",
  "autostart": true,
  // In order of preference: the next is tried when one does not answer.
  "peers": ["lns1.example.net", "lns2.example.net"],
  "tunnel": {
    // What the LNS knows us by, and the secret that both share.
    "host-name": "branch-1",
    "secret": {"$secret": "tunnel"},
    // A dead peer is found after this and the retransmissions, about a minute together.
    "hello": "20s"
  },
  "ppp": {
    "user": "branch-1",
    "password": {"$secret": "password"},
    "methods": ["mschapv2", "chap-md5"],
    // The LNS's name servers are no business of a gateway.
    "ipv4": {"dns": false},
    "echo": {"interval": "10s", "failures": 3}
  },
  "interface": "hq",
  "routes": {"add": ["10.0.0.0/8"]},
  "redial": {"initial": "1s", "max": "60s"}
}
)";

constexpr std::string_view kLns = R"(// An LNS: answers on port 1701 and lets users in.
{
  "kind": "listener",
  "listen": {"addresses": ["0.0.0.0", "::"], "port": 1701},
  // Left out, anybody may open a tunnel; users have to prove themselves in any case. With it:
  // "tunnel": {"secret": {"$secret": "tunnel"}},
  "limits": {"tunnels": 1000, "sessions": 1000},
  "ppp": {
    "authenticate": ["mschapv2", "chap-md5"],
    "mru": 1400,
    "ipv4": {
      // Ours on every session, and what the users get.
      "local-address": "10.9.0.1",
      "pool": ["10.9.0.10-10.9.0.250"],
      "dns": ["10.9.0.1"]
    },
    "ipv6": true
  },
  "users": [
    {"name": "alice", "password": {"$secret": "alice"}},
    // Always the same address, and a network behind it.
    {"name": "branch-1", "password": {"$secret": "branch-1"}, "address": "10.9.0.5",
     "routes": ["10.1.0.0/16"]}
  ],
  // More of them, thousands if need be: "users-file": "users.json"
  "interface-prefix": "l2tp"
}
)";

constexpr std::string_view kLnsMppe =
    R"(// An LNS for the L2TP of Windows and of routers, without IPsec underneath but with MPPE required.
// MPPE is RC4: it keeps a casual listener out and nobody else. Use it where IPsec cannot be had.
{
  "kind": "listener",
  "listen": {"addresses": ["0.0.0.0", "::"], "port": 1701},
  "limits": {"tunnels": 1000, "sessions": 1000},
  "ppp": {
    // MPPE's keys come from MS-CHAP, so that is the only way in.
    "authenticate": ["mschapv2"],
    "mppe": {"mode": "require", "strengths": [128]},
    "mru": 1400,
    "ipv4": {"local-address": "10.9.0.1", "pool": ["10.9.0.10-10.9.0.250"], "dns": ["10.9.0.1"]}
  },
  "users": [
    {"name": "alice", "password": {"$secret": "alice"}}
  ]
}
)";

constexpr std::string_view kVersion3 =
    R"(// An Ethernet pseudowire to another site (L2TPv3, RFC 4719), into a bridge. The other end is a
// listener with "versions": [3] and the same "pseudowires", or a router with an xconnect of this
// VC ID; only one end dials.
{
  "kind": "client",
  "autostart": true,
  "peer": "site-b.example.net",
  "version": 3,
  // "udp" goes through NAT; "ip" (protocol 115) is what Cisco does by default.
  "transport": "udp",
  "tunnel": {
    "host-name": "site-a",
    // Both ends know it; every control message is signed with it.
    "secret": {"$secret": "tunnel"},
    "digest": "sha1"
  },
  "pseudowires": [
    {
      "name": "lan",
      // The name that both ends use; Cisco: the VC ID.
      "remote-end-id": "100",
      "interface": "l2tp-lan",
      // A bridge wants the same MTU of all its ports. What does not fit the path is fragmented.
      "mtu": 1500,
      // Made when it is missing. A second way to the other site is a loop: turn on STP then.
      "bridge": {"name": "br-lan", "create": true, "stp": false},
      // Its state is what the other end is told about ours.
      "circuit": "br-lan"
    }
  ]
}
)";

constexpr std::string_view kVersion3Ip =
    R"(// An Ethernet pseudowire to a router over IP (protocol 115), as Cisco's "encapsulation l2tpv3" with
// an l2tp-class does it: one VLAN of ours, and the interface where the router's is.
{
  "kind": "client",
  "autostart": true,
  "peer": "192.0.2.1",
  "version": 3,
  // No ports, so no NAT on the way; firewalls have to let protocol 115 through both ways.
  "transport": "ip",
  "tunnel": {
    // The router may ask for this name: "hostname" in its l2tp-class.
    "host-name": "site-a",
    // "digest secret" in the router's l2tp-class.
    "secret": {"$secret": "tunnel"},
    "digest": "md5"
  },
  "pseudowires": [
    {
      "name": "lan",
      // The VC ID of the router's xconnect.
      "remote-end-id": "100",
      // "ethernet" for the xconnect of a port, "ethernet-vlan" for one of a subinterface.
      "type": "ethernet",
      "interface": "l2tp-lan",
      "mtu": "auto"
    }
  ]
}
)";

constexpr std::string_view kVersion3Listener =
    R"(// Answers peers that ask for Ethernet pseudowires (L2TPv3), over UDP and over IP (protocol 115).
{
  "kind": "listener",
  "versions": [3],
  "listen": {"addresses": ["0.0.0.0"], "transports": ["udp", "ip"]},
  "tunnel": {
    "host-name": "site-b",
    "secret": {"$secret": "tunnel"}
  },
  // Who may open a tunnel, and what a peer's own pseudowires below are named after.
  "peers": [
    {"name": "site-a", "match": {"host-name": "site-a"}}
  ],
  "pseudowires": [
    {
      "name": "lan",
      "remote-end-id": "100",
      "peer": "site-a",
      "interface": "l2tp-site-a",
      "mtu": 1500,
      "bridge": {"name": "br-lan", "create": true, "stp": false},
      "circuit": "br-lan"
    }
  ]
}
)";

constexpr std::string_view kBridge =
    R"(// Ethernet to another site over PPP (BCP, RFC 3518), as MikroTik's routers do it: the end that dials.
{
  "kind": "client",
  "autostart": true,
  "peer": "site-b.example.net",
  "ppp": {
    "user": "site-a",
    // Key "password" of the secrets file.
    "password": {"$secret": "password"},
    "methods": ["mschapv2", "chap-md5"],
    // A dead line takes the port out of the bridge.
    "echo": {"interval": "10s", "failures": 3},
    "bcp": {
      // Made when it is missing. A second way to the other site is a loop: turn on STP then.
      "bridge": {"name": "br-lan", "create": true, "stp": false}
      // For whole frames where the other end takes less than 1600 octets: "mrru": 1600
    }
    // IP on the same session, beside the bridge: "ipv4": true, "ipv6": true
  },
  "interface": "l2tp-site-b"
}
)";

constexpr std::string_view kBridgeListener =
    R"(// Branches that bridge Ethernet over PPP (BCP, RFC 3518): the end that answers.
{
  "kind": "listener",
  "listen": {"addresses": ["0.0.0.0", "::"], "port": 1701},
  // Left out, anybody may open a tunnel; users have to prove themselves in any case. With it:
  // "tunnel": {"secret": {"$secret": "tunnel"}},
  "limits": {"tunnels": 100, "sessions": 100},
  "ppp": {
    "authenticate": ["mschapv2", "chap-md5"],
    "bcp": {
      // Isolated: branches hear this site, and not each other.
      "bridge": {"name": "br-lan", "create": true, "stp": false, "isolated": true},
      // Of one branch: how many stations, and frames to everybody a second.
      "mac-limit": 512,
      "broadcast-limit": 1000,
      "multicast-limit": 2000
    }
  },
  "users": [
    {"name": "site-a", "password": {"$secret": "site-a"}}
    // One may have a "bcp" of his own, with another bridge or other limits.
  ],
  "interface-prefix": "branch"
}
)";

constexpr std::string_view kStatic =
    R"(// An L2TPv3 tunnel without a control connection: both ends are written down. What "ip l2tp" makes:
//   ip l2tp add tunnel tunnel_id 20 peer_tunnel_id 10 encap udp local 192.0.2.2 remote 192.0.2.1 \
//     udp_sport 1701 udp_dport 1701
//   ip l2tp add session tunnel_id 20 session_id 21 peer_session_id 11 name l2tp-lan \
//     cookie 1122334455667788 peer_cookie 8877665544332211
// at the other end. Nothing notices when the other end is not there.
{
  "kind": "static",
  "local": {"address": "192.0.2.1", "port": 1701},
  "peer": {"address": "192.0.2.2", "port": 1701},
  "tunnel-id": 10,
  "peer-tunnel-id": 20,
  "sessions": [
    {
      "session-id": 11,
      "peer-session-id": 21,
      // 8 or 16 hexadecimal digits each: all that keeps strangers' frames out.
      "send-cookie": {"$secret": "send-cookie"},
      "receive-cookie": {"$secret": "receive-cookie"},
      "interface": "l2tp-lan",
      "mtu": 1500,
      // A bridge that is there.
      "bridge": "br-lan"
    }
  ]
}
)";

}  // namespace

const std::vector<Template>& templates() {
  static const std::vector<Template> kTemplates{
      {"client",          "dials when told to",                          kClient,           {"password"}          },
      {"gateway",         "a branch's permanent tunnel",                 kGateway,          {"password", "tunnel"}},
      {"lns",             "answers, and lets users in",                  kLns,              {"alice", "branch-1"} },
      {"lns-mppe",        "as lns, with MPPE required",                  kLnsMppe,          {"alice"}             },
      {"bridge",          "Ethernet over PPP (BCP), the end that dials", kBridge,           {"password"}          },
      {"bridge-listener", "the end that answers",                        kBridgeListener,   {"site-a"}            },
      {"l2tpv3-eth",      "an Ethernet pseudowire into a bridge",        kVersion3,         {"tunnel"}            },
      {"l2tpv3-ip",       "the same to a router, over IP",               kVersion3Ip,       {"tunnel"}            },
      {"l2tpv3-listener", "grants Ethernet pseudowires",                 kVersion3Listener, {"tunnel"}            },
      {"l2tpv3-static",
       "a tunnel as \"ip l2tp\" makes them",                             kStatic,
       {"receive-cookie", "send-cookie"}                                                                          },
  };
  return kTemplates;
}

const Template* find_template(std::string_view name) {
  for (const Template& one : templates())
    if (one.name == name) return &one;
  return nullptr;
}

}  // namespace l2tpm::ctl
