// Any datagram: header and control message are read, every AVP is shown, and what was read without
// a problem is written and read again, in clear and hidden, until it stays the same.
#include <cstdlib>

#include "wire/control_message.h"

namespace {

using namespace l2tpm;  // NOLINT: a fuzz target

const Bytes kSecret = {'s', 'e', 'c', 'r', 'e', 't'};
const Bytes kVector = {1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16};
const Bytes kPadding = {0xa1, 0xb2, 0xc3};

void require(bool condition) {
  if (!condition) std::abort();
}

wire::ControlMessage again(const Bytes& datagram, ByteView secret, bool permissive) {
  auto message = wire::decode_control(datagram, {secret, permissive});
  require(message.has_value());
  require(!message->problem);
  return *message;
}

void check(const wire::Header& header, ByteView secret, bool permissive) {
  const wire::ControlMessage message = wire::decode_control(header, {secret, permissive});
  require(message.others.size() <= wire::kMaxOtherAvps);
  for (const wire::AvpText& text : wire::describe(message)) {
    require(!text.name.empty());
    require(text.value.size() < 8192);
    for (const char c : text.name + text.value) require(c >= 0x20 && c < 0x7f);
  }
  if (message.problem) {
    require(!message.problem->to_string().empty());
    return;
  }
  if (message.unknown_type) return;
  // What the message type does not have goes with the first writing; from then on nothing changes.
  const Bytes plain = wire::encode(message);
  require(plain.size() <= 65507);
  const wire::ControlMessage second = again(plain, {}, permissive);
  require(wire::encode(second) == plain);
  const wire::ControlMessage hidden =
      again(wire::encode(second, {kSecret, kVector, kPadding, true}), kSecret, permissive);
  require(hidden.type == second.type && hidden.assigned_session_id == second.assigned_session_id);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const ByteView datagram(data, size);
  const auto header = wire::decode_header(datagram);
  if (!header) {
    require(wire::name(header.error()) != "invalid");
    return 0;
  }
  require(header->payload.size() <= size);
  if (!header->is_control) {
    const auto ns = header->has_sequence ? std::optional(header->ns) : std::nullopt;
    const Bytes data_message =
        wire::encode_data({header->tunnel_id, header->session_id, ns}, header->payload);
    const auto back = wire::decode_header(data_message);
    require(back && back->payload.size() == header->payload.size());
    return 0;
  }
  check(*header, {}, false);
  check(*header, kSecret, false);
  check(*header, kSecret, true);
  return 0;
}
