// Who may come in: the users of one listener, and how many sessions each has. Which tunnel settings
// (and secret) a peer gets is config::ListenerProfile::tunnel_for().
//
// Names: "alice" and "Alice" are two users, as for pppd and RADIUS. A domain or realm ("CORP\\",
// "@example.net") is compared without case. A peer that says "CORP\\alice" is the user of exactly
// that name, else "alice".
#pragma once

#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "config/profile.h"
#include "ppp/credentials.h"

namespace l2tpm::daemon {

class UserTable {
 public:
  explicit UserTable(std::vector<config::User> users) { replace(std::move(users)); }

  // nullptr: nobody. The pointer lives until replace().
  const config::User* find(std::string_view presented) const;
  // The peer's proof against the user's password. An unknown user costs the same time.
  ppp::AuthVerdict check(const ppp::AuthRequest& request) const;

  // Counting sessions by user (the configured name). False: max_sessions are up already.
  bool add_session(const std::string& user_name);
  void remove_session(const std::string& user_name);
  unsigned sessions_of(const std::string& user_name) const;

  // The addresses that belong to users for good, for AddressPool.
  std::vector<IpAddress> fixed_addresses() const;
  // And the identifiers, for InterfaceIdPool.
  std::vector<std::uint64_t> fixed_interface_ids() const;
  // After a reload; sessions stay counted.
  void replace(std::vector<config::User> users);

 private:
  std::vector<config::User> users_;
  std::unordered_map<std::string, std::size_t> by_name_;  // key: canonical()
  std::unordered_map<std::string, unsigned> sessions_;
};

}  // namespace l2tpm::daemon
