#include "doctor/doctor.h"

#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

namespace l2tpm::doctor {
namespace {

using Level = Finding::Level;

// A machine in a directory.
class Doctor : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/l2tpm-doctor-XXXXXX";
    ASSERT_NE(mkdtemp(name), nullptr);
    machine_.root = name;
    machine_.release = "6.1.0-test";
    machine_.now = 1800000000;
    machine_.clock_synchronised = true;
    machine_.daemon_group = ::getegid();
  }
  void TearDown() override { std::filesystem::remove_all(machine_.root); }

  void write(const std::string& path, const std::string& text, unsigned mode = 0644) {
    const std::filesystem::path full = machine_.root + path;
    std::filesystem::create_directories(full.parent_path());
    std::ofstream(full) << text;
    ::chmod(full.c_str(), mode);
  }
  static const Finding* find(const Findings& findings, const std::string& part) {
    for (const Finding& finding : findings)
      if (finding.text.find(part) != std::string::npos) return &finding;
    return nullptr;
  }
  static void expect(const Findings& findings, Level level, const std::string& part,
                     const std::string& advice = "") {
    const Finding* finding = find(findings, part);
    ASSERT_NE(finding, nullptr) << part << testing::PrintToString(texts(findings));
    EXPECT_EQ(finding->level, level) << finding->text;
    EXPECT_EQ(finding->level == Level::ok, finding->advice.empty()) << finding->text;
    EXPECT_NE(finding->advice.find(advice), std::string::npos) << finding->advice;
  }
  static std::vector<std::string> texts(const Findings& findings) {
    std::vector<std::string> result;
    for (const Finding& finding : findings) result.push_back(finding.text);
    return result;
  }

  Machine machine_;
};

TEST_F(Doctor, Modules) {
  write("/lib/modules/6.1.0-test/modules.dep",
        "kernel/net/l2tp/l2tp_netlink.ko: x\nkernel/net/l2tp/l2tp_ppp.ko.xz: y\n"
        "kernel/drivers/net/ppp/pppox.ko:\n");
  write("/lib/modules/6.1.0-test/modules.builtin", "kernel/drivers/net/ppp/ppp_generic.ko\n");
  write("/etc/modprobe.d/l2tp.conf", "# why\nblacklist l2tp-ppp\n");
  write("/usr/lib/modprobe.d/pppox.conf", "install pppox /bin/false\n");
  std::filesystem::create_directories(machine_.root + "/sys/module/l2tp_netlink");
  const Findings findings = check_modules(machine_);
  expect(findings, Level::ok, "l2tp_netlink is loaded");
  expect(findings, Level::failure, "l2tp_ppp is kept from loading by /etc/modprobe.d/l2tp.conf:2",
         "comment");
  expect(findings, Level::failure,
         "pppox is kept from loading by /usr/lib/modprobe.d/pppox.conf:1");
  expect(findings, Level::ok, "ppp_generic is built in");
  expect(findings, Level::warning, "ppp_mppe is not there", "kernel-modules-extra");
}

TEST_F(Doctor, TheKernelIsTriedOnlyByWhoMay) {
  machine_.probe = [] {
    kernel::KernelFeatures features;
    kernel::Feature good{"l2tp-netlink", kernel::FeatureState::yes, true, "", ""};
    kernel::Feature bad{"pppol2tp", kernel::FeatureState::no, true, "EPROTONOSUPPORT", "load it"};
    kernel::Feature minor{"mppe", kernel::FeatureState::no, false, "", "load ppp_mppe"};
    features.features = {good, bad, minor};
    return features;
  };
  expect(check_kernel(machine_), Level::warning, "was not tried", "root");
  machine_.privileged = true;
  const Findings findings = check_kernel(machine_);
  expect(findings, Level::ok, "l2tp-netlink: yes");
  expect(findings, Level::failure, "pppol2tp: no (EPROTONOSUPPORT)", "load it");
  expect(findings, Level::warning, "mppe: no", "load ppp_mppe");
}

TEST_F(Doctor, ThePppDevice) {
  expect(check_ppp_device(machine_), Level::failure, "/dev/ppp is not there", "ppp_generic");
  write("/dev/ppp", "", 0660);
  expect(check_ppp_device(machine_), Level::ok, "/dev/ppp is there");
  write("/dev/ppp", "", 0600);
  expect(check_ppp_device(machine_), Level::failure, "not for the daemon: mode 0600", "udev");
  machine_.daemon_group.reset();
  expect(check_ppp_device(machine_), Level::warning, "no group l2tp-manager");
}

constexpr const char* kUdp =
    "  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
    "inode\n"
    "  470: 00000000:06A5 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 99 2 0 0\n"
    "  471: 00000000:0035 00000000:0000 07 00000000:00000000 00:00000000 00000000  0  0 98 2 0 0\n";

TEST_F(Doctor, WhoHoldsThePort) {
  expect(check_port(machine_), Level::ok, "free");
  write("/proc/net/udp", kUdp);
  expect(check_port(machine_), Level::warning, "cannot be seen", "root");
  kview::Holders holders;
  machine_.socket_holders = [&](const std::vector<std::uint64_t>& inodes) {
    EXPECT_EQ(inodes, std::vector<std::uint64_t>{99});
    return holders;
  };
  holders.of[99] = {
      {512, "xl2tpd"}
  };
  expect(check_port(machine_), Level::failure, "held by xl2tpd (pid 512)", "disable --now xl2tpd");
  holders.of[99] = {
      {513, "l2tp-manager"}
  };
  expect(check_port(machine_), Level::ok, "l2tp-manager's");
  holders.of.clear();
  holders.complete = true;
  expect(check_port(machine_), Level::warning, "the kernel's own", "kernel show");
}

