// A Dataplane without a kernel. Every call is recorded as a line of text and succeeds at the next
// dispatch_completions(), unless told otherwise: fail_next() makes the next call of that name fail,
// hold() keeps completions back until release().
#pragma once

#include <fcntl.h>
#include <fmt/core.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "base/bytes.h"
#include "kernel/dataplane.h"

namespace l2tpm::test {

class FakeDataplane final : public kernel::Dataplane {
 public:
  struct SentFrame {
    SessionKey key;
    Bytes frame;
  };

  FakeDataplane() : event_fd_(eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)) {}

  // --- what tests look at ---
  std::vector<std::string> calls;  // "install 7/9 ppp0 mtu 1462", "configure 7/9 10.0.0.1 10.0.0.2"
  std::vector<SentFrame> frames;   // send_frame's
  std::map<TunnelId, kernel::TunnelSpec> tunnels;
  std::map<SessionKey, kernel::SessionSpec> sessions;    // those installed
  std::map<SessionKey, kernel::NetworkConfig> networks;  // those configured
  std::map<SessionKey, kernel::CcpFlags> ccp_flags;
  std::vector<std::pair<SessionKey, kernel::MppeSpec>> mppe;  // in order
  std::map<SessionKey, kernel::Counters> counters;            // set by the test, read back
  std::map<IpAddress, unsigned> pins, held;
  std::map<SessionKey, kernel::EthernetSpec> pseudowires;  // those installed
  std::map<SessionKey, kernel::BcpSpec> bcp_sessions;      // those installed
  std::map<SessionKey, bool> carriers;                     // as set_carrier() said last
  std::map<std::string, unsigned> watched;                 // circuits
  std::map<std::string, bool> circuits;                    // set by the test; absent: up
  std::vector<kernel::StaticTunnel> statics;               // as converged

  // --- what tests decide ---
  // `call` is the method's name.
  void fail_next(std::string call, kernel::KernelError error) {
    failures_[std::move(call)].push_back(std::move(error));
  }
  // Completions stay pending from now on; release() lets the oldest `count` go at the next
  // dispatch.
  void hold() { holding_ = true; }
  void release(std::size_t count = SIZE_MAX) {
    allowed_ = std::min(pending_.size(), count);
    if (count == SIZE_MAX) holding_ = false;
    if (allowed_ > 0 || !pending_.empty()) eventfd_write(event_fd_.get(), 1);
  }
  std::size_t pending() const { return pending_.size(); }
  // Frames that the next install of this session finds waiting.
  void frames_at_install(SessionKey key, std::vector<Bytes> waiting) {
    waiting_[key] = std::move(waiting);
  }
  // A PPP frame from the kernel: readable on the descriptor that Installed gave out.
  void deliver(SessionKey key, ByteView frame) {
    const auto found = far_ends_.find(key);
    if (found == far_ends_.end() || frame.size() < 2) return;
    const bool to_unit = frame[0] < 0xc0 && found->second.unit;
    const int fd = to_unit ? found->second.unit.get() : found->second.channel.get();
    [[maybe_unused]] const ssize_t sent = send(fd, frame.data(), frame.size(), MSG_DONTWAIT);
  }
  void emit(const kernel::Event& event) {
    if (handler_) handler_(event);
  }

