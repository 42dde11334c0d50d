// What Manager shows: lists, JSON, dumps and event streams.
#include <algorithm>
#include <utility>

#include "bus/manager.h"
#include "bus/paths.h"

namespace l2tpm::bus {
namespace {

constexpr std::uint32_t kDefaultLimit = 1000;
constexpr std::uint32_t kHighestLimit = 10'000;

std::uint32_t page_limit(std::uint32_t asked) {
  return asked == 0 ? kDefaultLimit : std::min(asked, kHighestLimit);
}

void refuse_names(const std::string& user) {
  if (!user.empty())
    throw dbus::make_error(kAccessDenied, std::string("not authorized for ") +
                                              action::kViewSessions +
                                              ": sessions are not found by the names of users");
}

}  // namespace

sdbus::ObjectPath Manager::GetTunnel(const std::string& name) {
  return looked_up([&] {
    check_name(name);
    return face_.objects->fetch(caller_of(getObject()).name, name);
  });
}

std::tuple<sdbus::ObjectPath, std::uint32_t, sdbus::ObjectPath> Manager::GetSessionByInterface(
    const std::string& interface) {
  return looked_up([&] {
    check_name(interface);
    const auto found = value_of(face_.service.session_by_interface(interface));
    const bool is_object = face_.objects->has(found.tunnel, found.session);
    return std::tuple(
        tunnel_path(found.tunnel), found.session,
        is_object ? session_path(found.tunnel, found.session) : sdbus::ObjectPath("/"));
  });
}

std::tuple<std::vector<Manager::TunnelRow>, std::uint32_t> Manager::ListTunnels(
    const bus::Options& filter, const std::uint32_t& offset, const std::uint32_t& limit) {
  return looked_up([&] {
    const auto page = face_.service.list_tunnels(tunnel_filter(filter), offset, page_limit(limit));
    std::vector<TunnelRow> rows;
    rows.reserve(page.rows.size());
    for (const daemon::TunnelView& tunnel : page.rows)
      rows.emplace_back(tunnel.name, tunnel_path(tunnel.name), tunnel.role, tunnel.state,
                        tunnel.local, tunnel.remote, tunnel.sessions);
    return std::tuple(std::move(rows), page.total);
  });
}

void Manager::ListSessions(sdbus::Result<std::vector<SessionRow>, std::uint32_t>&& result,
                           bus::Options filter, std::uint32_t offset, std::uint32_t limit) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.with_names(
        caller_of(getObject()), "", reply,
        [this, wanted = session_filter(filter), offset, limit](const auto& to, bool names) {
          if (!names) refuse_names(wanted.user);
          const auto page = face_.service.list_sessions(wanted, offset, page_limit(limit));
          std::vector<SessionRow> rows;
          rows.reserve(page.rows.size());
          for (const daemon::SessionView& session : page.rows)
            rows.emplace_back(session.tunnel, session.id, session.peer_id, session.pseudowire,
                              session.state, session.interface,
                              names ? session.user : std::string(), session.address,
                              session.up_since);
          to.returnResults(rows, page.total);
        });
  });
}

void Manager::Dump(File&& result, std::string kind, bus::Options filter) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    const Caller caller = caller_of(getObject());
    const auto what = dump_kind(kind);
    const auto wanted = dump_filter(filter);
    const auto dump = [this, client = caller.name, what, wanted, reply](bool names) {
      const auto done = [this, reply](Result<UniqueFd, Refusal> file) {
        face_.answer(*reply, [&] {
          if (!file) throw to_bus(file.error());
          reply->returnResults(sdbus::UnixFd(file->get()));
        });
      };
      face_.dumps.ask(client, face_.clients.user(client).value_or(static_cast<uid_t>(-1)), what,
                      wanted, names, done);
    };
    // What ended and why is told with names and in the peers' words, or not at all.
    if (what == daemon::DumpKind::failures) {
      face_.authorized(caller, action::kViewSessions, "", reply,
                       [dump](const auto&) { dump(true); });
    } else {
      face_.with_names(caller, "", reply, [dump, wanted](const auto&, bool names) {
        if (!names) refuse_names(wanted.user);
        dump(names);
      });
    }
  });
}

void Manager::OpenEventStream(File&& result, bus::Options filter) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    const Caller caller = caller_of(getObject());
    const auto wanted = event_filter(filter);
    const auto open = [this, client = caller.name, wanted](const File& to, bool names) {
      auto reader = face_.streams.open(client, wanted, names);
      if (!reader) throw to_bus(reader.error());
      to.returnResults(sdbus::UnixFd(reader->get()));
    };
    // Whoever may see packets sees what is in them, names too.
    if ((wanted.kinds & daemon::kPacketEvents) != 0)
      face_.authorized(caller, action::kDebug, wanted.tunnel, reply,
                       [open](const File& to) { open(to, true); });
    else
      face_.with_names(caller, wanted.tunnel, reply, open);
  });
}

void Manager::Describe(Text&& result) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    face_.with_names(caller_of(getObject()), "", reply, [this](const Text& to, bool names) {
      std::string json = face_.service.describe();
      if (!names) hide_users(json);
      to.returnResults(json);
    });
  });
}

std::string Manager::DescribeTunnel(const std::string& name) {
  return looked_up([&] {
    check_name(name);
    return value_of(face_.service.describe_tunnel(name));
  });
}

void Manager::DescribeSession(Text&& result, std::string tunnel, std::uint32_t session) {
  const auto reply = shared(std::move(result));
  face_.answer(*reply, [&] {
    check_name(tunnel);
    // Its counters are as they are now.
    face_.with_names(caller_of(getObject()), tunnel, reply,
                     [face = &face_, tunnel, session, reply](const Text&, bool names) {
                       face->service.refresh_counters(face->later([=] {
                         face->answer(*reply, [&] {
                           std::string json =
                               value_of(face->service.describe_session(tunnel, session));
                           if (!names) hide_users(json);
                           reply->returnResults(json);
                         });
                       }));
                     });
  });
}

void Manager::Get(sdbus::Result<std::map<std::string, std::uint64_t>>&& result) {
  face_.statistics(daemon::StatisticsOf::manager, "", 0, std::move(result));
}

}  // namespace l2tpm::bus