TEST_F(Doctor, TheDaemon) {
  machine_.bus_error = "no such name";
  expect(check_daemon(machine_), Level::failure, "not running (no such name)", "systemctl start");
  machine_.daemon = {"1.0", "running"};
  write("/proc/77/comm", "l2tp-manager\n");
  write("/proc/77/status", "Name:\tx\nCapEff:\t0000000000003400\n");
  expect(check_daemon(machine_), Level::ok, "three capabilities");
  write("/proc/77/status", "CapEff:\t0000000000001000\n");
  expect(check_daemon(machine_), Level::failure, "lacks capabilities", "unit");
}

TEST_F(Doctor, TheBusAndPolkit) {
  expect(check_bus_files(machine_), Level::failure, "no policy", "system.d");
  expect(check_bus_files(machine_), Level::warning, "polkit is not installed");
  write("/usr/share/dbus-1/system.d/org.L2tpManager1.conf", "");
  write("/usr/lib/polkit-1/polkitd", "");
  expect(check_bus_files(machine_), Level::warning, "does not know");
  write("/usr/share/polkit-1/actions/org.L2tpManager1.policy", "");
  for (const Finding& finding : check_bus_files(machine_)) EXPECT_EQ(finding.level, Level::ok);
}

TEST_F(Doctor, PluginsOfNetworkManagerThatAreInEachOthersWay) {
  expect(check_network_manager(machine_), Level::ok, "not installed");
  write("/usr/sbin/NetworkManager", "");
  expect(check_network_manager(machine_), Level::warning, "no plugin");
  const std::string stock =
      "[VPN Connection]\nname=l2tp\nservice=org.freedesktop.NetworkManager.l2tp\n"
      "program=/usr/lib/nm-l2tp-service\n";
  write("/usr/lib/NetworkManager/VPN/nm-l2tp-service.name", stock);
  write("/usr/lib/nm-l2tp-service", "");
  Findings findings = check_network_manager(machine_);
  expect(findings, Level::ok, "NetworkManager.l2tp is served by /usr/lib/nm-l2tp-service");
  EXPECT_EQ(findings.size(), 1u);
  write("/etc/NetworkManager/VPN/ours.name", stock);
  expect(check_network_manager(machine_), Level::failure, "is in several plugins", "keep one");
  std::filesystem::remove(machine_.root + "/usr/lib/nm-l2tp-service");
  expect(check_network_manager(machine_), Level::failure, "which is not there");
}

TEST_F(Doctor, ThePath) {
  expect(check_mtu(machine_), Level::warning, "no IPv4 default route");
  write("/proc/net/route",
        "Iface\tDestination\tGateway\tFlags\tRefCnt\tUse\tMetric\tMask\tMTU\tWindow\tIRTT\n"
        "eth0\t00000000\t0100A8C0\t0003\t0\t0\t100\t00000000\t0\t0\t0\n");
  write("/sys/class/net/eth0/mtu", "1500\n");
  expect(check_mtu(machine_), Level::ok, "MTU of eth0 is 1500: sessions carry up to 1460");
  write("/sys/class/net/eth0/mtu", "1280\n");
  expect(check_mtu(machine_), Level::warning, "only 1280");
  write("/proc/sys/net/ipv4/ip_no_pmtu_disc", "1\n");
  expect(check_mtu(machine_), Level::warning, "switched off", "sysctl");
}

TEST_F(Doctor, TheClock) {
  expect(check_clock(machine_), Level::ok, "synchronised");
  machine_.clock_synchronised = false;
  expect(check_clock(machine_), Level::warning, "not synchronised");
  machine_.now = 0;
  expect(check_clock(machine_), Level::failure, "years behind");
}

TEST_F(Doctor, ProfilesAndSecrets) {
  expect(check_configuration(machine_), Level::warning, "no profile", "profile new");
  write("/etc/l2tp-manager/profiles.d/work.json", "{\"kind\": \"client\", \"peer\": \"x\"}");
  expect(check_configuration(machine_), Level::ok, "1 profile without errors");
  write("/etc/l2tp-manager/profiles.d/bad.json", "{");
  expect(check_configuration(machine_), Level::failure, "bad.json:1", "check-config");

  EXPECT_TRUE(check_secrets(machine_).empty());
  write("/etc/l2tp-manager/secrets.d/work.json", "{}", 0640);
  expect(check_secrets(machine_), Level::ok, "1 file of secrets");
  write("/etc/l2tp-manager/secrets.d/work.json", "{}", 0644);
  expect(check_secrets(machine_), Level::failure, "by everybody", "chmod 0640");
  if (::geteuid() == 0) {
    write("/etc/l2tp-manager/secrets.d/work.json", "{}", 0600);
    expect(check_secrets(machine_), Level::failure, "cannot be read by the daemon", "chgrp");
  }
}

// This machine, whatever it is: every finding says something, and what to do unless it is well.
TEST_F(Doctor, HereAndNow) {
  Machine here = this_machine();
  here.privileged = false;
  const Findings findings = examine(here);
  EXPECT_GT(findings.size(), 10u);
  for (const Finding& finding : findings) {
    EXPECT_FALSE(finding.text.empty());
    EXPECT_EQ(finding.level == Level::ok, finding.advice.empty()) << finding.text;
  }
}

}  // namespace
}  // namespace l2tpm::doctor
