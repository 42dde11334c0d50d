// Whole daemons in one process, talking over loopback: each with an event loop, a dataplane without
// a kernel and a configuration directory of its own. Every process takes other loopback addresses.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <chrono>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "daemon/event_loop.h"
#include "daemon/service.h"
#include "support/fake_dataplane.h"
#include "wire/l2tp_header.h"

namespace l2tpm::test {

// 127.x.y.HOST
inline std::string loopback(unsigned host) {
  const auto pid = static_cast<unsigned>(getpid());
  return fmt::format("127.{}.{}.{}", 64 + (pid >> 8) % 128, pid % 256, host);
}

class Daemon {
 public:
  explicit Daemon(bool session_by_id = true) {
    std::string pattern = (std::filesystem::temp_directory_path() / "l2tpm-XXXXXX").string();
    if (mkdtemp(pattern.data()) == nullptr) throw std::runtime_error("no temporary directory");
    directory = pattern;
    std::filesystem::create_directories(directory / "profiles.d");
    auto made = daemon::EventLoop::create();
    if (!made) throw std::runtime_error(made.error());
    loop = std::move(*made);
    features.session_by_id = session_by_id;
  }
  ~Daemon() {
    service.reset();
    std::filesystem::remove_all(directory);
  }
  Daemon(const Daemon&) = delete;
  Daemon& operator=(const Daemon&) = delete;

  void settings(const std::string& text) { write(directory / "l2tp-manager.json", text); }
  void profile(const std::string& name, const std::string& text) {
    write(directory / "profiles.d" / (name + ".json"), text);
  }
  void drop_profile(const std::string& name) {
    std::filesystem::remove(directory / "profiles.d" / (name + ".json"));
  }
  void run() {
    config::Places places;
    places.administrator = directory.string();
    places.state = (directory / "state").string();
    places.runtime = (directory / "run").string();
    config::Loaded loaded = config::load(places);
    for (const auto& error : loaded.errors) ADD_FAILURE() << error.to_string();
    service = std::make_unique<daemon::Service>(*loop, dataplane, features, std::move(places),
                                                std::move(loaded));
    const auto running = service->run([this] { ready = true; });
    if (!running) ADD_FAILURE() << running.error();
  }
  void shut_down() {
    service->shut_down([this] { stopped = true; });
  }

  // "work established none; ..."
  std::string tunnels() const {
    std::string out;
    for (const auto& row : service->list_tunnels({}, 0, 1000).rows)
      out += row.name + " " + row.state + "; ";
    return out;
  }
  std::size_t sessions_up() const {
    return service->list_sessions({.tunnel = {}, .user = {}, .interface = {}, .state = "up"}, 0, 1)
        .total;
  }
  Cause last_error(const std::string& profile) const {
    for (const auto& row : service->list_tunnels({}, 0, 1000).rows)
      if (row.name == profile) return row.last_error;
    return {};
  }
  std::string state_of(const std::string& profile) const {
    for (const auto& row : service->list_tunnels({}, 0, 1000).rows)
      if (row.name == profile) return row.state;
    return "";
  }
  std::string dump(daemon::DumpKind kind, const daemon::DumpFilter& filter = {}) const {
    std::string out;
    const auto lines = service->dump(kind, filter);
    while (lines->next(out, 2)) {
    }
    return out;
  }
  std::string failures() const { return dump(daemon::DumpKind::failures); }
  std::size_t count_calls(const std::string& prefix) const {
    std::size_t count = 0;
    for (const auto& call : dataplane.calls) count += call.rfind(prefix, 0) == 0 ? 1 : 0;
    return count;
  }
  // Nothing of a session or tunnel is left in the kernel, and no tunnel in the daemon that could
  // still want something of it.
  bool holds_nothing() const {
    return dataplane.tunnels.empty() && dataplane.sessions.empty() &&
           dataplane.pseudowires.empty() && dataplane.watched.empty() && dataplane.pins.empty() &&
           dataplane.pending() == 0;
  }

  std::filesystem::path directory;
  FakeDataplane dataplane;
  kernel::KernelFeatures features;
  std::unique_ptr<daemon::EventLoop> loop;
  std::unique_ptr<daemon::Service> service;
  bool ready = false;
  bool stopped = false;
  unsigned frames_carried = 0;  // of sessions that were installed

 private:
  static void write(const std::filesystem::path& path, const std::string& text) {
    std::ofstream(path) << text;
    std::filesystem::permissions(
        path, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
  }
};

// What the kernels would do: frames written by one daemon reach the other's channel or unit, or its
// tunnel socket while that has no kernel session.
inline void carry_frames(const std::vector<Daemon*>& daemons) {
  for (Daemon* from : daemons) {
    const std::vector<FakeDataplane::SentFrame> frames = std::exchange(from->dataplane.frames, {});
    for (const auto& sent : frames) {
      const auto tunnel = from->dataplane.tunnels.find(sent.key.tunnel);
      const auto session = from->dataplane.sessions.find(sent.key);
      if (tunnel == from->dataplane.tunnels.end() || session == from->dataplane.sessions.end())
        continue;
      ++from->frames_carried;
      const SessionKey far{tunnel->second.peer, session->second.peer_session};
      bool is_carried = false;
      for (Daemon* to : daemons) {
        if (to == from || !to->dataplane.sessions.contains(far)) continue;
        to->dataplane.deliver(far, sent.frame);
        is_carried = true;
      }
      if (is_carried) continue;
      Bytes payload{0xff, 0x03};
      payload.insert(payload.end(), sent.frame.begin(), sent.frame.end());
      const Bytes datagram = wire::encode_data(
          {.tunnel_id = far.tunnel, .session_id = far.session, .ns = {}}, payload);
      [[maybe_unused]] const ssize_t n = ::send(tunnel->second.socket->get(), datagram.data(),
                                                datagram.size(), MSG_DONTWAIT | MSG_NOSIGNAL);
    }
  }
}

// Turns all loops until it is so; false after a time in which it should long have been.
inline bool run_until(const std::vector<Daemon*>& daemons, const std::function<bool()>& it_is_so,
                      Duration limit = 20s) {
  const TimePoint end = Clock::now() + limit;
  while (!it_is_so()) {
    if (Clock::now() > end) return false;
    for (Daemon* each : daemons) {
      if (!each->stopped) each->loop->turn(1ms);
    }
    carry_frames(daemons);
  }
  return true;
}

}  // namespace l2tpm::test
