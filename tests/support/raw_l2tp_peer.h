// A peer of a daemon under test: a UDP socket and what a test wants to say through it, message by
// message or with a control connection behind it.
#pragma once

#include <gtest/gtest.h>

#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/random.h"
#include "daemon/control_socket.h"
#include "l2tp/control_connection.h"
#include "wire/control_message.h"
#include "wire/l2tp_header.h"

namespace l2tpm::test {

inline Endpoint endpoint(const std::string& address, std::uint16_t port) {
  return {*IpAddress::parse(address), port, 0};
}

// Says single messages, keeps what it hears.
class RawPeer {
 public:
  RawPeer(const Endpoint& own, const Endpoint& other) : socket_(open(own, other)) {}

  void say(const wire::ControlMessage& message) { send(wire::encode(message)); }
  void send(const Bytes& datagram) { socket_.send(datagram); }
  // SCCRQ Ns 0.
  void ask(std::uint32_t tunnel, const std::string& host_name = "raw") {
    wire::ControlMessage message = introduction(wire::MessageType::sccrq, tunnel);
    message.host_name = host_name;
    say(message);
  }
  void connect(TunnelId theirs) {
    wire::ControlMessage message;
    message.type = wire::MessageType::scccn;
    message.tunnel_id = theirs;
    message.ns = 1;
    message.nr = 1;
    say(message);
  }
  void hang_up(TunnelId theirs, std::uint32_t own, std::uint16_t ns) {
    wire::ControlMessage message;
    message.type = wire::MessageType::stopccn;
    message.tunnel_id = theirs;
    message.ns = ns;
    message.nr = 1;
    message.assigned_tunnel_id = TunnelId(own);
    message.result_code = wire::ResultCode{.result = 1, .error = {}, .message = {}};
    say(message);
  }
  static wire::ControlMessage introduction(wire::MessageType type, std::uint32_t tunnel) {
    wire::ControlMessage message;
    message.type = type;
    message.protocol_version = wire::ProtocolVersion{};
    message.framing_capabilities = 3;
    message.assigned_tunnel_id = TunnelId(tunnel);
    return message;
  }

  // What has come of that type; all of it stays.
  std::vector<wire::ControlMessage> heard(wire::MessageType type) {
    std::vector<daemon::Datagram> batch;
    socket_.read_batch(buffer_, batch);
    for (const auto& datagram : batch) {
      const auto header = wire::decode_header(datagram.bytes);
      if (header && header->is_control) heard_.push_back(wire::decode_control(*header));
    }
    std::vector<wire::ControlMessage> out;
    for (const auto& message : heard_)
      if (message.type == type) out.push_back(message);
    return out;
  }

 private:
  static daemon::ControlSocket open(const Endpoint& own, const Endpoint& other) {
    auto made = daemon::ControlSocket::connect(own, other, daemon::ControlSocket::Filter::none);
    if (!made) throw std::runtime_error(made.error().to_string());
    return std::move(*made);
  }
  daemon::ControlSocket socket_;
  daemon::DatagramBuffer buffer_;
  std::vector<wire::ControlMessage> heard_;
};

// An LNS without PPP: a control connection for the first that calls, which takes every call.
class ControlPeer {
 public:
  explicit ControlPeer(const Endpoint& own)
      : socket_(open(own)), random_(7), connection_(TunnelId(99), settings(), random_) {}

  void turn() {
    const TimePoint now = Clock::now();
    std::vector<daemon::Datagram> batch;
    socket_.read_batch(buffer_, batch);
    for (const auto& datagram : batch) {
      const auto header = wire::decode_header(datagram.bytes);
      if (!header || !header->is_control) continue;
      peer_ = datagram.source;
      connection_.receive(wire::decode_control(*header), datagram.bytes.size(), now);
      carry_out(now);
    }
    const auto due = connection_.next_deadline();
    if (due && *due <= now) connection_.handle_timeout(now);
    carry_out(now);
  }
  SessionId call(TimePoint now) {
    const SessionId session = connection_.place_incoming_call({}, now);
    carry_out(now);
    return session;
  }

  bool is_up = false;
  unsigned sessions_up = 0;
  std::vector<SessionId> down;

 private:
  static daemon::ControlSocket open(const Endpoint& own) {
    auto made = daemon::ControlSocket::listen(own);
    if (!made) throw std::runtime_error(made.error().to_string());
    return std::move(*made);
  }
  static std::shared_ptr<const l2tp::Settings> settings() {
    return std::make_shared<l2tp::Settings>();
  }
  void carry_out(TimePoint now) {
    for (auto actions = connection_.take_actions(); !actions.empty();
         actions = connection_.take_actions()) {
      for (const auto& action : actions) {
        if (const auto* send = std::get_if<l2tp::SendDatagram>(&action)) {
          socket_.send_to(send->bytes, peer_, socket_.local().address);
        } else if (const auto* asked = std::get_if<l2tp::IncomingCallRequested>(&action)) {
          connection_.accept_call(asked->session, now);
        } else if (std::get_if<l2tp::SessionUp>(&action) != nullptr) {
          ++sessions_up;
        } else if (const auto* gone = std::get_if<l2tp::SessionDown>(&action)) {
          down.push_back(gone->session);
        } else if (std::get_if<l2tp::TunnelUp>(&action) != nullptr) {
          is_up = true;
        } else if (std::get_if<l2tp::TunnelDown>(&action) != nullptr) {
          is_up = false;
        }
      }
    }
  }

  daemon::ControlSocket socket_;
  daemon::DatagramBuffer buffer_;
  SeededRandom random_;
  Endpoint peer_;
  l2tp::ControlConnection connection_;
};

}  // namespace l2tpm::test
