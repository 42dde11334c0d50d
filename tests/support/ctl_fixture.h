// l2tpctl run against a fake daemon on a private bus.
#pragma once

#include <gtest/gtest.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <sstream>
#include <string>
#include <thread>
#include <vector>

#include "base/fd.h"
#include "ctl/run.h"
#include "support/fake_manager.h"
#include "support/private_bus.h"

namespace l2tpm::ctl {

struct Ran {
  int code = -1;
  std::string out, err;
};

class CtlTest : public testing::Test {
 protected:
  using Json = test::Json;
  using State = test::FakeState;

  Ran ctl(std::vector<std::string> args, Terminal terminal = {}) {
    std::ostringstream out;
    std::ostringstream err;
    args.insert(args.begin(), {"--bus", bus_.address()});
    const int code = run(args, out, err, terminal);
    return {code, out.str(), err.str()};
  }
  // Runs until `interrupt()`, or to its end, on a thread.
  std::thread start(std::vector<std::string> args, Ran& ran) {
    Terminal terminal;
    terminal.interrupt_fd = interrupt_.get();
    return std::thread([this, args, &ran, terminal] { ran = ctl(args, terminal); });
  }
  void interrupt() {
    const std::uint64_t one = 1;
    ASSERT_EQ(::write(interrupt_.get(), &one, sizeof one), static_cast<ssize_t>(sizeof one));
  }
  Json json(std::vector<std::string> args) {
    args.insert(args.begin(), "-j");
    const Ran ran = ctl(std::move(args));
    EXPECT_EQ(ran.code, 0) << ran.err;
    return Json::parse(ran.out, nullptr, false);
  }
  std::vector<std::string> asked() {
    return daemon_.manager.with([](State& state) { return state.asked; });
  }
  template <typename Use>
  void with(Use use) {
    daemon_.manager.with([&](State& state) {
      use(state);
      return 0;
    });
  }
  // Until the fake daemon's state is such; a deadline ends it as a failure.
  template <typename Is>
  void await(const char* what, Is is) {
    const auto deadline = std::chrono::steady_clock::now() + std::chrono::seconds(60);
    while (!daemon_.manager.with([&](State& state) { return is(state); })) {
      ASSERT_LT(std::chrono::steady_clock::now(), deadline) << what;
      std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
  }

  static Json tunnel(const std::string& name, const std::string& state) {
    return {
        {"name",           name               },
        {"profile",        name               },
        {"role",           "lac"              },
        {"state",          state              },
        {"local",          "198.51.100.7:1701"},
        {"remote",         "192.0.2.1:1701"   },
        {"peer_host_name", "lns"              },
        {"tunnel_id",      7                  },
        {"peer_tunnel_id", 42                 },
        {"sessions",       1                  },
        {"established_at", 0                  },
        {"retry_at",       0                  },
        {"last_error",     nullptr            }
    };
  }
  static Json session(const std::string& tunnel_name, std::uint32_t id, const std::string& state) {
    return {
        {"tunnel",     tunnel_name          },
        {"id",         id                   },
        {"peer_id",    id + 1000            },
        {"pseudowire", "ppp"                },
        {"state",      state                },
        {"interface",  "l2tp-" + tunnel_name},
        {"user",       "alice"              },
        {"address",    "10.77.0.10"         },
        {"up_since",   std::uint64_t{0}     }
    };
  }
  static Json cause(const std::string& code, bool by_peer, const std::string& message) {
    return {
        {"code",       code   },
        {"by_peer",    by_peer},
        {"result",     0      },
        {"error",      0      },
        {"disconnect", 0      },
        {"message",    message}
    };
  }
  static void is_up(State& state, const std::string& name) {
    state.tunnels = {tunnel(name, "established")};
    state.sessions = {session(name, 21, "up")};
  }

  test::PrivateBus bus_;
  test::FakeDaemon daemon_{bus_.address()};
  UniqueFd interrupt_{::eventfd(0, EFD_CLOEXEC)};
};

}  // namespace l2tpm::ctl
