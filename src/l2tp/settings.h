// What one control connection is told by its owner. Shared (shared_ptr<const>) by all connections
// of a profile; a reload makes a new one, connections that run keep theirs.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/secret.h"
#include "wire/control_message.h"

namespace l2tpm::l2tp {

// Switches for those rows of quirks.cc that could be unwanted. (Unknown mandatory AVPs are forgiven
// by wire::DecodeOptions::permissive.)
struct Quirks {
  // D-Link DIR-300 and kin: header Tunnel ID 0 in messages after SCCRQ. The owner must then route
  // by peer address.
  bool accept_zero_tunnel_id = true;
  // Android up to 11 and others never acknowledge HELLO. A HELLO that stays unanswered is given up
  // without ending the tunnel. Off: RFC 2661 §5.5.
  bool ignore_unanswered_hello = false;
  // Some put their own session id into the header of CDN, where ours belongs.
  bool accept_cdn_with_own_session_id = true;

  friend bool operator==(const Quirks&, const Quirks&) = default;
};

// Which versions of the protocol a connection may speak.
enum class Versions : std::uint8_t {
  v2_only,
  // A peer's SCCRQ of version 2 that offers version 3 is answered in version 3, any other refused.
  v3_only,
  // RFC 3931 §4.7.3, over UDP only: our SCCRQ is one of version 2 that offers version 3, and the
  // version of the answer decides. A peer's is answered in the highest version it offers. A tunnel
  // that anybody on the path can talk down to version 2 is as safe as version 2's secret makes it.
  v3_or_v2,
};

// L2TPv3, RFC 3931; used unless versions is v2_only.
struct V3Settings {
  // AVP 60, unique among the peers' peers; by custom an IPv4 address, which the owner picks.
  std::uint32_t router_id = 0;
  // AVP 62, what may be asked of us.
  std::vector<std::uint16_t> pseudowires = {wire::kPseudowireEthernet,
                                            wire::kPseudowireEthernetVlan};
  std::string
      preferred_language;  // AVP 72, of the texts that we would like to read; empty: not sent

  // Control message authentication, §4.3: every message carries a digest, both ways. None: off.
  // Two, during a rollover: each is believed, and our messages carry a digest of each.
  std::vector<Secret> digest_secrets;
  wire::DigestType digest = wire::DigestType::hmac_md5;  // ours; the peer's may be either
  // Without secrets: a digest all the same, which finds damage but no forger. For what has no UDP
  // checksum.
  bool integrity_check = false;
  // Challenge and Challenge Response as in L2TPv2, which Cisco's routers used before RFC 3931 and
  // still can ("authentication" in an l2tp-class): with Settings::secret.
  bool cisco_challenge = false;
};

struct Settings {
  Versions versions = Versions::v2_only;
  V3Settings v3;

  // What we say about ourselves.
  std::string host_name = "l2tp-manager";  // AVP 7; never empty, at most 255 octets
  std::string vendor_name;                 // AVP 8; empty: not sent
  std::uint16_t firmware_revision = 0;     // AVP 6; 0: not sent
  std::uint16_t receive_window_size =
      128;                                 // AVP 10; 1..1024, also bounds what we keep out of order
  std::uint32_t framing_capabilities = 3;  // AVP 3: 1 synchronous, 2 asynchronous
  std::uint32_t bearer_capabilities = 3;   // AVP 4: 1 digital, 2 analog; 0: not sent

  // Tunnel authentication, RFC 2661 §5.1.1. The owner picks the secret by the peer's Host Name or
  // address before it constructs a responder.
  std::optional<Secret> secret;
  bool challenge_peer = true;  // when there is a secret
  // When there is a secret, in L2TPv3 a digest secret; never in SCCRQ, nor before the peer spoke.
  bool hide_avps = false;
  bool use_tie_breaker = false;  // AVP 5 in SCCRQ

  // Reliable delivery, §5.8. With the defaults an unanswered message is given up 31 s after it was
  // first sent (1 + 2 + 4 + 8 + 8 + 8).
  Duration retransmit_initial = 1s;
  Duration retransmit_cap = 8s;
  unsigned max_retransmissions = 5;
  Duration ack_delay = 100ms;        // how long a ZLB waits for a message to ride on
  unsigned send_queue_limit = 8192;  // messages waiting for the window; more: the tunnel ends

  Duration hello_interval = 60s;        // of control silence; 0: never
  Duration tunnel_setup_timeout = 60s;  // from open() or SCCRQ to established
  Duration call_setup_timeout = 60s;    // from the first message of a call to established
  Duration linger = 31s;                // after StopCCN, to acknowledge it again (§5.7)

  std::uint32_t max_sessions = 65535;
  // Responders only: until SCCCN, send at most three times what was received.
  bool answer_budget = true;
  bool permissive = false;  // receive_datagram() only: see wire::DecodeOptions
  Quirks quirks;
};

}  // namespace l2tpm::l2tp
