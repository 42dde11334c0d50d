// A port of BCP: its limits, and what somebody else does to it.
#include "bcp_selftest.h"

namespace l2tpm::selftest {
namespace {

MacAddress if_mac(const std::string& name) {
  const auto index = interface_index(name);
  if (!index) return {};
  const auto link = get_link(*index);
  return link ? link->mac : MacAddress();
}

}  // namespace

void test_limits(Dataplane& dataplane) {
  tell("ip link del v7 && ip link set lan address 02:aa:00:00:00:99");
  BcpSpec spec = bcp_spec();
  spec.limits = {2, 10, 20};
  spec.send_tagged = false;
  spec.port->learning = false;
  spec.port->isolated = true;
  if (!good(install(dataplane, spec), "installing it with limits")) return;
  run("bridge -d link show dev bcp1 | grep 'learning off' | grep 'isolated on'");
  run("ip addr add 10.9.9.1/24 dev lan");
  run("for i in 1 2 3 4 5 6; do ping -c 1 -W 2 10.9.9.2 && exit 0; done; exit 1");
  Sniffer sniffer;
  const auto now = [&] { return counters(dataplane); };
  const std::string rest = "88b5" + to_hex(Bytes(50, 0x77));
  const std::string to_us = to_hex(ByteView(if_mac("lan").octets()));
  const auto before = now();
  check(before.stations == 1 && before.strangers == 0, "one station was heard");
  const std::string known = "02aa00000001";
  tell("send 00310001" + to_us + known + rest);
  check(sniffer.count() == 1 && now().stations == 2, "a second one is let in");
  for (const std::string stranger : {"02aa00000002", "02aa00000003"})
    tell("send 00310001" + to_us + stranger + rest);
  tell("send 00310001" + to_us + known + rest);
  check(sniffer.count() == 1 && now().stations == 2 && now().strangers >= 2,
        "no third one is, and the second stays");
  tell("flood 00310001ffffffffffff" + known + rest);
  unsigned came = sniffer.count();
  check(came >= 8 && came < 60 && now().storm > 500,
        "a storm of broadcasts is cut down to " + std::to_string(came));
  const auto storm = now().storm;
  tell("flood 00310001333300000001" + known + rest);
  came = sniffer.count();
  check(came >= 8 && came < 100 && now().storm > storm + 500,
        "one of multicasts to " + std::to_string(came));
  tell("flood 00310001" + to_us + known + rest);
  check(sniffer.count() > 20, "frames to one station are not counted");
  run("ping -c 2 -i 0.2 -W 5 -q 10.9.9.2");
  run("ip link add link lan name v7 type vlan id 7 && ip link set v7 up && "
      "ip addr add 10.9.7.1/24 dev v7");
  check(!shell("ping -c 1 -W 1 10.9.7.2").good && now().tagged > 0, "no tags go out");
  check(remove(dataplane) && nothing_left(), "removal leaves nothing");
}

// What somebody does to the port is put back, and the frames pass again.
void test_repairs(Dataplane& dataplane) {
  std::optional<InterfaceGone> gone;
  dataplane.set_event_handler([&](const Event& event) {
    if (const auto* is = std::get_if<InterfaceGone>(&event)) gone = *is;
  });
  const std::string inner = "$(ip -o link | grep -o 'l2bcp[0-9]*' | head -1)";
  std::uint64_t repairs = 0;
  const auto change = [&](const std::string& command) {
    run(command);
    const bool repaired = wait_until(
        dataplane, [&] { return gone || counters(dataplane).repairs > repairs; }, 10);
    check(repaired && !gone, "that is repaired" + (gone ? ": " + gone->why : ""));
    repairs = counters(dataplane).repairs;
    run("ip addr add 10.9.9.1/24 dev lan 2> /dev/null; "
        "for i in 1 2 3 4 5 6; do ping -c 1 -W 2 10.9.9.2 && exit 0; done; exit 1");
  };
  const auto fresh = [&](bool may_make) {
    check(remove(dataplane) && nothing_left(), "removal leaves nothing");
    repairs = 0;
    BcpSpec spec = bcp_spec();
    if (!may_make) {
      run("ip link add lan type bridge && ip link set lan up");
      spec.port->create.reset();
    }
    good(install(dataplane, spec), "installing it again");
  };
  fresh(true);
  change("ip link set bcp1 nomaster");
  change("ip link set " + inner + " mtu 1400");
  change("ip link set " + inner + " mtu 1400; ip link set " + inner + " mtu 1600");
  change("ip link set " + inner + " down");
  change("ip link set " + inner + " address 02:00:00:00:00:77");
  fresh(true);
  change("ip link set bcp1 address 02:00:00:00:00:78");
  change("ip link set bcp1 mtu 1280");
  change("ip link del lan");
  change("ip link set bcp1 nomaster");
  change("ip link set bcp1 mtu 1280");
  // More than five times a minute it is not. On a slow machine a minute may be over by now.
  for (int i = 0; i < 6 && !gone; ++i) {
    run("ip link set bcp1 mtu 1280");
    wait_until(
        dataplane, [&] { return gone || counters(dataplane).repairs > repairs; }, 10);
    if (!gone) repairs = counters(dataplane).repairs;
  }
  check(gone && gone->key == kKey && gone->why == "its MTU was changed, again and again",
        "again and again it is not: " + (gone ? gone->why : "nothing is said"));
  gone.reset();
  fresh(false);
  run("ip link del lan");
  wait_until(
      dataplane, [&] { return gone.has_value(); }, 10);
  check(gone && gone->why.starts_with("it was taken out of its bridge: "),
        "a bridge that is not ours to make: " + (gone ? gone->why : "nothing is said"));
  gone.reset();
  fresh(true);
  run("ip link del bcp1");
  check(wait_until(
            dataplane, [&] { return gone.has_value(); }, 10) &&
            gone->key == kKey && gone->why.empty(),
        "that the port is gone is said");
  check(remove(dataplane) && nothing_left(), "removal leaves nothing");
  dataplane.set_event_handler(nullptr);
}

}  // namespace l2tpm::selftest
