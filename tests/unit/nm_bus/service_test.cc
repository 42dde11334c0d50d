// nm-l2tp-manager-service on a bus of its own, between a NetworkManager and a daemon that are both
// played here with plain sd-bus: what goes over the bus, in which order and with which types.
#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <systemd/sd-bus.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "nm_bus/run.h"
#include "support/private_bus.h"

namespace l2tpm::nm_bus {
namespace {

constexpr const char* kService = "org.freedesktop.NetworkManager.l2tp-manager.Connection_7";
constexpr const char* kPlugin = "org.freedesktop.NetworkManager.VPN.Plugin";
constexpr const char* kPluginPath = "/org/freedesktop/NetworkManager/VPN/Plugin";
constexpr const char* kTunnelPath = "/org/L2tpManager1/tunnel/nm_2dwork";
using namespace std::chrono_literals;

// One end of the bus. What happens is a list of lines.
class End {
 public:
  explicit End(const std::string& address) {
    sd_bus_new(&bus_);
    sd_bus_set_address(bus_, address.c_str());
    sd_bus_set_bus_client(bus_, 1);
    sd_bus_start(bus_);
  }
  ~End() { sd_bus_flush_close_unref(bus_); }
  End(const End&) = delete;
  End& operator=(const End&) = delete;

  void process() {
    while (sd_bus_process(bus_, nullptr) > 0) {
    }
    sd_bus_flush(bus_);
  }
  int fd() const { return sd_bus_get_fd(bus_); }
  void own(const char* name) { ASSERT_GE(sd_bus_request_name(bus_, name, 0), 0); }
  void disown(const char* name) { ASSERT_GE(sd_bus_release_name(bus_, name), 0); }
  bool saw(const std::string& line) const {
    return std::find(seen.begin(), seen.end(), line) != seen.end();
  }

  std::vector<std::string> seen;

 protected:
  sd_bus* bus_ = nullptr;
};

// One value of a variant, as text: "s work", "u 1400", "ay 16", "au 2".
std::string variant_text(sd_bus_message* message) {
  const char* contents = nullptr;
  char type = 0;
  sd_bus_message_peek_type(message, &type, &contents);
  sd_bus_message_enter_container(message, 'v', contents);
  std::string text = contents;
  if (text == "s") {
    const char* value = nullptr;
    sd_bus_message_read(message, "s", &value);
    text += std::string(" ") + value;
  } else if (text == "u") {
    std::uint32_t value = 0;
    sd_bus_message_read(message, "u", &value);
    text += " " + std::to_string(value);
  } else if (text == "b") {
    int value = 0;
    sd_bus_message_read(message, "b", &value);
    text += value != 0 ? " true" : " false";
  } else {
    const void* data = nullptr;
    std::size_t size = 0;
    sd_bus_message_read_array(message, text[1], &data, &size);
    text += " " + std::to_string(size);
  }
  sd_bus_message_exit_container(message);
  return text;
}

std::string dictionary_text(sd_bus_message* message) {
  std::string text;
  sd_bus_message_enter_container(message, 'a', "{sv}");
  while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
    const char* key = nullptr;
    sd_bus_message_read(message, "s", &key);
    text += std::string(" ") + key + "=" + variant_text(message);
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
  return text;
}

std::string strings_text(sd_bus_message* message) {
  std::string text;
  sd_bus_message_enter_container(message, 'a', "{ss}");
  while (sd_bus_message_enter_container(message, 'e', "ss") > 0) {
    const char *key = nullptr, *value = nullptr;
    sd_bus_message_read(message, "ss", &key, &value);
    text += std::string(" ") + key + "=" + value;
    sd_bus_message_exit_container(message);
  }
  sd_bus_message_exit_container(message);
  return text;
}

class FakeDaemon final : public End {
 public:
  explicit FakeDaemon(const std::string& address) : End(address) {
    sd_bus_add_filter(bus_, nullptr, &FakeDaemon::on_message, this);
    own("org.L2tpManager1");
  }

