#include "ctl/verdict.h"

#include <algorithm>
#include <array>
#include <cctype>
#include <chrono>
#include <cstdlib>

#include "base/cause.h"
#include "ctl/format.h"
#include "ctl/hint.h"
#include "ctl/result_text.h"

namespace l2tpm::ctl {
namespace {

const Json& cause_of(const Json& failure) { return member_of(failure, "cause"); }
std::string message_of(const Json& failure) { return text_of(cause_of(failure), "message"); }
bool by_peer(const Json& failure) { return flag_of(cause_of(failure), "by_peer"); }
std::string detail(const Json& failure, const char* key) {
  return text_of(member_of(failure, "details"), key);
}

bool says(const Json& failure, std::initializer_list<const char*> words) {
  std::string text = message_of(failure);
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return std::any_of(words.begin(), words.end(),
                     [&](const char* word) { return text.find(word) != std::string::npos; });
}

// A detail that is a number; 0 for any other.
unsigned long detail_number(const Json& failure, const char* key) {
  return std::strtoul(detail(failure, key).c_str(), nullptr, 10);
}

// Whether all addresses that were tried answered with this ICMP message, and there were some.
bool all_icmp(const Json& failure, std::initializer_list<std::string_view> kinds) {
  const Json& tried = member_of(failure, "tried");
  return tried.is_array() && !tried.empty() &&
         std::all_of(tried.begin(), tried.end(), [&](const Json& each) {
           const std::string icmp = text_of(each, "icmp");
           return std::find(kinds.begin(), kinds.end(), icmp) != kinds.end();
         });
}

bool is_tried(const Json& failure, const std::string& endpoint) {
  const Json& tried = member_of(failure, "tried");
  if (!tried.is_array()) return text_of(failure, "peer") == endpoint;
  return std::any_of(tried.begin(), tried.end(),
                     [&](const Json& each) { return text_of(each, "address") == endpoint; });
}

std::string host_of(const std::string& endpoint) { return endpoint.substr(0, endpoint.rfind(':')); }

bool host_is_tried(const Json& failure, const std::string& endpoint) {
  const Json& tried = member_of(failure, "tried");
  if (!tried.is_array()) return host_of(text_of(failure, "peer")) == host_of(endpoint);
  return std::any_of(tried.begin(), tried.end(), [&](const Json& each) {
    return host_of(text_of(each, "address")) == host_of(endpoint);
  });
}

std::string heard_from(const Json& failure) { return text_of(member_of(failure, "heard"), "from"); }

// MS-CHAP's and Windows' error numbers in a CHAP failure, RFC 2759 section 6: "E=691 R=0 ...".
bool has_error(const Json& failure, const char* number) {
  const std::string text = message_of(failure);
  const auto at = text.find(std::string("E=") + number);
  return at != std::string::npos &&
         (at + 5 >= text.size() || text[at + 5] < '0' || text[at + 5] > '9');
}

using Matches = bool (*)(const Json& failure);
bool always(const Json&) { return true; }
bool heard_another_host(const Json& failure) {
  return !heard_from(failure).empty() && !host_is_tried(failure, heard_from(failure));
}
bool heard_another_port(const Json& failure) {
  return !heard_from(failure).empty() && !is_tried(failure, heard_from(failure));
}
bool heard_something(const Json& failure) {
  return detail_number(failure, "messages_received") > 0;
}
bool port_closed(const Json& failure) { return all_icmp(failure, {"port-unreachable"}); }
bool no_way(const Json& failure) {
  return all_icmp(failure, {"host-unreachable", "net-unreachable", "network-unreachable",
                            "admin-prohibited", "prohibited"});
}
bool too_big(const Json& failure) {
  const Json& tried = member_of(failure, "tried");
  if (tried.is_array())
    for (const Json& each : tried)
      if (text_of(each, "icmp") == "fragmentation-needed") return true;
  const auto path = detail_number(failure, "path_mtu_limit");
  return (path > 0 && detail_number(failure, "mtu") > path) || says(failure, {"message too long"});
}
bool disabled_account(const Json& failure) { return has_error(failure, "647"); }
bool restricted_hours(const Json& failure) { return has_error(failure, "646"); }
bool expired_password(const Json& failure) { return has_error(failure, "648"); }
bool no_dialin(const Json& failure) { return has_error(failure, "649"); }
bool is_lns(const Json& failure) { return text_of(failure, "role") == "lns"; }
// Why a listener refused a user, as the daemon calls it.
bool unknown_user(const Json& failure) {
  return detail(failure, "refused_because") == "unknown-user";
}
bool too_many_sessions(const Json& failure) {
  return detail(failure, "refused_because") == "too-many-sessions";
}
bool no_address_left(const Json& failure) {
  return detail(failure, "refused_because") == "no-address" || says(failure, {"pool", "address"});
}
bool by_the_peer(const Json& failure) { return by_peer(failure); }
bool lacks_module(const Json& failure) {
  for (const auto& [key, value] : member_of(failure, "details").items())
    if (key.rfind("missing_", 0) == 0) return true;
  return says(failure, {"module", "not supported", "no such device"});
}
bool lacks_permission(const Json& failure) {
  return says(failure, {"permission", "eperm", "eacces", "not permitted"});
}
bool name_taken(const Json& failure) { return says(failure, {"file exists", "eexist"}); }
bool port_taken(const Json& failure) {
  return says(failure, {"address already in use", "eaddrinuse"});
}
bool secret_missing_here(const Json& failure) {
  return says(failure, {"we have no secret"}) || (detail(failure, "secret_configured") == "false" &&
                                                  detail(failure, "peer_challenged") == "true");
}
// Result Code 4 of a peer that was told no secret and wanted none.
bool not_authorized(const Json& failure) {
  return by_peer(failure) && detail(failure, "secret_configured") == "false";
}
bool secret_missing_there(const Json& failure) { return says(failure, {"no challenge response"}); }
// L2TPv3. Result Codes of a CDN, RFC 3931 section 5.4.2 and RFC 4667.
bool has_result(const Json& failure, std::uint64_t result) {
  return text_of(failure, "object") == "session" &&
         number_of(cause_of(failure), "result") == result;
}
bool unknown_end_id(const Json& failure) { return has_result(failure, 24); }
bool end_id_of_another(const Json& failure) { return has_result(failure, 25); }
bool end_id_in_use(const Json& failure) { return says(failure, {"has a session"}); }
bool wrong_pseudowire_type(const Json& failure) { return has_result(failure, 14); }
bool sequencing_without_sublayer(const Json& failure) { return has_result(failure, 15); }
bool sublayer_mismatch(const Json& failure) { return says(failure, {"sublayer"}); }
bool mtu_mismatch(const Json& failure) { return has_result(failure, 23); }
bool session_tie(const Json& failure) { return has_result(failure, 13); }
bool signs_messages(const Json& failure) { return detail(failure, "digest_configured") == "true"; }
bool is_over_ip(const Json& failure) { return detail(failure, "encapsulation") == "ip"; }
bool bad_cookie(const Json& failure) { return says(failure, {"cookie"}); }
bool other_version(const Json& failure) {
  return text_of(failure, "object") == "tunnel" && number_of(cause_of(failure), "result") == 5;
}
bool digest_wrong(const Json& failure) {
  return says(failure, {"wrong message digest"}) ||
         (says(failure, {"nothing came that could be believed"}) &&
          !says(failure, {": 0 messages with a wrong digest"}));
}
// Who has no secret: each end's text can be its own or what the other sent.
bool digest_missing_there(const Json& failure) {
  if (says(failure, {"nothing came that could be believed"})) return true;
  return by_peer(failure) ? says(failure, {"no digest secret here"})
                          : says(failure, {"(digest) required"});
}
bool digest_missing_here(const Json& failure) {
  return by_peer(failure) ? says(failure, {"(digest) required"})
                          : says(failure, {"no digest secret here"});
}
bool wants_challenge(const Json& failure) {
  return says(failure, {"wants a challenge response, which"});
}
bool lacks_ethernet(const Json& failure) {
  return member_of(failure, "details").contains("missing_l2tp-eth") || says(failure, {"l2tp_eth"});
}
bool lacks_ip(const Json& failure) { return says(failure, {"l2tp_ip"}); }
bool no_bridge(const Json& failure) {
  return says(failure, {"bridge", "vrf", "namespace", "netns"});
}
bool bridging_refused(const Json& failure) { return says(failure, {"bcp is rejected"}); }
bool kernel_cannot_bridge(const Json& failure) { return says(failure, {"alone cannot bridge"}); }
bool route_loop(const Json& failure) { return says(failure, {"recursion", "through itself"}); }

struct Row {
  const char* id;
  CauseCode code;
  Matches matches;
  const char* text;    // "%P" is the peer, "%U" the user, "%H" who was heard
  const char* advice;  // "": the hint for the cause
};

// The first row that fits is the verdict; each cause ends with a row that always does.
constexpr Row row(const char* id, CauseCode code, Matches matches, const char* text,
                  const char* advice) {
  return {id, code, matches, text, advice};
}

constexpr std::array kRows{
    row("name-resolution", CauseCode::name_resolution, always,
        "the name of the peer has no address",
        "check the name in the profile, and DNS on this host: getent ahosts NAME"),
    row("other-address", CauseCode::no_answer, heard_another_host,
        "the peer answered from another address, %H, and was not believed",
        "dial that address, or let the server answer from the one that was asked"),
    row("other-port", CauseCode::no_answer, heard_another_port,
        "the peer answered from another port, %H, and the exchange broke off",
        "a firewall or NAT on the way passes only answers from the port that was asked; let it "
        "pass "
        "UDP from any port of the server"),
    row("half-answer", CauseCode::no_answer, heard_something,
        "something came from %H, but no answer that could be used",
        "look at what it was: l2tpctl trace, and the server's log"),
    row("nothing-listens", CauseCode::no_answer, port_closed,
        "the host answers that nothing listens on that UDP port",
        "is the L2TP server running there, and is it the right port?"),
    row("no-route", CauseCode::no_answer, no_way,
        "this host or a router on the way says that the peer cannot be reached",
        "check this host's routes, and whether a firewall forbids it: ip route get ADDRESS"),
    row("no-answer-digest", CauseCode::no_answer, signs_messages,
        "no answer from the peer; one whose secret is another stays silent",
        "compare the secrets first (l2tpctl profile set NAME --ask /tunnel/secret); then the "
        "address, "
        "and that UDP port 1701, or protocol 115 over IP, passes the firewalls both ways"),
    row("no-answer-ip", CauseCode::no_answer, is_over_ip, "no answer from the peer",
        "check the address, and that IP protocol 115 passes the firewalls both ways; it does not "
        "pass "
        "NAT: l2tpctl profile set NAME /transport=udp"),
    row("no-answer", CauseCode::no_answer, always, "no answer from the peer",
        "check the address, and that UDP port 1701 passes the firewalls both ways; a server that "
        "wants IPsec stays silent without it"),
    row("mtu-black-hole", CauseCode::peer_silent, too_big,
        "packets of full size do not get through to the peer",
        "lower the MTU: l2tpctl profile set NAME /ppp/mtu=1280 /ppp/mru=1280, then raise it"),
    row("peer-silent", CauseCode::peer_silent, always,
        "the peer stopped answering, or the path to it broke", ""),
    row("mtu-black-hole", CauseCode::echo_timeout, too_big,
        "packets of full size do not get through to the peer",
        "lower the MTU: l2tpctl profile set NAME /ppp/mtu=1280 /ppp/mru=1280, then raise it"),
    row("data-lost", CauseCode::echo_timeout, always,
        "control messages came through, but PPP got no answer in the session",
        "the path or a NAT loses L2TP data packets, or the peer restarted"),
    row("mtu-black-hole", CauseCode::setup_timeout, too_big,
        "packets of full size do not get through to the peer",
        "lower the MTU: l2tpctl profile set NAME /ppp/mtu=1280 /ppp/mru=1280, then raise it"),
    row("setup-timeout", CauseCode::setup_timeout, always,
        "the peer stopped answering halfway through the set-up", ""),
    row("digest-secret-wrong", CauseCode::tunnel_auth_failed, digest_wrong,
        "the secrets of both ends differ: control messages came with a wrong digest",
        "set the same secret on both ends (l2tpctl profile set NAME --ask /tunnel/secret); while "
        "it "
        "is being changed \"second-secret\" can have the other one"),
    row("digest-missing-there", CauseCode::tunnel_auth_failed, digest_missing_there,
        "control messages are authenticated here (Message Digest), and not by the peer",
        "set the secret on the peer, too (Cisco: \"digest secret\" in its l2tp-class), or remove "
        "it "
        "here: l2tpctl profile set NAME /tunnel/secret=null"),
    row("digest-missing-here", CauseCode::tunnel_auth_failed, digest_missing_here,
        "the peer authenticates control messages (Message Digest), and no secret is set here",
        "l2tpctl profile set NAME --ask /tunnel/secret"),
    row("challenge-not-allowed", CauseCode::tunnel_auth_failed, wants_challenge,
        "the peer asks for a Challenge Response as before RFC 3931, which the profile does not "
        "allow",
        "let the peer use digests (Cisco: \"digest secret\" in place of \"authentication\" in its "
        "l2tp-class)"),
    row("tunnel-secret-missing-here", CauseCode::tunnel_auth_failed, secret_missing_here,
        "the peer wants a tunnel secret, and none is set here",
        "l2tpctl profile set NAME --ask /tunnel/secret"),
    row("tunnel-secret-missing-there", CauseCode::tunnel_auth_failed, secret_missing_there,
        "a tunnel secret is set here, and the peer shows none",
        "set it on the peer, too, or remove it here: l2tpctl profile set NAME /tunnel/secret=null"),
    row("not-authorized", CauseCode::tunnel_auth_failed, not_authorized,
        "the peer says that it is not for us",
        "its text or its log says why: a list of peers, a user that was refused, a secret"),
    row("wrong-tunnel-secret", CauseCode::tunnel_auth_failed, always,
        "the tunnel secrets of both ends differ",
        "set the same secret on both ends (l2tpctl profile set NAME --ask /tunnel/secret), and "
        "check "
        "the host name that the peer knows us by"),
    row("account-disabled", CauseCode::auth_failed, disabled_account,
        "the server says that the account of \"%U\" is disabled",
        "the server's administrator can enable it"),
    row("restricted-hours", CauseCode::auth_failed, restricted_hours,
        "the server does not let \"%U\" in at this hour", "ask the server's administrator"),
    row("password-expired", CauseCode::auth_failed, expired_password,
        "the password of \"%U\" has expired", "change it on the server first"),
    row("no-dialin-permission", CauseCode::auth_failed, no_dialin,
        "the server gives \"%U\" no permission to dial in",
        "the server's administrator can give it"),
    row("unknown-user", CauseCode::auth_failed, unknown_user, "a user \"%U\" is not known here",
        "add the user to the listener's profile"),
    row("too-many-sessions", CauseCode::auth_failed, too_many_sessions,
        "the user \"%U\" has as many sessions as are allowed", "l2tpctl session list --user NAME"),
    row("wrong-password-of-user", CauseCode::auth_failed, is_lns,
        "the user \"%U\" gave a wrong password",
        "compare the password here with the one at the user's end"),
    row("wrong-password", CauseCode::auth_failed, always,
        "the peer refused user \"%U\" and its password",
        "check both (l2tpctl profile set NAME --ask /ppp/password); some servers want the domain, "
        "too: \"DOMAIN\\user\""),
    row("no-common-authentication", CauseCode::auth_unacceptable, always,
        "both ends have no authentication protocol in common",
        "compare \"methods\" in the profile with what the peer asks for"),
    row("peer-not-authentic", CauseCode::peer_not_authentic, always,
        "the peer could not prove that it knows our password: a wrong server, or somebody in "
        "between",
        "do not go on before you know which; check the peer's address"),
    row("no-password", CauseCode::no_secrets, always,
        "nobody gave the password that the profile asks for", ""),
    row("encryption-required", CauseCode::encryption_required, always,
        "one end requires encryption (MPPE) and the other does not do it",
        "set /ppp/mppe to the same on both ends; MPPE needs MS-CHAPv2 among the methods"),
    row("bad-cookie", CauseCode::protocol_error, bad_cookie,
        "one end sent a cookie that has not 0, 4 or 8 octets",
        "l2tpctl trace NAME --pcap FILE shows the message"),
    row("protocol-error", CauseCode::protocol_error, always, "the peer broke the protocol",
        "l2tpctl trace NAME --pcap FILE shows the message"),
    row("unknown-avp", CauseCode::unknown_mandatory_avp, always,
        "one end insists on an AVP that the other does not know", ""),
    row("wrong-pseudowire-type", CauseCode::not_supported, wrong_pseudowire_type,
        "the pseudowire is of another type at the other end",
        "make \"type\" the same on both ends: \"ethernet\" is Cisco's port mode, \"ethernet-vlan\" "
        "an "
        "xconnect on a subinterface"),
    row("mtu-mismatch", CauseCode::not_supported, mtu_mismatch,
        "the interfaces of both ends have different MTUs, and one end insists",
        "set \"mtu\" of the pseudowire to the other end's, or to \"auto\", which says none"),
    row("sequencing-without-sublayer", CauseCode::not_supported, sequencing_without_sublayer,
        "one end wants numbered frames, which need the L2-Specific Sublayer",
        "set \"sublayer\": \"default\" in the pseudowire on both ends, or \"sequencing\": "
        "\"none\""),
    row("sublayer-mismatch", CauseCode::not_supported, sublayer_mismatch,
        "both ends do not agree on the L2-Specific Sublayer",
        "make \"sublayer\" of the pseudowire the same on both ends"),
    row("other-version", CauseCode::not_supported, other_version,
        "both ends speak different versions of L2TP",
        "set \"version\" in the profile (\"versions\" in a listener's) to what the peer speaks"),
    row("not-supported", CauseCode::not_supported, always,
        "the peer wants a version, call type or framing that is not supported", ""),
    row("lcp-failed", CauseCode::lcp_failed, always,
        "both ends did not agree on the link's options",
        "compare MRU and authentication on both ends; l2tpctl trace NAME shows who asked for what"),
    row("bridging-refused", CauseCode::network_failed, bridging_refused,
        "the peer does not bridge Ethernet over PPP (BCP)",
        "turn bridging on at the peer (RouterOS: \"bridge\" in the PPP profile), or take \"bcp\" "
        "out "
        "of the profile"),
    row("pool-empty", CauseCode::network_failed, no_address_left,
        "no address could be given to the user",
        "is the pool exhausted, and does the user have an address? l2tpctl session list"),
    row("user-took-no-address", CauseCode::network_failed, is_lns,
        "no address was agreed on with the user",
        "l2tpctl trace NAME shows which one it asked for"),
    row("no-address", CauseCode::network_failed, always, "the peer gave us no address",
        "check the server's address pool, and a static address in the profile"),
    row("loop", CauseCode::loopback, always, "our own packets come back to us",
        "the peer's address is this host's, or something on the way reflects packets"),
    row("user-changed", CauseCode::user_changed, always,
        "the peer authenticated again as another user", ""),
    row("route-loop", CauseCode::refused, route_loop,
        "the route to the peer leads into the tunnel itself", "give the peer a route of its own"),
    row("unknown-end-id", CauseCode::refused, unknown_end_id,
        "the remote end id of the pseudowire names nothing at the other end",
        "make \"remote-end-id\" what the other end calls it (Cisco: the VC ID of its xconnect)"),
    row("end-id-of-another", CauseCode::refused, end_id_of_another,
        "the remote end id of the pseudowire is another peer's at the other end",
        "compare \"remote-end-id\", and the peer that the other end has it for"),
    row("end-id-in-use", CauseCode::refused, end_id_in_use,
        "the pseudowire has a session at the other end, perhaps one of ours that it still believes "
        "in",
        "it is asked again; if it stays so, somebody else has it: l2tpctl session list there"),
    row("refused", CauseCode::refused, always, "the peer refused: it is full, busy or closed", ""),
    row("pool-empty", CauseCode::no_resources, no_address_left, "the address pool is empty",
        "enlarge the pool in the listener's profile, or end sessions: l2tpctl session list"),
    row("too-many-sessions", CauseCode::no_resources, too_many_sessions,
        "the user \"%U\" has as many sessions as are allowed", "l2tpctl session list --user NAME"),
    row("peer-full", CauseCode::no_resources, by_the_peer, "the peer has no room for us",
        "try later, or ask its administrator"),
    row("limit-reached", CauseCode::no_resources, always, "a limit of this host was reached",
        "see \"limits\" in the listener's profile, and l2tpctl status"),
    row("replaced", CauseCode::replaced, always, "the same peer came again and took its place", ""),
    row("session-tie-lost", CauseCode::tie_lost, session_tie,
        "both ends asked for the same pseudowire at once, and the other's request was kept", ""),
    row("tie-lost", CauseCode::tie_lost, always,
        "both ends dialled at once, and the other's tunnel was kept", ""),
    row("ethernet-module-missing", CauseCode::kernel_failed, lacks_ethernet,
        "the kernel lacks Ethernet pseudowires",
        "modprobe l2tp_eth; some distributions keep it in a package of extra modules, or blacklist "
        "it: l2tpctl doctor"),
    row("ip-module-missing", CauseCode::kernel_failed, lacks_ip, "the kernel lacks L2TP over IP",
        "modprobe l2tp_ip (IPv6: l2tp_ip6), or use UDP: l2tpctl profile set NAME /transport=udp"),
    row("bridging-impossible", CauseCode::kernel_failed, kernel_cannot_bridge,
        "the profile wants the kernel to carry bridged frames, and here it cannot",
        "l2tpctl doctor; or set \"path\" of \"bcp\" to \"auto\""),
    row("no-such-bridge", CauseCode::kernel_failed, no_bridge,
        "the interface could not be put where the profile says",
        "make the bridge, VRF or namespace first, or set \"create\" of the bridge"),
    row("module-missing", CauseCode::kernel_failed, lacks_module,
        "the kernel lacks what L2TP or PPP needs",
        "modprobe l2tp_ppp ppp_mppe; some distributions keep them in a package of extra modules, "
        "or "
        "blacklist them: l2tpctl doctor"),
    row("no-permission", CauseCode::kernel_failed, lacks_permission, "the kernel did not permit it",
        "the daemon needs CAP_NET_ADMIN and /dev/ppp: start it by its unit, and see l2tpctl "
        "doctor"),
    row("interface-name-taken", CauseCode::kernel_failed, name_taken,
        "there is a network interface or a session of that name or number already",
        "set another \"interface\" in the profile, or remove the other one: ip link"),
    row("port-taken", CauseCode::kernel_failed, port_taken, "another program has the UDP port",
        "see who: ss -ulpn sport = 1701"),
    row("kernel", CauseCode::kernel_failed, always, "the kernel refused",
        "l2tpctl doctor says more"),
    row("interface-gone", CauseCode::interface_gone, always,
        "somebody removed the network interface", ""),
    row("peer-closed", CauseCode::peer_closed, always, "the peer ended it",
        "its log says why; the journal here has what it told us"),
    row("idle", CauseCode::idle_timeout, always, "nothing was sent for the idle timeout", ""),
    row("session-time-over", CauseCode::session_timeout, always,
        "the time for one session was over", ""),
    row("closed-here", CauseCode::admin_close, always, "it was ended here on request", ""),
    row("shutdown", CauseCode::shutdown, always, "the daemon was stopped", ""),
};
std::string filled(std::string text, const Json& failure) {
  const auto replace = [&](const char* mark, const std::string& value) {
    for (auto at = text.find(mark); at != std::string::npos; at = text.find(mark, at))
      text.replace(at, 2, value.empty() ? "?" : value), at += value.empty() ? 1 : value.size();
  };
  if (text_of(failure, "user").empty())
    if (const auto quoted = text.find(" \"%U\""); quoted != std::string::npos)
      text.erase(quoted, 5);
  replace("%U", clean(text_of(failure, "user")));
  replace("%P", clean(text_of(failure, "peer")));
  replace("%H", clean(heard_from(failure)));
  return text;
}

std::string tried_text(const Json& each) {
  std::string text = "asked " + clean(text_of(each, "address")) + ": " +
                     std::to_string(number_of(each, "sent")) + " messages in " +
                     duration(std::chrono::round<std::chrono::seconds>(
                         std::chrono::milliseconds(number_of(each, "for_ms"))));
  if (const auto icmp = text_of(each, "icmp"); !icmp.empty())
    text += ", ICMP says " + clean(icmp);
  else
    text += ", nothing came back";
  return text;
}

// What a failure's details say to a verdict; all of them are in the JSON.
std::vector<std::string_view> details_for(std::string_view id) {
  if (id == "mtu-black-hole") return {"mtu", "path_mtu_limit", "path_mtu"};
  if (id == "name-resolution") return {"host"};
  if (id == "lcp-failed" || id == "no-common-authentication")
    return {"lcp", "auth_of_us", "auth_of_peer", "mru", "peer_mru"};
  if (id == "encryption-required") return {"ccp", "mppe", "auth_of_us", "auth_of_peer"};
  if (id == "no-address" || id == "user-took-no-address" || id == "pool-empty")
    return {"ipcp", "ipv6cp", "refused_because"};
  if (id == "ethernet-module-missing") return {"missing_l2tp-eth"};
  return {"refused_because", "pseudowire", "remote_end_id"};
}

std::vector<std::string> evidence_of(const Json& failure, std::string_view id) {
  const auto shown = details_for(id);
  std::vector<std::string> evidence;
  const Json& cause = cause_of(failure);
  if (const auto message = clean(text_of(cause, "message")); !message.empty())
    evidence.push_back((by_peer(failure) ? "the peer says: " : "the daemon says: ") + message);
  if (const auto result = number_of(cause, "result"); result != 0)
    evidence.push_back((by_peer(failure) ? "the peer sent " : "we sent ") +
                       result_text(text_of(failure, "object"), result, number_of(cause, "error")));
  if (const auto disconnect = number_of(cause, "disconnect"); disconnect != 0)
    evidence.push_back("PPP disconnect cause " + std::to_string(disconnect) + " (RFC 3145)");
  // Where an answer came, what was asked for how long is no evidence.
  const bool is_silence = text_of(cause, "code") == name(CauseCode::no_answer);
  if (const Json& tried = member_of(failure, "tried"); tried.is_array() && is_silence)
    for (const Json& each : tried) evidence.push_back(tried_text(each));
  if (!heard_from(failure).empty())
    evidence.push_back("heard " +
                       std::to_string(number_of(member_of(failure, "heard"), "messages")) +
                       " messages from " + clean(heard_from(failure)));
  for (const auto& [key, value] : member_of(failure, "details").items())
    if (std::find(shown.begin(), shown.end(), key) != shown.end() && value.is_string())
      evidence.push_back(clean(key) + ": " + clean(value.get<std::string>()));
  return evidence;
}

}  // namespace

Verdict judge(const Json& failure) {
  const std::string code = text_of(cause_of(failure), "code");
  for (const Row& row : kRows) {
    if (name(row.code) != code || !row.matches(failure)) continue;
    return {row.id, filled(row.text, failure), evidence_of(failure, row.id),
            *row.advice == '\0' ? std::string(hint(row.code)) : row.advice};
  }
  return {"unknown", code.empty() ? "it ended without saying why" : clean(code),
          evidence_of(failure, "unknown"), "the journal has more: journalctl -u l2tp-manager"};
}

std::vector<std::string_view> verdict_ids() {
  std::vector<std::string_view> ids{"unknown",
                                    "mtu-exceeds-path",
                                    "lossy-path",
                                    "peer-circuit-down",
                                    "bridging-small-frames",
                                    "bridging-by-relay",
                                    "bridging-mac-limit",
                                    "bridging-storm",
                                    "bridging-no-tags",
                                    "circuit-down",
                                    "static-conflict",
                                    "static-failed",
                                    "digests-wrong",
                                    "cookie-mismatch",
                                    "frames-out-of-sequence"};
  for (const Row& row : kRows)
    if (std::find(ids.begin(), ids.end(), row.id) == ids.end()) ids.emplace_back(row.id);
  return ids;
}

}  // namespace l2tpm::ctl
