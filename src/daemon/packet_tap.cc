#include "daemon/packet_tap.h"

#include <fmt/core.h>

#include "daemon/session.h"
#include "daemon/tunnel.h"
#include "wire/blank.h"
#include "wire/control_message.h"
#include "wire/ppp_frame.h"

namespace l2tpm::daemon {

void tap_control(EventHub& events, bool outgoing, const Tunnel* tunnel, ByteView datagram,
                 const Endpoint& local, const Endpoint& remote) {
  const std::string name = tunnel ? tunnel->name() : "";
  // Without a secret: what is hidden stays hidden.
  const auto message = wire::decode_control(datagram);
  if (!message || !events.wants_packet(name, 0)) return;
  PacketEvent event;
  event.outgoing = outgoing;
  event.layer = PacketEvent::Layer::l2tp;
  event.tunnel = name;
  event.local = local.to_string();
  event.remote = remote.to_string();
  std::string type(wire::name(message->type));
  if (message->is_zlb) type = "ZLB";
  if (message->unknown_type) type = fmt::format("message type {}", *message->unknown_type);
  const bool is_v3 = message->version == 3;
  event.summary = fmt::format("{}{} {} {} session {} Ns {} Nr {}", type, is_v3 ? " v3" : "",
                              is_v3 ? "connection" : "tunnel", message->tunnel_id.value(),
                              message->session_id.value(), message->ns, message->nr);
  if (message->problem) event.summary += " (" + message->problem->to_string() + ")";
  for (wire::AvpText& avp : wire::describe(*message))
    event.fields.emplace_back(std::move(avp.name), std::move(avp.value));
  event.data.assign(datagram.begin(), datagram.end());
  wire::blank_control(event.data);
  events.emit(std::move(event));
}

void tap_ppp(EventHub& events, bool outgoing, const Session& session, ByteView frame) {
  const Tunnel& tunnel = session.tunnel();
  if (!events.wants_packet(tunnel.name(), session.key().session.value())) return;
  if (frame.size() >= 2 && frame[0] == 0xff && frame[1] == 0x03) frame = frame.subspan(2);
  PacketEvent event;
  event.outgoing = outgoing;
  event.layer = PacketEvent::Layer::ppp;
  event.tunnel = tunnel.name();
  event.session = session.key().session.value();
  event.local = tunnel.local().to_string();
  event.remote = tunnel.peer().to_string();
  event.summary = wire::describe_ppp_frame(frame);
  event.data.assign(frame.begin(), frame.end());
  wire::blank_ppp(event.data);
  events.emit(std::move(event));
}

}  // namespace l2tpm::daemon
