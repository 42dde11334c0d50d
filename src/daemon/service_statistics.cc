// Counters: one sweep over the kernel's for all who ask, and what the daemon counts itself. And
// pings, which are a measurement too.
#include <algorithm>

#include "base/log.h"
#include "daemon/bridging.h"
#include "daemon/service.h"

namespace l2tpm::daemon {
namespace {

// Who asks again this soon gets what the last sweep brought; with many sessions a sweep takes its
// time, and workers have other things to do.
constexpr Duration kFresh = 100ms;
constexpr int kSweepShare = 4;
constexpr std::size_t kMostWaiters = 1024;

constexpr Duration kPingPatience = 30s;
constexpr std::size_t kMostPings = 256;

Counters counters_of(const Traffic& traffic) {
  return {
      {"rx_bytes",   traffic.rx_bytes  },
      {"tx_bytes",   traffic.tx_bytes  },
      {"rx_packets", traffic.rx_packets},
      {"tx_packets", traffic.tx_packets},
      {"rx_errors",  traffic.rx_errors },
      {"tx_errors",  traffic.tx_errors }
  };
}

Traffic traffic_of(const kernel::Counters& counters) {
  return {.rx_packets = counters.rx_packets,
          .tx_packets = counters.tx_packets,
          .rx_bytes = counters.rx_bytes,
          .tx_bytes = counters.tx_bytes,
          .rx_errors = counters.rx_errors,
          .tx_errors = counters.tx_errors};
}

Traffic traffic_of(const Session& session) { return traffic_of(session.counters()); }

// Of a session: its octets and packets, and of one that bridges what happened to its frames.
Counters counters_of(const kernel::Counters& of) {
  Counters counters = counters_of(traffic_of(of));
  if (of.bcp) counters.merge(named(*of.bcp));
  return counters;
}

}  // namespace

// ---- the kernel's counters ----

void Service::refresh_counters(std::function<void()> done) {
  const TimePoint now = Clock::now();
  const bool is_fresh = !sweeping_ && swept_at_ != TimePoint{} &&
                        now - swept_at_ < std::max(kFresh, kSweepShare * sweep_took_);
  if (is_fresh || (sessions_.size() == 0 && !statics_.any()) ||
      sweep_waiters_.size() >= kMostWaiters) {
    later(std::move(done));
    return;
  }
  sweep_waiters_.push_back(std::move(done));
  sweep_counters(now);
}

void Service::sweep_counters(TimePoint now) {
  if (sweeping_ || (sessions_.size() == 0 && !statics_.any())) return;
  sweeping_ = true;
  dataplane_.read_counters(
      [this, now](const Result<std::vector<kernel::Counters>, kernel::KernelError>& counters) {
        const TimePoint then = Clock::now();
        sweeping_ = false;
        swept_at_ = then;
        sweep_took_ = then - now;
        if (counters) {
          for (const kernel::Counters& row : *counters) {
            Tunnel* tunnel = tunnels_.find(row.key.tunnel);
            if (Session* session = tunnel ? tunnel->find(row.key.session) : nullptr)
              session->note_counters(row, then);
            else
              statics_.note_counters(row);
          }
        } else {
          log(LogLevel::warning, {}, "{}", counters.error().to_string());
        }
        for (const auto& waiter : std::exchange(sweep_waiters_, {})) waiter();
      });
}

Result<Counters, ApiError> Service::statistics(StatisticsOf object, const std::string& name,
                                               std::uint32_t session_id) const {
  const auto absent = [&] {
    return Unexpected(ApiError{ApiErrorCode::not_found, "there is no \"" + name + "\""});
  };
  if (object == StatisticsOf::manager) {
    Traffic all = retired_traffic_;
    for (const auto& [each, client] : clients_) all.add(client->traffic);
    for (const auto& [each, listener] : listeners_) all.add(listener->traffic);
    for (const auto& client : retired_clients_) all.add(client->traffic);
    for (const auto& listener : retired_listeners_) all.add(listener->traffic);
    Counters counters = counters_of(all);
    counters["tunnels"] = tunnels_.size();
    counters["sessions"] = sessions_.size();
    counters["drops.malformed"] = drops_.malformed;
    counters["drops.unknown_tunnel"] = drops_.unknown_tunnel;
    counters["drops.wrong_source"] = drops_.wrong_source;
    counters["drops.no_listener"] = drops_.no_listener;
    counters["drops.stray_data"] = drops_.stray_data;
    counters["drops.ppp_frames"] = dataplane_.dropped_frames();
    return counters;
  }
  if (object == StatisticsOf::listener) {
    const auto found = listeners_.find(name);
    if (found == listeners_.end()) return absent();
    const Listener& listener = *found->second;
    Counters counters = counters_of(listener.traffic);
    counters["tunnels"] = listener.tunnels();
    counters["sessions"] = listener.sessions();
    counters["half_open"] = listener.admission().half_open();
    const Admission::Counters& admission = listener.admission().counters();
    counters["sccrq_admitted"] = admission.admitted;
    counters["sccrq_source_rate"] = admission.source_rate;
    counters["sccrq_total_rate"] = admission.total_rate;
    counters["sccrq_evicted"] = admission.evicted;
    return counters;
  }
  const auto client = clients_.find(name);
  const Tunnel* tunnel = find_tunnel(name);
  if (const std::optional<TunnelView> fixed = statics_.tunnel(name)) {
    if (object == StatisticsOf::session) {
      const auto counters = statics_.counters(name, SessionId(session_id));
      if (!counters) return absent();
      return counters_of(*counters);
    }
    Traffic sum;
    for (const std::uint32_t id : fixed->ids)
      sum.add(traffic_of(*statics_.counters(name, SessionId(id))));
    Counters counters = counters_of(sum);
    counters["sessions"] = fixed->sessions;
    return counters;
  }
  if (object == StatisticsOf::session) {
    const Session* session = tunnel ? tunnel->find(SessionId(session_id)) : nullptr;
    if (!session) return absent();
    return counters_of(session->counters());
  }
  if (!tunnel && client == clients_.end()) return absent();
  Traffic sum;
  Counters counters;
  if (client != clients_.end()) {
    sum = client->second->traffic;
  } else {
    for (const auto& [id, session] : tunnel->sessions()) sum.add(traffic_of(*session));
  }
  counters = counters_of(sum);
  counters["sessions"] = tunnel ? tunnel->sessions().size() : 0;
  if (tunnel) {
    const auto status = tunnel->connection().status();
    const auto& delivery = status.delivery;
    counters["control_rx"] = delivery.messages_received;
    counters["control_tx"] = delivery.messages_sent;
    counters["control_retransmitted"] = delivery.retransmissions;
    counters["control_duplicates"] = delivery.duplicates_received;
    if (status.version == 3) {
      counters["digests_wrong"] = status.digests_wrong;
      counters["digests_missing"] = status.digests_missing;
    }
  }
  return counters;
}

// ---- pings ----

void Service::ping_tunnel(const std::string& name, ApiCallback<Duration> done) {
  const TimePoint now = Clock::now();
  Tunnel* tunnel = find_tunnel(name);
  const auto refuse = [&](ApiErrorCode code, const std::string& message) {
    later([done = std::move(done), error = ApiError{code, message}] { done(Unexpected(error)); });
  };
  if (!tunnel) {
    if (clients_.contains(name)) return refuse(ApiErrorCode::wrong_state, name + " has no tunnel");
    return refuse(ApiErrorCode::not_found, "there is no tunnel \"" + name + "\"");
  }
  if (!tunnel->is_up()) return refuse(ApiErrorCode::wrong_state, name + " is not established");
  if (pings_.size() >= kMostPings)
    return refuse(ApiErrorCode::limit_exceeded, "too many pings at once");
  tunnel->probe(now);
  pings_.push_back({.tunnel = tunnel->id(),
                    .ns = tunnel->connection().status().delivery.ns,
                    .sent_at = now,
                    .done = std::move(done)});
}

// `tunnel`: something came for it just now. nullptr: whatever is overdue or has lost its tunnel.
void Service::check_pings(Tunnel* tunnel, TimePoint now) {
  std::vector<std::function<void()>> answers;
  std::erase_if(pings_, [&](Ping& ping) {
    if (tunnel && tunnel->id() != ping.tunnel) return false;
    const Tunnel* its = tunnel ? tunnel : tunnels_.find(ping.tunnel);
    if (!its || its->has_ended()) {
      answers.emplace_back([done = std::move(ping.done)] {
        done(Unexpected(ApiError{ApiErrorCode::timeout, "the tunnel ended"}));
      });
      return true;
    }
    const auto delivery = its->connection().status().delivery;
    // The number of the oldest message that is not acknowledged yet.
    const auto oldest = static_cast<std::uint16_t>(delivery.ns - delivery.in_flight);
    if (static_cast<std::int16_t>(oldest - ping.ns) >= 0 && tunnel) {
      answers.emplace_back(
          [done = std::move(ping.done), took = now - ping.sent_at] { done(took); });
      return true;
    }
    if (now - ping.sent_at < kPingPatience) return false;
    answers.emplace_back([done = std::move(ping.done)] {
      done(Unexpected(ApiError{ApiErrorCode::timeout, "no acknowledgement came"}));
    });
    return true;
  });
  for (auto& answer : answers) later(std::move(answer));
}

std::optional<TimePoint> Service::next_ping_deadline() const {
  if (pings_.empty()) return std::nullopt;
  return pings_.front().sent_at + kPingPatience;
}

}  // namespace l2tpm::daemon
