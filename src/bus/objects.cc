#include "bus/objects.h"

#include <algorithm>
#include <utility>

#include "bus/arguments.h"
#include "bus/paths.h"

namespace l2tpm::bus {
namespace {

// More in one turn are folded: the last state is true, the way there is not told in full.
constexpr std::size_t kMostTransitions = 8;

template <typename Transition>
void add(std::vector<Transition>& list, Transition transition) {
  if (list.size() < kMostTransitions) return list.push_back(std::move(transition));
  list.back().new_state = std::move(transition.new_state);
  list.back().cause = std::move(transition.cause);
}

// Not behind a listener: as many as there are profiles.
bool is_ours(const daemon::TunnelView& view) { return view.role == "lac" || view.role == "static"; }

}  // namespace

Objects::Objects(Face& face, Announcer& announcer) : face_(face), announcer_(announcer) {
  daemon::EventFilter filter;
  filter.kinds = daemon::kTunnelEvents | daemon::kSessionEvents | daemon::kListenerEvents |
                 daemon::kReloadEvents;
  subscription_ =
      face_.service.subscribe(filter, [this](const daemon::Event& event) { on_event(event); });
}

// At the start, and when a new configuration may export more or less than before.
void Objects::look_at_all() {
  look_at_all_ = false;
  for (const auto& listener : face_.service.list_listeners()) listener_notes_.insert(listener.name);
  for (const auto& [name, object] : listeners_) listener_notes_.insert(name);
  for (const auto& tunnel : face_.service.list_tunnels({}, 0, UINT32_MAX).rows) {
    if (tunnel.exported || has(tunnel.name)) notes_[tunnel.name];
  }
}

Objects::~Objects() { face_.service.unsubscribe(subscription_); }

bool Objects::has(const std::string& tunnel, std::uint32_t session) const {
  const auto row = tunnels_.find(tunnel);
  return row != tunnels_.end() && row->second.sessions.contains(session);
}

void Objects::on_event(const daemon::Event& event) {
  if (const auto* tunnel = std::get_if<daemon::TunnelEvent>(&event.what)) {
    const bool row_changes = tunnel->old_state.empty() || tunnel->new_state.empty();
    if (!row_changes && !has(tunnel->tunnel) && !notes_.contains(tunnel->tunnel)) return;
    Note& note = notes_[tunnel->tunnel];
    note.came = note.came || tunnel->old_state.empty();
    note.went = note.went || tunnel->new_state.empty();
    add(note.transitions, {tunnel->old_state, tunnel->new_state, tunnel->cause});
  } else if (const auto* session = std::get_if<daemon::SessionEvent>(&event.what)) {
    if (!has(session->tunnel)) return;
    add(notes_[session->tunnel].sessions[session->session],
        {session->old_state, session->new_state, session->cause});
  } else if (const auto* listener = std::get_if<daemon::ListenerEvent>(&event.what)) {
    listener_notes_.insert(listener->name);
  } else if (std::holds_alternative<daemon::ReloadEvent>(event.what)) {
    look_at_all_ = true;
  }
}

void Objects::step(unsigned most) {
  if (look_at_all_) look_at_all();
  for (unsigned done = 0; done < most && !face_.congested(); ++done) {
    if (!listener_notes_.empty()) {
      const auto name = listener_notes_.extract(listener_notes_.begin());
      face_.send([&] { work_off_listener(name.value()); });
    } else if (!notes_.empty()) {
      const auto note = notes_.extract(notes_.begin());
      face_.send([&] { work_off(note.key(), note.mapped()); });
    } else {
      return;
    }
  }
}

void Objects::work_off(const std::string& tunnel, const Note& note) {
  ++face_.message;  // what was looked up before is of before
  auto view = face_.service.tunnel(tunnel);
  auto row = tunnels_.find(tunnel);
  if (row != tunnels_.end()) {
    for (const Transition& transition : note.transitions) {
      if (transition.is_change())
        row->second.object->state_changed(transition.old_state, transition.new_state,
                                          transition.cause);
    }
    if (!view || note.went) {
      remove(row);
      row = tunnels_.end();
    }
  }
  const bool listens = !face_.subscribers.empty();
  if (note.went && listens) announcer_.tunnel_removed(tunnel);
  if (!view) return;
  if (row == tunnels_.end() && view->exported && room_for(*view)) row = create(*view);
  if (row != tunnels_.end()) {
    row->second.exported = view->exported;
    sync_sessions(row->second, *view, note.sessions);
    drop_if_unwanted(row);
  }
  if (note.came && listens) announcer_.tunnel_new(tunnel);
}

bool Objects::room_for(const daemon::TunnelView& view) const {
  return is_ours(view) || accepted_ < kMostAccepted;
}

Objects::Rows::iterator Objects::create(const daemon::TunnelView& view) {
  Row row;
  row.object = std::make_unique<TunnelObject>(face_, view);
  row.of_client = is_ours(view);
  row.exported = view.exported;
  if (!row.of_client) ++accepted_;
  return tunnels_.emplace(view.name, std::move(row)).first;
}

void Objects::remove(Rows::iterator row) {
  for (const std::string& client : row->second.fetchers) {
    const auto fetched = fetched_by_.find(client);
    if (fetched == fetched_by_.end()) continue;
    std::erase(fetched->second, row->first);
    if (fetched->second.empty()) fetched_by_.erase(fetched);
  }
  sessions_ -= row->second.sessions.size();
  if (!row->second.of_client) --accepted_;
  row->second.sessions.clear();  // children first
  tunnels_.erase(row);
}

void Objects::drop_if_unwanted(Rows::iterator row) {
  if (!row->second.exported && row->second.fetchers.empty()) remove(row);
}

void Objects::sync_sessions(Row& row, const daemon::TunnelView& view,
                            const std::map<std::uint32_t, Transitions>& transitions) {
  for (const auto& [id, changes] : transitions) {
    const auto session = row.sessions.find(id);
    if (session == row.sessions.end()) continue;
    for (const Transition& change : changes) {
      if (change.is_change())
        session->second->state_changed(change.old_state, change.new_state, change.cause);
    }
  }
  sessions_ -= std::erase_if(row.sessions, [&](const auto& session) {
    return std::find(view.ids.begin(), view.ids.end(), session.first) == view.ids.end();
  });
  for (const std::uint32_t id : view.ids) {
    const auto session = row.sessions.find(id);
    const bool is_new = session == row.sessions.end();
    if (is_new ? !row.of_client && sessions_ >= kMostSessions : !transitions.contains(id)) continue;
    auto details = face_.service.session(view.name, id);
    if (!details) continue;
    if (is_new) {
      row.sessions.emplace(
          id, std::make_unique<SessionObject>(face_, std::move(*details), row.of_client));
      ++sessions_;
    } else {
      session->second->sync(std::move(*details));
    }
  }
  std::vector<sdbus::ObjectPath> paths;
  for (const auto& [id, session] : row.sessions) paths.push_back(session_path(view.name, id));
  row.object->sync(view, std::move(paths));
}

void Objects::work_off_listener(const std::string& name) {
  ++face_.message;
  auto view = face_.service.listener(name);
  const auto row = listeners_.find(name);
  if (!view) {
    if (row != listeners_.end()) listeners_.erase(row);
  } else if (row == listeners_.end()) {
    listeners_.emplace(name, std::make_unique<ListenerObject>(face_, std::move(*view)));
  } else {
    row->second->sync(std::move(*view));
  }
}

sdbus::ObjectPath Objects::fetch(const std::string& client, const std::string& tunnel) {
  const auto view = value_of(face_.service.tunnel(tunnel));
  auto row = tunnels_.find(tunnel);
  if (row == tunnels_.end()) {
    if (!room_for(view))
      throw dbus::make_error(kLimitExceeded, "too many tunnels behind listeners are objects");
    row = create(view);
    sync_sessions(row->second, view, {});
  }
  if (row->second.exported || !row->second.fetchers.insert(client).second)
    return tunnel_path(tunnel);
  auto& fetched = fetched_by_[client];
  fetched.push_back(tunnel);
  if (fetched.size() > kMostFetchedByOne) {
    const auto oldest = tunnels_.find(fetched.front());
    fetched.pop_front();
    oldest->second.fetchers.erase(client);
    drop_if_unwanted(oldest);
  }
  return tunnel_path(tunnel);
}

void Objects::client_left(const std::string& client) {
  const auto fetched = fetched_by_.extract(client);
  if (fetched.empty()) return;
  for (const std::string& tunnel : fetched.mapped()) {
    const auto row = tunnels_.find(tunnel);
    if (row == tunnels_.end()) continue;
    row->second.fetchers.erase(client);
    drop_if_unwanted(row);
  }
}

}  // namespace l2tpm::bus
