// What the daemon shows to its faces (D-Bus today): plain views and verbs. The bus module knows
// only this header and events.h, so a face can be tested with a fake service and adds no logic of
// its own.
//
// Everything runs on the loop's thread and returns at once. Callbacks (`done`) are called exactly
// once, later, from the loop, never inside the call; when the service is destroyed those
// outstanding are dropped. Whoever passes one must expect that it runs after its asker has gone.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/address.h"
#include "base/cause.h"
#include "base/clock.h"
#include "base/fd.h"
#include "base/result.h"
#include "base/secret.h"
#include "daemon/events.h"

namespace l2tpm::daemon {

// How a request ends when it cannot be carried out; the bus maps it to an error name.
enum class ApiErrorCode : std::uint8_t {
  not_found,        // no profile, tunnel, session, listener, interface of that name
  already_exists,   // a profile that must not exist does
  wrong_state,      // running already, not running, no session, nothing to ping
  invalid,          // an argument: a name, a number, an option
  invalid_profile,  // the message has a line for each error: "/ppp/mru: must be ..."
  in_progress,      // the same thing is being done already
  canceled,         // something else ended it: Stop, the daemon's end
  timeout,
  no_secrets,      // a password is to be asked for and nobody can be asked
  limit_exceeded,  // too many transient tunnels, questions, pings
  draining,
  not_supported,
  failed  // the kernel, a file system; the message says which and why
};
struct ApiError {
  ApiErrorCode code;
  std::string message;
};
template <typename T>
using ApiCallback = std::function<void(Result<T, ApiError>)>;

// ---- views ----

// What a tunnel of L2TPv3 has beyond version 2's; all empty in that.
struct Version3View {
  std::string router_id, peer_router_id;      // written as IPv4 addresses; "" until known
  std::vector<std::string> peer_pseudowires;  // what it can: "ethernet", or a number
  std::string digest;                         // of our control messages: none | md5 | sha1
  bool authenticated = false;                 // the digests are made with a secret
  std::uint32_t peer_secret = 0;  // which of ours the peer uses, 1 or 2; 0: not known, or none
  // Of a static tunnel: idle | converging | converged | conflict | failed, last_error has the text.
  std::string convergence;
};

// Times are CLOCK_REALTIME microseconds, 0: not yet. Texts are printable.
struct TunnelView {
  std::string
      name;  // unique on this host: the profile's for a client, "PROFILE-ID" behind a listener
  std::string profile;
  std::string role;   // lac | lns | static
  std::string state;  // idle | resolving | connecting | established | closing | failed | backoff
  std::string local;  // "192.0.2.1:1701"
  std::string remote;
  std::string peer_host_name;
  std::string peer_vendor;
  std::uint32_t tunnel_id = 0;
  std::uint32_t peer_tunnel_id = 0;
  std::uint32_t sessions = 0;
  std::uint64_t established_at = 0;
  std::uint64_t retry_at = 0;
  Cause last_error;
  // The same as `local` and `remote`, apart; "" and 0 until known, a name until it is resolved.
  std::string local_address = {}, remote_address = {};
  std::uint16_t local_port = 0, remote_port = 0;
  std::uint8_t version = 2;           // of L2TP
  std::string encapsulation = "udp";  // udp | ip
  std::string protection = "none";    // none
  std::string owner = {};             // unique bus name that a transient tunnel is tied to
  bool transient = false;             // exists until it is closed, in no file
  bool reports_only = false;          // addresses, routes, DNS are shown, not applied
  bool exported = true;               // an object on the bus without being asked for
  Version3View version3 = {};
  std::vector<std::uint32_t> ids = {};  // of its sessions; only from tunnel(), not in lists
};

struct SessionView {
  std::string tunnel;  // TunnelView::name
  std::uint32_t id = 0;
  std::uint32_t peer_id = 0;
  std::string pseudowire;  // ppp | ethernet | ethernet-vlan
  std::string state;       // connecting | authenticating | configuring | up | closing | failed
  std::string interface;   // "" until installed
  std::string user;
  std::string address;  // the inner IPv4 address of the far end (listener) or ours (client); else
                        // the IPv6 one
  std::uint64_t up_since = 0;
};

// What an Ethernet pseudowire has beside what every session has. One of a static tunnel has no
// name, end id, and circuits.
struct EthernetView {
  std::string name;                           // in its profile
  std::string remote_end_id;                  // printable
  std::string mac;                            // "" until installed
  std::string attached_to;                    // "bridge br0" | "vrf red" | "netns blue" | ""
  std::uint16_t vlan = 0;                     // of an ethernet-vlan one
  std::uint32_t cookie = 0, peer_cookie = 0;  // octets before what comes, and before what is sent
  bool sublayer = false;                      // the default L2-Specific Sublayer
  bool send_sequence = false, receive_sequence = false;
  std::string circuit;  // the interface whose state is the Circuit Status; "": always active
  bool circuit_active = false, peer_circuit_active = false;
};

// Of a PPP session that bridges Ethernet (BCP, RFC 3518).
struct BridgingView {
  std::string path;                       // kernel | relay; "" until it is installed
  std::string reason;                     // why not the kernel
  std::string port;                       // the interface in the bridge
  std::string bridge;                     // its name
  std::string mac;                        // of the port; "" until it is installed
  std::string peer_mac;                   // as the peer announced it, or ""
  std::uint32_t mtu = 0, wanted_mtu = 0;  // largest payload of a frame that is sent, and was to be
  std::uint32_t local_mrru = 0, peer_mrru = 0;       // 0: no fragments that way
  bool send_tagged = false, receive_tagged = false;  // VLAN tags (BCP's option 8)
  bool send_bpdus = false, receive_bpdus = false;    // and spanning tree (option 9)
  friend bool operator==(const BridgingView&, const BridgingView&) = default;
};

// One session in full.
struct SessionDetailsView {
  SessionView session;
  Cause last_error;
  bool exported = false;
  int ifindex = 0;
  std::uint32_t mtu = 0;             // of the interface
  std::uint32_t path_mtu_limit = 0;  // the largest inner packet that the path carries whole; 0: the
                                     // kernel was not asked
  std::string calling_number, called_number;
  std::optional<EthernetView> ethernet;  // then nothing of the rest
  // PPP
  std::string phase;  // establish | authenticate | network | running | terminate | dead
  std::string auth_of_peer,
      auth_of_us;            // pap | chap-md5 | mschap | mschapv2, "" when there is none
  std::string auth_message;  // text of the peer's success or failure
  std::uint32_t mru = 0, peer_mru = 0;
  std::uint32_t mppe_bits = 0;  // 0, 40 or 128
  std::uint32_t magic = 0, peer_magic = 0;
  struct Ipv4 {
    bool up = false;
    std::string local, peer;
    std::vector<std::string> dns, nbns;
  } ipv4;
  struct Ipv6 {
    bool up = false;
    std::string local, peer;  // link-local
    std::vector<std::string> dns;
  } ipv6;
  std::vector<std::string> routes;  // "10.0.0.0/8", as the profile (client) or the user has them
  bool default_route = false;       // the profile wants one
  std::optional<BridgingView> bridging;
};

struct ListenerView {
  std::string name;
  std::string state;                   // listening | draining | failed | idle
  std::string problem;                 // why it failed
  std::vector<std::string> local;      // "0.0.0.0:1701"
  std::vector<std::string> addresses;  // the same without ports
  std::uint16_t port = 0;
  bool draining = false;
  bool export_sessions = false;  // its tunnels and sessions are objects on the bus
  std::uint32_t max_tunnels = 0, max_sessions = 0, tunnels = 0, sessions = 0, half_open = 0;
};

struct ProfileView {
  std::string name;
  std::string kind;          // client | listener | static; "" when its file says neither
  std::string path;          // of the file that counts, without drop-ins; "" for a transient one
  std::string layer;         // vendor | administrator | state | runtime | transient
  bool enabled = false;      // autostart: it starts with the daemon
  bool masked = false;       // an empty file or a link to /dev/null in a later layer hides it
  bool loaded = false;       // the daemon works with it (perhaps with what it was before an error)
  std::uint32_t errors = 0;  // see config_errors()
};

struct Diagnostic {
  std::string severity;  // error | warning | hint
  std::string pointer;   // JSON pointer, "" for the whole
  std::string message;
  std::string profile = {};  // "" for the daemon-wide file
  std::string file = {};     // with line and column when known: "profiles.d/work.json:12:7"
};
using Diagnostics = std::vector<Diagnostic>;

// Empty members match everything.
struct TunnelFilter {
  std::string profile, state, peer;
  std::uint8_t version = 0;  // 0: any
};
struct SessionFilter {
  std::string tunnel, user, interface, state;
};
template <typename View>
struct Page {
  std::vector<View> rows;
  std::uint32_t total = 0;
};

// ---- arguments ----

struct StartOptions {
  // Used for this start and its redials, kept in memory until the profile is stopped.
  Secret password = {};
};

// What the peer is told: StopCCN or CDN with this result code (0: ours) and text.
struct CloseOptions {
  std::string message = {};  // printable, at most 255 octets
  std::uint16_t result_code = 0;
};

// A client profile that no file knows.
struct TransientRequest {
  std::string name_hint;  // "" is "transient"; made unique, and cut to what a name may be
  std::string json;  // a client profile; {"$secret": "x"} and {"$file": "x"} are looked up here
  std::map<std::string, Secret> secrets = {};
  std::map<std::string, UniqueFd> files = {};  // read once: at most 64 KiB of a memfd, file or pipe
  std::string owner = {};    // unique bus name: it ends with it (owner_vanished); "": it does not
  bool start = true;         // false: open_tunnel() starts it
  bool report_only = false;  // the interface is up with its MTU, the rest is only told
};

struct PutOptions {
  bool runtime = false;         // gone after the next boot
  bool apply = false;           // and reload this profile
  bool must_not_exist = false;  // put_profile only
};

// As an LNS: ask the LAC to place a call (OCRQ). Either `tunnel`, or `peer` (a rule's name of the
// listener, whose first tunnel that is up is used; a configured "outgoing" of that peer and number
// is the one that is meant).
struct OutgoingCallRequest {
  std::string listener;
  std::string tunnel = {};
  std::string peer = {};
  std::string called_number;
  std::string sub_address = {};
};
struct PlacedCall {
  std::string tunnel;
  std::uint32_t session = 0;
};

enum class StatisticsOf : std::uint8_t { manager, listener, tunnel, session };
using Counters = std::map<std::string, std::uint64_t>;

// ---- secrets that are asked for ----

struct SecretQuestion {
  std::uint64_t id = 0;
  std::string tunnel;              // TunnelView::name
  std::string owner;               // of a transient tunnel: its agent comes first
  std::vector<std::string> names;  // "password"
  std::string message;             // for people
  bool again = false;              // what was answered before was refused
};
// Whoever can ask people; the bus maps it to registered agents. Both are called from the loop.
class SecretAsker {
 public:
  virtual ~SecretAsker() = default;
  // Answered by ServiceApi::answer_secrets with the question's id, later. False: there is nobody
  // to ask.
  virtual bool ask(const SecretQuestion& question) = 0;
  // The answer is not wanted any more: stopped, or it took too long.
  virtual void cancel(std::uint64_t question, const std::string& reason) = 0;
};

// ---- dumps ----

enum class DumpKind : std::uint8_t { state, sessions, statistics, config, failures };
struct DumpFilter {
  std::string tunnel = {}, profile = {}, user = {};
  std::string peer = {};    // failures: profile, tunnel, address, host name or user
  std::uint32_t limit = 0;  // lines; of failures the latest; 0: all
};
// JSON lines, made a few at a time so that the loop goes on between. What vanishes meanwhile is
// left out. Must not outlive the service.
class Dump {
 public:
  virtual ~Dump() = default;
  // Appends at most `lines` lines with their '\n'. False: that was all.
  virtual bool next(std::string& out, unsigned lines) = 0;
};

class ServiceApi {
 public:
  virtual ~ServiceApi() = default;

