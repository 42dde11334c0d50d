// Profiles without a control connection: their tunnels are kept in the kernel as they are
// described, survive the daemon, and go only when the profile goes or is stopped. Whoever changes
// one sees it put right, but not in a loop faster than a second.
#pragma once

#include <functional>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <utility>
#include <vector>

#include "config/profile.h"
#include "daemon/background.h"
#include "daemon/environment.h"
#include "daemon/service_api.h"
#include "kernel/ethernet.h"

namespace l2tpm::daemon {

class StaticTunnels {
 public:
  // `path`: where what was wanted is kept; "": nowhere.
  StaticTunnels(Environment& environment, Background& background, std::string path);

  // Reads what an earlier run wanted; blocks, once, before anything is converged.
  void recall();
  // What the configuration has; those that are new and start by themselves do.
  void reconfigure(const std::map<std::string, config::StaticProfile>& profiles, TimePoint now);
  bool has(const std::string& profile) const { return profiles_.contains(profile); }
  bool is_wanted(const std::string& profile) const { return wanted_.contains(profile); }
  // REQUIRES: has(profile).
  void start(const std::string& profile, TimePoint now);
  void stop(const std::string& profile, TimePoint now);
  // Somebody changed something of theirs.
  void disturbed(TimePoint now);
  void handle_timeout(TimePoint now);

  std::vector<TunnelView> tunnels() const;
  std::optional<TunnelView> tunnel(const std::string& profile) const;
  std::vector<SessionView> sessions() const;
  // Of a session of a profile that is wanted.
  std::optional<SessionDetailsView> session(const std::string& profile, SessionId id) const;
  std::optional<kernel::Counters> counters(const std::string& profile, SessionId id) const;
  // Something is in the kernel, so its counters are worth reading.
  bool any() const;
  void note_counters(const kernel::Counters& counters);

 private:
  struct Row {
    kernel::StaticRow::State state = kernel::StaticRow::State::failed;
    std::string detail;
    kernel::EthernetInstalled installed;
    kernel::Counters counters;
  };
  // What events have said of a row.
  struct Told {
    std::string state, rest;
    friend bool operator==(const Told&, const Told&) = default;
  };
  std::vector<kernel::StaticTunnel> wanted_tunnels() const;
  void keep_ids(const std::vector<kernel::StaticTunnel>& tunnels, TimePoint now);
  void converge(TimePoint now);
  void converged(const Result<std::vector<kernel::StaticRow>, kernel::KernelError>& rows,
                 TimePoint now);
  void write(const std::vector<kernel::StaticTunnel>& tunnels, std::function<void()> then);
  const Row* row_of(const SessionKey& key) const;
  TunnelView view_of(const config::StaticProfile& profile) const;
  SessionView view_of(const config::StaticProfile& profile,
                      const config::StaticSession& session) const;
  // One that is wanted; nullptr.
  const config::StaticSession* find(const std::string& profile, SessionId id) const;
  std::string convergence_of(const config::StaticProfile& profile) const;
  // Tells by events what has changed since the last time.
  void announce();
  void note_interfaces();

  Environment& env_;
  Background& background_;
  std::string path_;
  std::map<std::string, config::StaticProfile> profiles_;
  std::set<std::string> wanted_;
  std::vector<kernel::StaticTunnel> remembered_;
  std::vector<kernel::StaticTunnel> converging_;      // what is being asked of the kernel
  std::map<SessionKey, Row> rows_;                    // a tunnel's has no session
  std::set<std::uint32_t> tunnel_ids_, session_ids_;  // taken out of the pools
  bool busy_ = false;
  bool again_ = false;  // something changed meanwhile
  bool ever_ = false;   // the kernel was asked, or is to be
  Duration pause_{};    // until what failed is tried again
  std::string problem_;
  std::map<std::string, Told> told_;
  std::map<std::pair<std::string, std::uint32_t>, Told> told_sessions_;
  std::set<std::string> noted_;  // interfaces in the notes for udev
};

}  // namespace l2tpm::daemon
