#include "bus/session_facets.h"

namespace l2tpm::bus {
namespace {

using View = daemon::SessionDetailsView;

class Changes {
 public:
  void note(const char* property, bool differs) {
    if (differs) names_.emplace_back(property);
  }
  std::vector<std::string> take() { return std::move(names_); }

 private:
  std::vector<std::string> names_;
};

PppAddresses addresses_of(const View::Ipv4& ipv4) {
  if (!ipv4.up) return {};
  return {ipv4.local, ipv4.peer, ipv4.dns};
}
PppAddresses addresses_of(const View::Ipv6& ipv6) {
  if (!ipv6.up) return {};
  return {ipv6.local, ipv6.peer, ipv6.dns};
}

class PppFacet final : public SessionFacet, public dbus::Facet<org::L2tpManager1::Ppp_adaptor> {
 public:
  PppFacet(sdbus::IObject& object, SessionLook& look, bool of_client)
      : Facet(object), look_(look), of_client_(of_client) {}

  const char* interface() const override { return INTERFACE_NAME; }
  std::vector<std::string> changed(const View& old, const View& fresh) const override;

 private:
  // How one of both proved itself: the peer behind a listener, else we.
  const std::string& auth_of(const View& view) const {
    return of_client_ ? view.auth_of_us : view.auth_of_peer;
  }

  std::string Phase() override { return look_.view().phase; }
  std::string User() override { return of_client_ ? look_.view().session.user : std::string(); }
  std::string AuthProtocol() override { return auth_of(look_.view()); }
  PppAddresses IPv4() override { return addresses_of(look_.view().ipv4); }
  PppAddresses IPv6() override { return addresses_of(look_.view().ipv6); }
  PppMru Mru() override { return {look_.view().mru, look_.view().peer_mru}; }
  std::uint32_t Mppe() override { return look_.view().mppe_bits; }
  std::map<std::string, sdbus::Variant> Options() override;
  std::string AuthMessage() override { return look_.view().auth_message; }
  std::map<std::string, sdbus::Variant> Bridging() override;

