// A daemon::ServiceApi without a daemon: plain lists that a test fills, and a record of what was
// asked. Calls come from the thread that serves the bus, so everything goes through one mutex.
#pragma once

#include <algorithm>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "daemon/service_api.h"

namespace l2tpm::test {

class FakeService final : public daemon::ServiceApi {
 public:
  struct State {
    std::string daemon_state = "running";
    std::vector<std::string> profiles;
    std::vector<daemon::TunnelView> tunnels;
    std::vector<daemon::SessionView> sessions;
    std::vector<std::string> reload_lines;
    std::vector<std::string> asked;  // "start work", "close work/7"
    std::map<std::pair<std::string, std::uint32_t>, daemon::SessionDetailsView> details;
    std::vector<daemon::ListenerView> listeners;
    std::vector<std::string> dump_lines;
    std::vector<daemon::TransientRequest> transients;
    std::map<std::string, std::string> answers;  // of agents, by name; "error" when there is none
    daemon::SecretAsker* asker = nullptr;
    unsigned described = 0;             // tunnels
    std::vector<std::string> vanished;  // owners; "*": all
    // What a start or a look at a tunnel does to the rest; a story told in steps.
    std::function<void(State&)> on_start;
    std::function<void(State&)> on_list_tunnels;
  };

  // The state, locked for as long as the expression that uses it.
  template <typename Use>
  auto with(Use use) {
    const std::lock_guard lock(mutex_);
    return use(state_);
  }

  std::string version() const override { return "9.8.7"; }
  std::string state() const override {
    const std::lock_guard lock(mutex_);
    return state_.daemon_state;
  }
  std::vector<std::string> kernel_features() const override { return {"ppp", "mppe"}; }

