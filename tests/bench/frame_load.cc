// Sends one Ethernet frame again and again through an interface and says what that took: frames,
// seconds, and the processors' seconds that were not idle, of everything on this machine.
#include <linux/if_packet.h>
#include <net/if.h>
#include <sys/socket.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstdint>
#include <cstring>
#include <fstream>
#include <iostream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "base/clock.h"
#include "base/fd.h"
#include "base/mac_address.h"

namespace {

using namespace l2tpm;

// Of all processors together, in seconds. /proc/stat has hundredths of it only, so this is where
// the kernel shows its timers.
double idle() {
  std::ifstream timers("/proc/timer_list");
  double nanoseconds = 0;
  for (std::string word; timers >> word;) {
    double value = 0;
    if (word == ".idle_sleeptime" && timers >> word >> value) nanoseconds += value;
  }
  return nanoseconds / 1e9;
}

}  // namespace

int main(int argc, char** argv) {
  std::string interface, to;
  std::size_t size = 60;
  unsigned burst = 32, pause = 0;
  std::uint64_t frames = 0;
  double seconds = 0;
  CLI::App app("Sends frames through an interface", "frame_load");
  app.add_option("--interface", interface)->required();
  app.add_option("--to", to, "MAC address")->required();
  app.add_option("--size", size, "Octets of a frame, without its FCS")->check(CLI::Range(14, 1518));
  app.add_option("--frames", frames, "How many; 0: as many as go in --seconds");
  app.add_option("--seconds", seconds);
  app.add_option("--burst", burst, "Frames of a call")->check(CLI::Range(1, 1024));
  app.add_option("--pause", pause, "Microseconds after each call");
  CLI11_PARSE(app, argc, argv);

  const auto mac = MacAddress::parse(to);
  const UniqueFd fd(socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0));
  sockaddr_ll address{};
  address.sll_family = AF_PACKET;
  address.sll_ifindex = static_cast<int>(if_nametoindex(interface.c_str()));
  if (!mac || bind(fd.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) {
    std::cerr << interface << ", " << to << ": " << std::strerror(errno) << "\n";
    return 1;
  }
  // An ethertype for experiments, that no protocol takes.
  std::vector<std::uint8_t> frame{0, 0, 0, 0, 0, 0, 2, 0, 0, 0, 0, 0x11, 0x88, 0xb5};
  std::copy(mac->octets().begin(), mac->octets().end(), frame.begin());
  frame.resize(size, 0x5a);
  iovec piece{frame.data(), frame.size()};
  std::vector<mmsghdr> messages(burst);
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_iov = &piece;
    message.msg_hdr.msg_iovlen = 1;
  }

  const double idle_before = idle();
  const auto began = Clock::now();
  const auto elapsed = [&] { return std::chrono::duration<double>(Clock::now() - began).count(); };
  std::uint64_t sent = 0, refused = 0;
  while (frames != 0 ? sent < frames : elapsed() < seconds) {
    const int done = sendmmsg(fd.get(), messages.data(), burst, 0);
    if (done > 0)
      sent += static_cast<std::uint64_t>(done);
    else if (errno == ENOBUFS && ++refused < 1'000'000)
      continue;
    else
      break;
    if (pause != 0) usleep(pause);
  }
  const double took = elapsed();
  const double processors = static_cast<double>(sysconf(_SC_NPROCESSORS_ONLN));
  nlohmann::json report;
  report["frames"] = sent;
  report["refused"] = refused;
  report["seconds"] = took;
  report["busy_seconds"] = took * processors - (idle() - idle_before);
  std::cout << report << std::endl;
  return sent == 0 ? 1 : 0;
}
