// pppd's options files and secrets files.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "base/secret.h"
#include "convert/result.h"

namespace l2tpm::convert {

// What of a set of options matters to L2TP. Methods by our names: "mschapv2", "pap", ..., "eap".
struct PppOptions {
  std::string user, name, remote_name;
  Secret password;
  std::optional<unsigned> mtu, mru, idle, max_connect, unit;
  std::string interface;
  std::optional<unsigned> echo_interval, echo_failures;
  std::set<std::string> refused, required;
  std::optional<bool> authenticate;  // auth, noauth; the later counts
  bool mppe_required = false, mppe_40 = true, mppe_128 = true, mppe_stateful = false;
  bool mppe_refused = false;  // nomppe, noccp
  bool ipv4 = true, ipv6 = false;
  bool default_route = false, use_peer_dns = false;
  std::optional<IpAddress> local, remote;
  std::vector<IpAddress> dns, wins;
};

// Reads one file into `options`, and those that its "file" options name. What has no counterpart
// becomes a notice with its line; `server` says for which end, as some matter to one only.
void read_ppp_options(const std::string& path, bool server, const ReadFile& read,
                      PppOptions& options, Import& import);

// A row of chap-secrets or pap-secrets.
struct PppSecret {
  std::string client, server;
  Secret secret;
  std::vector<std::string> addresses;
  unsigned line = 0;
};
// Rows that cannot be used (no secret in them, "@file") become warnings. The text is not kept.
std::vector<PppSecret> read_ppp_secrets(const std::string& path, std::string text, Import& import);

// The row for somebody who calls himself `client` to `server`; exact names before "*". nullptr: no
// row. An empty `server` fits every row.
const PppSecret* find_secret(const std::vector<PppSecret>& rows, std::string_view client,
                             std::string_view server);

// A row of l2tp-secrets: our host name, the peer's, the secret.
struct TunnelSecret {
  std::string us, them;
  Secret secret;
  unsigned line = 0;
};
std::vector<TunnelSecret> read_tunnel_secrets(const std::string& path, std::string text,
                                              Import& import);

// The methods of a profile, in its order, without what is refused; with MPPE only those that have
// keys for it.
std::vector<std::string> methods_without(const std::set<std::string>& refused, bool mppe);

// "30s"; "never" for 0.
std::string pppd_seconds(unsigned count);
// mru, mtu, mppe and echo of a profile's "ppp".
void link_of(const PppOptions& options, Json& ppp);
// idle-timeout and session-timeout of a profile.
void timeouts_of(const PppOptions& options, Json& profile);

}  // namespace l2tpm::convert
