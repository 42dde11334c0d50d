#include "doctor/doctor.h"

#include <grp.h>
#include <linux/capability.h>
#include <sys/timex.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <charconv>
#include <iterator>

#include "doctor/files.h"

namespace l2tpm::doctor {
namespace {

bool has_capability(unsigned number) {
  for (const std::string& line : lines_of(read_file("/proc/self/status"))) {
    const auto words = words_of(line);
    if (words.size() != 2 || words[0] != "CapEff:") continue;
    std::uint64_t set = 0;
    std::from_chars(words[1].data(), words[1].data() + words[1].size(), set, 16);
    return (set >> number & 1) != 0;
  }
  return false;
}

}  // namespace

std::string_view name(Finding::Level level) {
  switch (level) {
    case Finding::Level::ok:
      return "ok";
    case Finding::Level::warning:
      return "warn";
    case Finding::Level::failure:
      return "FAIL";
  }
  return "FAIL";
}

Machine this_machine() {
  Machine machine;
  utsname names{};
  if (::uname(&names) == 0) machine.release = names.release;
  machine.privileged = has_capability(CAP_NET_ADMIN);
  timex clock{};
  machine.clock_synchronised = ::adjtimex(&clock) >= 0 && (clock.status & STA_UNSYNC) == 0;
  machine.now = std::time(nullptr);
  if (const group* entry = ::getgrnam("l2tp-manager")) machine.daemon_group = entry->gr_gid;
  machine.socket_holders = kview::socket_holders;
  machine.probe = kernel::probe_features;
  return machine;
}

Findings examine(const Machine& machine) {
  Findings all;
  for (const auto check :
       {check_modules, check_kernel, check_ppp_device, check_port, check_daemon, check_bus_files,
        check_network_manager, check_mtu, check_clock, check_configuration, check_secrets}) {
    Findings some = check(machine);
    all.insert(all.end(), std::make_move_iterator(some.begin()),
               std::make_move_iterator(some.end()));
  }
  return all;
}

}  // namespace l2tpm::doctor
