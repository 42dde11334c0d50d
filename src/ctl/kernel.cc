// `l2tpctl kernel show` and `kernel monitor`: the kernel itself, with or without the daemon.
#include <fmt/chrono.h>
#include <sys/signalfd.h>

#include <algorithm>
#include <chrono>
#include <csignal>
#include <ctime>
#include <ostream>

#include "base/fd.h"
#include "ctl/kernel_text.h"
#include "ctl/local.h"
#include "ctl/rows.h"
#include "kview/source.h"

namespace l2tpm::ctl {
namespace {

using Clock = std::chrono::steady_clock;
using kview::Snapshot;
using kview::Source;
using kview::ViewError;

// Looking is not free on a busy machine: it never takes more than this share of the time.
constexpr int kShare = 10;

ExitCode report(Context& context, const ViewError& error) {
  context.err << "l2tpctl: " << clean(error.message) << '\n';
  return error.reason == ViewError::Reason::no_permission ? ExitCode::refused : ExitCode::failure;
}

// nullopt: there is no daemon, or it does not answer; the kernel is shown all the same.
std::optional<std::vector<kview::DaemonTunnel>> ask_daemon(const Context& context) {
  auto client = Client::connect(context.options.bus);
  if (!client) return std::nullopt;
  std::uint32_t total = 0;
  const auto rows = client->tunnels({}, kAll, total);
  if (!rows) return std::nullopt;
  std::vector<kview::DaemonTunnel> tunnels;
  for (const TunnelRow& row : *rows) tunnels.push_back({row.name, row.local, row.remote, 0});
  return tunnels;
}

KernelFilter filter_of(const Options& options) {
  KernelFilter filter;
  filter.ours = options.has("ours");
  filter.foreign = options.has("foreign");
  filter.tunnel = options.value("tunnel");
  filter.interface = options.value("iface");
  filter.peer = options.value("peer");
  return filter;
}

class Monitor {
 public:
  Monitor(Context& context, Source& source)
      : context_(context), source_(source), filter_(filter_of(context.options)) {}

  ExitCode run() {
    sigset_t mask;
    sigemptyset(&mask);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGTERM);
    sigprocmask(SIG_BLOCK, &mask, nullptr);
    const UniqueFd stop(signalfd(-1, &mask, SFD_CLOEXEC));
    // Listening comes before the first look: nothing falls between them.
    if (auto listening = source_.listen(); !listening) return report(context_, listening.error());
    auto first = read();
    if (!first) return report(context_, first.error());
    if (context_.options.has("initial")) tell(kview::changes({}, *first));
    last_ = std::move(*first);
    const std::chrono::milliseconds interval =
        std::chrono::seconds(context_.options.number("interval").value_or(1));
    while (context_.out.good()) {
      const auto took = std::chrono::duration_cast<std::chrono::milliseconds>(cost_) * kShare;
      const auto heard = source_.wait(std::max(interval, took), stop.get());
      if (!heard) return report(context_, heard.error());
      if (*heard == Source::Heard::stop) return ExitCode::ok;
      auto now = read();
      if (!now) return report(context_, now.error());
      tell(kview::changes(last_, *now));
      last_ = std::move(*now);
    }
    return ExitCode::ok;
  }

 private:
  Result<Snapshot, ViewError> read() {
    const auto started = Clock::now();
    auto snapshot = source_.read(daemon_tunnels_);
    cost_ = Clock::now() - started;
    if (!snapshot) return snapshot;
    // A new tunnel may be the daemon's: it is asked then, and not every time.
    const auto is_new = [&](const kview::Tunnel& tunnel) {
      const auto known =
          std::lower_bound(last_.begin(), last_.end(), tunnel.id,
                           [](const kview::Tunnel& t, std::uint32_t id) { return t.id < id; });
      return known == last_.end() || known->id != tunnel.id || known->remote != tunnel.remote;
    };
    if (!std::any_of(snapshot->begin(), snapshot->end(), is_new)) return snapshot;
    daemon_tunnels_ = ask_daemon(context_);
    return source_.read(daemon_tunnels_);
  }

  void tell(const std::vector<kview::Change>& changes) {
    const auto now = std::chrono::system_clock::now();
    const auto microseconds =
        std::chrono::duration_cast<std::chrono::microseconds>(now.time_since_epoch()).count();
    for (const kview::Change& change : changes) {
      if (!selects(change, filter_)) continue;
      if (context_.options.json != JsonStyle::off) {
        context_.out << one_line(change_json(change, static_cast<std::uint64_t>(microseconds)))
                     << '\n';
        continue;
      }
      const std::time_t seconds = microseconds / 1000000;
      std::tm local{};
      localtime_r(&seconds, &local);
      context_.print.line(fmt::format("{:%H:%M:%S}.{:03}  {}", local, microseconds / 1000 % 1000,
                                      change_text(change)));
    }
    context_.out.flush();
  }

  Context& context_;
  Source& source_;
  KernelFilter filter_;
  Snapshot last_;
  std::optional<std::vector<kview::DaemonTunnel>> daemon_tunnels_;
  Clock::duration cost_{};
};

}  // namespace

ExitCode kernel_show(Context& context) {
  auto source = Source::open();
  if (!source) return report(context, source.error());
  auto snapshot = source->read(ask_daemon(context));
  if (!snapshot) return report(context, snapshot.error());
  const bool statistics = context.options.has("statistics");
  const Snapshot shown = select(std::move(*snapshot), filter_of(context.options));
  if (context.options.json != JsonStyle::off) {
    print_json(context, kernel_json(shown, statistics));
    return ExitCode::ok;
  }
  return print_table(context, kernel_columns(statistics), kernel_rows(shown, statistics));
}

ExitCode kernel_monitor(Context& context) {
  auto source = Source::open();
  if (!source) return report(context, source.error());
  return Monitor(context, *source).run();
}

}  // namespace l2tpm::ctl
