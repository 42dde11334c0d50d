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

namespace l2tpm::l2tp {

// Which of RFC 2661's four call machines. `lac_...` is our role: lac_incoming sends ICRQ,
// lns_incoming answers it, lns_outgoing sends OCRQ, lac_outgoing answers it.
enum class CallKind : std::uint8_t { lac_incoming, lns_incoming, lns_outgoing, lac_outgoing };
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

}  // namespace l2tpm::l2tp