  // ---- the daemon ----
  virtual std::string version() const = 0;
  virtual std::string state() const = 0;  // starting | running | reloading | draining | stopping
  virtual std::vector<std::string> features() const = 0;  // what this program can do: "transient"
  virtual std::vector<std::string> kernel_features() const = 0;
  virtual std::uint32_t tunnel_count() const = 0;
  virtual std::uint32_t session_count() const = 0;
  virtual std::string log_level() const = 0;  // error | warning | notice | info | debug
  // Until the next start or a reload that changes "log-level".
  virtual Result<Done, ApiError> set_log_level(const std::string& level) = 0;
  // No new tunnels and sessions; what is there stays. Clients are not dialled anew.
  virtual bool draining() const = 0;
  virtual void set_draining(bool draining) = 0;

  // ---- profiles ----
  virtual std::vector<ProfileView> list_profiles() const = 0;
  // The profile with its drop-ins as JSON, without "defaults". Secrets written into it are
  // {"$secret":"***"} unless `with_secrets`; references to secrets stay references.
  virtual Result<std::string, ApiError> get_profile(const std::string& name, bool with_secrets) = 0;
  // Stores it in the state directory (or the runtime one). Warnings come back; with errors nothing
  // is stored (invalid_profile). {"$secret":"***"} keeps the secret that is there.
  virtual void put_profile(const std::string& name, const std::string& json,
                           const PutOptions& options, ApiCallback<Diagnostics> done) = 0;
  // RFC 7386 on the profile as it is; one of a layer below gets a drop-in.
  virtual void patch_profile(const std::string& name, const std::string& merge_patch,
                             const PutOptions& options, ApiCallback<Diagnostics> done) = 0;
  // One that an administrator or a package wrote is masked instead, which a diagnostic says.
  // `stop`: what runs of it ends now, else with the next reload.
  virtual void remove_profile(const std::string& name, bool stop,
                              ApiCallback<Diagnostics> done) = 0;
  // Nothing is stored, nothing secret is read. `json` "": what is on disk (all of it when `name` is
  // "" too).
  virtual Diagnostics check_config(const std::string& name, const std::string& json) = 0;
  struct ReloadResult {
    std::vector<std::string> changed;  // a line each
    Diagnostics diagnostics;           // errors of what stayed as it was, and warnings
  };
  virtual ReloadResult reload() = 0;
  virtual std::uint64_t config_generation() const = 0;  // grows with every change that is applied
  virtual Diagnostics config_errors() const = 0;        // of the last load

