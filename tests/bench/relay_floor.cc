// The relay beside the loop that anyone would write first: poll, read one frame, write one frame.
// Each in turn, several rounds in one run, so that a busy machine hurts them alike.
//
//   line l2tp: two L2TPv2 tunnels on loopback, as the daemon makes them; the naive loop has a unit
//   of /dev/ppp and a TAP. Root, in a network namespace of its own, on a kernel with L2TP and PPP.
//   line unix: a pair of AF_UNIX sockets instead, for any kernel with TAP.
//
// "up" is from the LAN to the line: frames are sent through the LAN's interface as fast as it goes,
// and counted where the line leaves this machine, an interface that drops them; with --receive the
// line's far end is here and counts, which the kernel does in the call that sends. "down" is the
// other way, counted by the interface. What a variant reaches is frames a second, and frames by a
// second of processor time of the thread that moves them.
#include <fcntl.h>
#include <net/if.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>
#include <vector>

#include "base/address.h"
#include "bench/naive_bridge.h"
#include "kernel/genl_l2tp.h"
#include "kernel/pppol2tp.h"
#include "relay/lan.h"
#include "relay/offloads.h"
#include "relay/relay.h"
#include "support/tap_lan.h"

namespace {

using namespace l2tpm;
using relay::FdKind;

void check(bool good, const std::string& what) {
  if (good) return;
  std::cerr << what << ": " << std::strerror(errno) << "\n";
  std::exit(1);
}
template <typename T>
T must(Result<T, int> result, const std::string& what) {
  if (!result) errno = result.error();
  check(result.has_value(), what);
  return std::move(*result);
}
template <typename T>
T must(Result<T, kernel::KernelError> result) {
  if (!result) {
    std::cerr << result.error().to_string() << "\n";
    std::exit(1);
  }
  return std::move(*result);
}
void run(const std::string& command) { check(std::system(command.c_str()) == 0, command); }

// The line's two ends: `near` for what is measured, `far` for the load.
struct Line {
  UniqueFd near_udp, far_udp, near, far;
  bench::Unit unit;
};

constexpr const char* kHere = "127.0.0.1";
// Where packets leave: 192.0.2.2 is behind it, and nobody there.
constexpr const char* kWire = "wire0";
constexpr const char* kWireHere = "192.0.2.1";
constexpr const char* kWireThere = "192.0.2.2";

UniqueFd udp(const char* local, std::uint16_t from, const char* remote, std::uint16_t to) {
  UniqueFd fd(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  for (const bool ours : {true, false}) {
    sockaddr_storage storage{};
    const socklen_t length =
        Endpoint{*IpAddress::parse(ours ? local : remote), ours ? from : to, 0}.to_sockaddr(
            storage);
    const auto* address = reinterpret_cast<const sockaddr*>(&storage);
    check((ours ? bind(fd.get(), address, length) : connect(fd.get(), address, length)) == 0,
          "the tunnel's socket");
  }
  return fd;
}

UniqueFd l2tp_end(std::uint32_t here, std::uint32_t there, const UniqueFd& socket) {
  kernel::TunnelRequest request;
  request.local = TunnelId(here);
  request.peer = TunnelId(there);
  request.socket = socket.get();
  must(kernel::create_tunnel(request));
  const kernel::SessionIds ids{2, TunnelId(here), TunnelId(there), SessionId(1), SessionId(1)};
  UniqueFd session = must(kernel::connect_session(ids, socket.get()));
  const int size = 4 << 20;
  for (const int option : {SO_RCVBUFFORCE, SO_SNDBUFFORCE}) {
    setsockopt(session.get(), SOL_SOCKET, option, &size, sizeof size);
  }
  return session;
}

enum class Place { pair, loopback, wire };

Line make_line(Place place, bool unit) {
  static std::uint32_t next = 1;
  Line line;
  if (place == Place::pair) {
    int fds[2];
    check(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) == 0, "socketpair");
    line.near.reset(fds[0]);
    line.far.reset(fds[1]);
    return line;
  }
  const std::uint32_t here = next++;
  const std::uint32_t there = next++;
  const auto port = [](std::uint32_t id) { return static_cast<std::uint16_t>(20000 + id); };
  if (place == Place::wire) {
    line.near_udp = udp(kWireHere, port(here), kWireThere, port(there));
  } else {
    line.near_udp = udp(kHere, port(here), kHere, port(there));
    line.far_udp = udp(kHere, port(there), kHere, port(here));
    line.far = l2tp_end(there, here, line.far_udp);
  }
  line.near = l2tp_end(here, there, line.near_udp);
  if (!unit) return line;
  line.unit = must(bench::make_unit(line.near.get()));
  return line;
}

Bytes ethernet(std::size_t size) {
  Bytes frame{2, 0, 0, 0, 0, 0x99, 2, 0, 0, 0, 0, 1, 0x88, 0xb5};
  frame.resize(size, 0x5a);
  return frame;
}

// Sends one frame again and again, as fast as the descriptor takes it.
void load(int fd, const Bytes& frame, const std::atomic<bool>& stop) {
  relay::OutBatch out;
  while (!stop) {
    for (int i = 0; i < 32; ++i) out.add(frame);
    if (out.flush(fd, FdKind::socket).messages != 0) continue;
    pollfd room{fd, POLLOUT, 0};
    poll(&room, 1, 1);
  }
}

void count_all(int fd, std::atomic<std::uint64_t>& count, const std::atomic<bool>& stop) {
  relay::InBatch in;
  while (!stop) {
    pollfd waiting{fd, POLLIN, 0};
    if (poll(&waiting, 1, 10) != 1 || in.receive(fd, FdKind::socket) != 0) continue;
    count += in.frames().size();
  }
}

// Processor time of our thread of this name so far, in seconds.
double thread_seconds(const std::string& name) {
  for (const auto& task : std::filesystem::directory_iterator("/proc/self/task")) {
    std::string comm;
    std::ifstream(task.path() / "comm") >> comm;
    if (comm != name) continue;
    std::ifstream stat(task.path() / "schedstat");
    double nanoseconds = 0;
    stat >> nanoseconds;
    return nanoseconds / 1e9;
  }
  return 0;
}

std::uint64_t frames_of(const std::string& interface, const std::string& direction) {
  std::ifstream count("/sys/class/net/" + interface + "/statistics/" + direction + "_packets");
  std::uint64_t frames = 0;
  count >> frames;
  return frames;
}

struct Figures {
  double per_second = 0;
  double per_cpu_second = 0;
};

struct Variant {
  const char* name;
  bool is_naive;
  bool unit;  // of /dev/ppp, where the line is L2TP
  FdKind lan;
};
constexpr Variant kVariants[] = {
    {"naive",        true,  true,  FdKind::file  },
    {"relay-tap",    false, false, FdKind::file  },
    {"relay-packet", false, false, FdKind::packet},
    {"relay-unit",   false, true,  FdKind::file  },
};

Figures measure(const Variant& variant, Place place, bool up, std::size_t size, double seconds) {
  const bool l2tp = place != Place::pair;
  Line line = make_line(place, variant.unit);
  UniqueFd lan;
  if (variant.lan == FdKind::file) {
    lan = must(open_tap_lan("lan0"), "TAP");
  } else {
    run("ip link add lan0 type veth peer name inner0");
    must(relay::switch_offloads_off("lan0"), "offloads");
    run("ip link set inner0 mtu 1504 up");
    lan = must(relay::open_packet_lan(static_cast<int>(if_nametoindex("inner0"))), "AF_PACKET");
  }
  run("ip link set lan0 mtu 1500 up");
  const UniqueFd port =
      must(relay::open_packet_lan(static_cast<int>(if_nametoindex("lan0"))), "the load's socket");
  const int none = 1;  // it only sends
  setsockopt(port.get(), SOL_SOCKET, SO_RCVBUF, &none, sizeof none);

  const bool unit = variant.unit && l2tp;
  const int near = unit ? line.unit.unit.get() : line.near.get();
  fcntl(near, F_SETFL, O_NONBLOCK);
  std::atomic<bool> stop{false};
  std::atomic<std::uint64_t> counted{0};
  const SessionKey key{TunnelId(1), SessionId(1)};
  relay::Relay moving;
  std::vector<std::thread> threads;
  if (variant.is_naive) {
    threads.emplace_back([&] {
      pthread_setname_np(pthread_self(), "naive");
      bench::move_frames(near, lan.get(), stop);
    });
  } else {
    must(moving.add(key,
                    {.line = near,
                     .line_kind = unit ? FdKind::file : FdKind::socket,
                     .lan = lan.get(),
                     .lan_kind = variant.lan,
                     .control = -1},
                    {.peer_mru = 1600}),
         "the relay");
  }
  Bytes frame = ethernet(size);
  if (up) {
    threads.emplace_back([&] { load(port.get(), frame, stop); });
    if (line.far) threads.emplace_back([&] { count_all(line.far.get(), counted, stop); });
  } else {
    frame.insert(frame.begin(), relay::kBridgedHeader.begin(), relay::kBridgedHeader.end());
    threads.emplace_back([&] { load(line.far.get(), frame, stop); });
  }
  const auto so_far = [&] {
    if (!up) return frames_of("lan0", "rx");
    return line.far ? counted.load() : frames_of(kWire, "tx");
  };
  const std::string name = variant.is_naive ? "naive" : "relay";
  usleep(200'000);  // at full load
  const auto began = Clock::now();
  const std::uint64_t first = so_far();
  const double cpu = thread_seconds(name);
  usleep(static_cast<useconds_t>(seconds * 1e6));
  const double frames = static_cast<double>(so_far() - first);
  const double used = thread_seconds(name) - cpu;
  const double elapsed = std::chrono::duration<double>(Clock::now() - began).count();
  stop = true;
  for (std::thread& thread : threads) thread.join();
  if (!variant.is_naive) moving.remove(key);
  line.unit = {};
  if (variant.lan == FdKind::packet) run("ip link delete lan0");
  return {frames / elapsed, used > 0 ? frames / used : 0};
}

double median(std::vector<double> values) {
  std::sort(values.begin(), values.end());
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) {
  std::string kind = "l2tp";
  double seconds = 1;
  int rounds = 5;
  std::vector<std::size_t> sizes{60, 1514};
  CLI::App app("The relay beside a loop of read() and write()", "relay_floor");
  app.add_option("--line", kind)->check(CLI::IsMember({"l2tp", "unix"}));
  app.add_option("--seconds", seconds, "Of each measurement");
  app.add_option("--rounds", rounds)->check(CLI::Range(1, 100));
  app.add_option("--sizes", sizes, "Octets of a frame");
  bool receive = false;
  app.add_flag("--receive", receive, "Up: the far end is on this machine");
  CLI11_PARSE(app, argc, argv);
  const bool l2tp = kind == "l2tp";
  if (l2tp) {
    const std::string wire(kWire);
    run("ip link add " + wire + " type dummy && ip link set " + wire + " mtu 1600 up");
    run("ip addr add " + std::string(kWireHere) + "/24 dev " + wire);
  }

  for (const std::size_t size : sizes) {
    for (const bool up : {true, false}) {
      std::map<std::string, std::pair<std::vector<double>, std::vector<double>>> all;
      for (int round = 0; round < rounds; ++round) {
        for (const Variant& variant : kVariants) {
          // Without a /dev/ppp a unit is a line like any other.
          if (!l2tp && variant.unit && !variant.is_naive) continue;
          const Place place = !l2tp ? Place::pair : up && !receive ? Place::wire : Place::loopback;
          const Figures figures = measure(variant, place, up, size, seconds);
          all[variant.name].first.push_back(figures.per_second);
          all[variant.name].second.push_back(figures.per_cpu_second);
        }
      }
      const double base = median(all["naive"].first);
      const double cpu_base = median(all["naive"].second);
      for (const auto& [name, figures] : all) {
        nlohmann::json report;
        report["variant"] = name;
        report["direction"] = up ? "up" : "down";
        report["size"] = size;
        report["frames_per_second"] = median(figures.first);
        report["frames_per_cpu_second"] = median(figures.second);
        report["beside_naive"] = median(figures.first) / base;
        report["beside_naive_by_cpu"] = median(figures.second) / cpu_base;
        std::cout << report << std::endl;
      }
    }
  }
  return 0;
}
