#include "ctl/kernel_text.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>
#include <utility>

namespace l2tpm::ctl {
namespace {

using kview::Owner;

std::string text_of(const std::optional<Endpoint>& endpoint) {
  if (!endpoint) return {};
  return endpoint->port == 0 ? endpoint->address.to_string() : endpoint->to_string();
}

bool owner_selected(const Owner& owner, const KernelFilter& filter) {
  if (filter.ours == filter.foreign) return true;
  return owner.whose == (filter.ours ? Owner::Whose::ours : Owner::Whose::foreign);
}

bool tunnel_selected(const kview::Tunnel& tunnel, const KernelFilter& filter) {
  if (!owner_selected(tunnel.owner, filter)) return false;
  if (!filter.tunnel.empty() && filter.tunnel != std::to_string(tunnel.id) &&
      filter.tunnel != tunnel.owner.tunnel_name)
    return false;
  return filter.peer.empty() || text_of(tunnel.remote) == filter.peer ||
         (tunnel.remote && tunnel.remote->address.to_string() == filter.peer);
}

std::string link_state(const kview::Session& session) {
  if (!session.link) return session.has_socket ? "no interface" : "";
  return session.link->up ? "up" : "down";
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr std::array<const char*, 5> kUnits{"K", "M", "G", "T", "P"};
  if (bytes < 1000) return std::to_string(bytes);
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  for (value /= 1000; value >= 1000 && unit + 1 < kUnits.size(); ++unit) value /= 1000;
  return fmt::format("{:.1f}{}", value, kUnits[unit]);
}

Json counters_json(const kview::Counters& counters) {
  return {
      {"rx_packets",           counters.rx_packets          },
      {"rx_bytes",             counters.rx_bytes            },
      {"rx_errors",            counters.rx_errors           },
      {"tx_packets",           counters.tx_packets          },
      {"tx_bytes",             counters.tx_bytes            },
      {"tx_errors",            counters.tx_errors           },
      {"rx_sequence_discards", counters.rx_sequence_discards},
      {"rx_out_of_sequence",   counters.rx_out_of_sequence  },
      {"rx_cookie_discards",   counters.rx_cookie_discards  },
      {"rx_invalid",           counters.rx_invalid          }
  };
}

Json link_json(const kview::Link& link, bool statistics) {
  Json json{
      {"index",  link.index      },
      {"kind",   link.kind       },
      {"up",     link.up         },
      {"mtu",    link.mtu        },
      {"group",  link.group      },
      {"master", link.master_name}
  };
  if (statistics) {
    json["statistics"] = {
        {"rx_packets", link.counters.rx_packets},
        {"rx_bytes",   link.counters.rx_bytes  },
        {"rx_errors",  link.counters.rx_errors },
        {"rx_dropped", link.counters.rx_dropped},
        {"tx_packets", link.counters.tx_packets},
        {"tx_bytes",   link.counters.tx_bytes  },
        {"tx_errors",  link.counters.tx_errors },
        {"tx_dropped", link.counters.tx_dropped}
    };
  }
  return json;
}

Json session_json_of(const kview::Session& session, bool statistics) {
  Json json{
      {"id",               session.id                                },
      {"peer_id",          session.peer_id                           },
      {"type",             kview::pseudowire_name(session.pseudowire)},
      {"lns_mode",         session.lns_mode                          },
      {"send_sequence",    session.send_sequence                     },
      {"receive_sequence", session.receive_sequence                  },
      {"cookie",           to_hex(session.cookie)                    },
      {"peer_cookie",      to_hex(session.peer_cookie)               },
      {"interface",        session.interface                         }
  };
  json["link"] = session.link ? link_json(*session.link, statistics) : Json();
  if (statistics) json["statistics"] = counters_json(session.counters);
  return json;
}

Json owner_json(const Owner& owner) {
  Json json{
      {"whose",    kview::name(owner.whose)   },
      {"evidence", kview::name(owner.evidence)},
      {"tunnel",   owner.tunnel_name          },
      {"instance", owner.instance             },
      {"kernel",   owner.of_kernel            }
  };
  json["processes"] = Json::array();
  for (const kview::Process& process : owner.processes)
    json["processes"].push_back({
        {"pid",  process.pid },
        {"name", process.name}
    });
  return json;
}

Json tunnel_json(const kview::Tunnel& tunnel) {
  return {
      {"id",            tunnel.id                                                               },
      {"peer_id",       tunnel.peer_id                                                          },
      {"udp_checksum",  tunnel.encapsulation == kview::Encapsulation::udp && tunnel.udp_checksum},
      {"version",       tunnel.version                                                          },
      {"encapsulation", kview::name(tunnel.encapsulation)                                       },
      {"local",         text_of(tunnel.local)                                                   },
      {"remote",        text_of(tunnel.remote)                                                  },
      {"owner",         owner_json(tunnel.owner)                                                }
  };
}

std::string version_text(const kview::Tunnel& tunnel) {
  return fmt::format("v{}/{}", tunnel.version, kview::name(tunnel.encapsulation));
}

Colour colour_of(const Owner& owner) {
  switch (owner.whose) {
    case Owner::Whose::ours:
      return Colour::green;
    case Owner::Whose::foreign:
      return Colour::yellow;
    case Owner::Whose::unknown:
      return Colour::none;
  }
  return Colour::none;
}

}  // namespace

std::string owner_text(const Owner& owner) {
  if (owner.whose == Owner::Whose::unknown) return "unknown";
  if (!owner.tunnel_name.empty()) return "l2tp-manager: " + owner.tunnel_name;
  if (owner.of_kernel) return "the kernel's own";  // ip l2tp
  if (!owner.processes.empty()) {
    std::string text;
    for (const kview::Process& process : owner.processes)
      text += fmt::format("{}{} ({})", text.empty() ? "" : ", ", process.name, process.pid);
    return text;
  }
  if (owner.whose == Owner::Whose::foreign) return "foreign";
  return fmt::format("l2tp-manager (instance {})", owner.instance);
}

kview::Snapshot select(kview::Snapshot snapshot, const KernelFilter& filter) {
  std::erase_if(snapshot, [&](kview::Tunnel& tunnel) {
    if (!tunnel_selected(tunnel, filter)) return true;
    if (filter.interface.empty()) return false;
    std::erase_if(tunnel.sessions, [&](const kview::Session& session) {
      return session.interface != filter.interface;
    });
    return tunnel.sessions.empty();
  });
  return snapshot;
}

bool selects(const kview::Change& change, const KernelFilter& filter) {
  if (!tunnel_selected(change.tunnel, filter)) return false;
  return filter.interface.empty() ||
         (change.session && change.session->interface == filter.interface);
}

std::vector<Column> kernel_columns(bool statistics) {
  std::vector<Column> columns{
      {"tunnel",       "TUNNEL"     },
      {"peer-tunnel",  "PEER"       },
      {"session",      "SESSION"    },
      {"peer-session", "PEER"       },
      {"type",         "TYPE"       },
      {"local",        "LOCAL"      },
      {"remote",       "REMOTE"     },
      {"interface",    "INTERFACE"  },
      {"state",        "STATE"      },
      {"cookie",       "COOKIE"     },
      {"peer-cookie",  "PEER COOKIE"},
      {"owner",        "OWNER"      }
  };
  // Version 2 has none.
  for (Column& column : columns) column.rare = column.header.ends_with("COOKIE");
  if (statistics)
    for (const Column& column : std::initializer_list<Column>{
             {"rx",        "RX"       },
             {"tx",        "TX"       },
             {"rx-errors", "RX ERRORS"},
             {"tx-errors", "TX ERRORS"}
    })
      columns.push_back(column);
  return columns;
}

std::vector<std::vector<Cell>> kernel_rows(const kview::Snapshot& snapshot, bool statistics) {
  std::vector<std::vector<Cell>> rows;
  for (const kview::Tunnel& tunnel : snapshot) {
    const auto add = [&](const kview::Session* session) {
      std::vector<Cell> row{std::to_string(tunnel.id), std::to_string(tunnel.peer_id)};
      row.emplace_back(session == nullptr ? "" : std::to_string(session->id));
      row.emplace_back(session == nullptr ? "" : std::to_string(session->peer_id));
      row.emplace_back(session == nullptr ? version_text(tunnel)
                                          : kview::pseudowire_name(session->pseudowire));
      row.emplace_back(text_of(tunnel.local));
      row.emplace_back(text_of(tunnel.remote));
      row.emplace_back(session == nullptr ? "" : clean(session->interface));
      row.emplace_back(session == nullptr ? "" : link_state(*session));
      row.emplace_back(session == nullptr ? "" : to_hex(session->cookie));
      row.emplace_back(session == nullptr ? "" : to_hex(session->peer_cookie));
      row.emplace_back(clean(owner_text(tunnel.owner)), colour_of(tunnel.owner));
      if (statistics) {
        const kview::Counters& counters = session == nullptr ? tunnel.counters : session->counters;
        row.emplace_back(bytes_text(counters.rx_bytes));
        row.emplace_back(bytes_text(counters.tx_bytes));
        row.emplace_back(std::to_string(counters.rx_errors));
        row.emplace_back(std::to_string(counters.tx_errors));
      }
      rows.push_back(std::move(row));
    };
    if (tunnel.sessions.empty()) add(nullptr);
    for (const kview::Session& session : tunnel.sessions) add(&session);
  }
  return rows;
}

Json kernel_json(const kview::Snapshot& snapshot, bool statistics) {
  Json tunnels = Json::array();
  for (const kview::Tunnel& tunnel : snapshot) {
    Json json = tunnel_json(tunnel);
    if (statistics) json["statistics"] = counters_json(tunnel.counters);
    json["sessions"] = Json::array();
    for (const kview::Session& session : tunnel.sessions)
      json["sessions"].push_back(session_json_of(session, statistics));
    tunnels.push_back(std::move(json));
  }
  return tunnels;
}

Json change_json(const kview::Change& change, std::uint64_t time) {
  Json json{
      {"event",  change.session ? "kernel-session" : "kernel-tunnel"},
      {"time",   time                                               },
      {"change", kview::name(change.what)                           },
      {"detail", change.detail                                      },
      {"tunnel", tunnel_json(change.tunnel)                         }
  };
  if (change.session) json["session"] = session_json_of(*change.session, false);
  return json;
}

std::string change_text(const kview::Change& change) {
  const kview::Tunnel& tunnel = change.tunnel;
  std::string text = fmt::format("{:<8}  ", kview::name(change.what));
  if (change.session) {
    const kview::Session& session = *change.session;
    text += fmt::format("session {}/{} (peer {})  {}", tunnel.id, session.id, session.peer_id,
                        kview::pseudowire_name(session.pseudowire));
    if (change.detail.empty() && !session.interface.empty()) text += "  " + session.interface;
  } else {
    text += fmt::format("tunnel {} (peer {})  {}  {} - {}", tunnel.id, tunnel.peer_id,
                        version_text(tunnel), text_of(tunnel.local), text_of(tunnel.remote));
  }
  if (!change.detail.empty()) text += "  " + change.detail;
  return clean(text + "  " + owner_text(tunnel.owner));
}

}  // namespace l2tpm::ctl
