// The pieces of describe.h.
#include <array>
#include <chrono>

#include "daemon/bridging.h"
#include "daemon/describe.h"
#include "daemon/listener.h"
#include "daemon/tunnel.h"

namespace l2tpm::daemon {
namespace {

Json addresses_of(const std::array<IpAddress, 2>& addresses) {
  Json list = Json::array();
  for (const IpAddress& address : addresses) {
    if (!address.is_unspecified()) list.push_back(address.to_string());
  }
  return list;
}

Json json_of(const std::vector<wire::AvpText>& avps) {
  Json list = Json::array();
  for (const wire::AvpText& avp : avps)
    list.push_back({
        {"name",  avp.name },
        {"value", avp.value}
    });
  return list;
}

}  // namespace

Json json_of(const Cause& cause) {
  if (cause.code == CauseCode::none) return nullptr;
  return {
      {"code",       name(cause.code)     },
      {"by_peer",    cause.by_peer        },
      {"result",     cause.result_code    },
      {"error",      cause.error_code     },
      {"disconnect", cause.disconnect_code},
      {"message",    cause.message        }
  };
}

Json json_of(const TunnelView& view) {
  Json json{
      {"name",           view.name               },
      {"profile",        view.profile            },
      {"role",           view.role               },
      {"state",          view.state              },
      {"local",          view.local              },
      {"remote",         view.remote             },
      {"peer_host_name", view.peer_host_name     },
      {"peer_vendor",    view.peer_vendor        },
      {"tunnel_id",      view.tunnel_id          },
      {"peer_tunnel_id", view.peer_tunnel_id     },
      {"sessions",       view.sessions           },
      {"established_at", view.established_at     },
      {"retry_at",       view.retry_at           },
      {"last_error",     json_of(view.last_error)},
      {"version",        view.version            },
      {"encapsulation",  view.encapsulation      },
      {"protection",     view.protection         },
      {"transient",      view.transient          },
      {"reports_only",   view.reports_only       },
      {"owner",          view.owner              }
  };
  if (!view.version3.convergence.empty()) json["convergence"] = view.version3.convergence;
  if (!view.version3.router_id.empty()) {
    json["version3"] = {
        {"router_id",        view.version3.router_id       },
        {"peer_router_id",   view.version3.peer_router_id  },
        {"peer_pseudowires", view.version3.peer_pseudowires},
        {"digest",           view.version3.digest          },
        {"authenticated",    view.version3.authenticated   },
        {"peer_secret",      view.version3.peer_secret     }
    };
  }
  return json;
}

Json json_of(const SessionView& view) {
  return {
      {"tunnel",     view.tunnel    },
      {"id",         view.id        },
      {"peer_id",    view.peer_id   },
      {"pseudowire", view.pseudowire},
      {"state",      view.state     },
      {"interface",  view.interface },
      {"user",       view.user      },
      {"address",    view.address   },
      {"up_since",   view.up_since  }
  };
}

std::string link_local(std::uint64_t interface_id) {
  std::array<std::uint8_t, 16> octets{0xfe, 0x80};
  for (std::size_t i = 0; i < 8; ++i)
    octets[8 + i] = static_cast<std::uint8_t>(interface_id >> (56 - 8 * i));
  return IpAddress::v6(octets).to_string();
}

namespace {

Json json_of(const EthernetView& view) {
  return {
      {"name",                view.name               },
      {"remote_end_id",       view.remote_end_id      },
      {"mac",                 view.mac                },
      {"attached_to",         view.attached_to        },
      {"vlan",                view.vlan               },
      {"cookie",              view.cookie             },
      {"peer_cookie",         view.peer_cookie        },
      {"sublayer",            view.sublayer           },
      {"send_sequence",       view.send_sequence      },
      {"receive_sequence",    view.receive_sequence   },
      {"circuit",             view.circuit            },
      {"circuit_active",      view.circuit_active     },
      {"peer_circuit_active", view.peer_circuit_active}
  };
}

Json json_of(const kernel::Counters& counters) {
  Json json{
      {"rx_packets", counters.rx_packets},
      {"tx_packets", counters.tx_packets},
      {"rx_bytes",   counters.rx_bytes  },
      {"tx_bytes",   counters.tx_bytes  },
      {"rx_errors",  counters.rx_errors },
      {"tx_errors",  counters.tx_errors }
  };
  if (counters.bcp) json.update(Json(named(*counters.bcp)));
  return json;
}

}  // namespace

Json json_of(const SessionDetailsView& details, const kernel::Counters& counters) {
  Json json = json_of(details.session);
  json["mtu"] = details.mtu;
  json["path_mtu_limit"] = details.path_mtu_limit;
  json["mtu_exceeds_path"] = details.path_mtu_limit != 0 && details.mtu > details.path_mtu_limit;
  json["ifindex"] = details.ifindex;
  if (details.ethernet) json["ethernet"] = json_of(*details.ethernet);
  json["counters"] = json_of(counters);
  json["last_error"] = json_of(details.last_error);
  return json;
}

Json json_of(const Session& session) {
  const Session::Details details = session.details();
  if (details.ethernet) {
    SessionDetailsView view;
    view.session = session.view();
    view.last_error = details.cause;
    view.ifindex = details.ifindex;
    view.mtu = details.mtu;
    view.path_mtu_limit = details.path_mtu_limit;
    view.ethernet = details.ethernet;
    Json json = json_of(view, details.counters);
    if (details.tx_speed != 0) json["tx_speed"] = details.tx_speed;
    if (details.rx_speed != 0) json["rx_speed"] = details.rx_speed;
    if (!details.peer_avps.empty()) json["peer_avps"] = json_of(details.peer_avps);
    return json;
  }
  Json json = json_of(session.view());
  json["mtu"] = details.mtu;
  json["mru"] = details.link.local_mru;
  json["peer_mru"] = details.link.peer_mru;
  json["path_mtu_limit"] = details.path_mtu_limit;
  json["mtu_exceeds_path"] = details.mtu > details.path_mtu_limit;
  json["ifindex"] = details.ifindex;
  json["phase"] = ppp::name(details.link.phase);
  json["lcp"] = details.link.lcp;
  json["ipcp"] = details.link.ipcp;
  json["ipv6cp"] = details.link.ipv6cp;
  json["ccp"] = details.link.ccp;
  json["bcp"] = details.link.bcp;
  if (const auto& bridging = details.bridging) {
    json["bridging"] = {
        {"path",           bridging->path          },
        {"reason",         bridging->reason        },
        {"port",           bridging->port          },
        {"bridge",         bridging->bridge        },
        {"mac",            bridging->mac           },
        {"peer_mac",       bridging->peer_mac      },
        {"mtu",            bridging->mtu           },
        {"wanted_mtu",     bridging->wanted_mtu    },
        {"local_mrru",     bridging->local_mrru    },
        {"peer_mrru",      bridging->peer_mrru     },
        {"send_tagged",    bridging->send_tagged   },
        {"receive_tagged", bridging->receive_tagged},
        {"send_bpdus",     bridging->send_bpdus    },
        {"receive_bpdus",  bridging->receive_bpdus }
    };
  }
  json["auth_of_peer"] = details.link.auth_of_peer;
  json["auth_of_us"] = details.link.auth_of_us;
  json["auth_message"] = details.link.auth_message;
  json["mppe"] = {
      {"receive",  details.link.mppe_receive },
      {"transmit", details.link.mppe_transmit}
  };
  if (details.ipv4) {
    json["ipv4"] = {
        {"local", details.ipv4->local.to_string() },
        {"peer",  details.ipv4->peer.to_string()  },
        {"dns",   addresses_of(details.ipv4->dns) },
        {"nbns",  addresses_of(details.ipv4->nbns)}
    };
  }
  if (details.ipv6) {
    json["ipv6"] = {
        {"local", link_local(details.ipv6->local_id)},
        {"peer",  link_local(details.ipv6->peer_id) }
    };
  }
  if (details.framing) {
    json["framing"] = {
        {"cookie",      details.framing->receive_cookie.size()},
        {"peer_cookie", details.framing->send_cookie.size()   },
        {"sublayer",    details.framing->sublayer             }
    };
  }
  json["counters"] = json_of(details.counters);
  json["frames_ignored"] = details.link.frames_ignored;
  json["renegotiations"] = details.link.renegotiations;
  if (!details.calling_number.empty()) json["calling_number"] = details.calling_number;
  if (!details.called_number.empty()) json["called_number"] = details.called_number;
  if (details.tx_speed != 0) json["tx_speed"] = details.tx_speed;
  if (details.rx_speed != 0) json["rx_speed"] = details.rx_speed;
  if (!details.proxy.empty()) json["proxy"] = details.proxy;
  if (!details.peer_avps.empty()) json["peer_avps"] = json_of(details.peer_avps);
  json["last_error"] = json_of(details.cause);
  return json;
}

Json control_of(const Tunnel& tunnel) {
  const auto status = tunnel.connection().status();
  Json json{
      {"state",               l2tp::name(status.state)                                   },
      {"initiator",           status.initiator                                           },
      {"peer_receive_window", status.peer.receive_window_size                            },
      {"ns",                  status.delivery.ns                                         },
      {"nr",                  status.delivery.nr                                         },
      {"congestion_window",   status.delivery.congestion_window                          },
      {"rto_ms",
       std::chrono::duration_cast<std::chrono::milliseconds>(status.delivery.rto).count()},
      {"in_flight",           status.delivery.in_flight                                  },
      {"waiting",             status.delivery.waiting                                    },
      {"messages_sent",       status.delivery.messages_sent                              },
      {"messages_received",   status.delivery.messages_received                          },
      {"retransmissions",     status.delivery.retransmissions                            },
      {"duplicates_received", status.delivery.duplicates_received                        },
      {"we_challenged",       status.we_challenged                                       },
      {"peer_challenged",     status.peer_challenged                                     },
      {"peer_authenticated",  status.peer_authenticated                                  },
      {"avps_hidden",         status.avps_hidden                                         },
      {"hellos_sent",         status.hellos_sent                                         },
      {"avps_ignored",        status.avps_ignored                                        }
  };
  if (status.version == 3) {
    json["router_id"] = IpAddress::v4(status.peer.router_id).to_string();
    json["pseudowire_capabilities"] = status.peer.pseudowires;
    json["digests_required"] = status.digests_required;
    json["digest_secret"] = status.digest_secret;
    json["digests_wrong"] = status.digests_wrong;
    json["digests_missing"] = status.digests_missing;
  }
  if (status.delivery.srtt > Duration::zero()) {
    json["srtt_ms"] = std::chrono::duration<double, std::milli>(status.delivery.srtt).count();
  }
  if (!status.peer.others.empty()) json["peer_avps"] = json_of(status.peer.others);
  json["quirks"] = Json::array();
  for (const std::string_view quirk : status.quirks) json["quirks"].push_back(quirk);
  return json;
}

Json json_of(const ListenerView& view) {
  return {
      {"name",            view.name           },
      {"state",           view.state          },
      {"problem",         view.problem        },
      {"local",           view.local          },
      {"draining",        view.draining       },
      {"export_sessions", view.export_sessions},
      {"tunnels",         view.tunnels        },
      {"sessions",        view.sessions       },
      {"half_open",       view.half_open      },
      {"max_tunnels",     view.max_tunnels    },
      {"max_sessions",    view.max_sessions   }
  };
}

Json json_of(const Listener& listener) {
  const Admission::Counters& admission = listener.admission().counters();
  Json row = json_of(listener.view());
  row["sccrq"] = {
      {"admitted",    admission.admitted   },
      {"source_rate", admission.source_rate},
      {"total_rate",  admission.total_rate },
      {"evicted",     admission.evicted    }
  };
  return row;
}

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace);
}

}  // namespace l2tpm::daemon
