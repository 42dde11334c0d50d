// Any packet, over UDP and over IP: header and L2TPv3 control message are read, the digest is
// asked, every AVP is shown, and what was read without a problem is written, signed and read again,
// in clear and hidden, until it stays the same. Nothing that was not signed is ever believed.
#include <cstdlib>

#include "wire/blank.h"
#include "wire/control_digest.h"
#include "wire/control_message.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target

const Bytes kVector = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const Bytes kPadding = {0xa1, 0xb2, 0xc3};
const Bytes kNonce(16, 0x11);
constexpr wire::DigestType kTypes[] = {wire::DigestType::hmac_md5, wire::DigestType::hmac_sha1};

void require(bool condition) {
  if (!condition) std::abort();
}

// A secret that no input was made with.
std::vector<wire::SharedKey> keys() {
  return {wire::digest_key(as_bytes("a secret of this program's own")), wire::digest_key(kNonce)};
}

wire::ControlMessage again(const Bytes& datagram, ByteView secret) {
  auto message = wire::decode_control(datagram, {secret});
  require(message.has_value());
  require(!message->problem);
  return *message;
}

void check_signing(const wire::ControlMessage& message) {
  wire::EncodeOptions options;
  options.digests = kTypes;
  Bytes datagram = wire::encode(message, options);
  if (datagram.size() <= wire::kControlHeaderSize) return;  // a ZLB
  const auto secrets = keys();
  const wire::Nonces nonces{kNonce, kVector};
  wire::sign(datagram, secrets, nonces);
  const auto check = wire::check_digest(datagram, secrets, nonces);
  require(check.verdict == wire::DigestCheck::Verdict::valid);
  datagram[wire::kControlHeaderSize - 1] ^= 1;  // Nr; each digest covers all but the other
  require(wire::check_digest(datagram, secrets, nonces).verdict !=
          wire::DigestCheck::Verdict::valid);
}

void check(const wire::V3Header& header, ByteView secret) {
  const wire::ControlMessage message = wire::decode_control(header, {secret});
  require(message.version == 3);
  require(message.others.size() <= wire::kMaxOtherAvps);
  for (const wire::AvpText& text : wire::describe(message)) {
    require(!text.name.empty());
    require(text.value.size() < 16384);
    for (const char c : text.name + text.value) require(c >= 0x20 && c < 0x7f);
  }
  wire::describe_extensions(message, 512);
  if (message.problem) {
    require(!message.problem->to_string().empty());
    return;
  }
  if (message.unknown_type) return;
  const Bytes plain = wire::encode(message);
  require(plain.size() <= 65507);
  const wire::ControlMessage second = again(plain, {});
  require(wire::encode(second) == plain);
  check_signing(second);
  const auto hiding = wire::hiding_key(kNonce);
  const wire::ControlMessage hidden =
      again(wire::encode(second, {hiding, kVector, kPadding, true}), hiding);
  require(hidden.type == second.type && hidden.session_id == second.session_id);
}

void check_packet(ByteView packet, wire::Encapsulation encapsulation) {
  const auto header = wire::decode_v3_header(packet, encapsulation);
  if (!header) {
    require(wire::name(header.error()) != "invalid");
    return;
  }
  require(header->payload.size() <= packet.size());
  if (!header->is_control) {
    require(static_cast<bool>(header->session_id) && header->message.empty());
    return;
  }
  require(header->message.size() == header->payload.size() + wire::kControlHeaderSize);
  const auto secrets = keys();
  require(wire::check_digest(header->message, secrets, {kNonce, kVector}).verdict !=
          wire::DigestCheck::Verdict::valid);
  check(*header, {});
  check(*header, kNonce);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView packet(data, size);
  check_packet(packet, wire::Encapsulation::udp);
  check_packet(packet, wire::Encapsulation::ip);
  Bytes blanked(packet.begin(), packet.end());
  wire::blank_control(blanked);
  require(blanked.size() == size);
  return 0;
}
