// The commands that change something that runs: up, down, restart, ping, session close, reload.
#include <algorithm>
#include <ostream>
#include <thread>

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "ctl/watch.h"

namespace l2tpm::ctl {
namespace {

using Clock = std::chrono::steady_clock;
constexpr std::chrono::milliseconds kFirstLook{50};
constexpr std::chrono::milliseconds kLongestPause{500};

// Waits until a session of the profile is up. A listener has nothing to wait for, and a profile
// that has nothing yet was started this moment.
ExitCode await_session(Context& context, Client& client, const std::string& profile,
                       Clock::time_point deadline, Agent* agent) {
  Progress progress(context);
  for (auto pause = kFirstLook;; pause = std::min(pause * 2, kLongestPause)) {
    if (agent && agent->has_question()) {
      progress.clear();
      const auto asked = Clock::now();
      if (!agent->ask())
        return complain(context, profile, "no password was given", {}, ExitCode::failure);
      deadline += Clock::now() - asked;  // a person's time does not count
    }
    const auto look = look_at(client, profile);
    if (!look) return report(context, look.error());
    const auto text = [&](const std::string& what) {
      progress.clear();
      if (!is_json(context)) context.print.line(what);
      return ExitCode::ok;
    };
    switch (look->found) {
      case Look::Found::up:
        return text(up_text(profile, look->session));
      case Look::Found::started:
      case Look::Found::gone:
        return text(clean(profile) + ": started");
      case Look::Found::failed:
        progress.clear();
        return complain(context, profile, "failed", look->error, ExitCode::failure);
      case Look::Found::refused:
        if (agent) break;  // it will be asked anew
        progress.clear();
        return complain(context, profile, "not up (the daemon keeps trying)", look->error,
                        ExitCode::failure);
      case Look::Found::on_its_way:
        break;
    }
    const auto now = Clock::now();
    if (now >= deadline) {
      progress.clear();
      return complain(context, profile, "still " + clean(look->state), look->error,
                      ExitCode::timeout);
    }
    progress.show(clean(profile) + ": " + clean(look->state) +
                  (look->error.text.empty() ? "" : " (" + look->error.text + ")"));
    std::this_thread::sleep_for(
        std::min<Clock::duration>(pause, deadline - now + std::chrono::milliseconds(1)));
  }
}

using Start = Answer<Done> (Client::*)(const std::string&, const Secret&);

ExitCode start_all(Context& context, Client& client, Start start) {
  const Options& options = context.options;
  std::unique_ptr<Agent> agent;
  if (options.has("ask")) {
    if (!context.terminal.in) return usage(context, "--ask needs a terminal to ask on");
    auto offered = Agent::offer(options.bus);
    if (!offered) return report(context, offered.error());
    agent = std::move(*offered);
  }
  Secret password;
  if (options.has("password-file")) {
    auto read = read_secret(options.value("password-file"));
    if (!read) return fail(context, read.error());
    password = std::move(*read);
  }
  std::vector<std::string> started;
  // All are started before the first is waited for: they come up side by side.
  const ExitCode starts = for_each(options.words, [&](const std::string& profile) {
    const auto done = (client.*start)(profile, password);
    if (!done && done.error().name != kWrongState) return report(context, done.error());
    started.push_back(profile);
    return ExitCode::ok;
  });
  if (options.has("no-wait")) return starts;
  const auto deadline = Clock::now() + options.wait;
  const ExitCode waits = for_each(started, [&](const std::string& profile) {
    return await_session(context, client, profile, deadline, agent.get());
  });
  return starts != ExitCode::ok ? starts : waits;
}

}  // namespace

ExitCode up(Context& context, Client& client) { return start_all(context, client, &Client::start); }

ExitCode tunnel_restart(Context& context, Client& client) {
  return start_all(context, client, &Client::restart);
}

ExitCode down(Context& context, Client& client) {
  return for_each(context.options.words, [&](const std::string& profile) {
    const auto done = client.stop(profile);
    return done ? ExitCode::ok : report(context, done.error());
  });
}

ExitCode tunnel_ping(Context& context, Client& client) {
  const auto deadline = Clock::now() + context.options.wait;
  auto results = Json::array();
  const ExitCode code = for_each(context.options.words, [&](const std::string& tunnel) {
    if (Clock::now() >= deadline)
      return report(context, {ExitCode::timeout, "", tunnel + ": there was no time left to ask"});
    const auto rtt = client.ping(tunnel);
    if (!rtt) return report(context, rtt.error());
    if (is_json(context))
      results.push_back({
          {"tunnel",   tunnel      },
          {"rtt_usec", rtt->count()}
      });
    else
      context.print.line(clean(tunnel) + ": answered in " + milliseconds(*rtt));
    return ExitCode::ok;
  });
  if (is_json(context)) print_json(context, results);
  return code;
}

ExitCode session_close(Context& context, Client& client) {
  return for_each(context.options.words, [&](const std::string& word) {
    const auto session = session_name(word);
    const auto done =
        client.close_session(session->tunnel, session->id, context.options.value("reason"));
    return done ? ExitCode::ok : report(context, done.error());
  });
}

ExitCode reload(Context& context, Client& client) {
  const auto changes = client.reload();
  if (!changes) return report(context, changes.error());
  if (!is_json(context)) {
    for (const std::string& line : changes->changed) context.print.line(clean(line));
    return report(context, "", changes->diagnostics);
  }
  print_json(context, {
                          {"changed",     changes->changed                      },
                          {"diagnostics", diagnostics_json(changes->diagnostics)}
  });
  return has_error(changes->diagnostics) ? ExitCode::failure : ExitCode::ok;
}

}  // namespace l2tpm::ctl
