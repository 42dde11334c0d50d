#include "ctl/watch.h"

#include <ostream>

namespace l2tpm::ctl {

void Progress::show(const std::string& text) {
  if (!context_.show_progress || text == shown_) return;
  clear();
  context_.err << text << std::flush;
  shown_ = text;
}

void Progress::clear() {
  if (!shown_.empty()) context_.err << "\r\x1b[K" << std::flush;
  shown_.clear();
}

Answer<Look> look_at(Client& client, const std::string& profile) {
  using Found = Look::Found;
  Look look;
  std::uint32_t total = 0;
  const auto tunnels = client.tunnels({profile, "", ""}, 1, total);
  if (!tunnels) return Unexpected(tunnels.error());
  if (tunnels->empty()) {
    look.found = Found::gone;
    return look;
  }
  const TunnelRow& tunnel = tunnels->front();
  look.state = tunnel.state;
  if (tunnel.role == "lns") {
    look.found = Found::started;
    return look;
  }
  const auto up = client.sessions({tunnel.name, "", "", "up"}, 1, total);
  if (!up) return Unexpected(up.error());
  if (!up->empty()) {
    look.found = Found::up;
    look.session = up->front();
    return look;
  }
  if (const auto text = client.describe_tunnel(tunnel.name); text)
    look.error = last_error(parse_json(*text));
  if (tunnel.state == "failed" || (tunnel.state == "idle" && !look.error.text.empty()))
    look.found = Found::failed;
  else if (tunnel.state == "backoff" && look.error.is_definite)
    look.found = Found::refused;
  return look;
}

ExitCode complain(Context& context, const std::string& profile, const std::string& what,
                  const Explained& error, ExitCode code) {
  context.err << "l2tpctl: " << clean(profile) << ": " << what;
  if (!error.text.empty()) context.err << ": " << error.text;
  context.err << '\n';
  if (!error.hint.empty()) context.err << "  hint: " << error.hint << '\n';
  return code;
}

std::string up_text(const std::string& profile, const SessionRow& session) {
  std::string text = clean(profile) + ": up";
  if (!session.interface.empty()) text += " on " + clean(session.interface);
  if (!session.address.empty()) text += ", " + clean(session.address);
  return text;
}

}  // namespace l2tpm::ctl
