#include "ctl/hint.h"

#include "ctl/format.h"

namespace l2tpm::ctl {

std::string_view hint(CauseCode code) {
  switch (code) {
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::peer_closed:
    case CauseCode::tie_lost:
      return "";
    case CauseCode::idle_timeout:
      return "nothing was sent for the profile's idle timeout; raise it or switch it off";
    case CauseCode::session_timeout:
      return "the profile's or the server's limit for one session is over; start it again";
    case CauseCode::name_resolution:
      return "check the peer's name in the profile, and this host's DNS";
    case CauseCode::no_answer:
      return "check the peer's address, and that UDP port 1701 passes the firewalls both ways; a "
             "server that wants IPsec stays silent without it";
    case CauseCode::peer_silent:
      return "the peer or the path to it went away; it is tried again by itself";
    case CauseCode::echo_timeout:
      return "the peer's PPP no longer answers: the path lost the session's data packets, or the "
             "peer restarted";
    case CauseCode::setup_timeout:
      return "the peer stopped answering halfway: look at its log, and at a firewall that passes "
             "only the first packets";
    case CauseCode::tunnel_auth_failed:
      return "the tunnel secrets of both ends differ: check \"secret\" in the profile and the host "
             "name that the peer knows us by";
    case CauseCode::auth_failed:
      return "check user name and password; some servers want the domain too, \"DOMAIN\\user\"";
    case CauseCode::auth_unacceptable:
      return "the peer asks for an authentication protocol that the profile does not allow";
    case CauseCode::peer_not_authentic:
      return "the peer does not know our password: a wrong server, or somebody in between";
    case CauseCode::protocol_error:
      return "the peer broke the protocol; the daemon's journal at level debug shows the message";
    case CauseCode::unknown_mandatory_avp:
      return "one end insists on something that the other does not know; the journal names it";
    case CauseCode::not_supported:
      return "the peer wants a version, call type or framing that is not supported";
    case CauseCode::lcp_failed:
      return "the link's options were not agreed: compare MRU and authentication on both ends";
    case CauseCode::network_failed:
      return "no address was agreed: check the address pool of the server and a static address in "
             "the profile";
    case CauseCode::encryption_required:
      return "one end requires MPPE and the other does not offer it; it needs MS-CHAPv2";
    case CauseCode::loopback:
      return "our own packets come back: the peer's address may be this host's";
    case CauseCode::user_changed:
      return "the peer authenticated again as somebody else, which ends a session by design";
    case CauseCode::no_secrets:
      return "start it with --ask, or write the password into the profile";
    case CauseCode::refused:
      return "the peer has no room or is administratively closed; its log says which";
    case CauseCode::no_resources:
      return "this host's limits are reached: sessions, addresses or file descriptors";
    case CauseCode::replaced:
      return "the same peer came again; two clients with one identity take turns like this";
    case CauseCode::kernel_failed:
      return "the kernel said no: are the modules l2tp_ppp and ppp_generic there, and may the "
             "daemon open /dev/ppp?";
    case CauseCode::interface_gone:
      return "somebody removed the network interface; find out who with \"ip monitor link\"";
  }
  return "";
}

CauseCode cause_from_name(std::string_view cause_name) {
  for (int value = 0; value <= static_cast<int>(CauseCode::interface_gone); ++value)
    if (name(static_cast<CauseCode>(value)) == cause_name) return static_cast<CauseCode>(value);
  return CauseCode::none;
}

bool is_definite(CauseCode code) {
  switch (code) {
    case CauseCode::tunnel_auth_failed:
    case CauseCode::auth_failed:
    case CauseCode::auth_unacceptable:
    case CauseCode::peer_not_authentic:
    case CauseCode::encryption_required:
    case CauseCode::not_supported:
    case CauseCode::no_secrets:
      return true;
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::peer_closed:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
    case CauseCode::name_resolution:
    case CauseCode::no_answer:
    case CauseCode::peer_silent:
    case CauseCode::echo_timeout:
    case CauseCode::setup_timeout:
    case CauseCode::protocol_error:
    case CauseCode::unknown_mandatory_avp:
    case CauseCode::lcp_failed:
    case CauseCode::network_failed:
    case CauseCode::loopback:
    case CauseCode::user_changed:
    case CauseCode::refused:
    case CauseCode::no_resources:
    case CauseCode::replaced:
    case CauseCode::tie_lost:
    case CauseCode::kernel_failed:
    case CauseCode::interface_gone:
      return false;
  }
  return false;
}

Explained explain(const Json& cause) {
  const std::string code = text_of(cause, "code");
  if (code.empty() || code == name(CauseCode::none)) return {};
  // Put together from the texts: a code that only a newer daemon knows is still shown.
  Explained result;
  result.text = clean(code);
  if (flag_of(cause, "by_peer")) result.text += " by peer";
  if (const auto number = number_of(cause, "result"); number != 0) {
    result.text += " (result " + std::to_string(number);
    if (const auto error = number_of(cause, "error"); error != 0)
      result.text += " error " + std::to_string(error);
    result.text += ")";
  }
  if (const auto message = text_of(cause, "message"); !message.empty())
    result.text += ": " + clean(message);
  result.hint = std::string(hint(cause_from_name(code)));
  result.is_definite = is_definite(cause_from_name(code));
  return result;
}

Explained last_error(const Json& tunnel) { return explain(member_of(tunnel, "last_error")); }

}  // namespace l2tpm::ctl
