// Driving PAP and CHAP machines: frames taken apart, actions found by type.
#pragma once

#include <optional>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "ppp/auth.h"
#include "wire/ppp_frame.h"
#include "wire/ppp_packet.h"

namespace l2tpm::testing {

// A frame as it travels; the packet borrows from it.
struct Packet {
  explicit Packet(Bytes octets) : frame(std::move(octets)) {
    const auto outer = wire::decode_ppp_frame(frame);
    if (!outer) return;
    protocol = static_cast<wire::PppProtocol>(outer->protocol);
    packet = wire::decode_ppp_packet(outer->payload);
  }
  Packet(wire::PppProtocol number, std::uint8_t code, std::uint8_t identifier, ByteView data)
      : Packet(wire::encode_ppp_frame(number, wire::encode_ppp_packet(code, identifier, data))) {}
  Packet(const Packet&) = delete;
  Packet& operator=(const Packet&) = delete;

  Bytes frame;
  wire::PppProtocol protocol{};
  std::optional<wire::PppPacket> packet;
};

template <typename T, typename Actions>
std::vector<T> all(const Actions& actions) {
  std::vector<T> found;
  for (const auto& action : actions)
    if (const auto* wanted = std::get_if<T>(&action)) found.push_back(*wanted);
  return found;
}

template <typename T, typename Actions>
std::optional<T> first(const Actions& actions) {
  for (const auto& action : actions)
    if (const auto* wanted = std::get_if<T>(&action)) return *wanted;
  return std::nullopt;
}

// The frames among `actions`.
template <typename Actions>
std::vector<Bytes> frames(const Actions& actions) {
  std::vector<Bytes> found;
  for (const auto& sent : all<ppp::SendFrame>(actions)) found.push_back(sent.frame);
  return found;
}

// A Value with its size in front, then the Name: Challenge and Response.
inline Bytes value_and_name(ByteView value, std::string_view name) {
  Bytes data;
  ByteWriter writer(data);
  writer.u8(static_cast<std::uint8_t>(value.size()));
  writer.bytes(value);
  writer.text(name);
  return data;
}

inline Bytes pap_request(std::string_view user, std::string_view password) {
  Bytes data;
  ByteWriter writer(data);
  writer.u8(static_cast<std::uint8_t>(user.size()));
  writer.text(user);
  writer.u8(static_cast<std::uint8_t>(password.size()));
  writer.text(password);
  return data;
}

}  // namespace l2tpm::testing