  SessionLook& look_;
  const bool of_client_;
};

std::vector<std::string> PppFacet::changed(const View& old, const View& fresh) const {
  Changes changes;
  changes.note("Phase", fresh.phase != old.phase);
  changes.note("User", of_client_ && fresh.session.user != old.session.user);
  changes.note("AuthProtocol", auth_of(fresh) != auth_of(old));
  changes.note("IPv4", addresses_of(fresh.ipv4) != addresses_of(old.ipv4));
  changes.note("IPv6", addresses_of(fresh.ipv6) != addresses_of(old.ipv6));
  changes.note("Mru", fresh.mru != old.mru || fresh.peer_mru != old.peer_mru);
  changes.note("Mppe", fresh.mppe_bits != old.mppe_bits);
  changes.note("Options", fresh.ipv4.nbns != old.ipv4.nbns || fresh.magic != old.magic ||
                              fresh.peer_magic != old.peer_magic || fresh.routes != old.routes ||
                              fresh.default_route != old.default_route);
  changes.note("AuthMessage", fresh.auth_message != old.auth_message);
  changes.note("Bridging", fresh.bridging != old.bridging);
  return changes.take();
}

std::map<std::string, sdbus::Variant> PppFacet::Options() {
  const View& now = look_.view();
  return {
      {"nbns",          sdbus::Variant(now.ipv4.nbns)    },
      {"magic",         sdbus::Variant(now.magic)        },
      {"peer-magic",    sdbus::Variant(now.peer_magic)   },
      {"routes",        sdbus::Variant(now.routes)       },
      {"default-route", sdbus::Variant(now.default_route)}
  };
}

std::map<std::string, sdbus::Variant> PppFacet::Bridging() {
  const auto& bridging = look_.view().bridging;
  if (!bridging) return {};
  return {
      {"path",           sdbus::Variant(bridging->path)          },
      {"reason",         sdbus::Variant(bridging->reason)        },
      {"port",           sdbus::Variant(bridging->port)          },
      {"bridge",         sdbus::Variant(bridging->bridge)        },
      {"mac",            sdbus::Variant(bridging->mac)           },
      {"peer-mac",       sdbus::Variant(bridging->peer_mac)      },
      {"mtu",            sdbus::Variant(bridging->mtu)           },
      {"wanted-mtu",     sdbus::Variant(bridging->wanted_mtu)    },
      {"local-mrru",     sdbus::Variant(bridging->local_mrru)    },
      {"peer-mrru",      sdbus::Variant(bridging->peer_mrru)     },
      {"send-tagged",    sdbus::Variant(bridging->send_tagged)   },
      {"receive-tagged", sdbus::Variant(bridging->receive_tagged)},
      {"send-bpdus",     sdbus::Variant(bridging->send_bpdus)    },
      {"receive-bpdus",  sdbus::Variant(bridging->receive_bpdus) }
  };
}

class EthernetFacet final : public SessionFacet,
                            public dbus::Facet<org::L2tpManager1::Ethernet_adaptor> {
 public:
  EthernetFacet(sdbus::IObject& object, SessionLook& look) : Facet(object), look_(look) {}

  const char* interface() const override { return INTERFACE_NAME; }
  std::vector<std::string> changed(const View& old, const View& fresh) const override;

 private:
  static const daemon::EthernetView& of(const View& view) {
    static const daemon::EthernetView none;
    return view.ethernet ? *view.ethernet : none;
  }
  const daemon::EthernetView& now() { return of(look_.view()); }

  std::string Name() override { return now().name; }
  std::string RemoteEndId() override { return now().remote_end_id; }
  std::string MacAddress() override { return now().mac; }
  sdbus::Struct<std::string, std::string> Attachment() override;
  std::uint16_t VlanId() override { return now().vlan; }
  sdbus::Struct<std::uint32_t, std::uint32_t> CookieLengths() override {
    return {now().cookie, now().peer_cookie};
  }
  bool Sublayer() override { return now().sublayer; }
  sdbus::Struct<bool, bool> Sequencing() override {
    return {now().send_sequence, now().receive_sequence};
  }
  std::string Circuit() override { return now().circuit; }
  bool CircuitActive() override { return now().circuit_active; }
  bool PeerCircuitActive() override { return now().peer_circuit_active; }
  std::uint32_t PathMtu() override { return look_.view().path_mtu_limit; }

  SessionLook& look_;
};

std::vector<std::string> EthernetFacet::changed(const View& old_view,
                                                const View& fresh_view) const {
  const daemon::EthernetView& old = of(old_view);
  const daemon::EthernetView& fresh = of(fresh_view);
  Changes changes;
  changes.note("MacAddress", fresh.mac != old.mac);
  changes.note("CookieLengths", fresh.cookie != old.cookie || fresh.peer_cookie != old.peer_cookie);
  changes.note("Sublayer", fresh.sublayer != old.sublayer);
  changes.note("Sequencing", fresh.send_sequence != old.send_sequence ||
                                 fresh.receive_sequence != old.receive_sequence);
  changes.note("CircuitActive", fresh.circuit_active != old.circuit_active);
  changes.note("PeerCircuitActive", fresh.peer_circuit_active != old.peer_circuit_active);
  return changes.take();
}

// The view has it as people read it: "bridge br0".
sdbus::Struct<std::string, std::string> EthernetFacet::Attachment() {
  const std::string& text = now().attached_to;
  const auto space = text.find(' ');
  if (space == std::string::npos) return {};
  return {text.substr(0, space), text.substr(space + 1)};
}

}  // namespace

const View& SessionLook::view() {
  if (looked_at_ != face_.message) {
    looked_at_ = face_.message;
    if (auto fresh = face_.service.session(current_.session.tunnel, current_.session.id))
      current_ = std::move(*fresh);
  }
  return current_;
}

void SessionLook::know(const View& fresh) {
  current_ = fresh;
  looked_at_ = face_.message;
}

std::unique_ptr<SessionFacet> make_facet(sdbus::IObject& object, SessionLook& look,
                                         bool of_client) {
  if (look.view().ethernet) return std::make_unique<EthernetFacet>(object, look);
  return std::make_unique<PppFacet>(object, look, of_client);
}

}  // namespace l2tpm::bus
