// What is said about one call, as plain values: the arguments of placing and accepting a call, and
// what the peer said about its own. RFC 2661 §4.4.4, §4.4.5, §6.6 to §6.11.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/bytes.h"
#include "wire/avp.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

// Which of RFC 2661's four call machines. `lac_...` is our role: lac_incoming sends ICRQ,
// lns_incoming answers it, lns_outgoing sends OCRQ, lac_outgoing answers it. The last two are RFC
// 3931's for a pseudowire: either end may send ICRQ.
enum class CallKind : std::uint8_t {
  lac_incoming,
  lns_incoming,
  lns_outgoing,
  lac_outgoing,
  icrq_sender,
  icrq_recipient
};
std::string_view name(CallKind kind);

// What a LAC learned from its user and hands to the LNS (§4.4.5); all empty with ordinary clients.
// Octets exactly as in the AVPs: Configure-Requests without the LCP header.
struct ProxyInfo {
  std::optional<Bytes> initial_received_confreq;  // AVP 26
  std::optional<Bytes> last_sent_confreq;         // AVP 27
  std::optional<Bytes> last_received_confreq;     // AVP 28
  std::uint16_t authen_type = 0;  // AVP 29, a wire::ProxyAuthenType or whatever was sent; 0: none
  std::string authen_name;        // AVP 30, at most 1017 octets, peer-controlled: printable() it
  Bytes authen_challenge;         // AVP 31
  std::uint8_t authen_id = 0;     // AVP 32, the PPP identifier to answer with
  Bytes authen_response;          // AVP 33; a PAP password in clear text: do not log, wipe

  bool has_lcp() const { return last_sent_confreq && last_received_confreq; }
  bool empty() const;
};

// What ICCN and OCCN say about the call that now stands.
struct CallParameters {
  std::uint32_t tx_connect_speed = 0;  // bit/s, AVP 24: from the LAC's point of view, to its user
  std::uint32_t rx_connect_speed = 0;  // bit/s, AVP 38; 0: not given, RFC: equal to tx
  std::uint32_t framing_type = 1;      // AVP 19: 1 synchronous, 2 asynchronous
  bool sequencing_required = false;    // AVP 39: data messages must carry Ns
  Bytes private_group;                 // AVP 37; ICCN only
  ProxyInfo proxy;                     // ICCN only
  std::vector<wire::AvpText> others;   // of the peer's, as in IncomingCallRequest
};

// ICRQ. As LAC: what to ask for. As LNS: what the peer said.
struct IncomingCallRequest {
  std::uint32_t serial_number = 0;     // AVP 15; set by the machine when we place the call
  std::uint32_t bearer_type = 0;       // AVP 18; 0: not given
  std::uint32_t physical_channel = 0;  // AVP 25
  std::string calling_number;          // AVP 22, peer-controlled
  std::string called_number;           // AVP 21, peer-controlled
  std::string sub_address;             // AVP 23, peer-controlled
  // What the peer said beyond RFC 2661 (access line, DSCP, a vendor's): for people, bounded.
  std::vector<wire::AvpText> others;
  CallParameters connect;  // sent in our ICCN; empty in what a peer asked
};

// OCRQ. As LNS: what to ask for. As LAC: what the peer wants us to dial.
struct OutgoingCallRequest {
  std::uint32_t serial_number = 0;
  std::uint32_t minimum_bps = 0;   // AVP 16
  std::uint32_t maximum_bps = 0;   // AVP 17
  std::uint32_t bearer_type = 0;   // AVP 18
  std::uint32_t framing_type = 0;  // AVP 19
  std::string called_number;       // AVP 21, peer-controlled
  std::string sub_address;         // AVP 23, peer-controlled
};

// L2TPv3. What we want of a pseudowire, whichever end asks for it.
struct PseudowireWish {
  std::uint8_t cookie_size = 8;  // of what is sent to us: 0, 4 or 8 octets, drawn by the machine
  // In what is sent to us and, since Linux has one for both directions, by us: a peer that wants it
  // otherwise has its way unless `strict_sublayer`, or is refused. Numbers need the default one.
  std::uint16_t l2_sublayer = wire::kSublayerNone;
  bool strict_sublayer = false;
  std::uint16_t data_sequencing = wire::kSequencingNone;  // of what is sent to us
  bool circuit_active = true;                             // set_circuit_status() changes it
  bool circuit_new = true;                                // the first time since it was configured
  std::uint64_t tx_connect_speed = 0;                     // bit/s; 0: not said
  std::uint64_t rx_connect_speed = 0;                     // 0: not said, RFC: equal to tx
  // RFC 4667 §4.3: of the interface at our end; a peer that says another is refused. 0: not said.
  std::uint16_t interface_mtu = 0;
};

// What one end has said about its half of a pseudowire: it is about data that is sent to it.
struct PseudowireEnd {
  Bytes cookie;  // AVP 65: before the frames that are sent to it; 0, 4 or 8 octets
  std::uint16_t l2_sublayer = wire::kSublayerNone;        // AVP 69
  std::uint16_t data_sequencing = wire::kSequencingNone;  // AVP 70
  std::uint16_t circuit_status = 0;                       // AVP 71, wire::kCircuit...
  std::uint64_t tx_connect_speed = 0;                     // AVP 74
  std::uint64_t rx_connect_speed = 0;                     // AVP 75
  std::uint16_t interface_mtu = 0;                        // AVP 91
};

// ICRQ of L2TPv3. Ours: what to ask for. A peer's: what it asks for, in `peer`.
struct PseudowireRequest {
  std::uint32_t serial_number = 0;  // AVP 15; set by the machine when we ask
  std::uint16_t type = wire::kPseudowireEthernet;
  std::string end_id;  // AVP 66: which circuit is meant; peer-controlled: printable() it
  std::uint32_t physical_channel = 0;
  bool use_tie_breaker = true;  // AVP 5, when both ends ask for the same circuit at once
  PseudowireWish wish;          // ours only
  PseudowireEnd peer;           // a peer's only
  std::vector<wire::AvpText> others;
};

// A pseudowire that stands: all that its kernel session is made from.
struct Pseudowire {
  std::uint16_t type = wire::kPseudowireEthernet;
  std::string end_id;                               // peer-controlled when the peer asked
  PseudowireEnd own;                                // own.cookie: expected in what comes
  PseudowireEnd peer;                               // peer.cookie: put before what is sent
  std::uint16_t l2_sublayer = wire::kSublayerNone;  // the same both ways
  bool send_sequence = false;                       // the peer wants numbers
  bool receive_sequence = false;                    // we do
  bool peer_circuit_active() const { return (peer.circuit_status & wire::kCircuitActive) != 0; }

  // Octets between IP header and frame of what we send: UDP, session header, cookie, sublayer. For
  // the MTU: path - IP header - this - (Ethernet: 14, VLAN: 18) octets.
  std::size_t send_overhead(wire::Encapsulation encapsulation) const;
};

}  // namespace l2tpm::l2tp