  std::string tunnel = R"({"name": "nm-work", "state": "connecting"})";
  std::string session;
  std::string state = "running";
  std::string open_error;  // the name of what Open answers; "": it opens

  // Something about the tunnel has changed.
  void signal(const char* path, const char* interface) {
    sd_bus_emit_signal(bus_, path, interface, "StateChanged", "ssss", "a", "b", "", "");
  }
  void come_up() {
    tunnel = R"({"name": "nm-work", "state": "established", "remote": "192.0.2.1:1701",
                 "session_ids": [7]})";
    session = R"({"state": "up", "interface": "l2tp-7", "mtu": 1400, "ipcp": "opened",
                  "ipv4": {"local": "10.9.0.2", "peer": "10.9.0.1", "dns": ["10.9.0.53"],
                           "nbns": []},
                  "ipv6": {"local": "fe80::2", "peer": "fe80::1"}})";
    signal("/org/L2tpManager1/tunnel/nm_2dwork/session/7", "org.L2tpManager1.Session");
  }

 private:
  static int on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    std::uint8_t type = 0;
    sd_bus_message_get_type(message, &type);
    if (type != SD_BUS_MESSAGE_METHOD_CALL) return 0;
    return static_cast<FakeDaemon*>(self)->answer(message, sd_bus_message_get_member(message));
  }

  int answer(sd_bus_message* message, const std::string& method) {
    std::string line = method;
    if (method == "CreateTransient") {
      const char* hint = nullptr;
      sd_bus_message_read(message, "s", &hint);
      dictionary_text(message);
      line += std::string(" ") + hint + strings_text(message);
      sd_bus_message_skip(message, "a{sh}");
      std::uint32_t flags = 0;
      sd_bus_message_read(message, "u", &flags);
      line += " " + std::to_string(flags);
    } else if (method.starts_with("Describe") || method == "Get") {
      line.clear();  // as often as it likes
    }
    if (!line.empty()) seen.push_back(line);
    if (method == "CreateTransient")
      return sd_bus_reply_method_return(message, "o", kTunnelPath) < 0 ? -1 : 1;
    if (method == "Get") return sd_bus_reply_method_return(message, "v", "s", state.c_str());
    if (method == "Describe" && tunnel.empty())
      return sd_bus_reply_method_errorf(message, "org.freedesktop.DBus.Error.UnknownObject", "no");
    if (method == "Describe") return sd_bus_reply_method_return(message, "s", tunnel.c_str());
    if (method == "DescribeSession")
      return sd_bus_reply_method_return(message, "s", session.c_str());
    if (method == "Open" && !open_error.empty())
      return sd_bus_reply_method_errorf(message, open_error.c_str(), "no");
    return sd_bus_reply_method_return(message, "");
  }
};

class FakeNetworkManager final : public End {
 public:
  explicit FakeNetworkManager(const std::string& address) : End(address) {
    own("org.freedesktop.NetworkManager");
    sd_bus_add_match(bus_, nullptr,
                     "type='signal',interface='org.freedesktop.NetworkManager.VPN.Plugin'",
                     &FakeNetworkManager::on_signal, this);
    sd_bus_add_match(bus_, nullptr,
                     "type='signal',sender='org.freedesktop.DBus',member='NameOwnerChanged'",
                     &FakeNetworkManager::on_owner, this);
  }

  bool plugin_is_there = false;

