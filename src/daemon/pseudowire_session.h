// One Ethernet pseudowire of a tunnel (L2TPv3): an interface that is put where its profile says,
// and the state of the circuits at both ends. There is no protocol inside: it is up when the kernel
// has it.
#pragma once

#include <array>
#include <memory>
#include <string>

#include "config/version3.h"
#include "daemon/session.h"
#include "kernel/ethernet.h"
#include "l2tp/call_info.h"

namespace l2tpm::daemon {

class PseudowireSession final : public Session {
 public:
  PseudowireSession(Environment& environment, Tunnel& tunnel, SessionId id,
                    std::shared_ptr<const config::Pseudowire> settings);
  ~PseudowireSession() override;

  // The kernel is asked for the interface.
  void call_up(const l2tp::SessionUp& call, TimePoint now) override;
  // There is nothing to be polite with: CDN.
  void close(const Cause& cause, TimePoint now) override { end(cause, now); }
  // The peer's circuit, by SLI.
  void peer_circuit_changed(bool active);
  // Ours, as the kernel saw it.
  void circuit_changed(const std::string& interface, bool active, TimePoint now);

  const config::Pseudowire& settings() const { return *settings_; }
  std::string_view interface() const override;
  bool was_planned() const override { return wire_ != nullptr; }
  PseudowireSession* as_pseudowire() override { return this; }
  SessionView view() const override;
  Details details() const override;

 private:
  void stop(const Cause& cause, TimePoint now) override;
  void gone() override;
  void describe_event(SessionEvent& event) const override;
  void describe_end(Failure& end) const override;
  bool sends_sequence() const;
  kernel::EthernetSpec spec() const;
  void install();
  void installed(Result<kernel::EthernetInstalled, kernel::KernelError> result, TimePoint now);
  void unwatch();
  // The largest MTU of the interface whose frames come through whole.
  std::uint32_t path_limit() const;

  std::shared_ptr<const config::Pseudowire> settings_;
  std::unique_ptr<l2tp::Pseudowire> wire_;  // since the call stands
  std::string interface_;
  std::string mac_;
  std::array<std::string, 2> noted_;  // interfaces in the notes for udev
  bool watching_ = false;
  bool name_taken_ = false;  // somebody else has the name that would have been ours
  bool circuit_active_;
  bool peer_circuit_active_ = false;
};

// What both kinds of session are framed by.
kernel::SessionFraming framing_of(const l2tp::Pseudowire& wire);
// What we want of one, whichever end asks for it.
l2tp::PseudowireWish wish_of(const config::Pseudowire& settings);
// Where its interface is put.
kernel::BridgePort bridge_port_of(const config::Bridge& bridge);
kernel::Attachment attachment_of(const config::EthernetPort& port);
// RFC 3931's number of the type.
std::uint16_t number_of(config::PseudowireType type);
// What faces show of such a number: "ethernet"; of one that profiles do not have, "6".
std::string pseudowire_text(std::uint16_t type);
// What faces show of an interface's whereabouts: "bridge br0", "vrf red", "netns blue"; "".
std::string attachment_text(const config::EthernetPort& port);

}  // namespace l2tpm::daemon
