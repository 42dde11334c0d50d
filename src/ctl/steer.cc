// The commands that change something: up, down, session close, reload.
#include <algorithm>
#include <ostream>
#include <thread>

#include "ctl/handlers.h"
#include "ctl/hint.h"

namespace l2tpm::ctl {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFirstLook{50};
constexpr std::chrono::milliseconds kLongestPause{500};

// The state a tunnel is in, rewritten in place while "up" waits. Nothing where no terminal is.
class Progress {
 public:
  explicit Progress(Context& context) : context_(context) {}
  ~Progress() { clear(); }
  void show(const std::string& text) {
    if (!context_.show_progress || text == shown_) return;
    clear();
    context_.err << text << std::flush;
    shown_ = text;
  }
  void clear() {
    if (!shown_.empty()) context_.err << "\r\x1b[K" << std::flush;
    shown_.clear();
  }

 private:
  Context& context_;
  std::string shown_;
};

ExitCode complain(Context& context, const std::string& profile, const std::string& what,
                  const Explained& error, ExitCode code) {
  context.err << "l2tpctl: " << clean(profile) << ": " << what;
  if (!error.text.empty()) context.err << ": " << error.text;
  context.err << '\n';
  if (!error.hint.empty()) context.err << "  hint: " << error.hint << '\n';
  return code;
}

void say_up(Context& context, const std::string& profile, const SessionRow& session) {
  if (context.options.json != JsonStyle::off) return;
  std::string text = clean(profile) + ": up";
  if (!session.interface.empty()) text += " on " + clean(session.interface);
  if (!session.address.empty()) text += ", " + clean(session.address);
  context.print.line(text);
}

// Waits until a session of the profile is up. A listener has nothing to wait for.
ExitCode await_session(Context& context, Client& client, const std::string& profile,
                       Clock::time_point deadline) {
  Progress progress(context);
  for (auto pause = kFirstLook;; pause = std::min(pause * 2, kLongestPause)) {
    std::uint32_t total = 0;
    const auto tunnels = client.tunnels({profile, "", ""}, 1, total);
    if (!tunnels) return report(context, tunnels.error());
    if (tunnels->empty() || tunnels->front().role == "lns") {
      if (context.options.json == JsonStyle::off) context.print.line(clean(profile) + ": started");
      return ExitCode::ok;
    }
    const TunnelRow& tunnel = tunnels->front();
    const auto up = client.sessions({tunnel.name, "", "", "up"}, 1, total);
    if (!up) return report(context, up.error());
    if (!up->empty()) {
      progress.clear();
      say_up(context, profile, up->front());
      return ExitCode::ok;
    }
    Explained error;
    if (const auto text = client.describe_tunnel(tunnel.name); text)
      error = last_error(parse_json(*text));
    if (tunnel.state == "failed") {
      progress.clear();
      return complain(context, profile, "failed", error, ExitCode::failure);
    }
    if (tunnel.state == "backoff" && error.is_definite) {
      progress.clear();
      return complain(context, profile, "not up (the daemon keeps trying)", error,
                      ExitCode::failure);
    }
    const auto now = Clock::now();
    if (now >= deadline) {
      progress.clear();
      return complain(context, profile, "still " + clean(tunnel.state), error, ExitCode::timeout);
    }
    progress.show(clean(profile) + ": " + clean(tunnel.state) +
                  (error.text.empty() ? "" : " (" + error.text + ")"));
    std::this_thread::sleep_for(
        std::min<Clock::duration>(pause, deadline - now + std::chrono::milliseconds(1)));
  }
}

}  // namespace

ExitCode up(Context& context, Client& client) {
  const Options& options = context.options;
  std::vector<std::string> started;
  // All are started before the first is waited for: they come up side by side.
  const ExitCode starts = for_each(options.words, [&](const std::string& profile) {
    const auto done = client.start(profile);
    if (!done && done.error().name != kAlreadyRunning) return report(context, done.error());
    started.push_back(profile);
    return ExitCode::ok;
  });
  if (options.has("no-wait")) return starts;
  const auto deadline = Clock::now() + options.wait;
  const ExitCode waits = for_each(started, [&](const std::string& profile) {
    return await_session(context, client, profile, deadline);
  });
  return starts != ExitCode::ok ? starts : waits;
}

ExitCode down(Context& context, Client& client) {
  return for_each(context.options.words, [&](const std::string& profile) {
    const auto done = client.stop(profile);
    return done ? ExitCode::ok : report(context, done.error());
  });
}

ExitCode session_close(Context& context, Client& client) {
  return for_each(context.options.words, [&](const std::string& word) {
    const auto session = session_name(word);
    const auto done = client.close_session(session->tunnel, session->id);
    return done ? ExitCode::ok : report(context, done.error());
  });
}

ExitCode reload(Context& context, Client& client) {
  const auto changes = client.reload();
  if (!changes) return report(context, changes.error());
  if (context.options.json != JsonStyle::off) {
    print_json(context, {
                            {"changed", changes->changed},
                            {"errors",  changes->errors }
    });
  } else {
    for (const std::string& line : changes->changed) context.print.line(clean(line));
    for (const std::string& line : changes->errors) context.err << "error: " << clean(line) << '\n';
  }
  return changes->errors.empty() ? ExitCode::ok : ExitCode::failure;
}

}  // namespace l2tpm::ctl
