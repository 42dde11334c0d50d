// The commands that look: what they print, as text and as JSON, and how they exit.
#include <fstream>

#include "support/ctl_fixture.h"

namespace l2tpm::ctl {
namespace {

class Looking : public CtlTest {};

TEST(Alone, ExitsWith3WithoutADaemon) {
  const test::PrivateBus bus;
  std::ostringstream out;
  std::ostringstream err;
  EXPECT_EQ(run({"--bus", bus.address(), "status"}, out, err), 3);
  EXPECT_EQ(err.str(),
            "l2tpctl: l2tp-manager is not running\n  hint: systemctl start l2tp-manager\n");
  // In a process of its own: sdbus-c++ 1.2 leaks a connection that cannot be made.
  EXPECT_EXIT(::_exit(run({"--bus", "unix:path=/nonexistent/bus", "up", "x"}, out, err)),
              testing::ExitedWithCode(3), "");
  EXPECT_EQ(run({"--bus", bus.address(), "version"}, out, err), 0) << "needs no daemon";
  EXPECT_EQ(run({"--version"}, out, err), 0);
}

TEST_F(Looking, StatusIsAnOverview) {
  with([](State& s) {
    auto isp = tunnel("isp", "backoff");
    isp["last_error"] = cause("auth-failed", true, "E=691 R=0");
    isp["sessions"] = 0;
    s.tunnels = {isp, tunnel("work", "established")};
    s.sessions = {session("work", 21, "up")};
  });
  EXPECT_EQ(ctl({}).out,
            "● l2tp-manager 9.8.7 running (kernel: ppp mppe), 2 tunnels, 1 session\n"
            "NAME  ROLE  PEER            STATE        SESSIONS   UP"
            "                                L2TP\n"
            "isp   lac   192.0.2.1:1701  backoff      0          "
            "(auth-failed by peer: E=691 R=0)  v2\n"
            "work  lac   192.0.2.1:1701  established  l2tp-work"
            "                                    v2\n");
  EXPECT_EQ(ctl({"-t", "-f", "name,peer"}).out, "isp:192.0.2.1\\:1701\nwork:192.0.2.1\\:1701\n");
  EXPECT_EQ(json({"status"}), Json::parse(R"({"version":"9.8.7","state":"running"})"));
}

TEST_F(Looking, StatusOfATunnelHasTheErrorAndAHint) {
  with([](State& s) {
    auto isp = tunnel("isp", "failed");
    isp["last_error"] = cause("tunnel-auth-failed", true, "go away\x1b[2J");
    isp["last_error"]["result"] = 4;
    s.tunnels = {isp};
  });
  const Ran ran = ctl({"status", "isp"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("✗ isp — failed\n"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("  tunnel-auth-failed by peer (result 4): go away?[2J\n"),
            std::string::npos)
      << "a peer's text must not steer the terminal: " << ran.out;
  EXPECT_NE(ran.out.find("  hint: the tunnel secrets of both ends differ"), std::string::npos);
  EXPECT_NE(ran.out.find("  more: l2tpctl why isp\n"), std::string::npos) << ran.out;
  EXPECT_EQ(ctl({"status", "nobody"}).code, 4);
}

TEST_F(Looking, StatusOfATunnelOfVersion3) {
  with([](State& s) {
    auto site = tunnel("site", "established");
    site["version"] = 3;
    site["encapsulation"] = "ip";
    site["version3"] = Json::parse(R"({"router_id":"198.51.100.7","peer_router_id":"192.0.2.1",
      "peer_pseudowires":["ethernet","6"],"digest":"sha1","authenticated":true,"peer_secret":2})");
    site["control"] = {
        {"digests_wrong",   2},
        {"digests_missing", 1}
    };
    auto attic = tunnel("attic", "failed");
    attic["role"] = "static";
    attic["version"] = 3;
    attic["encapsulation"] = "udp";
    attic["convergence"] = "conflict";
    attic["last_error"] = cause("kernel-failed", false, "tunnel 7 is another program's");
    s.tunnels = {attic, site};
    auto wire = session("site", 305419896, "up");
    wire["pseudowire"] = "ethernet";
    wire["interface"] = "l2eth0";
    wire["user"] = wire["address"] = "";
    s.sessions = {wire};
  });
  EXPECT_EQ(ctl({"-t", "-f", "name,role,protocol"}).out, "attic:static:v3\nsite:lac:v3/ip\n");
  EXPECT_EQ(ctl({"status", "site"}).out,
            "● site — established for \n"
            "  peer: 192.0.2.1:1701  local: 198.51.100.7:1701\n"
            "  L2TPv3 over IP (protocol 115), id 7, peer's 42\n"
            "  router id: 198.51.100.7, peer's 192.0.2.1; it can: ethernet 6\n"
            "  digest: sha1 with the secret; the peer still uses the second secret\n"
            "  dropped: 2 messages with a wrong digest, 1 without one\n"
            "SESSION         STATE  INTERFACE  USER  ADDRESS  UP  TYPE\n"
            "site/305419896  up     l2eth0                        ethernet\n");
  const std::string attic = ctl({"status", "attic"}).out;
  EXPECT_NE(attic.find("  static, without a control connection: conflict\n"), std::string::npos)
      << attic;
  EXPECT_NE(attic.find("tunnel 7 is another program's"), std::string::npos) << attic;
}

TEST_F(Looking, ListsAreJsonWithStableFields) {
  with([](State& s) { is_up(s, "work"); });
  const auto tunnels = json({"tunnel", "list"});
  ASSERT_EQ(tunnels.size(), 1u);
  for (const char* key : {"name", "profile", "role", "state", "local", "remote", "tunnel_id",
                          "peer_tunnel_id", "sessions", "established_at", "retry_at", "last_error"})
    EXPECT_TRUE(tunnels[0].contains(key)) << key;
  EXPECT_FALSE(tunnels[0].contains("kind"));
  EXPECT_EQ(json({"session", "list"}), Json::parse(R"([{"tunnel":"work","id":21,"peer_id":1021,
    "pseudowire":"ppp","state":"up","interface":"l2tp-work","user":"alice","address":"10.77.0.10","up_since":0}])"));
  EXPECT_EQ(json({"tunnel", "list", "--state", "idle"}), Json::array());
  EXPECT_EQ(ctl({"--json=short", "tunnel", "list", "--state", "idle"}).out, "[]\n");
}

TEST_F(Looking, ColumnsAreChosenAndCheckedEvenWithoutARow) {
  with([](State& s) { s.tunnels = {tunnel("work", "established")}; });
  EXPECT_EQ(ctl({"-t", "-f", "state,name", "tunnel", "list"}).out, "established:work\n");
  EXPECT_EQ(ctl({"-f", "name", "tunnel", "list"}).out, "NAME\nwork\n");
  const Ran ran = ctl({"-f", "nmae", "session", "list"});
  EXPECT_EQ(ran.code, 2);
  EXPECT_NE(ran.err.find("there is no column \"nmae\", these are: session state"),
            std::string::npos)
      << ran.err;
}

TEST_F(Looking, ListsLongerThanAPageAreWhole) {
  with([](State& s) {
    for (std::uint32_t id = 1; id <= 2500; ++id) s.sessions.push_back(session("isp", id, "up"));
  });
  EXPECT_EQ(json({"session", "list"}).size(), 2500u);
}

TEST_F(Looking, ShowsWhatTheDaemonSays) {
  with([](State& s) {
    s.sessions = {Json::parse(R"({"tunnel":"work","id":21,"ppp":{"mru":1400,"dns":["a","b"]}})")};
  });
  EXPECT_EQ(ctl({"sess", "sh", "work/21"}).out,
            "tunnel: work\nid:     21\nppp:\n  mru: 1400\n  dns: a b\n");
  EXPECT_EQ(json({"session", "show", "work/21"})["ppp"]["mru"], 1400);
  EXPECT_EQ(ctl({"session", "show", "work/22"}).code, 4);
  EXPECT_EQ(ctl({"tunnel", "show", "nobody"}).code, 4);
}

TEST_F(Looking, Listeners) {
  with([](State& s) {
    s.listeners = {Json::parse(
        R"({"name":"isp","state":"listening","tunnels":3,"sessions":9,"half_open":1,"problem":""})")};
  });
  EXPECT_EQ(ctl({"-t", "listener"}).out, "isp:listening:3:9:1:\n");
  EXPECT_EQ(json({"listener", "list"})[0]["sessions"], 9);
  EXPECT_EQ(json({"listener", "show", "isp"})["half_open"], 1);
  EXPECT_EQ(ctl({"listener", "show", "other"}).code, 4);
}

TEST_F(Looking, Profiles) {
  with([](State& s) {
    s.profiles["work"] = Json::parse(R"({"kind":"client","autostart":true,"peer":"a"})");
    s.paths["work"] = "/etc/l2tp-manager/profiles.d/work.json";
  });
  EXPECT_EQ(ctl({"-t", "profile"}).out,
            "work:client:enabled:/etc/l2tp-manager/profiles.d/work.json\n");
  EXPECT_EQ(json({"profile", "list"}),
            Json::parse(R"([{"name":"work","kind":"client","enabled":true,
                             "path":"/etc/l2tp-manager/profiles.d/work.json"}])"));
  EXPECT_EQ(Json::parse(ctl({"profile", "show", "work"}).out)["peer"], "a");
  EXPECT_EQ(ctl({"profile", "show", "other"}).code, 4);
}

TEST_F(Looking, StatsOfAllAndOfOne) {
  with([](State& s) {
    s.statistics = {
        Json::parse(R"({"object":"manager","name":"","counters":{"rx_bytes":5,"tunnels":1}})"),
        Json::parse(R"({"object":"tunnel","name":"work","counters":
                        {"rx_bytes":1234567,"tx_bytes":10,"rx_packets":1,"rx_errors":2}})"),
        Json::parse(
            R"({"object":"session","name":"work","session":21,"counters":{"rx_bytes":7}})")};
  });
  EXPECT_EQ(ctl({"-t", "stats"}).out, "manager:(daemon):5:0:0:0:0\ntunnel:work:1.2M:10:1:0:2\n");
  EXPECT_EQ(ctl({"stats", "work/21"}).out, "rx_bytes: 7\n");
  EXPECT_EQ(json({"stats", "work"}).size(), 2u);
  EXPECT_EQ(ctl({"stats", "nobody"}).code, 4);
}