  // --- Dataplane ---
  void add_tunnel(kernel::TunnelSpec spec) override {
    record("add_tunnel {} peer {}", spec.local.value(), spec.peer.value());
    tunnels[spec.local] = std::move(spec);
  }
  void install(kernel::SessionSpec spec, Callback<kernel::Installed> done) override {
    const SessionKey key = spec.key;
    record("install {} {} mtu {}{}{}{}", text(key), spec.interface_name, spec.mtu,
           spec.with_unit ? "" : " unbound", spec.send_sequence ? " send-sequence" : "",
           spec.require_sequence ? " require-sequence" : "");
    auto failure = take_failure("install");
    if (!failure && !tunnels.contains(key.tunnel))
      failure = kernel::KernelError{ENOENT, "installing the session", "its tunnel was not added"};
    installing_.insert(key);
    later([this, key, spec = std::move(spec), failure, done = std::move(done)] {
      auto result = finish_install(key, spec, failure);
      if (done) done(std::move(result));
    });
  }
  void install_ethernet(kernel::EthernetSpec spec,
                        Callback<kernel::EthernetInstalled> done) override {
    const SessionKey key = spec.key;
    record("install_ethernet {} {} mtu {}{}{}", text(key), spec.interface_name, spec.mtu,
           spec.vlan ? fmt::format(" vlan {} {}", spec.vlan->id, spec.vlan->name) : "",
           text(spec.attachment));
    auto failure = take_failure("install_ethernet");
    if (!failure && !tunnels.contains(key.tunnel))
      failure =
          kernel::KernelError{ENOENT, "installing the pseudowire", "its tunnel was not added"};
    installing_.insert(key);
    later([this, key, spec = std::move(spec), failure, done = std::move(done)] {
      auto result = finish_ethernet(key, spec, failure);
      if (done) done(std::move(result));
    });
  }
  void install_bcp(kernel::BcpSpec spec, Callback<kernel::BcpInstalled> done) override {
    const SessionKey key = spec.key;
    record("install_bcp {} {} {} mtu {}{}", text(key), spec.interface_name, name(spec.path),
           spec.mtu, spec.port ? " bridge " + spec.port->bridge : "");
    auto failure = take_failure("install_bcp");
    const auto unit = sessions.find(key);
    if (!failure && (unit != sessions.end() && unit->second.with_unit) !=
                        (spec.path == kernel::BcpPath::relay_unit))
      failure =
          kernel::KernelError{EINVAL, "installing the BCP session", "its unit is not as the path"};
    if (!failure && !tunnels.contains(key.tunnel))
      failure =
          kernel::KernelError{ENOENT, "installing the BCP session", "its tunnel was not added"};
    installing_.insert(key);
    later([this, key, spec = std::move(spec), failure, done = std::move(done)] {
      auto result = finish_bcp(key, spec, failure);
      if (done) done(std::move(result));
    });
  }
  void probe_bcp(Callback<Done> done) override {
    record("probe_bcp");
    answer("probe_bcp", std::move(done), [] {});
  }
  void set_carrier(SessionKey key, bool on, Callback<Done> done) override {
    record("set_carrier {} {}", text(key), on ? "on" : "off");
    answer("set_carrier", std::move(done), [this, key, on] { carriers[key] = on; });
  }
  void watch_circuit(std::string interface, Callback<bool> done) override {
    record("watch_circuit {}", interface);
    ++watched[interface];
    auto failure = take_failure("watch_circuit");
    later([this, interface = std::move(interface), failure, done = std::move(done)] {
      if (!done) return;
      if (failure) {
        done(Unexpected(*failure));
        return;
      }
      const auto found = circuits.find(interface);
      done(found == circuits.end() || found->second);
    });
  }
  void unwatch_circuit(const std::string& interface) override {
    record("unwatch_circuit {}", interface);
    const auto found = watched.find(interface);
    if (found != watched.end() && --found->second == 0) watched.erase(found);
  }
  // Everything wanted that was not there before is made, whatever is remembered and wanted no more
  // is removed.
  void converge_static(std::vector<kernel::StaticTunnel> wanted,
                       std::vector<kernel::StaticTunnel> remembered,
                       Callback<std::vector<kernel::StaticRow>> done) override {
    record("converge_static {} remembered {}", wanted.size(), remembered.size());
    auto failure = take_failure("converge_static");
    later([this, wanted = std::move(wanted), remembered = std::move(remembered), failure,
           done = std::move(done)]() mutable {
      if (failure) {
        if (done) done(Unexpected(*failure));
        return;
      }
      auto rows = static_rows(wanted, remembered);
      statics = std::move(wanted);
      if (done) done(std::move(rows));
    });
  }
  void configure(SessionKey key, kernel::NetworkConfig config, Callback<Done> done) override {
    std::string line = "configure " + text(key);
    if (config.ipv4)
      line += fmt::format(" {} {}{}", config.ipv4->local.to_string(), config.ipv4->peer.to_string(),
                          config.ipv4->unnumbered ? " unnumbered" : "");
    if (config.ipv6) line += fmt::format(" ipv6 {:x}", config.ipv6->local_interface_id);
    for (const auto& route : config.routes) line += " route " + route.destination.to_string();
    if (!config.addressed) line += " not addressed";
    calls.push_back(std::move(line));
    answer("configure", std::move(done),
           [this, key, config = std::move(config)] { networks[key] = config; });
  }
  void deconfigure(SessionKey key, Callback<Done> done) override {
    record("deconfigure {}", text(key));
    answer("deconfigure", std::move(done), [this, key] { networks.erase(key); });
  }
  void set_mtu(SessionKey key, std::uint32_t mtu, std::uint32_t mru, Callback<Done> done) override {
    record("set_mtu {} {} {}", text(key), mtu, mru);
    answer("set_mtu", std::move(done), [] {});
  }
  void set_mppe(SessionKey key, kernel::MppeSpec spec, Callback<Done> done) override {
    record("set_mppe {} {} {}{}", text(key),
           spec.direction == kernel::MppeDirection::send ? "send" : "receive", spec.bits,
           spec.stateless ? " stateless" : "");
    mppe.emplace_back(key, std::move(spec));
    answer("set_mppe", std::move(done), [] {});
  }
  void set_ccp_flags(SessionKey key, kernel::CcpFlags flags, Callback<Done> done) override {
    record("set_ccp_flags {}{}{}{}", text(key), flags.open ? " open" : "", flags.up ? " up" : "",
           flags.must ? " must" : "");
    ccp_flags[key] = flags;
    answer("set_ccp_flags", std::move(done), [] {});
  }
  void send_frame(SessionKey key, ByteView frame) override {
    if (sessions.contains(key) || bcp_sessions.contains(key))
      frames.push_back({key, Bytes(frame.begin(), frame.end())});
  }
  std::uint64_t dropped_frames() const override { return 0; }
  void remove(SessionKey key, Callback<Done> done) override {
    record("remove {}", text(key));
    cancel(key);
    answer("remove", std::move(done), [] {});
  }
  void remove_tunnel(TunnelId tunnel, Callback<Done> done) override {
    record("remove_tunnel {}", tunnel.value());
    std::vector<SessionKey> its;
    for (const auto& [key, spec] : sessions)
      if (key.tunnel == tunnel) its.push_back(key);
    for (const auto& [key, spec] : pseudowires)
      if (key.tunnel == tunnel) its.push_back(key);
    for (const auto& [key, spec] : bcp_sessions)
      if (key.tunnel == tunnel) its.push_back(key);
    for (const SessionKey& key : installing_)
      if (key.tunnel == tunnel) its.push_back(key);
    for (const SessionKey& key : its) cancel(key);
    tunnels.erase(tunnel);
    answer("remove_tunnel", std::move(done), [] {});
  }
  void read_counters(Callback<std::vector<kernel::Counters>> done) override {
    record("read_counters");
    auto failure = take_failure("read_counters");
    later([this, failure, done = std::move(done)] {
      if (!done) return;
      if (failure) {
        done(Unexpected(*failure));
        return;
      }
      std::vector<kernel::Counters> all;
      for (const auto& [key, values] : counters)
        if (sessions.contains(key) || pseudowires.contains(key) || bcp_sessions.contains(key)) {
          all.push_back(values);
          all.back().key = key;
        }
      done(std::move(all));
    });
  }
  void hold_address(IpAddress address, Callback<Done> done) override {
    record("hold_address {}", address.to_string());
    ++held[address];
    answer("hold_address", std::move(done), [] {});
  }
  void release_address(IpAddress address) override {
    record("release_address {}", address.to_string());
    drop(held, address);
  }
  void pin_route(IpAddress peer, Callback<kernel::Underlay> done) override {
    record("pin_route {}", peer.to_string());
    ++pins[peer];
    auto failure = take_failure("pin_route");
    later([failure, done = std::move(done)] {
      if (!done) return;
      if (failure) {
        done(Unexpected(*failure));
        return;
      }
      kernel::Underlay underlay;
      underlay.ifindex = 2;
      underlay.mtu = 1500;
      done(underlay);
    });
  }
  void unpin_route(IpAddress peer) override {
    record("unpin_route {}", peer.to_string());
    drop(pins, peer);
  }
  void sweep_leftovers(Callback<unsigned> done) override {
    record("sweep_leftovers");
    auto failure = take_failure("sweep_leftovers");
    later([failure, done = std::move(done)] {
      if (!done) return;
      if (failure)
        done(Unexpected(*failure));
      else
        done(0u);
    });
  }
  void set_event_handler(std::function<void(const kernel::Event&)> handler) override {
    handler_ = std::move(handler);
  }
  int completion_fd() const override { return event_fd_.get(); }
  void dispatch_completions() override {
    eventfd_t count = 0;
    eventfd_read(event_fd_.get(), &count);
    std::size_t turn = holding_ ? std::exchange(allowed_, 0) : pending_.size();
    while (turn-- > 0 && !pending_.empty()) {
      auto next = std::move(pending_.front());
      pending_.pop_front();
      next();
    }
  }