  // ---- life cycle ----
  // Starts a profile; returns at once with the tunnel's (or listener's) name. Stopping ends all
  // that the profile has; a transient one is gone with it.
  virtual Result<std::string, ApiError> start(const std::string& profile,
                                              const StartOptions& options) = 0;
  virtual Result<Done, ApiError> stop(const std::string& profile, const CloseOptions& options) = 0;
  // Ends what runs and dials at once, without back-off. Clients only.
  virtual Result<Done, ApiError> restart(const std::string& profile,
                                         const StartOptions& options) = 0;
  // The tunnel's name. Owns the request's descriptors and secrets.
  virtual Result<std::string, ApiError> create_transient(TransientRequest request) = 0;
  // A bus connection has gone: its transient tunnels end.
  virtual void owner_vanished(const std::string& owner) = 0;
  // The bus has gone and with it every name: the same for all owners.
  virtual void owners_vanished() = 0;

  // ---- tunnels and sessions ----
  virtual Result<TunnelView, ApiError> tunnel(const std::string& name) const = 0;
  virtual Result<SessionDetailsView, ApiError> session(const std::string& tunnel,
                                                       std::uint32_t session) const = 0;
  virtual Result<PlacedCall, ApiError> session_by_interface(const std::string& interface) const = 0;
  // At most `limit` rows from `offset`, in the order of their names.
  virtual Page<TunnelView> list_tunnels(const TunnelFilter& filter, std::uint32_t offset,
                                        std::uint32_t limit) const = 0;
  virtual Page<SessionView> list_sessions(const SessionFilter& filter, std::uint32_t offset,
                                          std::uint32_t limit) const = 0;
  // A client's: start, stop. A listener's tunnel can be closed only.
  virtual Result<Done, ApiError> open_tunnel(const std::string& name) = 0;
  virtual Result<Done, ApiError> close_tunnel(const std::string& name,
                                              const CloseOptions& options) = 0;
  // HELLO, and the time until it was acknowledged. timeout: the tunnel ended meanwhile or nothing
  // came in 30 s.
  virtual void ping_tunnel(const std::string& name, ApiCallback<Duration> done) = 0;
  virtual Result<Done, ApiError> close_session(const std::string& tunnel, std::uint32_t session,
                                               const CloseOptions& options) = 0;
  virtual Result<PlacedCall, ApiError> place_outgoing_call(const OutgoingCallRequest& request) = 0;

