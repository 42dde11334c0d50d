#include "bus/streams.h"

#include <fcntl.h>
#include <sys/epoll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <system_error>
#include <utility>
#include <variant>

namespace l2tpm::bus {
namespace {

template <typename... Handlers>
struct Overloaded : Handlers... {
  using Handlers::operator()...;
};
template <typename... Handlers>
Overloaded(Handlers...) -> Overloaded<Handlers...>;

std::uint32_t kind_of(const daemon::Event& event) {
  return std::visit(Overloaded{
                        [](const daemon::TunnelEvent&) { return daemon::kTunnelEvents; },
                        [](const daemon::SessionEvent&) { return daemon::kSessionEvents; },
                        [](const daemon::ProfileEvent&) { return daemon::kProfileEvents; },
                        [](const daemon::ReloadEvent&) { return daemon::kReloadEvents; },
                        [](const daemon::DaemonEvent&) { return daemon::kDaemonEvents; },
                        [](const daemon::ListenerEvent&) { return daemon::kListenerEvents; },
                        [](const daemon::PacketEvent&) { return daemon::kPacketEvents; },
                    },
                    event.what);
}

bool wants(const daemon::EventFilter& filter, const daemon::Event& event) {
  if ((filter.kinds & kind_of(event)) == 0) return false;
  if (const auto* tunnel = std::get_if<daemon::TunnelEvent>(&event.what))
    return filter.tunnel.empty() || filter.tunnel == tunnel->tunnel;
  if (const auto* session = std::get_if<daemon::SessionEvent>(&event.what))
    return (filter.tunnel.empty() || filter.tunnel == session->tunnel) &&
           (filter.session == 0 || filter.session == session->session);
  return true;
}

std::string without_names(const daemon::Event& event) {
  daemon::Event copy = event;
  if (auto* session = std::get_if<daemon::SessionEvent>(&copy.what)) session->user.clear();
  return daemon::json_line(copy);
}

Refusal system_error(const char* what) {
  return {"org.L2tpManager1.Error.Failed",
          std::string(what) + ": " + std::generic_category().message(errno)};
}

}  // namespace

Streams::Streams(daemon::ServiceApi& service)
    : service_(service), epoll_(::epoll_create1(EPOLL_CLOEXEC)) {}

Streams::~Streams() {
  for (const auto& [id, stream] : streams_)
    if (stream.subscription != 0) service_.unsubscribe(stream.subscription);
  if (subscription_ != 0) service_.unsubscribe(subscription_);
}

Result<UniqueFd, Refusal> Streams::open(const std::string& client,
                                        const daemon::EventFilter& filter, bool names) {
  const auto of_one = std::count_if(streams_.begin(), streams_.end(),
                                    [&](const auto& row) { return row.second.client == client; });
  if (streams_.size() >= kMostStreams || static_cast<std::size_t>(of_one) >= kMostOfOne)
    return Unexpected(Refusal{kLimitExceeded, "too many event streams are open"});
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) return Unexpected(system_error("no pipe"));
  UniqueFd reader(ends[0]);
  UniqueFd writer(ends[1]);
  ::fcntl(writer.get(), F_SETFL, O_NONBLOCK);
  const std::uint64_t id = next_++;
  // Edges: once when there is room again, once when the reader has gone.
  epoll_event event{.events = EPOLLOUT | EPOLLET, .data = {.u64 = id}};
  if (::epoll_ctl(epoll_.get(), EPOLL_CTL_ADD, writer.get(), &event) != 0)
    return Unexpected(system_error("the pipe cannot be watched"));
  Stream& stream =
      streams_.emplace(id, Stream{client, filter, names, std::move(writer)}).first->second;
  if ((filter.kinds & daemon::kPacketEvents) != 0) {
    daemon::EventFilter packets = filter;
    packets.kinds = daemon::kPacketEvents;
    stream.subscription = service_.subscribe(
        packets, [this, id](const daemon::Event& packet) { on_packet(id, packet); });
  }
  subscribe();
  return reader;
}

// For what all streams together want; nothing is made for nobody.
void Streams::subscribe() {
  std::uint32_t kinds = 0;
  for (const auto& [id, stream] : streams_) kinds |= stream.filter.kinds & daemon::kAllButPackets;
  if (kinds == subscribed_kinds_) return;
  if (subscription_ != 0) service_.unsubscribe(subscription_);
  subscription_ = 0;
  subscribed_kinds_ = kinds;
  if (kinds == 0) return;
  daemon::EventFilter filter;
  filter.kinds = kinds;
  subscription_ =
      service_.subscribe(filter, [this](const daemon::Event& event) { on_event(event); });
}

void Streams::on_event(const daemon::Event& event) {
  std::string line;
  std::string nameless;
  for (auto& [id, stream] : streams_) {
    if (!wants(stream.filter, event)) continue;
    std::string& text = stream.names ? line : nameless;
    if (text.empty()) text = stream.names ? daemon::json_line(event) : without_names(event);
    push(stream, text);
  }
}

void Streams::on_packet(std::uint64_t id, const daemon::Event& event) {
  if (const auto found = streams_.find(id); found != streams_.end())
    push(found->second, daemon::json_line(event));
}

// Only notes: the pipe is written at the end of the turn, many lines at once.
void Streams::push(Stream& stream, const std::string& line) {
  if (stream.lost != 0 || stream.buffer.size() + line.size() > kMostBuffered)
    ++stream.lost;
  else
    stream.buffer += line;
  pending_ = true;
}

void Streams::write(Stream& stream) {
  while (!stream.gone) {
    if (stream.lost != 0 && stream.buffer.size() < kMostBuffered / 2)
      stream.buffer += daemon::json_line_lost(std::exchange(stream.lost, 0));
    if (stream.buffer.empty()) return;
    const ssize_t written = ::write(stream.pipe.get(), stream.buffer.data(), stream.buffer.size());
    if (written < 0) {
      stream.gone = errno != EAGAIN;
      return;
    }
    stream.buffer.erase(0, static_cast<std::size_t>(written));
  }
}

void Streams::flush() {
  epoll_event events[16];
  const int ready = ::epoll_wait(epoll_.get(), events, 16, 0);
  bool any_gone = false;
  for (int i = 0; i < ready; ++i) {
    const auto found = streams_.find(events[i].data.u64);
    if (found == streams_.end()) continue;
    if ((events[i].events & EPOLLERR) != 0) found->second.gone = true;
    write(found->second);
    any_gone = any_gone || found->second.gone;
  }
  if (pending_) {
    pending_ = false;
    for (auto& [id, stream] : streams_) {
      write(stream);
      any_gone = any_gone || stream.gone;
    }
  }
  if (any_gone) remove_gone();
}

void Streams::client_left(const std::string& client) {
  bool any = false;
  for (auto& [id, stream] : streams_) {
    if (stream.client == client) any = stream.gone = true;
  }
  if (any) remove_gone();
}

void Streams::remove_gone() {
  for (auto row = streams_.begin(); row != streams_.end();) {
    if (!row->second.gone) {
      ++row;
      continue;
    }
    if (row->second.subscription != 0) service_.unsubscribe(row->second.subscription);
    row = streams_.erase(row);
  }
  subscribe();
}

}  // namespace l2tpm::bus
