// Tunnels, sessions and listeners as faces see them.
#include <algorithm>
#include <charconv>

#include "daemon/describe.h"
#include "daemon/service.h"

namespace l2tpm::daemon {
namespace {

Unexpected<ApiError> absent(const std::string& what, const std::string& name) {
  return Unexpected(ApiError{ApiErrorCode::not_found, "there is no " + what + " \"" + name + "\""});
}

template <typename View>
Page<View> page_of(std::vector<View> rows, std::uint32_t offset, std::uint32_t limit) {
  Page<View> page;
  page.total = static_cast<std::uint32_t>(rows.size());
  const std::size_t first = std::min<std::size_t>(offset, rows.size());
  const std::size_t last = std::min<std::size_t>(first + limit, rows.size());
  page.rows.assign(std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(first)),
                   std::make_move_iterator(rows.begin() + static_cast<std::ptrdiff_t>(last)));
  return page;
}

std::vector<std::string> texts_of(const std::array<IpAddress, 2>& addresses) {
  std::vector<std::string> out;
  for (const IpAddress& address : addresses) {
    if (!address.is_unspecified()) out.push_back(address.to_string());
  }
  return out;
}

std::uint32_t key_bits(const std::string& mppe) {
  return mppe.find("128") != std::string::npos  ? 128
         : mppe.find("40") != std::string::npos ? 40
                                                : 0;
}

}  // namespace

Tunnel* Service::find_tunnel(const std::string& name) const {
  if (const auto client = clients_.find(name); client != clients_.end())
    return client->second->tunnel();
  // A listener's tunnels are called after it and their id.
  const auto dash = name.rfind('-');
  std::uint32_t number = 0;
  if (dash == std::string::npos) return nullptr;
  const char* const end = name.data() + name.size();
  const auto [rest, error] = std::from_chars(name.data() + dash + 1, end, number);
  if (error != std::errc() || rest != end) return nullptr;
  Tunnel* tunnel = tunnels_.find(TunnelId(number));
  return tunnel && tunnel->name() == name && !tunnel->has_ended() ? tunnel : nullptr;
}

Result<TunnelView, ApiError> Service::tunnel(const std::string& name) const {
  const auto client = clients_.find(name);
  const Tunnel* found = find_tunnel(name);
  if (client == clients_.end() && !found) {
    if (std::optional<TunnelView> view = statics_.tunnel(name)) return *std::move(view);
    return absent("tunnel", name);
  }
  TunnelView view = client != clients_.end() ? client->second->view() : found->view();
  if (found) {
    for (const auto& [id, session] : found->sessions()) {
      if (session->state() != Session::State::closing) view.ids.push_back(id.value());
    }
    std::sort(view.ids.begin(), view.ids.end());
  }
  return view;
}

Result<SessionDetailsView, ApiError> Service::session(const std::string& name,
                                                      std::uint32_t id) const {
  const Tunnel* found = find_tunnel(name);
  if (!found && !statics_.has(name)) return absent("tunnel", name);
  if (statics_.has(name)) {
    if (auto fixed = statics_.session(name, SessionId(id))) return *std::move(fixed);
  }
  const Session* row = found ? found->find(SessionId(id)) : nullptr;
  if (!row)
    return Unexpected(
        ApiError{ApiErrorCode::not_found, name + " has no session " + std::to_string(id)});
  const Session::Details details = row->details();
  SessionDetailsView view;
  view.session = row->view();
  view.last_error = details.cause;
  view.exported = found->view().exported;
  view.ifindex = details.ifindex;
  view.mtu = details.mtu;
  view.path_mtu_limit = details.path_mtu_limit;
  view.ethernet = details.ethernet;
  if (view.ethernet) return view;
  view.calling_number = details.calling_number;
  view.called_number = details.called_number;
  view.phase = ppp::name(details.link.phase);
  view.auth_of_peer = details.link.auth_of_peer;
  view.auth_of_us = details.link.auth_of_us;
  view.auth_message = details.link.auth_message;
  view.mru = details.link.local_mru;
  view.peer_mru = details.link.peer_mru;
  view.mppe_bits =
      std::max(key_bits(details.link.mppe_receive), key_bits(details.link.mppe_transmit));
  view.magic = details.link.local_magic;
  view.peer_magic = details.link.peer_magic;
  if (details.ipv4) {
    view.ipv4 = {.up = true,
                 .local = details.ipv4->local.to_string(),
                 .peer = details.ipv4->peer.to_string(),
                 .dns = texts_of(details.ipv4->dns),
                 .nbns = texts_of(details.ipv4->nbns)};
  }
  if (details.ipv6) {
    view.ipv6 = {.up = true,
                 .local = link_local(details.ipv6->local_id),
                 .peer = link_local(details.ipv6->peer_id),
                 .dns = {}};
  }
  view.bridging = details.bridging;
  for (const IpPrefix& route : row->lease().routes) view.routes.push_back(route.to_string());
  if (const auto client = clients_.find(name); client != clients_.end()) {
    const config::Routes& routes = client->second->profile().routes;
    for (const IpPrefix& route : routes.add) view.routes.push_back(route.to_string());
    view.default_route = routes.default_route;
  }
  return view;
}