  Result<std::string, daemon::ApiError> start(const std::string& profile,
                                              const daemon::StartOptions&) override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("start " + profile);
    if (!has(state_.profiles, profile))
      return Unexpected(daemon::ApiError{daemon::ApiErrorCode::not_found,
                                         "no profile is named \"" + profile + "\""});
    if (find(profile) != nullptr)
      return Unexpected(
          daemon::ApiError{daemon::ApiErrorCode::wrong_state, profile + " is running"});
    if (state_.on_start) state_.on_start(state_);
    return profile;
  }
  Result<Done, daemon::ApiError> stop(const std::string& profile,
                                      const daemon::CloseOptions&) override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("stop " + profile);
    if (find(profile) == nullptr)
      return Unexpected(
          daemon::ApiError{daemon::ApiErrorCode::wrong_state, profile + " is not running"});
    return Done{};
  }
  Result<Done, daemon::ApiError> close_session(const std::string& tunnel, std::uint32_t session,
                                               const daemon::CloseOptions&) override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("close " + tunnel + "/" + std::to_string(session));
    for (const auto& view : state_.sessions)
      if (view.tunnel == tunnel && view.id == session) return Done{};
    return Unexpected(daemon::ApiError{daemon::ApiErrorCode::not_found, "no such session"});
  }
  ReloadResult reload() override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("reload");
    ReloadResult result;
    for (const std::string& line : state_.reload_lines) {
      if (line.rfind("error: ", 0) == 0)
        result.diagnostics.push_back({"error", "", line.substr(7)});
      else
        result.changed.push_back(line);
    }
    return result;
  }

  // What no test of a face asks for yet.
  std::vector<std::string> features() const override { return {}; }
  std::uint32_t tunnel_count() const override { return 0; }
  std::uint32_t session_count() const override { return 0; }
  std::string log_level() const override { return "info"; }
  Result<Done, daemon::ApiError> set_log_level(const std::string&) override { return Done{}; }
  bool draining() const override { return false; }
  void set_draining(bool) override {}
  std::vector<daemon::ProfileView> list_profiles() const override { return {}; }
  Result<std::string, daemon::ApiError> get_profile(const std::string&, bool) override {
    return absent();
  }
  void put_profile(const std::string&, const std::string&, const daemon::PutOptions&,
                   daemon::ApiCallback<daemon::Diagnostics> done) override {
    done(absent());
  }
  void patch_profile(const std::string&, const std::string&, const daemon::PutOptions&,
                     daemon::ApiCallback<daemon::Diagnostics> done) override {
    done(absent());
  }
  void remove_profile(const std::string&, bool,
                      daemon::ApiCallback<daemon::Diagnostics> done) override {
    done(absent());
  }
  daemon::Diagnostics check_config(const std::string&, const std::string&) override { return {}; }
  std::uint64_t config_generation() const override { return 1; }
  daemon::Diagnostics config_errors() const override { return {}; }
  Result<Done, daemon::ApiError> restart(const std::string&, const daemon::StartOptions&) override {
    return absent();
  }
  Result<std::string, daemon::ApiError> create_transient(
      daemon::TransientRequest request) override {
    const std::lock_guard lock(mutex_);
    daemon::TunnelView view;
    view.name = view.profile = request.name_hint;
    view.role = "lac";
    view.state = request.start ? "resolving" : "idle";
    view.owner = request.owner;
    view.transient = true;
    view.reports_only = request.report_only;
    state_.tunnels.push_back(view);
    state_.transients.push_back(std::move(request));
    return view.name;
  }
  void owner_vanished(const std::string& owner) override {
    const std::lock_guard lock(mutex_);
    state_.vanished.push_back(owner);
  }
  void owners_vanished() override {
    const std::lock_guard lock(mutex_);
    state_.vanished.push_back("*");
  }
  Result<daemon::TunnelView, daemon::ApiError> tunnel(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    const daemon::TunnelView* view = find(name);
    if (view == nullptr) return absent();
    daemon::TunnelView full = *view;
    for (const auto& session : state_.sessions)
      if (session.tunnel == name) full.ids.push_back(session.id);
    return full;
  }
  Result<daemon::SessionDetailsView, daemon::ApiError> session(const std::string& tunnel,
                                                               std::uint32_t id) const override {
    const std::lock_guard lock(mutex_);
    for (const auto& view : state_.sessions) {
      if (view.tunnel != tunnel || view.id != id) continue;
      const auto found = state_.details.find({tunnel, id});
      daemon::SessionDetailsView full =
          found == state_.details.end() ? daemon::SessionDetailsView{} : found->second;
      full.session = view;
      return full;
    }
    return absent();
  }
  Result<daemon::PlacedCall, daemon::ApiError> session_by_interface(
      const std::string&) const override {
    return absent();
  }
  Result<Done, daemon::ApiError> open_tunnel(const std::string& name) override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("open " + name);
    return Done{};
  }
  Result<Done, daemon::ApiError> close_tunnel(const std::string& name,
                                              const daemon::CloseOptions&) override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("close " + name);
    return Done{};
  }
  void ping_tunnel(const std::string&, daemon::ApiCallback<Duration> done) override {
    done(Duration(std::chrono::microseconds(1234)));
  }
  Result<daemon::PlacedCall, daemon::ApiError> place_outgoing_call(
      const daemon::OutgoingCallRequest&) override {
    return absent();
  }
  std::vector<daemon::ListenerView> list_listeners() const override {
    const std::lock_guard lock(mutex_);
    return state_.listeners;
  }
  Result<daemon::ListenerView, daemon::ApiError> listener(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    for (const auto& view : state_.listeners)
      if (view.name == name) return view;
    return absent();
  }
  Result<Done, daemon::ApiError> set_listener_draining(const std::string&, bool) override {
    return absent();
  }
  Result<std::string, daemon::ApiError> describe_listener(const std::string&) const override {
    return absent();
  }
  std::unique_ptr<daemon::Dump> dump(daemon::DumpKind, const daemon::DumpFilter&) const override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("dump");
    return std::make_unique<Lines>(state_.dump_lines);
  }
  void refresh_counters(std::function<void()> done) override { done(); }
  Result<daemon::Counters, daemon::ApiError> statistics(daemon::StatisticsOf,
                                                        const std::string& name,
                                                        std::uint32_t session) const override {
    return daemon::Counters{
        {"name_length", name.size()},
        {"session",     session    }
    };
  }

  // From the serving thread: ServedBus::run().
  void emit(const daemon::Event& event) {
    const auto handlers = handlers_;
    for (const auto& [id, row] : handlers)
      if ((row.first & (1u << event.what.index())) != 0) row.second(event);
  }
  std::uint64_t subscribe(daemon::EventFilter filter, daemon::EventHandler handler) override {
    handlers_.emplace(++subscriptions_, std::pair(filter.kinds, std::move(handler)));
    return subscriptions_;
  }
  void unsubscribe(std::uint64_t subscription) override { handlers_.erase(subscription); }
  std::size_t subscriptions() const { return handlers_.size(); }
  void set_secret_asker(daemon::SecretAsker* asker) override {
    const std::lock_guard lock(mutex_);
    state_.asker = asker;
  }
  void answer_secrets(std::uint64_t question,
                      Result<std::map<std::string, Secret>, daemon::ApiError> answer) override {
    const std::lock_guard lock(mutex_);
    state_.asked.push_back("answer " + std::to_string(question));
    if (!answer) {
      state_.answers["error"] = answer.error().message;
      return;
    }
    for (const auto& [name, secret] : *answer)
      state_.answers[name] = std::string(secret.octets().begin(), secret.octets().end());
  }

  daemon::Page<daemon::TunnelView> list_tunnels(const daemon::TunnelFilter& filter,
                                                std::uint32_t offset,
                                                std::uint32_t limit) const override {
    const std::lock_guard lock(mutex_);
    if (state_.on_list_tunnels) state_.on_list_tunnels(state_);
    daemon::Page<daemon::TunnelView> page;
    for (const auto& view : state_.tunnels) {
      if (!fits(filter.profile, view.profile) || !fits(filter.state, view.state) ||
          !fits(filter.peer, view.remote))
        continue;
      add(page, view, offset, limit);
    }
    return page;
  }
  daemon::Page<daemon::SessionView> list_sessions(const daemon::SessionFilter& filter,
                                                  std::uint32_t offset,
                                                  std::uint32_t limit) const override {
    const std::lock_guard lock(mutex_);
    daemon::Page<daemon::SessionView> page;
    for (const auto& view : state_.sessions) {
      if (!fits(filter.tunnel, view.tunnel) || !fits(filter.user, view.user) ||
          !fits(filter.interface, view.interface) || !fits(filter.state, view.state))
        continue;
      add(page, view, offset, limit);
    }
    return page;
  }

  std::string describe() const override { return R"({"version":"9.8.7","state":"running"})"; }
  Result<std::string, daemon::ApiError> describe_tunnel(const std::string& name) const override {
    const std::lock_guard lock(mutex_);
    ++state_.described;
    const daemon::TunnelView* view = find(name);
    if (view == nullptr)
      return Unexpected(
          daemon::ApiError{daemon::ApiErrorCode::not_found, "no tunnel is named " + name});
    const Cause& cause = view->last_error;
    return "{\"name\":\"" + view->name + "\",\"profile\":\"" + view->profile + "\",\"state\":\"" +
           view->state + "\",\"remote\":\"" + view->remote + "\",\"local\":\"" + view->local +
           "\",\"tunnel_id\":" + std::to_string(view->tunnel_id) +
           ",\"peer_tunnel_id\":" + std::to_string(view->peer_tunnel_id) +
           ",\"established_at\":" + std::to_string(view->established_at) +
           ",\"retry_at\":" + std::to_string(view->retry_at) + ",\"last_error\":{\"code\":\"" +
           std::string(l2tpm::name(cause.code)) +
           "\",\"by_peer\":" + (cause.by_peer ? "true" : "false") +
           ",\"result\":" + std::to_string(cause.result_code) +
           ",\"error\":" + std::to_string(cause.error_code) + ",\"message\":\"" + cause.message +
           "\"}}";
  }
  Result<std::string, daemon::ApiError> describe_session(const std::string& tunnel,
                                                         std::uint32_t session) const override {
    const std::lock_guard lock(mutex_);
    for (const auto& view : state_.sessions)
      if (view.tunnel == tunnel && view.id == session)
        return "{\"id\":" + std::to_string(session) +
               ",\"ppp\":{\"mru\":1400,\"dns\":[\"a\",\"b\"]}}";
    return Unexpected(daemon::ApiError{daemon::ApiErrorCode::not_found, "no such session"});
  }

 private:
  // A dump of prepared lines.
  class Lines final : public daemon::Dump {
   public:
    explicit Lines(std::vector<std::string> lines) : lines_(std::move(lines)) {}
    bool next(std::string& out, unsigned count) override {
      for (; count > 0 && at_ < lines_.size(); --count) out += lines_[at_++] + "\n";
      return at_ < lines_.size();
    }

   private:
    std::vector<std::string> lines_;
    std::size_t at_ = 0;
  };

  static Unexpected<daemon::ApiError> absent() {
    return Unexpected(daemon::ApiError{daemon::ApiErrorCode::not_found, "there is no such thing"});
  }
  static bool has(const std::vector<std::string>& list, const std::string& what) {
    return std::find(list.begin(), list.end(), what) != list.end();
  }
  static bool fits(const std::string& wanted, const std::string& actual) {
    return wanted.empty() || wanted == actual;
  }
  template <typename View>
  static void add(daemon::Page<View>& page, const View& view, std::uint32_t offset,
                  std::uint32_t limit) {
    if (page.total++ >= offset && page.rows.size() < limit) page.rows.push_back(view);
  }
  const daemon::TunnelView* find(const std::string& name) const {
    for (const auto& view : state_.tunnels)
      if (view.name == name) return &view;
    return nullptr;
  }

  mutable std::mutex mutex_;
  mutable State state_;
  std::map<std::uint64_t, std::pair<std::uint32_t, daemon::EventHandler>> handlers_;
  std::uint64_t subscriptions_ = 0;
};

}  // namespace l2tpm::test
