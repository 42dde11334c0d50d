// Incoming calls, RFC 2661 §7.4: the LAC asks (ICRQ), the LNS answers (ICRP), the LAC connects
// (ICCN). An L2TP client is a LAC whose caller is itself.
#include <utility>

#include "l2tp/call.h"

namespace l2tpm::l2tp {
namespace {

using wire::MessageType;

template <typename T>
void set_if_given(std::optional<T>& field, const T& value) {
  if (value != T{}) field = value;
}

// Of one message; a LAC says some twenty access line AVPs of a few octets (RFC 5515 §5).
constexpr std::size_t kMaxExtensions = 2048;

Bytes to_bytes(const std::string& text) { return {text.begin(), text.end()}; }

void say_connected(wire::ControlMessage& message, const CallParameters& parameters) {
  message.tx_connect_speed = parameters.tx_connect_speed;
  message.framing_type = parameters.framing_type;
  set_if_given(message.rx_connect_speed, parameters.rx_connect_speed);
  message.sequencing_required = parameters.sequencing_required;
}

void say_proxied(wire::ControlMessage& message, const ProxyInfo& proxy) {
  message.initial_received_lcp_confreq = proxy.initial_received_confreq;
  message.last_sent_lcp_confreq = proxy.last_sent_confreq;
  message.last_received_lcp_confreq = proxy.last_received_confreq;
  if (proxy.authen_type == 0) return;
  message.proxy_authen_type = proxy.authen_type;
  set_if_given(message.proxy_authen_name, to_bytes(proxy.authen_name));
  set_if_given(message.proxy_authen_challenge, proxy.authen_challenge);
  message.proxy_authen_id = proxy.authen_id;
  set_if_given(message.proxy_authen_response, proxy.authen_response);
}

ProxyInfo read_proxied(const wire::ControlMessage& message) {
  ProxyInfo proxy;
  proxy.initial_received_confreq = message.initial_received_lcp_confreq;
  proxy.last_sent_confreq = message.last_sent_lcp_confreq;
  proxy.last_received_confreq = message.last_received_lcp_confreq;
  proxy.authen_type = message.proxy_authen_type.value_or(0);
  if (message.proxy_authen_name) proxy.authen_name = as_text(*message.proxy_authen_name);
  proxy.authen_challenge = message.proxy_authen_challenge.value_or(Bytes{});
  proxy.authen_id = message.proxy_authen_id.value_or(0);
  proxy.authen_response = message.proxy_authen_response.value_or(Bytes{});
  return proxy;
}

}  // namespace

using S = Call::State;
using E = Call::Event;

// RFC 2661 §7.4.1, LAC incoming call. A pair that has no row is a protocol error: CDN and clean up.
std::span<const Call::Transition> Call::lac_incoming_rows() {
  static constexpr Transition kRows[] = {
      {S::idle,        E::open_request,  &Call::remember_request, S::wait_tunnel},
      {S::wait_tunnel, E::close_request, &Call::clean_up,         S::ended      },
      {S::wait_tunnel, E::tunnel_open,   &Call::send_icrq,        S::wait_reply },
      {S::wait_reply,  E::reply,         &Call::send_iccn,        S::established},
      {S::wait_reply,  E::cdn,           &Call::clean_up,         S::ended      },
      {S::wait_reply,  E::connect,       &Call::clean_up,         S::ended      },
      {S::wait_reply,  E::close_request, &Call::send_cdn,         S::ended      },
      {S::wait_reply,  E::timeout,       &Call::send_cdn,         S::ended      },
      {S::established, E::cdn,           &Call::clean_up,         S::ended      },
      {S::established, E::close_request, &Call::send_cdn,         S::ended      },
  };
  return kRows;
}

// RFC 2661 §7.4.2, LNS incoming call.
std::span<const Call::Transition> Call::lns_incoming_rows() {
  static constexpr Transition kRows[] = {
      {S::idle,          E::request,              &Call::announce_request, S::wait_decision},
      {S::idle,          E::request_unacceptable, &Call::send_cdn,         S::ended        },
      {S::wait_decision, E::accepted,             &Call::send_icrp,        S::wait_connect },
      {S::wait_decision, E::close_request,        &Call::send_cdn,         S::ended        },
      {S::wait_decision, E::timeout,              &Call::send_cdn,         S::ended        },
      {S::wait_decision, E::cdn,                  &Call::clean_up,         S::ended        },
      {S::wait_connect,  E::connect,              &Call::session_up,       S::established  },
      {S::wait_connect,  E::connect_unacceptable, &Call::send_cdn,         S::ended        },
      {S::wait_connect,  E::cdn,                  &Call::clean_up,         S::ended        },
      {S::wait_connect,  E::close_request,        &Call::send_cdn,         S::ended        },
      {S::wait_connect,  E::timeout,              &Call::send_cdn,         S::ended        },
      {S::established,   E::cdn,                  &Call::clean_up,         S::ended        },
      {S::established,   E::close_request,        &Call::send_cdn,         S::ended        },
  };
  return kRows;
}

void Call::remember_request(Input& input, Output&) {
  setup_ = std::make_unique<Setup>();
  if (input.incoming != nullptr) setup_->incoming = std::move(*input.incoming);
  if (input.outgoing != nullptr) setup_->outgoing = std::move(*input.outgoing);
}

void Call::send_icrq(Input&, Output& output) {
  const IncomingCallRequest& call = setup_->incoming;
  wire::ControlMessage message = make(MessageType::icrq);
  message.assigned_session_id = own_;
  message.call_serial_number = call.serial_number;
  set_if_given(message.bearer_type, call.bearer_type);
  set_if_given(message.physical_channel_id, call.physical_channel);
  set_if_given(message.calling_number, call.calling_number);
  set_if_given(message.called_number, call.called_number);
  set_if_given(message.sub_address, call.sub_address);
  output.messages.push_back(std::move(message));
}

void Call::announce_request(Input& input, Output& output) {
  learn_peer(input, output);
  const wire::ControlMessage& message = *input.message;
  if (kind_ == CallKind::lns_incoming) {
    IncomingCallRequest call;
    call.serial_number = message.call_serial_number.value_or(0);
    call.bearer_type = message.bearer_type.value_or(0);
    call.physical_channel = message.physical_channel_id.value_or(0);
    call.calling_number = message.calling_number.value_or("");
    call.called_number = message.called_number.value_or("");
    call.sub_address = message.sub_address.value_or("");
    call.others = wire::describe_extensions(message, kMaxExtensions);
    output.actions.push_back(IncomingCallRequested{own_, std::move(call)});
  } else {
    OutgoingCallRequest call;
    call.serial_number = message.call_serial_number.value_or(0);
    call.minimum_bps = message.minimum_bps.value_or(0);
    call.maximum_bps = message.maximum_bps.value_or(0);
    call.bearer_type = message.bearer_type.value_or(0);
    call.framing_type = message.framing_type.value_or(0);
    call.called_number = message.called_number.value_or("");
    call.sub_address = message.sub_address.value_or("");
    output.actions.push_back(OutgoingCallRequested{own_, std::move(call)});
  }
}

void Call::send_icrp(Input&, Output& output) {
  wire::ControlMessage message = make(MessageType::icrp);
  message.assigned_session_id = own_;
  output.messages.push_back(std::move(message));
}

void Call::send_iccn(Input& input, Output& output) {
  learn_peer(input, output);
  CallParameters& parameters = setup_->incoming.connect;
  wire::ControlMessage message = make(MessageType::iccn);
  say_connected(message, parameters);
  set_if_given(message.private_group_id, parameters.private_group);
  say_proxied(message, parameters.proxy);
  output.messages.push_back(std::move(message));
  output.actions.push_back(SessionUp{own_, peer_, kind_, std::move(parameters)});
}

void Call::send_occn(Input& input, Output& output) {
  wire::ControlMessage message = make(MessageType::occn);
  say_connected(message, *input.connect);
  output.messages.push_back(std::move(message));
  output.actions.push_back(SessionUp{own_, peer_, kind_, std::move(*input.connect)});
}

void Call::session_up(Input& input, Output& output) {
  const wire::ControlMessage& message = *input.message;
  CallParameters parameters;
  parameters.tx_connect_speed = message.tx_connect_speed.value_or(0);
  parameters.rx_connect_speed = message.rx_connect_speed.value_or(0);
  parameters.framing_type = message.framing_type.value_or(0);
  parameters.sequencing_required = message.sequencing_required;
  parameters.private_group = message.private_group_id.value_or(Bytes{});
  parameters.proxy = read_proxied(message);
  parameters.others = wire::describe_extensions(message, kMaxExtensions);
  output.actions.push_back(SessionUp{own_, peer_, kind_, std::move(parameters)});
}

}  // namespace l2tpm::l2tp
