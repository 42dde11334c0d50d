// Dumps: a row of names or ids is taken at once, the lines are made a few at a time.
#include <algorithm>

#include "daemon/describe.h"
#include "daemon/service.h"

namespace l2tpm::daemon {
namespace {

// One line after another from whatever `make` finds for the next item.
template <typename Item>
class ItemDump final : public Dump {
 public:
  // `make` returns null for an item that has gone or does not fit.
  ItemDump(std::vector<Item> items, std::uint32_t limit, std::function<Json(const Item&)> make)
      : items_(std::move(items)), left_(limit == 0 ? UINT32_MAX : limit), make_(std::move(make)) {}

  bool next(std::string& out, unsigned lines) override {
    for (unsigned i = 0; i < lines; ++i) {
      if (at_ == items_.size() || left_ == 0) return false;
      const Json line = make_(items_[at_++]);
      if (line.is_null()) continue;
      out += line_of(line);
      --left_;
    }
    return at_ < items_.size() && left_ > 0;
  }

 private:
  std::vector<Item> items_;
  std::size_t at_ = 0;
  std::uint32_t left_;
  std::function<Json(const Item&)> make_;
};

template <typename Item>
std::unique_ptr<Dump> dump_of(std::vector<Item> items, std::uint32_t limit,
                              std::function<Json(const Item&)> make) {
  return std::make_unique<ItemDump<Item>>(std::move(items), limit, std::move(make));
}

Json of_kind(const char* kind, Json object) {
  Json line{
      {"kind", kind}
  };
  for (auto& [key, value] : object.items()) line[key] = std::move(value);
  return line;
}

Json json_of(const Failure& failure) {
  Json line{
      {"kind",           "failure"                            },
      {"time",           failure.time                         },
      {"object",         failure.object                       },
      {"tunnel",         failure.tunnel                       },
      {"profile",        failure.profile                      },
      {"role",           failure.role                         },
      {"peer",           failure.peer                         },
      {"peer_host_name", failure.peer_host_name               },
      {"session",        failure.session                      },
      {"user",           failure.user                         },
      {"cause",          l2tpm::daemon::json_of(failure.cause)}
  };
  line["tried"] = Json::array();
  for (const Failure::Tried& each : failure.tried) {
    line["tried"].push_back({
        {"address", each.address                                       },
        {"sent",    each.sent                                          },
        {"for_ms",  each.for_ms                                        },
        {"icmp",    each.icmp.empty() ? Json(nullptr) : Json(each.icmp)}
    });
  }
  line["heard"] = nullptr;
  if (failure.heard) {
    line["heard"] = {
        {"from",     failure.heard->from    },
        {"messages", failure.heard->messages}
    };
  }
  line["repeated"] = failure.repeated;
  line["first_time"] = failure.first_time;
  line["details"] = Json::object();
  for (const auto& [key, value] : failure.details) line["details"][key] = value;
  return line;
}

// What a line is about, small enough to keep for fifty thousand of them.
struct Row {
  StatisticsOf object;
  std::string name;  // of a client, a listener or a static tunnel; others are found by id
  TunnelId tunnel;
  SessionId session;
};

}  // namespace

std::unique_ptr<Dump> Service::dump(DumpKind kind, const DumpFilter& filter) const {
  const auto wants_tunnel = [&](const Tunnel& tunnel) {
    return (filter.tunnel.empty() || tunnel.name() == filter.tunnel) &&
           (filter.profile.empty() || tunnel.owner().profile_name() == filter.profile);
  };
  std::vector<Row> rows;
  const auto add_sessions = [&] {
    for (const auto& [id, tunnel] : tunnels_.all()) {
      if (!wants_tunnel(*tunnel)) continue;
      for (const auto& [session, row] : tunnel->sessions())
        rows.push_back({StatisticsOf::session, {}, id, session});
    }
    for (const SessionView& view : statics_.sessions()) {
      if ((filter.tunnel.empty() || filter.tunnel == view.tunnel) &&
          (filter.profile.empty() || filter.profile == view.tunnel))
        rows.push_back({StatisticsOf::session, view.tunnel, {}, SessionId(view.id)});
    }
  };
  const auto add_tunnels = [&] {
    for (const auto& [name, client] : clients_) {
      if ((filter.tunnel.empty() || filter.tunnel == name) &&
          (filter.profile.empty() || filter.profile == name))
        rows.push_back({StatisticsOf::tunnel, name, {}, {}});
    }
    for (const TunnelView& view : statics_.tunnels()) {
      if ((filter.tunnel.empty() || filter.tunnel == view.name) &&
          (filter.profile.empty() || filter.profile == view.name))
        rows.push_back({StatisticsOf::tunnel, view.name, {}, {}});
    }
    for (const auto& [id, tunnel] : tunnels_.all()) {
      if (!tunnel->owner().is_client() && !tunnel->has_ended() && wants_tunnel(*tunnel))
        rows.push_back({StatisticsOf::tunnel, {}, id, {}});
    }
  };
  const auto add_listeners = [&] {
    for (const auto& [name, listener] : listeners_) {
      if (filter.tunnel.empty() && (filter.profile.empty() || filter.profile == name))
        rows.push_back({StatisticsOf::listener, name, {}, {}});
    }
  };
  const bool is_whole = filter.tunnel.empty() && filter.profile.empty();

  switch (kind) {
    case DumpKind::state:
      if (is_whole) rows.push_back({StatisticsOf::manager, {}, {}, {}});
      add_listeners();
      add_tunnels();
      return dump_of<Row>(std::move(rows), filter.limit, [this](const Row& row) -> Json {
        if (row.object == StatisticsOf::manager) {
          return of_kind("daemon", Json::parse(describe()));
        }
        if (row.object == StatisticsOf::listener) {
          const auto found = listeners_.find(row.name);
          return found == listeners_.end()
                     ? Json()
                     : of_kind("listener", l2tpm::daemon::json_of(*found->second));
        }
        const Tunnel* tunnel = tunnels_.find(row.tunnel);
        const std::string name = row.name.empty() && tunnel ? tunnel->name() : row.name;
        const auto described = describe_tunnel(name);
        return described ? of_kind("tunnel", Json::parse(*described)) : Json();
      });
    case DumpKind::sessions:
      add_sessions();
      return dump_of<Row>(
          std::move(rows), filter.limit, [this, user = filter.user](const Row& row) -> Json {
            if (!row.name.empty()) {
              const auto fixed = describe_session(row.name, row.session.value());
              return fixed && user.empty() ? of_kind("session", Json::parse(*fixed)) : Json();
            }
            const Tunnel* tunnel = tunnels_.find(row.tunnel);
            const Session* session = tunnel ? tunnel->find(row.session) : nullptr;
            if (!session || (!user.empty() && session->view().user != user)) return nullptr;
            return of_kind("session", l2tpm::daemon::json_of(*session));
          });
    case DumpKind::statistics:
      if (is_whole) rows.push_back({StatisticsOf::manager, {}, {}, {}});
      add_listeners();
      add_tunnels();
      add_sessions();
      return dump_of<Row>(std::move(rows), filter.limit, [this](const Row& row) -> Json {
        constexpr const char* kNames[] = {"manager", "listener", "tunnel", "session"};
        const Tunnel* tunnel = tunnels_.find(row.tunnel);
        const std::string name = row.name.empty() && tunnel ? tunnel->name() : row.name;
        const auto counters = statistics(row.object, name, row.session.value());
        if (!counters) return nullptr;
        Json line{
            {"kind",   "statistics"                        },
            {"object", kNames[static_cast<int>(row.object)]},
            {"name",   name                                }
        };
        if (row.object == StatisticsOf::session) line["session"] = row.session.value();
        line["counters"] = *counters;
        return line;
      });
    case DumpKind::config:
      break;
    case DumpKind::failures: {
      std::vector<Failure> failures;
      for (const Failure& each : failures_.entries()) {
        if (concerns(each, filter.peer) &&
            (filter.profile.empty() || each.profile == filter.profile) &&
            (filter.tunnel.empty() || each.tunnel == filter.tunnel) &&
            (filter.user.empty() || each.user == filter.user))
          failures.push_back(each);
      }
      // The latest of them.
      if (filter.limit != 0 && failures.size() > filter.limit)
        failures.erase(failures.begin(), failures.end() - filter.limit);
      return dump_of<Failure>(std::move(failures), 0,
                              [](const Failure& failure) { return json_of(failure); });
    }
  }
  std::vector<std::string> names;
  for (const ProfileView& profile : list_profiles()) {
    if (filter.profile.empty() || filter.profile == profile.name) names.push_back(profile.name);
  }
  return dump_of<std::string>(
      std::move(names), filter.limit, [this](const std::string& name) -> Json {
        for (const ProfileView& profile : list_profiles()) {
          if (profile.name != name) continue;
          Json line{
              {"kind",    "profile"      },
              {"name",    profile.name   },
              {"type",    profile.kind   },
              {"path",    profile.path   },
              {"layer",   profile.layer  },
              {"enabled", profile.enabled},
              {"masked",  profile.masked },
              {"errors",  profile.errors },
              {"profile", nullptr        }
          };
          if (const auto text = profile_text(name, false))
            line["profile"] = Json::parse(*text, nullptr, false);
          return line;
        }
        return nullptr;
      });
}

}  // namespace l2tpm::daemon
