#include "ctl/result_text.h"

#include <array>

namespace l2tpm::ctl {
namespace {

// RFC 2661 section 4.4.2 and RFC 3931 section 5.4.2, by number from 0.
constexpr std::array kStopCcn{"reserved",
                              "general request to clear the control connection",
                              "general error",
                              "the control channel exists already",
                              "the requester is not authorized",
                              "the protocol version is not supported",
                              "the requester is being shut down",
                              "error in the state machine"};
constexpr std::array kCdn{"reserved",
                          "the carrier was lost",
                          "general error",
                          "disconnected for administrative reasons",
                          "the lack of facilities is temporary",
                          "the lack of facilities is permanent",
                          "invalid destination",
                          "no carrier detected",
                          "busy",
                          "no dial tone",
                          "the call was not established in time",
                          "no appropriate framing was detected",
                          "SDS values do not match",
                          "the session lost a tie",
                          "the pseudowire type is not supported",
                          "sequencing without an L2-Specific Sublayer",
                          "error in the state machine, or a timeout",
                          "Frame Relay: the circuit was deleted",
                          "Frame Relay: the circuit was inactive for long",
                          "Frame Relay: the header lengths do not match",
                          "HDLC: the link was deleted",
                          "HDLC: the link was inactive for long",
                          "ATM: OAM cell emulation is not supported",
                          "the interface MTUs differ",
                          "the end id names nothing",
                          "the end id is another peer's"};
constexpr std::array kError{"no general error",
                            "no control connection exists yet",
                            "a length is wrong",
                            "a value is out of range or a reserved field was not zero",
                            "insufficient resources",
                            "the session ID is invalid",
                            "a vendor-specific error",
                            "try another destination",
                            "an unknown AVP was mandatory",
                            "try another destination, which the text names"};

template <typename Table>
std::string meaning(const Table& table, std::uint64_t number) {
  return number < table.size() ? table[number] : "";
}

}  // namespace

std::string result_text(const std::string& object, std::uint64_t result, std::uint64_t error) {
  const bool is_tunnel = object == "tunnel";
  std::string text = (is_tunnel ? "StopCCN result " : "CDN result ") + std::to_string(result);
  std::string means = is_tunnel ? meaning(kStopCcn, result) : meaning(kCdn, result);
  if (error != 0) {
    text += " error " + std::to_string(error);
    if (result == 2) means = meaning(kError, error);  // only there the RFC gives it a meaning
  }
  return means.empty() ? text : text + ": " + means;
}

}  // namespace l2tpm::ctl
