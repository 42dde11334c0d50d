// What the daemon says about our tunnel and its session, read from the JSON of Tunnel.Describe and
// Manager.DescribeSession.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"

namespace l2tpm::nm {

// Why a tunnel or a session ended: a CauseCode's name (base/cause.h) and the peer's or the daemon's
// words.
struct Problem {
  std::string code;
  std::string message;
  bool by_peer = false;
};

struct SessionReport {
  struct Ipv4 {
    IpAddress local, peer;
    std::vector<IpAddress> dns, nbns;
    friend bool operator==(const Ipv4&, const Ipv4&) = default;
  };
  struct Ipv6 {
    IpAddress local, peer;  // link-local
    std::vector<IpAddress> dns;
    friend bool operator==(const Ipv6&, const Ipv6&) = default;
  };

  std::string state;  // Session.State
  std::string interface;
  std::uint32_t mtu = 0;
  std::optional<Ipv4> ipv4;
  std::optional<Ipv6> ipv6;
  bool negotiating = false;  // IPCP or IPV6CP is still being talked about
  std::string auth_message;  // the peer's text with its success
};

struct TunnelReport {
  std::string name;
  std::string state;  // Tunnel.State
  std::optional<Problem> error;
  std::optional<IpAddress> gateway;  // where the LNS is; nullopt until it is resolved
  std::vector<std::uint32_t> sessions;
};

// nullopt: not JSON, or not an object with a state. Whatever else is missing or of another type is
// taken for absent.
std::optional<TunnelReport> parse_tunnel(std::string_view json);
std::optional<SessionReport> parse_session(std::string_view json);

// The tunnel and, when it has one, its session.
struct Observation {
  TunnelReport tunnel;
  std::optional<SessionReport> session;
};

}  // namespace l2tpm::nm