  // Calls with a connection; the answer is a line: "Connect: ok", "NeedSecrets: vpn", or the error.
  void call(const char* method, std::map<std::string, std::string> data, const char* password) {
    sd_bus_message* message = nullptr;
    sd_bus_message_new_method_call(bus_, &message, kService, kPluginPath, kPlugin, method);
    const auto strings = [message](const char* key, const auto& items) {
      sd_bus_message_open_container(message, 'e', "sv");
      sd_bus_message_append(message, "s", key);
      sd_bus_message_open_container(message, 'v', "a{ss}");
      sd_bus_message_open_container(message, 'a', "{ss}");
      for (const auto& [name, value] : items)
        sd_bus_message_append(message, "{ss}", name.c_str(), value.c_str());
      for (int i = 0; i < 3; ++i) sd_bus_message_close_container(message);
    };
    std::map<std::string, std::string> secrets;
    if (password != nullptr) secrets["password"] = password;
    sd_bus_message_open_container(message, 'a', "{sa{sv}}");
    sd_bus_message_append(message, "{sa{sv}}", "connection", 1, "id", "s", "work");
    // Not what NetworkManager sends: to be taken for absent.
    sd_bus_message_append(message, "{sa{sv}}", "ipv4", 2, "method", "u", 7u, "address-data", "s",
                          "x");
    sd_bus_message_open_container(message, 'e', "sa{sv}");
    sd_bus_message_append(message, "s", "vpn");
    sd_bus_message_open_container(message, 'a', "{sv}");
    strings("data", data);
    strings("secrets", secrets);
    for (int i = 0; i < 3; ++i) sd_bus_message_close_container(message);
    if (std::string(method) == "ConnectInteractive") sd_bus_message_append(message, "a{sv}", 0);
    send(message);
  }
  void call(const char* method) {
    sd_bus_message* message = nullptr;
    sd_bus_message_new_method_call(bus_, &message, kService, kPluginPath, kPlugin, method);
    send(message);
  }

 private:
  void send(sd_bus_message* message) {
    sd_bus_call_async(bus_, nullptr, message, &FakeNetworkManager::on_reply, this, 0);
    methods_[cookie_of(message)] = sd_bus_message_get_member(message);
    sd_bus_message_unref(message);
  }
  static std::uint64_t cookie_of(sd_bus_message* message) {
    std::uint64_t cookie = 0;
    sd_bus_message_get_cookie(message, &cookie);
    return cookie;
  }
  static int on_reply(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& me = *static_cast<FakeNetworkManager*>(self);
    std::uint64_t cookie = 0;
    sd_bus_message_get_reply_cookie(message, &cookie);
    std::string line = me.methods_[cookie] + ": ";
    if (const sd_bus_error* error = sd_bus_message_get_error(message)) {
      line += error->name;
    } else if (sd_bus_message_has_signature(message, "s")) {
      const char* text = nullptr;
      sd_bus_message_read(message, "s", &text);
      line += text;
    } else {
      line += "ok";
    }
    me.seen.push_back(line);
    return 0;
  }
  static int on_signal(sd_bus_message* message, void* self, sd_bus_error*) {
    std::string line = sd_bus_message_get_member(message);
    if (sd_bus_message_has_signature(message, "u")) {
      std::uint32_t value = 0;
      sd_bus_message_read(message, "u", &value);
      line += " " + std::to_string(value);
    } else if (sd_bus_message_has_signature(message, "a{sv}")) {
      line += dictionary_text(message);
    } else if (sd_bus_message_has_signature(message, "sas")) {
      const char* text = nullptr;
      sd_bus_message_read(message, "s", &text);
      line += std::string(" ") + text;
    }
    static_cast<FakeNetworkManager*>(self)->seen.push_back(line);
    return 0;
  }
  static int on_owner(sd_bus_message* message, void* self, sd_bus_error*) {
    const char *name = nullptr, *before = nullptr, *after = nullptr;
    sd_bus_message_read(message, "sss", &name, &before, &after);
    if (std::string(name) == kService)
      static_cast<FakeNetworkManager*>(self)->plugin_is_there = *after != '\0';
    return 0;
  }

  std::map<std::uint64_t, std::string> methods_;
};

class ServiceTest : public ::testing::Test {
 protected:
  using Lines = std::vector<std::string>;

