// The load client: many tunnels and sessions, all in userspace. It dials as LACs do, notes when
// each session's IPCP opens, and takes everything down again. One thread, one epoll, no kernel
// sessions.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <memory>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.h"
#include "base/deadline_wheel.h"
#include "base/fd.h"
#include "base/random.h"
#include "bench/tunnel_end.h"
#include "bench/udp_batch.h"

namespace l2tpm::bench {

struct LoadOptions {
  Endpoint server;
  unsigned tunnels = 1;
  unsigned sessions_per_tunnel = 1;
  std::string user = "alice";
  std::string password = "wonderland";
  std::string secret;
  unsigned concurrency = 200;  // sessions being set up at a time
  unsigned sockets = 0;        // 0: one for each tunnel, at most 1000
  double hold = 0;             // seconds; negative: until SIGTERM
  double timeout = 300;        // seconds for the set-up
  double hello_every = 0;      // seconds between probes of a tunnel of its own; 0: none
  bool close_each = false;     // CDN for each session first, then StopCCN
};

class Load {
 public:
  explicit Load(LoadOptions options);

  // Until all sessions are up or have failed. The figures of the set-up.
  nlohmann::json set_up();
  void hold();
  // Until every StopCCN (and CDN) is acknowledged, as far as the peer answers.
  nlohmann::json tear_down();

 private:
  struct Tunnel {
    std::unique_ptr<TunnelEnd> end;
    std::size_t socket = 0;
    Endpoint peer;  // where the last datagram came from: it may float to another port
    std::unordered_map<SessionId, TimePoint> started;
    std::vector<SessionId> up;
    bool open = false;
    bool down = false;
  };

  Tunnel& make_tunnel();
  void start_sessions(TimePoint now);
  void probe(TimePoint now);
  // Queues what is to be sent, counts, and arms the tunnel's deadline.
  void settle(std::size_t index, TimePoint now);
  // Sends what was queued.
  void flush();
  void note(Tunnel& tunnel, const Event& event, TimePoint now);
  void deliver(ByteView datagram, const Endpoint& from);
  // One turn of the loop, at most until `until`. False: told to stop.
  bool turn(TimePoint until);
  bool is_probe(std::size_t index) const { return index == tunnels_.size() - 1 && probing_; }

  LoadOptions options_;
  SystemRandom random_;
  std::shared_ptr<const TunnelEndSettings> settings_;
  std::vector<std::unique_ptr<UdpBatch>> sockets_;
  std::vector<UdpBatch*> to_flush_;
  std::vector<Tunnel> tunnels_;  // own Tunnel ID - 1; the probed one is the last
  DeadlineWheel<std::size_t> deadlines_;
  UniqueFd epoll_;
  UniqueFd signals_;
  bool stopped_ = false;
  bool probing_ = false;

  unsigned started_ = 0;
  unsigned settled_ = 0;  // up or failed
  unsigned up_ = 0;
  TimePoint first_start_{};
  TimePoint last_up_{};
  std::vector<double> latencies_;  // milliseconds
  std::map<std::string, unsigned> failures_;

  std::optional<TimePoint> probe_sent_;
  TimePoint next_probe_{};
  std::vector<double> probes_;  // milliseconds
};

}  // namespace l2tpm::bench
