// Which listeners, tunnels and sessions are objects on the bus, and when their changes are told.
//
// Events of the service are only noted, folded together per tunnel, and worked off a few per turn:
// five thousand tunnels that come up at once become neither five thousand objects nor a stall.
#pragma once

#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "bus/face.h"
#include "bus/listener_object.h"
#include "bus/session_object.h"
#include "bus/tunnel_object.h"

namespace l2tpm::bus {

class Objects {
 public:
  // TunnelNew and TunnelRemoved go out through this.
  struct Announcer {
    virtual ~Announcer() = default;
    virtual void tunnel_new(const std::string& name) = 0;
    virtual void tunnel_removed(const std::string& name) = 0;
  };

  Objects(Face& face, Announcer& announcer);
  ~Objects();
  Objects(const Objects&) = delete;
  Objects& operator=(const Objects&) = delete;

  // GetTunnel: makes the tunnel an object if it is not one. Throws sdbus::Error.
  sdbus::ObjectPath fetch(const std::string& client, const std::string& tunnel);
  void client_left(const std::string& client);
  bool has(const std::string& tunnel) const { return tunnels_.contains(tunnel); }
  bool has(const std::string& tunnel, std::uint32_t session) const;

  // What CreateTransient returns is there before its caller hears of it.
  void appear(const std::string& tunnel) { work_off(tunnel, {}); }

  // Works off some notes.
  void step(unsigned most);
  bool pending() const { return look_at_all_ || !notes_.empty() || !listener_notes_.empty(); }
  std::size_t size() const { return tunnels_.size() + sessions_ + listeners_.size(); }

  // Behind listeners; our own tunnels are as many as the administrator wants.
  static constexpr std::size_t kMostAccepted = 256;
  static constexpr std::size_t kMostSessions = 512;
  static constexpr std::size_t kMostFetchedByOne = 32;

 private:
  struct Transition {
    std::string old_state, new_state;
    Cause cause;
    // A new object tells its state by appearing; the same state again means that other properties
    // have changed.
    bool is_change() const { return !old_state.empty() && old_state != new_state; }
  };
  using Transitions = std::vector<Transition>;
  struct Note {
    bool came = false;
    bool went = false;
    Transitions transitions = {};
    std::map<std::uint32_t, Transitions> sessions = {};
  };
  struct Row {
    std::unique_ptr<TunnelObject> object;
    bool of_client = false;
    bool exported = false;
    std::set<std::string> fetchers = {};
    std::map<std::uint32_t, std::unique_ptr<SessionObject>> sessions = {};
  };
  using Rows = std::map<std::string, Row>;

  void on_event(const daemon::Event& event);
  void look_at_all();
  void work_off(const std::string& tunnel, const Note& note);
  void work_off_listener(const std::string& name);
  Rows::iterator create(const daemon::TunnelView& view);
  void remove(Rows::iterator row);
  void drop_if_unwanted(Rows::iterator row);
  void sync_sessions(Row& row, const daemon::TunnelView& view,
                     const std::map<std::uint32_t, Transitions>& transitions);
  bool room_for(const daemon::TunnelView& view) const;

  Face& face_;
  Announcer& announcer_;
  std::uint64_t subscription_ = 0;
  bool look_at_all_ = true;
  Rows tunnels_;
  std::size_t accepted_ = 0;
  std::size_t sessions_ = 0;  // objects, behind listeners and ours
  std::map<std::string, std::unique_ptr<ListenerObject>> listeners_;
  std::map<std::string, std::deque<std::string>> fetched_by_;  // client -> tunnels, oldest first
  std::map<std::string, Note> notes_;
  std::set<std::string> listener_notes_;
};

}  // namespace l2tpm::bus
