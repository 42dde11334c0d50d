#include "wire/result_codes.h"

#include <array>

namespace l2tpm::wire {
namespace {

constexpr std::array<std::string_view, 8> kStopCcn = {
    "reserved",
    "control connection closed",
    "general error",
    "control channel already exists",
    "not authorized to establish a control channel",
    "protocol version not supported",
    "shutting down",
    "finite state machine error",
};

constexpr std::array<std::string_view, 31> kCdn = {
    "reserved",
    "loss of carrier",
    "general error",
    "administrative reasons",
    "no facilities available (temporary)",
    "no facilities available (permanent)",
    "invalid destination",
    "no carrier detected",
    "busy signal detected",
    "no dial tone",
    "call not established in the allotted time",
    "connected, but no appropriate framing",
    "SDS values do not match",
    "lost the tie breaker",
    "pseudowire type not supported",
    "sequencing required without a valid L2-specific sublayer",
    "finite state machine error or timeout",
    "frame relay circuit deleted",
    "frame relay circuit inactive for long",
    "frame relay header lengths do not match",
    "HDLC link deleted",
    "HDLC link inactive for long",
    "OAM cell emulation not supported",
    "interface MTUs do not match",
    "no such forwarder or end identifier",
    "forwarder or end identifier not authorized",
    "loop detected",
    "attachment circuit bound to another endpoint",
    "attachment circuit bound to another remote circuit",
    "unassigned",
    "TDM pseudowire parameters refused",
};

constexpr std::array<std::string_view, 10> kGeneralError = {
    "no general error",       "no control connection exists yet",
    "length is wrong",        "a field is out of range or a reserved field is not zero",
    "insufficient resources", "invalid session id",
    "vendor-specific error",  "try another",
    "unknown mandatory AVP",  "try another, as listed",
};

// RFC 3145 §2.2, in our words.
constexpr std::array<std::string_view, 21> kDisconnect = {
    "no information",
    "administrative disconnect",
    "LCP renegotiation disabled and no proxy LCP information",
    "normal disconnect",
    "compulsory encryption refused",
    "LCP did not converge",
    "LCP peer silent",
    "LCP magic number error, link may be looped back",
    "LCP echo timeout",
    "endpoint discriminator does not match the bundle",
    "MRRU does not match the bundle",
    "short sequence numbers do not match the bundle",
    "compulsory call-back refused",
    "authentication timeout",
    "authenticated name does not match the bundle",
    "authentication protocol unacceptable",
    "authentication failed: bad name, password or secret",
    "NCP did not converge",
    "no NCP available",
    "no acceptable address",
    "address not permitted",
};

template <std::size_t N>
std::string_view text(const std::array<std::string_view, N>& table, std::uint16_t code) {
  return code < N ? table[code] : "unknown";
}

}  // namespace

std::string_view stop_ccn_result_text(std::uint16_t code) { return text(kStopCcn, code); }
std::string_view cdn_result_text(std::uint16_t code) { return text(kCdn, code); }
std::string_view general_error_text(std::uint16_t code) { return text(kGeneralError, code); }
std::string_view disconnect_cause_text(std::uint16_t code) { return text(kDisconnect, code); }

}  // namespace l2tpm::wire
