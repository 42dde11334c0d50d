// What -j prints is what docs/l2tpctl.schema.json promises.
#include <sys/wait.h>

#include <fstream>
#include <set>

#include "ctl/command.h"
#include "support/ctl_fixture.h"
#include "support/source_dir.h"

namespace l2tpm::ctl {
namespace {

class JsonSchema : public CtlTest {
 protected:
  // A line for the validator: what a command printed. Streams print an object to a line.
  void add(const std::string& command, const std::string& out) {
    std::istringstream text(out);
    for (std::string line; std::getline(text, line);) {
      const auto json = Json::parse(line, nullptr, false);
      ASSERT_FALSE(json.is_discarded()) << command << ": " << line;
      lines_ +=
          Json{
              {"command", command},
              {"output",  json   }
      }
              .dump() +
          "\n";
    }
    done_.insert(command);
  }
  void run_one(const std::string& command, std::vector<std::string> args) {
    args.insert(args.begin(), "--json=short");
    const Ran ran = ctl(std::move(args));
    EXPECT_EQ(ran.code, 0) << command << ": " << ran.err;
    EXPECT_NE(ran.out, "") << command;
    add(command, ran.out);
  }
  // What is wrong with the lines so far; "" if nothing is.
  std::string validate() {
    const std::string file = testing::TempDir() + "l2tpctl-outputs";
    std::ofstream(file) << lines_;
    const std::string command = test::in_source_tree("tests/unit/ctl/validate") + " " +
                                test::in_source_tree("docs/l2tpctl.schema.json") + " < " + file +
                                " 2>&1";
    FILE* pipe = ::popen(command.c_str(), "r");
    std::string said;
    for (int c = std::fgetc(pipe); c != EOF; c = std::fgetc(pipe)) said += static_cast<char>(c);
    const int status = ::pclose(pipe);
    ::unlink(file.c_str());
    skipped_ = WEXITSTATUS(status) == 77;
    if (skipped_) return "";
    return status == 0 ? "" : said + "?";
  }

  std::string lines_;
  std::set<std::string> done_;
  bool skipped_ = false;
};

TEST_F(JsonSchema, IsKept) {
  const std::string file = testing::TempDir() + "l2tpctl-profile.json";
  std::ofstream(file) << R"({"kind":"client","peer":"b"})";
  with([&](State& s) {
    is_up(s, "work");
    s.tunnels.push_back(tunnel("isp", "backoff"));
    s.tunnels.back()["last_error"] = cause("auth-failed", true, "E=691");
    s.tunnels.push_back(tunnel("site", "established"));
    s.tunnels.back().update(Json::parse(R"({"version":3,"encapsulation":"ip","version3":{
      "router_id":"192.0.2.2","peer_router_id":"","peer_pseudowires":["ethernet"],"digest":"md5",
      "authenticated":true,"peer_secret":1}})"));
    s.tunnels.push_back(tunnel("attic", "failed"));
    s.tunnels.back().update(Json::parse(R"({"role":"static","version":3,"encapsulation":"udp",
      "convergence":"conflict"})"));
    s.sessions.push_back(session("site", 305419896, "up"));
    s.sessions.back().update(Json::parse(R"({"pseudowire":"ethernet","mtu":1500,"ethernet":{
      "name":"lan","remote_end_id":"100","mac":"","attached_to":"bridge br0","vlan":0,"cookie":8,
      "peer_cookie":4,"sublayer":false,"send_sequence":false,"receive_sequence":true,"circuit":"",
      "circuit_active":true,"peer_circuit_active":false}})"));
    s.listeners = {Json::parse(R"({"name":"isp","state":"listening","tunnels":3,"sessions":9,
                                   "half_open":1,"problem":""})")};
    s.statistics = {
        Json::parse(R"({"object":"manager","name":"","counters":{"tunnels":1}})"),
        Json::parse(
            R"({"object":"session","name":"work","session":21,"counters":{"rx_bytes":7}})")};
    s.profiles["work"] = Json::parse(R"({"kind":"client","peer":"a"})");
    s.paths["work"] = file;
    s.failures = {Json::parse(R"({"time":1,"object":"tunnel","tunnel":"work","profile":"work",
      "role":"lac","peer":"192.0.2.1:1701","user":"","heard":{"from":"192.0.2.9:1","messages":1},
      "tried":[{"address":"192.0.2.1:1701","sent":6,"for_ms":31000,"icmp":null}],
      "details":{"established":"false"}})")};
    s.failures[0]["cause"] = cause("no-answer", false, "");
    s.answer = {
        {"warning", "/ppp", "careful"}
    };
    s.on_transient = [](State& state) {
      state.tunnels = {tunnel("connect", "established")};
      state.sessions = {session("connect", 21, "up")};
    };
  });
  run_one("status", {"status"});
  run_one("status", {"status", "isp"});
  run_one("why", {"why", "work"});
  run_one("tunnel list", {"tunnel", "list"});
  run_one("tunnel show", {"tunnel", "show", "work"});
  run_one("tunnel ping", {"tunnel", "ping", "work"});
  run_one("session list", {"session", "list"});
  run_one("session show", {"session", "show", "work/21"});
  run_one("session show", {"session", "show", "site/305419896"});
  run_one("tunnel show", {"tunnel", "show", "site"});
  run_one("status", {"status", "attic"});
  run_one("why", {"why", "site"});
  run_one("listener list", {"listener", "list"});
  run_one("listener show", {"listener", "show", "isp"});
  run_one("profile list", {"profile", "list"});
  run_one("profile show", {"profile", "show", "work"});
  run_one("profile diff", {"profile", "diff", "work"});
  run_one("reload", {"reload"});
  run_one("stats", {"stats", "--sessions", "--rates", "1"});
  run_one("top", {"top", "--interval", "1"});
  for (const char* kind : {"state", "sessions", "statistics", "config", "failures"})
    run_one("dump", {"dump", kind});
  run_one("log-level", {"log-level"});
  run_one("version", {"version"});