  // ---- listeners ----
  virtual std::vector<ListenerView> list_listeners() const = 0;
  virtual Result<ListenerView, ApiError> listener(const std::string& name) const = 0;
  virtual Result<Done, ApiError> set_listener_draining(const std::string& name, bool draining) = 0;

  // ---- JSON ----
  // Objects: the whole daemon (without sessions behind listeners), one tunnel, one session, one
  // listener. Never a secret.
  virtual std::string describe() const = 0;
  virtual Result<std::string, ApiError> describe_tunnel(const std::string& name) const = 0;
  virtual Result<std::string, ApiError> describe_session(const std::string& tunnel,
                                                         std::uint32_t session) const = 0;
  virtual Result<std::string, ApiError> describe_listener(const std::string& name) const = 0;
  // Of statistics: refresh_counters() first.
  virtual std::unique_ptr<Dump> dump(DumpKind kind, const DumpFilter& filter) const = 0;

  // ---- statistics ----
  // Reads the kernel's counters of all sessions; askers share one sweep, and a sweep that was just
  // made serves again.
  virtual void refresh_counters(std::function<void()> done) = 0;
  // As of the last sweep. `name`: the listener or tunnel.
  virtual Result<Counters, ApiError> statistics(StatisticsOf object, const std::string& name,
                                                std::uint32_t session) const = 0;

  // ---- events ----
  // The handler is called in the middle of what happens: it only notes, calls no verb, and may
  // unsubscribe. Costs nothing for kinds that nobody wants.
  virtual std::uint64_t subscribe(EventFilter filter, EventHandler handler) = 0;
  virtual void unsubscribe(std::uint64_t subscription) = 0;

  // ---- secrets that are asked for ----
  // Borrowed; nullptr takes it away, which cancels nothing (the asker knows what it was asked).
  virtual void set_secret_asker(SecretAsker* asker) = 0;
  // Unknown and cancelled questions are ignored. An error other than canceled is shown as the
  // cause.
  virtual void answer_secrets(std::uint64_t question,
                              Result<std::map<std::string, Secret>, ApiError> answer) = 0;
};

}  // namespace l2tpm::daemon
