// The kernel: its modules, what it can do, /dev/ppp.
#include <fmt/core.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>

#include "doctor/doctor.h"
#include "doctor/files.h"

namespace l2tpm::doctor {
namespace {

using Level = Finding::Level;

struct Module {
  std::string_view name;
  bool required;
  std::string_view what;  // goes without it
};
constexpr Module kModules[] = {
    {"l2tp_netlink", true,  "no tunnel can be made"                      },
    {"l2tp_ppp",     true,  "no PPP session can be made"                 },
    {"pppox",        true,  "no PPP session can be made"                 },
    {"ppp_generic",  true,  "there are no PPP interfaces"                },
    {"ppp_mppe",     false, "profiles that want MPPE cannot connect"     },
    {"l2tp_eth",     false, "no Ethernet pseudowire can be made"         },
    {"l2tp_ip",      false, "there is no L2TPv3 over IP (protocol 115)"  },
    {"l2tp_ip6",     false, "there is no L2TPv3 over IPv6 (protocol 115)"},
};

constexpr const char* kModprobeDirectories[] = {"/etc/modprobe.d", "/run/modprobe.d",
                                                "/usr/lib/modprobe.d", "/lib/modprobe.d"};

std::string with_underscores(std::string name) {
  std::replace(name.begin(), name.end(), '-', '_');
  return name;
}

// "FILE:LINE" of what keeps a module from being loaded on demand; "" if nothing does.
std::string blacklist_of(const Machine& machine, std::string_view module) {
  for (const char* directory : kModprobeDirectories) {
    for (const std::string& file : names_in(machine.root + directory)) {
      if (!file.ends_with(".conf")) continue;
      const std::string path = std::string(directory) + "/" + file;
      unsigned number = 0;
      for (const std::string& line : lines_of(read_file(machine.root + path))) {
        ++number;
        const auto words = words_of(line);
        if (words.size() < 2 || with_underscores(words[1]) != module) continue;
        const bool never = words[0] == "install" && words.size() > 2 &&
                           (words[2].ends_with("/false") || words[2].ends_with("/true"));
        if (words[0] == "blacklist" || never) return fmt::format("{}:{}", path, number);
      }
    }
  }
  return {};
}

// Whether a list of modules ("kernel/net/l2tp/l2tp_ppp.ko.xz: ...") has it.
bool lists(const std::string& text, std::string_view module) {
  for (const std::string& line : lines_of(text)) {
    std::string path = line.substr(0, line.find(':'));
    path = path.substr(path.rfind('/') + 1);
    if (with_underscores(path.substr(0, path.find('.'))) == module) return true;
  }
  return false;
}

}  // namespace

Findings check_modules(const Machine& machine) {
  Findings findings;
  const std::string directory = machine.root + "/lib/modules/" + machine.release;
  const std::string dependencies = read_file(directory + "/modules.dep");
  const std::string built_in = read_file(directory + "/modules.builtin");
  for (const Module& module : kModules) {
    Finding finding{Level::ok, "module", {}, {}};
    const bool loaded = exists(machine.root + "/sys/module/" + std::string(module.name));
    const std::string blacklist = blacklist_of(machine, module.name);
    const Level bad = module.required ? Level::failure : Level::warning;
    if (loaded) {
      finding.text = fmt::format("kernel module {} is loaded", module.name);
    } else if (lists(built_in, module.name)) {
      finding.text = fmt::format("kernel module {} is built in", module.name);
    } else if (!lists(dependencies, module.name)) {
      finding.level = bad;
      finding.text = fmt::format("kernel module {} is not there for {}: {}", module.name,
                                 machine.release, module.what);
      finding.advice =
          "install it: kernel-modules-extra on RHEL and Fedora, linux-modules-extra on Ubuntu; "
          "Debian's cloud kernels lack it, linux-image-amd64 has it";
    } else if (!blacklist.empty()) {
      finding.level = bad;
      finding.text = fmt::format("kernel module {} is kept from loading by {}: {}", module.name,
                                 blacklist, module.what);
      finding.advice = fmt::format(
          "comment that line out, or \"modprobe {}\" at boot "
          "(/etc/modules-load.d)",
          module.name);
    } else {
      finding.text = fmt::format("kernel module {} can be loaded", module.name);
    }
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings check_kernel(const Machine& machine) {
  if (!machine.privileged || !machine.probe)
    return {
        {Level::warning, "kernel", "what the kernel can do was not tried: that takes CAP_NET_ADMIN",
         "run this as root"}
    };
  Findings findings;
  for (const kernel::Feature& feature : machine.probe().features) {
    Finding finding{Level::ok, "kernel-" + std::string(feature.id), {}, feature.advice};
    finding.text =
        fmt::format("kernel {} {}: {}", machine.release, feature.id, kernel::name(feature.state));
    if (!feature.detail.empty()) finding.text += " (" + feature.detail + ")";
    if (feature.state == kernel::FeatureState::no && feature.required) {
      finding.level = Level::failure;
    } else if (feature.state == kernel::FeatureState::unknown && feature.required) {
      finding.level = Level::warning;
      finding.advice = "it could not be tried: see to what failed before it";
    } else if (feature.state == kernel::FeatureState::no && !feature.advice.empty()) {
      finding.level = Level::warning;
    }
    if (finding.level == Level::ok) finding.advice.clear();
    findings.push_back(std::move(finding));
  }
  return findings;
}

Findings check_ppp_device(const Machine& machine) {
  struct stat status {};
  const std::string path = machine.root + "/dev/ppp";
  Finding finding{Level::ok, "dev-ppp", {}, {}};
  if (::stat(path.c_str(), &status) != 0) {
    finding.level = Level::failure;
    finding.text = "/dev/ppp is not there: no PPP interface can be made";
    finding.advice = "modprobe ppp_generic; in a container: pass the device (c 108 0) in";
  } else if (machine.daemon_group &&
             (status.st_gid != *machine.daemon_group || (status.st_mode & 0060) != 0060) &&
             (status.st_mode & 0006) != 0006) {
    finding.level = Level::failure;
    finding.text = fmt::format("/dev/ppp is not for the daemon: mode {:04o}, group {}",
                               static_cast<unsigned>(status.st_mode & 07777),
                               static_cast<unsigned>(status.st_gid));
    finding.advice = "its udev rule gives it to group l2tp-manager: udevadm trigger /dev/ppp";
  } else if (!machine.daemon_group) {
    finding.level = Level::warning;
    finding.text = "there is no group l2tp-manager, which the daemon runs in";
    finding.advice = "systemd-sysusers; the package does that";
  } else {
    finding.text = "/dev/ppp is there, for the daemon's group";
  }
  return {std::move(finding)};
}

}  // namespace l2tpm::doctor
