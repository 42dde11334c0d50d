// What this kernel can do for us, found out by trying, never by version. `l2tpctl doctor` prints
// it.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace l2tpm::kernel {

enum class FeatureState : std::uint8_t { yes, no, unknown };
std::string_view name(FeatureState state);

struct Feature {
  std::string_view id;  // stable and machine-readable: "l2tp-netlink"
  FeatureState state = FeatureState::unknown;
  bool required = false;  // without it nothing works
  std::string detail;     // what was seen: "PPPIOCGCHAN took 11.2 ms"
  std::string advice;     // what to do about a "no"; empty otherwise
};

struct KernelFeatures {
  std::string release;  // uname -r, to be shown only

  // Rows in the order in which they were tried.
  std::vector<Feature> features;

  // Each of these repeats a row, for code that decides on it.
  bool l2tp_netlink = false;   // "l2tp-netlink": genl family l2tp, TUNNEL_CREATE works
  bool pppol2tp = false;       // "pppol2tp": AF_PPPOX sockets of kind L2TP
  bool ppp_device = false;     // "ppp-device": /dev/ppp may be opened
  bool ppp_link = false;       // "ppp-link": RTM_NEWLINK kind ppp
  bool mppe = false;           // "mppe"
  bool ipv6_tunnel = false;    // "ipv6-tunnel": UDP tunnels over IPv6
  bool l2tp_eth = false;       // "l2tp-eth": Ethernet pseudowires
  bool l2tp_ip = false;        // "l2tp-ip": L2TPv3 over IP protocol 115
  bool l2tp_ip6 = false;       // "l2tp-ip6": the same over IPv6
  bool nftables = false;       // "nftables": the MSS clamp
  bool session_by_id = false;  // "session-by-id": data is found by (tid, sid) on any socket (6.11+)
  bool bridge_channel = false;  // "bridge-channel": PPPIOCBRIDGECHAN
  bool bcp = false;             // "bcp": bridged Ethernet over PPP, by XDP programs

  bool usable() const;  // every required row says yes
};

// Takes up to half a second: call it on a worker or before the loop runs. Makes and removes a
// tunnel and a session on 127.0.0.1 with random ids. Never fails; what could not be tried is
// `unknown`.
KernelFeatures probe_features();

}  // namespace l2tpm::kernel
