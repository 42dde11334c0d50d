// What is around the daemon: its port, the bus, NetworkManager, the path, the clock.
#include <fmt/core.h>

#include <charconv>
#include <map>

#include "doctor/doctor.h"
#include "doctor/files.h"
#include "kview/parse.h"

namespace l2tpm::doctor {
namespace {

using Level = Finding::Level;

constexpr std::uint16_t kPort = 1701;
constexpr const char* kDaemon = "l2tp-manager";
constexpr unsigned kUsualMtu = 1500;
constexpr unsigned kSmallMtu = 1400;
constexpr unsigned kOverhead = 40;  // IPv4, UDP, L2TP with length, PPP
// Before this was written no clock can be right.
constexpr std::time_t kEarliest = 1767225600;  // 2026-01-01

unsigned number_in(const std::string& path) {
  const std::string text = read_file(path);
  unsigned value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

std::string value_of(const std::string& text, std::string_view key) {
  for (const std::string& line : lines_of(text))
    if (line.starts_with(std::string(key) + "=")) return line.substr(key.size() + 1);
  return {};
}

}  // namespace

Findings check_port(const Machine& machine) {
  std::vector<kview::UdpSocket> sockets;
  for (const char* table : {"/proc/net/udp", "/proc/net/udp6"})
    for (const auto& socket : kview::parse_udp_table(read_file(machine.root + table)))
      if (socket.local.port == kPort) sockets.push_back(socket);
  if (sockets.empty())
    return {
        {Level::ok, "port-1701", "UDP port 1701 is free", {}}
    };
  std::vector<std::uint64_t> inodes;
  for (const auto& socket : sockets) inodes.push_back(socket.inode);
  std::map<std::string, int> holders;
  bool of_kernel = false;
  if (machine.socket_holders) {
    const kview::Holders found = machine.socket_holders(inodes);
    for (const auto& [inode, processes] : found.of)
      for (const kview::Process& process : processes) holders[process.name] = process.pid;
    for (const std::uint64_t inode : inodes)
      of_kernel |= inode == 0 || (found.complete && !found.of.contains(inode));
  }
  Findings findings;
  for (const auto& [name, pid] : holders) {
    if (name == kDaemon)
      findings.push_back({Level::ok, "port-1701", "UDP port 1701 is l2tp-manager's", {}});
    else
      findings.push_back({Level::failure, "port-1701",
                          fmt::format("UDP port 1701 is held by {} (pid {})", name, pid),
                          fmt::format("stop it: systemctl disable --now {}", name)});
  }
  if (of_kernel)
    findings.push_back({Level::warning, "port-1701",
                        "UDP port 1701 is held by a tunnel of the kernel's own (ip l2tp)",
                        "\"l2tpctl kernel show --foreign\" shows it"});
  if (findings.empty())
    findings.push_back({Level::warning, "port-1701",
                        "UDP port 1701 is held by a process that cannot be seen from here",
                        "run this as root"});
  return findings;
}

Findings check_daemon(const Machine& machine) {
  if (!machine.daemon)
    return {
        {Level::failure, "daemon",
         "l2tp-manager is not running" +
             (machine.bus_error.empty() ? "" : " (" + machine.bus_error + ")"),
         "systemctl start l2tp-manager; why it ended: journalctl -u l2tp-manager -b"}
    };
  Findings findings{
      {Level::ok,
       "daemon", fmt::format("l2tp-manager {} is {}", machine.daemon->version, machine.daemon->state),
       {}}
  };
  // CAP_NET_BIND_SERVICE, CAP_NET_ADMIN, CAP_NET_RAW
  constexpr std::uint64_t kNeeded = 1u << 10 | 1u << 12 | 1u << 13;
  for (const std::string& pid : names_in(machine.root + "/proc")) {
    const std::string directory = machine.root + "/proc/" + pid;
    if (pid[0] < '0' || pid[0] > '9' ||
        read_file(directory + "/comm") != std::string(kDaemon) + "\n")
      continue;
    for (const std::string& line : lines_of(read_file(directory + "/status"))) {
      const auto words = words_of(line);
      if (words.size() != 2 || words[0] != "CapEff:") continue;
      std::uint64_t set = 0;
      std::from_chars(words[1].data(), words[1].data() + words[1].size(), set, 16);
      if ((set & kNeeded) == kNeeded)
        findings.push_back(
            {Level::ok, "capabilities", "it has the three capabilities it needs", {}});
      else
        findings.push_back({Level::failure, "capabilities",
                            fmt::format("process {} lacks capabilities: it has {:#x}", pid, set),
                            "use the unit that comes with it, or give it CAP_NET_ADMIN, "
                            "CAP_NET_BIND_SERVICE and CAP_NET_RAW"});
    }
  }
  return findings;
}

Findings check_bus_files(const Machine& machine) {
  Findings findings;
  bool policy = false;
  for (const char* directory : {"/usr/share/dbus-1/system.d/", "/etc/dbus-1/system.d/"})
    policy |= exists(machine.root + directory + "org.L2tpManager1.conf");
  if (policy)
    findings.push_back({Level::ok, "dbus-policy", "the bus lets the daemon have its name", {}});
  else
    findings.push_back({Level::failure, "dbus-policy",
                        "the bus has no policy org.L2tpManager1.conf: the daemon may not have its "
                        "name",
                        "install it into /usr/share/dbus-1/system.d and reload dbus"});
  bool polkit = false;
  for (const char* path :
       {"/usr/lib/polkit-1/polkitd", "/usr/libexec/polkitd", "/usr/libexec/polkit-1/polkitd"})
    polkit |= exists(machine.root + path);
  const bool actions = exists(machine.root + "/usr/share/polkit-1/actions/org.L2tpManager1.policy");
  if (!polkit)
    findings.push_back({Level::warning, "polkit",
                        "polkit is not installed: only root may change "
                        "anything",
                        "install polkitd if others should"});
  else if (!actions)
    findings.push_back(
        {Level::warning, "polkit",
         "polkit does not know l2tp-manager's actions: only root may change anything",
         "install org.L2tpManager1.policy into /usr/share/polkit-1/actions"});
  else
    findings.push_back({Level::ok, "polkit", "polkit decides who may change what", {}});
  return findings;
}

Findings check_network_manager(const Machine& machine) {
  if (!exists(machine.root + "/usr/sbin/NetworkManager") &&
      !exists(machine.root + "/usr/bin/NetworkManager"))
    return {
        {Level::ok, "network-manager", "NetworkManager is not installed", {}}
    };
  // name, service, plugin library and editor may be in one file only: the later is dropped.
  std::map<std::string, std::vector<std::string>> files_of;
  std::map<std::string, std::string> program_of;  // by service
  Findings findings;
  for (const char* directory : {"/usr/lib/NetworkManager/VPN", "/etc/NetworkManager/VPN"}) {
    for (const std::string& file : names_in(machine.root + directory)) {
      if (!file.ends_with(".name")) continue;
      const std::string path = std::string(directory) + "/" + file;
      const std::string text = read_file(machine.root + path);
      const std::string service = value_of(text, "service");
      if (service.find(".l2tp") == std::string::npos) continue;
      for (const char* key : {"name", "service", "plugin", "properties"})
        if (const std::string value = value_of(text, key); !value.empty())
          files_of[std::string(key) + "=" + value].push_back(path);
      const std::string program = value_of(text, "program");
      program_of.emplace(service, program);
      if (!program.empty() && !exists(machine.root + program))
        findings.push_back({Level::failure, "network-manager",
                            fmt::format("{} names {}, which is not there", path, program),
                            "install its package again, or remove the file"});
    }
  }
  for (const auto& [what, files] : files_of) {
    if (files.size() < 2) continue;
    std::string list;
    for (const std::string& file : files) list += (list.empty() ? "" : ", ") + file;
    findings.push_back({Level::failure, "network-manager",
                        fmt::format("\"{}\" is in several plugins: {}; NetworkManager takes the "
                                    "newest file only",
                                    what, list),
                        "keep one of them"});
  }
  for (const auto& [service, program] : program_of)
    findings.push_back({Level::ok,
                        "network-manager",
                        fmt::format("NetworkManager: {} is served by {}", service, program),
                        {}});
  if (program_of.empty())
    findings.push_back({Level::warning, "network-manager", "NetworkManager has no plugin for L2TP",
                        "install network-manager-l2tp-manager if it should connect"});
  return findings;
}

Findings check_mtu(const Machine& machine) {
  Findings findings;
  std::string interface;
  for (const std::string& line : lines_of(read_file(machine.root + "/proc/net/route"))) {
    const auto words = words_of(line);
    if (words.size() > 7 && words[1] == "00000000" && words[7] == "00000000") {
      interface = words[0];
      break;
    }
  }
  if (interface.empty()) {
    findings.push_back({Level::warning, "mtu", "there is no IPv4 default route",
                        "peers beyond the "
                        "local network need one"});
  } else {
    const unsigned mtu = number_in(machine.root + "/sys/class/net/" + interface + "/mtu");
    if (mtu >= kSmallMtu)
      findings.push_back(
          {Level::ok,
           "mtu",
           fmt::format("MTU of {} is {}{}: sessions carry up to {}", interface, mtu,
                       mtu < kUsualMtu ? " (a tunnel or PPPoE)" : "", mtu - kOverhead),
           {}});
    else
      findings.push_back({Level::warning, "mtu",
                          fmt::format("MTU of {} is only {}", interface, mtu),
                          "sessions get smaller packets still; IPv6 needs 1280 inside"});
  }
  if (number_in(machine.root + "/proc/sys/net/ipv4/ip_no_pmtu_disc") != 0)
    findings.push_back({Level::warning, "mtu",
                        "path MTU discovery is switched off "
                        "(net.ipv4.ip_no_pmtu_disc)",
                        "sysctl net.ipv4.ip_no_pmtu_disc=0, or a fixed ppp.mtu in profiles"});
  return findings;
}

Findings check_clock(const Machine& machine) {
  if (machine.now < kEarliest)
    return {
        {Level::failure, "clock", "the clock is years behind",
         "set it (timedatectl): certificates, logs and time-outs of peers depend on it"}
    };
  if (!machine.clock_synchronised)
    return {
        {Level::warning, "clock", "the clock is not synchronised",
         "systemd-timesyncd or chrony; times in the logs of both ends then agree"}
    };
  return {
      {Level::ok, "clock", "the clock is synchronised", {}}
  };
}

}  // namespace l2tpm::doctor