  Ran ran;
  std::thread thread = start({"-j", "trace", "work", "--count", "1"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  with([](State& s) {
    s.stream(Json::parse(R"({"event":"packet","time":1,"direction":"out","layer":"l2tp",
      "tunnel":"work","session":0,"local":"a","remote":"b","summary":"HELLO","fields":{},
      "data":"c802"})"));
    s.end_streams();
  });
  thread.join();
  add("trace", ran.out);
  thread = start({"-j", "monitor", "--count", "2"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  with([](State& s) {
    s.stream(Json::parse(R"({"event":"session","time":1,"tunnel":"site","session":7,"old":"up",
      "new":"up","cause":null,"interface":"l2eth0","user":"","address":"",
      "pseudowire":"ethernet","circuit_active":true,"peer_circuit_active":false})"));
    s.stream(Json::parse(R"({"event":"tunnel","time":1,"tunnel":"work","profile":"work",
      "old":"","new":"idle","cause":null,"remote":"","peer_host_name":""})"));
    s.end_streams();
  });
  thread.join();
  add("monitor", ran.out);
  thread = start({"-j", "connect", "192.0.2.1"}, ran);
  await("a stream", [](State& s) { return !s.streams.empty(); });
  interrupt();
  thread.join();
  add("connect", ran.out);
  ::unlink(file.c_str());

  EXPECT_EQ(validate(), "");
  if (skipped_) GTEST_SKIP() << "python3-jsonschema is not installed";
  // What can be had without a kernel or another program's files is validated above.
  const std::set<std::string> elsewhere{"kernel show", "kernel monitor", "import xl2tpd",
                                        "import nm",   "import ip-l2tp", "check-config",
                                        "doctor"};
  std::ifstream stored(test::in_source_tree("docs/l2tpctl.schema.json"));
  const auto schema = Json::parse(stored);
  for (const auto& [command, ignored] : schema["commands"].items()) {
    EXPECT_NE(find_command(command), nullptr) << command;
    EXPECT_EQ(done_.count(command) + elsewhere.count(command), 1u) << command;
  }
}

TEST_F(JsonSchema, RefusesWhatIsWrong) {
  add("tunnel list", R"([{"name":"work"}])");
  const std::string said = validate();
  if (skipped_) GTEST_SKIP() << "python3-jsonschema is not installed";
  EXPECT_NE(said.find("tunnel list: /0: 'profile' is a required property"), std::string::npos)
      << said;
}

}  // namespace
}  // namespace l2tpm::ctl
