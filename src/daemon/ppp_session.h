// One PPP session of a tunnel: a ppp::Link on an L2TP call. It carries out the link's actions.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "daemon/session.h"
#include "kernel/mtu.h"
#include "ppp/link.h"

namespace l2tpm::daemon {

class PppSession final : public Session {
 public:
  PppSession(Environment& environment, Tunnel& tunnel, SessionId id);
  ~PppSession() override;

  // PPP starts.
  void call_up(const l2tp::SessionUp& call, TimePoint now) override;
  // A PPP frame that came as a data message, before the kernel had the session. `sequenced`: with
  // Ns and Nr.
  void receive_data(ByteView frame, bool sequenced, TimePoint now);
  void descriptor_ready(bool is_unit, TimePoint now) override;
  void handle_timeout(TimePoint now) override;
  void handle_session_limit(TimePoint now) override;
  void supply_verdict(const ppp::AuthVerdict& verdict, std::optional<ppp::NetworkSettings> network,
                      TimePoint now);
  void set_limits(Duration idle_timeout, Duration session_timeout) override;
  // Politely: Terminate-Request, then CDN.
  void close(const Cause& cause, TimePoint now) override;
  void note_counters(const kernel::Counters& counters, TimePoint now) override;
  void apply_network(TimePoint now) override;

  std::string_view interface() const override;
  const std::optional<ppp::Ipv4Up>& ipv4() const { return network_->ipv4; }
  const std::optional<ppp::Ipv6Up>& ipv6() const { return network_->ipv6; }
  // The owner was asked for a plan: the call stood at some time.
  bool was_planned() const override { return plan_ != nullptr; }
  bool is_outgoing_call() const override { return outgoing_call_; }
  PppSession* as_ppp() override { return this; }

  // What packets of it have in front of them on their way.
  kernel::MtuInputs path(bool sequence_numbers) const;

  SessionView view() const override;
  Details details() const override;
  void set_numbers(std::string calling, std::string called);
  // What the peer said of the call beyond RFC 2661, in ICRQ and in ICCN or OCCN.
  void note_avps(const std::vector<wire::AvpText>& avps);
  // The LAC's line has changed (RFC 5515 §4.1).
  void set_speeds(std::uint32_t tx, std::uint32_t rx);

 private:
  struct Network {
    std::optional<ppp::Ipv4Up> ipv4;
    std::optional<ppp::Ipv6Up> ipv6;
    bool empty() const { return !ipv4 && !ipv6; }
  };
  // Of a session that bridges (ppp_session_bridge.cc).
  struct Bridging {
    ppp::BridgeAgreement agreement;
    kernel::BcpSpec spec;
    std::string reason;  // why not the kernel
    MacAddress mac;
    bool open = false;  // BCP is
    KernelState kernel = KernelState::none;
  };
  // Kept apart since most sessions of an LNS never have them.
  struct CallFacts {
    std::string calling_number, called_number, proxy;
    std::vector<wire::AvpText> peer_avps;
    std::uint32_t tx_speed = 0, rx_speed = 0;
  };

  void carry_out(TimePoint now);
  void carry_out(ppp::LinkAction& action, TimePoint now);
  void send_frame(const Bytes& frame);
  void install(bool with_unit, TimePoint now);
  void bridge_up(const ppp::BridgeAgreement& agreement, TimePoint now);
  void bridge_down();
  void install_bridge(const std::string& obstacle, TimePoint now);
  void bridge_installed(Result<kernel::BcpInstalled, kernel::KernelError> result, TimePoint now);
  void set_bridge_carrier(bool on);
  std::uint32_t unit_mtu() const;  // of the PPP interface
  std::uint32_t unit_mru() const;
  kernel::BcpSpec bridge_spec(kernel::BcpPath path) const;
  bool sends_fragments() const;
  bool unit_fragments() const;  // the kernel makes them, not the relay
  BridgeCircumstances circumstances(std::string obstacle) const;
  const config::Bcp* bcp() const { return lease_.bcp ? lease_.bcp.get() : plan_->bcp.get(); }
  bool bridges() const {
    return bridge_ && bridge_->open && bridge_->kernel == KernelState::installed;
  }
  void came_up(const std::string& with, TimePoint now);
  void install_done(Result<kernel::Installed, kernel::KernelError> result, std::uint32_t mtu,
                    TimePoint now);
  void arm_session_limit();
  void receive_early(TimePoint now);
  void watch_descriptors();
  void unwatch_descriptors();
  void stop(const Cause& cause, TimePoint now) override;
  void let_go() override;
  void gone() override;
  void describe_end(Failure& end) const override;
  void network_applied(const Result<Done, kernel::KernelError>& result, TimePoint now);
  // The largest inner packet that the path carries whole.
  std::uint32_t path_limit() const;
  void arm();

  bool carrying_out_ = false;
  bool outgoing_call_ = false;
  bool mtu_warned_ = false;
  bool unit_wanted_ = false;   // as soon as the kernel has the session without one
  bool bridges_only_ = false;  // it never gets one
  std::unique_ptr<SessionPlan> plan_;
  std::unique_ptr<kernel::SessionFraming> framing_;  // of L2TPv3
  std::unique_ptr<ppp::Link> link_;
  std::unique_ptr<Network> network_;
  std::unique_ptr<CallFacts> facts_;
  std::unique_ptr<Bridging> bridge_;
  SharedFd channel_;
  SharedFd unit_;
  // Frames that overtook ICCN, at most kMaxEarlyFrames; most sessions never have any.
  std::unique_ptr<std::vector<Bytes>> early_;
  TimePoint last_traffic_{};
};

}  // namespace l2tpm::daemon
