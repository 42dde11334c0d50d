// Events as lines of JSON.
#include <array>

#include "base/overloaded.h"
#include "daemon/describe.h"
#include "daemon/events.h"
#include "daemon/realtime.h"

namespace l2tpm::daemon {
namespace {

struct Kind {
  const char* name;
  std::uint32_t bit;
};
// In the order of Event::what.
constexpr std::array kKinds = {
    Kind{"tunnel",   kTunnelEvents  },
    Kind{"session",  kSessionEvents },
    Kind{"profile",  kProfileEvents },
    Kind{"reload",   kReloadEvents  },
    Kind{"daemon",   kDaemonEvents  },
    Kind{"listener", kListenerEvents},
    Kind{"packet",   kPacketEvents  }
};

std::string hex(const Bytes& bytes) {
  constexpr char kDigits[] = "0123456789abcdef";
  std::string text;
  text.reserve(2 * bytes.size());
  for (const std::uint8_t octet : bytes) {
    text += kDigits[octet >> 4];
    text += kDigits[octet & 15];
  }
  return text;
}

const char* name(ProfileEvent::Change change) {
  switch (change) {
    case ProfileEvent::Change::added:
      return "added";
    case ProfileEvent::Change::changed:
      return "changed";
    case ProfileEvent::Change::removed:
      return "removed";
  }
  return "changed";
}

void fill(Json& line, const TunnelEvent& event) {
  line["tunnel"] = event.tunnel;
  line["profile"] = event.profile;
  line["old"] = event.old_state;
  line["new"] = event.new_state;
  line["cause"] = json_of(event.cause);
  line["remote"] = event.remote;
  line["peer_host_name"] = event.peer_host_name;
}

void fill(Json& line, const SessionEvent& event) {
  line["tunnel"] = event.tunnel;
  line["session"] = event.session;
  line["old"] = event.old_state;
  line["new"] = event.new_state;
  line["cause"] = json_of(event.cause);
  line["interface"] = event.interface;
  line["user"] = event.user;
  line["address"] = event.address;
  line["pseudowire"] = event.pseudowire;
  if (event.pseudowire.rfind("ethernet", 0) == 0) {
    line["circuit_active"] = event.circuit_active;
    line["peer_circuit_active"] = event.peer_circuit_active;
  }
}

void fill(Json& line, const ProfileEvent& event) {
  line["name"] = event.name;
  line["change"] = name(event.change);
}

void fill(Json& line, const ReloadEvent& event) {
  line["changed"] = event.changed;
  line["errors"] = event.errors;
}

void fill(Json& line, const DaemonEvent& event) { line["state"] = event.state; }

void fill(Json& line, const ListenerEvent& event) {
  line["name"] = event.name;
  line["old"] = event.old_state;
  line["new"] = event.new_state;
}

void fill(Json& line, const PacketEvent& event) {
  line["direction"] = event.outgoing ? "out" : "in";
  line["layer"] = event.layer == PacketEvent::Layer::l2tp ? "l2tp" : "ppp";
  line["tunnel"] = event.tunnel;
  line["session"] = event.session;
  line["local"] = event.local;
  line["remote"] = event.remote;
  line["summary"] = event.summary;
  line["fields"] = Json::object();
  for (const auto& [key, value] : event.fields) {
    // The same AVP or option may be there twice.
    std::string unique = key;
    for (int again = 2; line["fields"].contains(unique); ++again)
      unique = key + " " + std::to_string(again);
    line["fields"][unique] = value;
  }
  line["data"] = hex(event.data);
}

}  // namespace

std::string json_line(const Event& event) {
  static_assert(kKinds.size() == std::variant_size_v<decltype(Event::what)>);
  Json line{
      {"event", kKinds[event.what.index()].name},
      {"time",  event.time                     }
  };
  std::visit([&](const auto& what) { fill(line, what); }, event.what);
  return line_of(line);
}

std::string json_line_lost(std::uint64_t count) {
  return line_of({
      {"event", "lost"         },
      {"time",  realtime_usec()},
      {"count", count          }
  });
}

std::uint32_t event_kind(const std::string& name) {
  for (const Kind& kind : kKinds) {
    if (name == kind.name) return kind.bit;
  }
  return 0;
}

}  // namespace l2tpm::daemon
