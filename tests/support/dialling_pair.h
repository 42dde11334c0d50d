// An LNS and a daemon that dials it, and the profiles that most tests of both want.
#pragma once

#include <fmt/core.h>
#include <gtest/gtest.h>

#include <string>

#include "support/two_daemons.h"

namespace l2tpm::test {

inline std::string listener_text(unsigned host, const std::string& more = {},
                                 const std::string& pool = "10.9.0.10-10.9.0.20") {
  return fmt::format(R"({{
    "kind": "listener", "listen": {{"addresses": ["{}"]}},
    "ppp": {{"authenticate": ["mschapv2"],
            "ipv4": {{"local-address": "10.9.0.1", "pool": ["{}"]}}, "ipv6": false}},
    "users": [{{"name": "alice", "password": "Secret1"}}]{}{}
  }})",
                     loopback(host), pool, more.empty() ? "" : ", ", more);
}

// `password`: JSON.
inline std::string client_text(unsigned own, unsigned peer, const std::string& more = {},
                               const std::string& password = "\"Secret1\"",
                               const std::string& autostart = "true") {
  return fmt::format(R"({{
    "kind": "client", "autostart": {}, "peer": "{}", "local": {{"address": "{}"}},
    "ppp": {{"user": "alice", "password": {}, "methods": ["mschapv2"], "ipv6": false}},
    "redial": {{"initial": "100ms", "max": "100ms"}}{}{}
  }})",
                     autostart, loopback(peer), loopback(own), password, more.empty() ? "" : ", ",
                     more);
}

// Listens for as long as it lives.
class Listening {
 public:
  Listening(Daemon& whom, std::uint32_t kinds, daemon::EventHandler handler)
      : service_(*whom.service) {
    daemon::EventFilter filter;
    filter.kinds = kinds;
    id_ = service_.subscribe(filter, std::move(handler));
  }
  ~Listening() { service_.unsubscribe(id_); }
  Listening(const Listening&) = delete;
  Listening& operator=(const Listening&) = delete;

 private:
  daemon::Service& service_;
  std::uint64_t id_ = 0;
};

class DiallingPair : public ::testing::Test {
 protected:
  // The LNS listens on host 1, the client has no profile yet.
  void run(const std::string& listener_more = {}) {
    lns.profile("lns", listener_text(1, listener_more));
    lns.run();
    ASSERT_TRUE(until([&] { return lns.ready; }));
    client.run();
    ASSERT_TRUE(until([&] { return client.ready; }));
  }
  void set_up(const std::string& listener_more = {}, const std::string& client_more = {},
              const std::string& password = "\"Secret1\"") {
    client.profile("work", client_text(2, 1, client_more, password));
    run(listener_more);
  }
  bool until(const std::function<bool()>& it_is_so, Duration limit = 20s) {
    return run_until({&lns, &client}, it_is_so, limit);
  }
  bool both_up() const { return lns.sessions_up() == 1 && client.sessions_up() == 1; }
  void TearDown() override {
    for (Daemon* each : {&client, &lns}) {
      if (!each->service) continue;
      each->shut_down();
      EXPECT_TRUE(until([&] { return each->stopped; }));
      each->service.reset();
      EXPECT_TRUE(each->holds_nothing());
    }
  }

  Daemon lns, client;
};

}  // namespace l2tpm::test