TEST_F(Looking, RatesAreMeasured) {
  with([](State& s) {
    s.statistics = {Json::parse(
        R"({"object":"session","name":"work","session":21,"counters":{"rx_bytes":0}})")};
    s.on_look = [](State& state) {
      auto& counter = state.statistics[0]["counters"]["rx_bytes"];
      counter = counter.get<std::uint64_t>() + 1000;
    };
  });
  const auto stats = json({"stats", "work/21", "--rates", "1"});
  const double rate = stats[0]["rates"]["rx_bits"];
  EXPECT_GT(rate, 100) << "8000 bits in at least a second, and a slow machine's time";
  EXPECT_LE(rate, 8000);
  const auto top = json({"top", "--interval", "1"});
  ASSERT_EQ(top.size(), 1u);
  EXPECT_GT(top[0]["rates"]["rx_bits"], 100);
}

TEST_F(Looking, DumpsAreJsonLines) {
  with([](State& s) { is_up(s, "work"); });
  const Ran ran = ctl({"dump", "sessions"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(Json::parse(ran.out)["kind"], "session");
  EXPECT_EQ(ran.out.find('\n'), ran.out.size() - 1);
  EXPECT_EQ(ctl({"dump", "everything"}).code, 2);
}

TEST_F(Looking, LogLevelIsShownAndSet) {
  EXPECT_EQ(ctl({"log-level"}).out, "info\n");
  EXPECT_EQ(ctl({"log-level", "debug"}).code, 0);
  EXPECT_EQ(json({"log-level"})["log_level"], "debug");
  EXPECT_EQ(ctl({"log-level", "loud"}).code, 2);
}

TEST_F(Looking, ErrorsOfTheBusBecomeExitCodes) {
  with([](State& s) {
    s.errors = {
        {"ListSessions", "org.freedesktop.DBus.Error.AccessDenied"},
        {"Dump",         "org.L2tpManager1.Error.LimitExceeded"   }
    };
  });
  const Ran refused = ctl({"session", "list"});
  EXPECT_EQ(refused.code, 5);
  EXPECT_NE(refused.err.find("hint: root may"), std::string::npos) << refused.err;
  EXPECT_EQ(ctl({"stats"}).code, 1);
}

TEST_F(Looking, WhySaysWhatFailedAndWhatWorks) {
  with([](State& s) {
    s.profiles["work"] = Json::parse(R"({"kind":"client"})");
    for (int i = 0; i < 3; ++i) {
      Json line{
          {"time",    std::uint64_t{1700000000000000}},
          {"object",  "tunnel"                       },
          {"tunnel",  "work"                         },
          {"profile", "work"                         },
          {"peer",    "192.0.2.1:1701"               }
      };
      line["cause"] = cause("no-answer", false, "");
      line["tried"] = Json::parse(R"([{"address":"192.0.2.1:1701","sent":6,"for_ms":31000,
                                       "icmp":"port-unreachable"}])");
      line["repeated"] = i + 1;
      s.failures.push_back(line);
    }
  });
  const Ran ran = ctl({"why", "work"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_NE(ran.out.find("✗ work: the host answers that nothing listens on that UDP port ("),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find(", 6 times)"), std::string::npos) << ran.out;
  EXPECT_NE(ran.out.find("  asked 192.0.2.1:1701: 6 messages in 31s, ICMP says port-unreachable\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("  do: "), std::string::npos);
  with([](State& s) { is_up(s, "work"); });
  const auto now = json({"why", "192.0.2.1"});
  EXPECT_TRUE(now["works"]);
  EXPECT_EQ(now["running"][0]["tunnel"], "work");
  EXPECT_NE(ctl({"why", "work"}).out.find("● work: works on l2tp-work\nbefore that:\n"),
            std::string::npos)
      << ctl({"why", "work"}).out;
}

TEST_F(Looking, WhyOfTheUnknownIsExitCode4) {
  EXPECT_EQ(ctl({"why", "nobody"}).code, 4);
  with([](State& s) { s.profiles["work"] = Json::object(); });
  const Ran ran = ctl({"why", "work"});
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "work is not running, and nothing of it has failed: l2tpctl up work\n");
}

TEST_F(Looking, MonitorShowsEventsUntilInterrupted) {
  Ran ran;
  std::thread thread = start({"monitor", "--events", "tunnel,session", "work"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  with([](State& s) {
    Json event{
        {"event",   "session"                      },
        {"time",    std::uint64_t{1700000001114000}},
        {"tunnel",  "work"                         },
        {"session", 21                             },
        {"old",     "authenticating"               },
        {"new",     "up"                           },
        {"cause",   nullptr                        }
    };
    event["address"] = "10.77.0.10";
    s.stream(event);
    event["old"] = "up";
    event["new"] = "";
    event["cause"] = cause("peer-closed", true, "bye");
    s.stream(event);
    s.stream({
        {"event", "lost"},
        {"time",  0     },
        {"count", 7     }
    });
    s.end_streams();
  });
  thread.join();
  EXPECT_EQ(ran.code, 3) << "the daemon ended it";
  EXPECT_NE(ran.out.find(".114 work/21  session  authenticating → up  10.77.0.10\n"),
            std::string::npos)
      << ran.out;
  EXPECT_NE(ran.out.find("up → gone  peer-closed by peer: bye, 10.77.0.10\n"), std::string::npos);
  EXPECT_NE(ran.out.find("7 events were missed\n"), std::string::npos);
  EXPECT_EQ(asked(), std::vector<std::string>{"events events tunnel"});

  thread = start({"monitor"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  interrupt();
  thread.join();
  EXPECT_EQ(ran.code, 0);
}

TEST_F(Looking, MonitorAsJsonIsLines) {
  Ran ran;
  std::thread thread = start({"-j", "monitor", "--count", "1"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  with([](State& s) {
    s.stream(Json::parse(R"({"event":"profile","name":"a","change":"added"})"));
  });
  thread.join();
  EXPECT_EQ(ran.code, 0);
  EXPECT_EQ(ran.out, "{\"event\":\"profile\",\"name\":\"a\",\"change\":\"added\"}\n");
}

TEST_F(Looking, TraceWritesAPcapFile) {
  char path[] = "/tmp/l2tpm-trace-XXXXXX";
  const UniqueFd file(::mkstemp(path));
  with([](State& s) { is_up(s, "work"); });
  Ran ran;
  std::thread thread = start({"trace", "work", "--pcap", path, "--count", "2", "--details"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  with([](State& s) {
    Json packet = Json::parse(R"({"event":"packet","time":1700000001000002,"direction":"out",
      "layer":"l2tp","tunnel":"work","session":0,"local":"198.51.100.7:1701",
      "remote":"192.0.2.1:1701","summary":"HELLO Ns 3 Nr 2","fields":{"Message Type":"HELLO"},
      "data":"c802000c"})");
    s.stream(packet);
    packet["layer"] = "ppp";
    packet["session"] = 21;
    packet["data"] = "c02109010008";
    s.stream(packet);
  });
  thread.join();
  EXPECT_EQ(ran.code, 0) << ran.err;
  EXPECT_NE(ran.out.find("→ work  HELLO Ns 3 Nr 2\n    Message Type: HELLO\n"), std::string::npos)
      << ran.out;
  std::ifstream stored(path, std::ios::binary);
  const std::string octets((std::istreambuf_iterator<char>(stored)), {});
  ::unlink(path);
  ASSERT_EQ(octets.size(), 24u + 16 + 28 + 4 + 16 + 28 + 8 + 6);
  EXPECT_EQ(octets.substr(octets.size() - 14),
            std::string("\x00\x02\x00\x2a\x03\xfd\xff\x03\xc0\x21\x09\x01\x00\x08", 14))
      << "a data message with the ids that the peer gave: tunnel 42, session 1021";
  EXPECT_EQ(asked(), std::vector<std::string>{"events packets tunnel"});
}

}  // namespace
}  // namespace l2tpm::ctl