 private:
  struct FarEnds {
    UniqueFd channel, unit;
  };

  template <typename... Args>
  void record(fmt::format_string<Args...> format, Args&&... args) {
    calls.push_back(fmt::format(format, std::forward<Args>(args)...));
  }
  static std::string text(const kernel::Attachment& attachment) {
    if (const auto* port = std::get_if<kernel::BridgePort>(&attachment))
      return " bridge " + port->bridge;
    if (const auto* member = std::get_if<kernel::VrfMember>(&attachment))
      return " vrf " + member->vrf;
    if (const auto* member = std::get_if<kernel::NamespaceMember>(&attachment))
      return " netns " + member->name;
    return {};
  }
  static std::string text(SessionKey key) {
    return fmt::format("{}/{}", key.tunnel.value(), key.session.value());
  }
  static void drop(std::map<IpAddress, unsigned>& counts, const IpAddress& address) {
    const auto found = counts.find(address);
    if (found != counts.end() && --found->second == 0) counts.erase(found);
  }
  void later(std::function<void()> completion) {
    pending_.push_back(std::move(completion));
    eventfd_write(event_fd_.get(), 1);
  }
  std::optional<kernel::KernelError> take_failure(const std::string& call) {
    auto& queue = failures_[call];
    if (queue.empty()) return std::nullopt;
    auto failure = std::move(queue.front());
    queue.pop_front();
    return failure;
  }
  void answer(const std::string& call, Callback<Done> done, std::function<void()> effect) {
    auto failure = take_failure(call);
    later([failure, done = std::move(done), effect = std::move(effect)] {
      if (!failure) effect();
      if (!done) return;
      if (failure)
        done(Unexpected(*failure));
      else
        done(Done{});
    });
  }
  void cancel(SessionKey key) {
    if (installing_.erase(key) > 0) cancelled_.insert(key);
    sessions.erase(key);
    pseudowires.erase(key);
    bcp_sessions.erase(key);
    carriers.erase(key);
    networks.erase(key);
    far_ends_.erase(key);
  }
  static std::pair<SharedFd, UniqueFd> pair() {
    int ends[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, ends) != 0) return {};
    return {std::make_shared<const UniqueFd>(ends[0]), UniqueFd(ends[1])};
  }
  Result<kernel::Installed, kernel::KernelError> finish_install(
      SessionKey key, const kernel::SessionSpec& spec,
      const std::optional<kernel::KernelError>& failure) {
    if (const auto cut = cancelled_.find(key); cut != cancelled_.end()) {
      cancelled_.erase(cut);
      return Unexpected(kernel::KernelError{ECANCELED, "installing the session", "it was removed"});
    }
    installing_.erase(key);
    if (failure) {
      sessions.erase(key);
      return Unexpected(*failure);
    }
    kernel::Installed installed;
    FarEnds& far = far_ends_[key];
    std::tie(installed.channel, far.channel) = pair();
    if (spec.with_unit) {
      std::tie(installed.unit, far.unit) = pair();
      installed.ifindex = ++last_ifindex_;
      installed.interface_name = spec.interface_name;
    }
    installed.frames = std::exchange(waiting_[key], {});
    sessions[key] = spec;
    return installed;
  }

  Result<kernel::EthernetInstalled, kernel::KernelError> finish_ethernet(
      SessionKey key, const kernel::EthernetSpec& spec,
      const std::optional<kernel::KernelError>& failure) {
    if (const auto cut = cancelled_.find(key); cut != cancelled_.end()) {
      cancelled_.erase(cut);
      return Unexpected(
          kernel::KernelError{ECANCELED, "installing the pseudowire", "it was removed"});
    }
    installing_.erase(key);
    if (failure) return Unexpected(*failure);
    pseudowires[key] = spec;
    carriers[key] = spec.carrier;
    kernel::EthernetInstalled installed;
    installed.ifindex = ++last_ifindex_;
    installed.interface_name = spec.vlan ? spec.vlan->name : spec.interface_name;
    installed.mac = spec.mac.value_or(MacAddress({2, 0, 0, 0, 0, 1}));
    installed.mtu = spec.mtu != 0 ? spec.mtu : 1446;
    return installed;
  }
  Result<kernel::BcpInstalled, kernel::KernelError> finish_bcp(
      SessionKey key, const kernel::BcpSpec& spec,
      const std::optional<kernel::KernelError>& failure) {
    if (const auto cut = cancelled_.find(key); cut != cancelled_.end()) {
      cancelled_.erase(cut);
      return Unexpected(
          kernel::KernelError{ECANCELED, "installing the BCP session", "it was removed"});
    }
    installing_.erase(key);
    const bool unit = spec.path == kernel::BcpPath::relay_unit;
    if (!unit || failure) {
      sessions.erase(key);  // the unbound one has become this, or is gone
      far_ends_.erase(key);
    }
    if (failure) return Unexpected(*failure);
    bcp_sessions[key] = spec;
    kernel::BcpInstalled installed;
    installed.ifindex = ++last_ifindex_;
    installed.interface_name = spec.interface_name;
    installed.mac = spec.mac.value_or(MacAddress({2, 0, 0, 0, 0, 1}));
    if (unit)
      std::tie(installed.unit, far_ends_[key].unit) = pair();
    else
      std::tie(installed.channel, far_ends_[key].channel) = pair();
    installed.frames = std::exchange(waiting_[key], {});
    return installed;
  }
  std::vector<kernel::StaticRow> static_rows(const std::vector<kernel::StaticTunnel>& wanted,
                                             const std::vector<kernel::StaticTunnel>& remembered) {
    using State = kernel::StaticRow::State;
    const auto id_in = [](const std::vector<kernel::StaticTunnel>& among, TunnelId id) {
      return std::any_of(among.begin(), among.end(),
                         [&](const kernel::StaticTunnel& each) { return each.local == id; });
    };
    std::vector<kernel::StaticRow> rows;
    const auto add = [&](TunnelId tunnel, SessionId session, State state) {
      kernel::StaticRow row;
      row.tunnel = tunnel;
      row.session = session;
      row.state = state;
      rows.push_back(std::move(row));
    };
    for (const kernel::StaticTunnel& old : remembered)
      if (!id_in(wanted, old.local) && id_in(statics, old.local))
        add(old.local, {}, State::removed);
    for (const kernel::StaticTunnel& tunnel : wanted) {
      const State state = id_in(statics, tunnel.local) ? State::kept : State::made;
      add(tunnel.local, {}, state);
      for (const kernel::EthernetSpec& session : tunnel.sessions) {
        add(tunnel.local, session.key.session, state);
        rows.back().installed.ifindex = ++last_ifindex_;
        rows.back().installed.interface_name = session.interface_name;
      }
    }
    return rows;
  }

  UniqueFd event_fd_;
  std::deque<std::function<void()>> pending_;
  std::map<std::string, std::deque<kernel::KernelError>> failures_;
  std::map<SessionKey, std::vector<Bytes>> waiting_;
  std::map<SessionKey, FarEnds> far_ends_;
  std::set<SessionKey> installing_;
  std::multiset<SessionKey> cancelled_;
  std::function<void(const kernel::Event&)> handler_;
  bool holding_ = false;
  std::size_t allowed_ = 0;
  int last_ifindex_ = 100;
};

}  // namespace l2tpm::test
