// An LNS and a client for tests of links, and what is asked of two of them that talk.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "support/ppp_pair.h"
#include "support/ppp_text.h"

namespace l2tpm::test {

inline ppp::LinkSettings lns(std::vector<ppp::AuthMethod> methods = {ppp::AuthMethod::mschapv2}) {
  ppp::LinkSettings settings;
  settings.role = ppp::Role::called;
  settings.authenticate_peer = std::move(methods);
  settings.network.ipv4.local = *IpAddress::parse("10.0.0.1");
  settings.network.ipv4.peer = *IpAddress::parse("10.0.0.7");
  settings.network.ipv4.dns[0] = *IpAddress::parse("9.9.9.9");
  settings.network.ipv6.enabled = true;
  return settings;
}

inline ppp::LinkSettings client() {
  ppp::LinkSettings settings;
  settings.role = ppp::Role::calling;
  settings.answer = {ppp::AuthMethod::mschapv2, ppp::AuthMethod::mschap, ppp::AuthMethod::chap_md5,
                     ppp::AuthMethod::pap};
  settings.user = "alice";
  settings.password = Secret("Secret1");
  settings.network.ipv4.request_dns = true;
  settings.network.ipv6.enabled = true;
  return settings;
}

inline void give(Pair& pair, End& end, wire::PppProtocol protocol, const char* packet) {
  end.link->receive(wire::encode_ppp_frame(protocol, from_hex(packet)), pair.now);
  pair.settle(end);
}

inline bool sent(const End& end, const std::string& part) {
  return std::any_of(end.frames.begin(), end.frames.end(), [&](const std::string& frame) {
    return frame.find(part) != std::string::npos;
  });
}

inline bool both_up(const Pair& pair) {
  return pair.a.ipv4 && pair.z.ipv4 && pair.a.ipv6 && pair.z.ipv6;
}

}  // namespace l2tpm::test