Result<PlacedCall, ApiError> Service::session_by_interface(const std::string& interface) const {
  if (!interface.empty()) {
    for (const auto& [id, tunnel] : tunnels_.all()) {
      for (const auto& [session_id, session] : tunnel->sessions()) {
        if (session->interface() == interface)
          return PlacedCall{tunnel->name(), session_id.value()};
      }
    }
    for (const SessionView& session : statics_.sessions()) {
      if (session.interface == interface) return PlacedCall{session.tunnel, session.id};
    }
  }
  return absent("session on interface", interface);
}

Page<TunnelView> Service::list_tunnels(const TunnelFilter& filter, std::uint32_t offset,
                                       std::uint32_t limit) const {
  std::vector<TunnelView> rows;
  const auto add = [&](TunnelView row) {
    if ((!filter.profile.empty() && row.profile != filter.profile) ||
        (!filter.state.empty() && row.state != filter.state) ||
        (filter.version != 0 && row.version != filter.version))
      return;
    if (!filter.peer.empty() && row.remote != filter.peer && row.peer_host_name != filter.peer &&
        row.remote_address != filter.peer)
      return;
    rows.push_back(std::move(row));
  };
  for (const auto& [name, client] : clients_) add(client->view());
  for (TunnelView& view : statics_.tunnels()) add(std::move(view));
  for (const auto& [id, tunnel] : tunnels_.all()) {
    // A client's tunnel is its client's row; one that has ended only acknowledges.
    if (!tunnel->owner().is_client() && !tunnel->has_ended()) add(tunnel->view());
  }
  std::sort(rows.begin(), rows.end(),
            [](const TunnelView& a, const TunnelView& b) { return a.name < b.name; });
  return page_of(std::move(rows), offset, limit);
}

Page<SessionView> Service::list_sessions(const SessionFilter& filter, std::uint32_t offset,
                                         std::uint32_t limit) const {
  std::vector<SessionView> rows;
  const auto add_row = [&](SessionView row) {
    if ((!filter.user.empty() && row.user != filter.user) ||
        (!filter.interface.empty() && row.interface != filter.interface) ||
        (!filter.state.empty() && row.state != filter.state))
      return;
    rows.push_back(std::move(row));
  };
  const auto add = [&](const Tunnel& tunnel) {
    for (const auto& [id, session] : tunnel.sessions()) {
      if (session->state() != Session::State::closing) add_row(session->view());
    }
  };
  for (SessionView& row : statics_.sessions()) {
    if (filter.tunnel.empty() || row.tunnel == filter.tunnel) add_row(std::move(row));
  }
  if (!filter.tunnel.empty()) {
    if (const Tunnel* tunnel = find_tunnel(filter.tunnel)) add(*tunnel);
  } else {
    for (const auto& [id, tunnel] : tunnels_.all()) add(*tunnel);
  }
  std::sort(rows.begin(), rows.end(), [](const SessionView& a, const SessionView& b) {
    return a.tunnel != b.tunnel ? a.tunnel < b.tunnel : a.id < b.id;
  });
  return page_of(std::move(rows), offset, limit);
}

std::uint32_t Service::tunnel_count() const { return static_cast<std::uint32_t>(tunnels_.size()); }
std::uint32_t Service::session_count() const {
  return static_cast<std::uint32_t>(sessions_.size());
}

std::vector<ListenerView> Service::list_listeners() const {
  std::vector<ListenerView> rows;
  for (const auto& [name, listener] : listeners_) rows.push_back(listener->view());
  return rows;
}

Result<ListenerView, ApiError> Service::listener(const std::string& name) const {
  const auto found = listeners_.find(name);
  if (found == listeners_.end()) return absent("listener", name);
  return found->second->view();
}

}  // namespace l2tpm::daemon