  void SetUp() override {
    thread_ = std::thread([this] {
      status = serve({.bus_name = kService, .type = nm::ServiceType::own, .bus = bus_.address()});
      ended = true;
    });
    ASSERT_TRUE(until([&] { return manager.plugin_is_there; }));
  }
  void TearDown() override {
    if (!ended) manager.disown("org.freedesktop.NetworkManager");
    EXPECT_TRUE(until([&] { return ended.load(); }));
    if (!ended) bus_.kill();
    thread_.join();
  }

  bool until(const std::function<bool()>& it_is_so) {
    const auto deadline = std::chrono::steady_clock::now() + 20s;
    while (true) {
      daemon.process();
      manager.process();
      if (it_is_so()) return true;
      if (std::chrono::steady_clock::now() > deadline) return false;
      pollfd fds[] = {
          {daemon.fd(),  POLLIN, 0},
          {manager.fd(), POLLIN, 0}
      };
      poll(fds, 2, 20);
    }
  }
  bool manager_sees(const std::string& line) {
    return until([&] { return manager.saw(line); });
  }
  bool daemon_sees(const std::string& line, long times = 1) {
    return until([&] { return std::count(daemon.seen.begin(), daemon.seen.end(), line) >= times; });
  }
  void connect() {
    manager.call("ConnectInteractive", kWork, "sesame");
    ASSERT_TRUE(daemon_sees("Open"));
    daemon.come_up();
    ASSERT_TRUE(manager_sees("StateChanged 4"));
  }

  const std::map<std::string, std::string> kWork{
      {"gateway", "192.0.2.1"},
      {"user",    "alice"    }
  };
  test::PrivateBus bus_;
  FakeDaemon daemon{bus_.address()};
  FakeNetworkManager manager{bus_.address()};
  std::thread thread_;
  std::atomic<bool> ended{false};
  std::atomic<int> status{-1};
};

TEST_F(ServiceTest, ConnectsAndDisconnects) {
  connect();
  EXPECT_EQ(daemon.seen, (Lines{"CreateTransient nm-work password=sesame 7", "Open"}));
  const std::uint32_t address = htonl(0x0a090002), peer = htonl(0x0a090001),
                      lns = htonl(0xc0000201);
  EXPECT_EQ(manager.seen,
            (Lines{"ConnectInteractive: ok", "StateChanged 3",
                   "Config can-persist=b true gateway=u " + std::to_string(lns) +
                       " has-ip4=b true has-ip6=b true mtu=u 1400 tundev=s l2tp-7",
                   "Ip4Config address=u " + std::to_string(address) +
                       " dns=au 4 prefix=u 32 ptp=u " + std::to_string(peer),
                   "Ip6Config address=ay 16 never-default=b true prefix=u 128 ptp=ay 16",
                   "StateChanged 4"}));
  manager.call("Disconnect");
  EXPECT_TRUE(daemon_sees("Close"));
  EXPECT_TRUE(manager_sees("StateChanged 6"));
  EXPECT_TRUE(until([&] { return ended.load() && !manager.plugin_is_there; }));
  EXPECT_EQ(status, 0);
}

TEST_F(ServiceTest, SaysWhatSecretsAreNeeded) {
  manager.call("NeedSecrets", kWork, nullptr);
  EXPECT_TRUE(manager_sees("NeedSecrets: vpn"));
  manager.call("NeedSecrets", kWork, "sesame");
  EXPECT_TRUE(manager_sees("NeedSecrets: "));
}

TEST_F(ServiceTest, ARefusalIsAReplyBeforeItIsASignal) {
  manager.call("Connect",
               {
                   {"gateway",       "192.0.2.1"},
                   {"ipsec-enabled", "yes"      }
  },
               nullptr);
  EXPECT_TRUE(until([&] { return ended.load() && !manager.plugin_is_there; }));
  EXPECT_EQ(manager.seen, (Lines{"Connect: org.freedesktop.NetworkManager.VPN.Error.BadArguments",
                                 "StateChanged 6"}));
  EXPECT_TRUE(daemon.seen.empty());
}

