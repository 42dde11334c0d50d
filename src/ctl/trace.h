// Packets of the event stream: as a line for people, and as packets that Wireshark reads.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "base/address.h"
#include "base/bytes.h"
#include "base/fd.h"
#include "base/result.h"
#include "ctl/client.h"
#include "ctl/format.h"
#include "ctl/json.h"

namespace l2tpm::ctl {

// "→ work SCCRQ Ns 0 Nr 0 ..."; the arrow leads to the peer when it was sent.
std::string packet_text(const Printer& print, const Json& event);

// "192.0.2.1:1701", "[2001:db8::1]:1701"; nullopt for anything else.
std::optional<Endpoint> parse_endpoint(const std::string& text);

// An IPv4 or IPv6 packet around a UDP datagram, checksums included. Empty when the two endpoints
// are of different families or the payload does not fit.
Bytes udp_packet(const Endpoint& from, const Endpoint& to, ByteView payload);

// The same around a message of L2TP over IP (protocol 115), without the four zero octets that it
// begins with if it is a control message.
Bytes l2tp_ip_packet(const Endpoint& from, const Endpoint& to, ByteView payload);

// The header of a data message: what its receiver is known by, and in L2TPv3 how many octets it
// wants before the frame.
struct WireIds {
  std::uint16_t tunnel = 0;  // L2TPv2
  std::uint32_t session = 0;
  unsigned version = 2;
  unsigned cookie = 0;  // octets; shown as zeros
  bool sublayer = false;
};

// The ids of sessions, asked for once each. A session that is gone already has the ones we gave.
class PeerIds {
 public:
  explicit PeerIds(Client& client) : client_(client) {}
  WireIds of(const Json& event);

 private:
  struct Pair {
    WireIds ours, peers;
  };
  Client& client_;
  std::map<std::pair<std::string, std::uint64_t>, Pair> known_;
};

// What an event of a packet was on the wire, IP header included: control messages as they are, PPP
// frames as L2TP data messages. nullopt for what is no packet.
std::optional<Bytes> wire_packet(const Json& event, WireIds ids);

// A pcap file of raw IP packets (LINKTYPE_RAW), written packet by packet.
class PcapFile {
 public:
  // "-" is standard output. The error is a sentence.
  static Result<PcapFile, std::string> create(const std::string& path);
  // False: the file cannot be written. An event that is no packet is left out.
  bool write(const Json& event, PeerIds& ids);

 private:
  explicit PcapFile(UniqueFd fd) : fd_(std::move(fd)) {}
  UniqueFd fd_;
};

}  // namespace l2tpm::ctl