TEST_F(ServiceTest, AWrongPasswordIsAskedForAgain) {
  manager.call("NeedSecrets", kWork, nullptr);
  manager.call("ConnectInteractive", kWork, "guess");
  ASSERT_TRUE(daemon_sees("Open"));
  daemon.tunnel = R"({"name": "nm-work", "state": "backoff", "last_error":
                      {"code": "auth-failed", "by_peer": true, "message": "E=691: no"}})";
  daemon.signal(kTunnelPath, "org.L2tpManager1.Tunnel");
  ASSERT_TRUE(manager_sees("SecretsRequired E=691: no"));
  ASSERT_TRUE(daemon_sees("Close"));
  daemon.tunnel = R"({"name": "nm-work", "state": "connecting"})";
  manager.call("NewSecrets", kWork, "sesame");
  ASSERT_TRUE(daemon_sees("CreateTransient nm-work password=sesame 7"));
  ASSERT_TRUE(daemon_sees("Open", 2));
  daemon.come_up();
  EXPECT_TRUE(manager_sees("StateChanged 4"));
}

TEST_F(ServiceTest, ADaemonThatIsRestartedIsAskedAgain) {
  connect();
  manager.seen.clear();
  daemon.disown("org.L2tpManager1");
  ASSERT_TRUE(manager_sees("StateChanged 3"));
  daemon.own("org.L2tpManager1");
  ASSERT_TRUE(daemon_sees("Open", 2));
  EXPECT_TRUE(manager_sees("StateChanged 4"));
  EXPECT_FALSE(daemon.saw("Close"));
}

TEST_F(ServiceTest, ATunnelThatCouldNotBeOpenedIsClosedBeforeThereIsAnother) {
  daemon.open_error = "org.L2tpManager1.Error.WrongState";
  manager.call("ConnectInteractive", kWork, "sesame");
  ASSERT_TRUE(daemon_sees("Open"));
  ASSERT_TRUE(daemon_sees("Open", 2));  // it knocks again
  daemon.open_error.clear();
  ASSERT_TRUE(daemon_sees("Open", 3));
  const std::string create = "CreateTransient nm-work password=sesame 7";
  EXPECT_EQ(daemon.seen, (Lines{create, "Open", "Close", create, "Open", "Close", create, "Open"}));
  daemon.come_up();
  EXPECT_TRUE(manager_sees("StateChanged 4"));
}

TEST_F(ServiceTest, ATunnelThatIsGoneWasClosedOrTheDaemonStops) {
  connect();
  manager.seen.clear();
  daemon.state = "stopping";
  daemon.tunnel.clear();
  daemon.signal(kTunnelPath, "org.L2tpManager1.Tunnel");
  ASSERT_TRUE(manager_sees("StateChanged 3"));
  daemon.disown("org.L2tpManager1");
  daemon.state = "running";
  daemon.come_up();
  daemon.own("org.L2tpManager1");
  ASSERT_TRUE(manager_sees("StateChanged 4"));
  daemon.tunnel.clear();
  daemon.signal(kTunnelPath, "org.L2tpManager1.Tunnel");
  EXPECT_TRUE(manager_sees("Failure 1"));
  EXPECT_TRUE(until([&] { return ended.load(); }));
}

TEST_F(ServiceTest, LeavesWithNetworkManager) {
  connect();
  manager.disown("org.freedesktop.NetworkManager");
  EXPECT_TRUE(until([&] { return ended.load(); }));
  EXPECT_TRUE(daemon_sees("Close"));
  EXPECT_EQ(status, 0);
}

TEST_F(ServiceTest, ALostBusIsAnEndWithAnError) {
  bus_.kill();
  thread_.join();
  thread_ = std::thread([] {});
  EXPECT_EQ(status, 1);
}

}  // namespace
}  // namespace l2tpm::nm_bus
