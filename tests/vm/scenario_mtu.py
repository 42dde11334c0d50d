"""Packets of the right size. See topology.py; the path's MTU is 1500."""

from registry import scenario
from topology import *


def inner_ping(host, size, fragment=False):
    """An inner IP packet of `size` octets, with DF unless it may be fragmented inside."""
    return host.ping(INNER, count=1, size=size - 28, extra=("-M", "dont" if fragment else "do"))


@scenario("mtu/default-never-fragments", smoke=True)
def default(lab):
    lns, host, _, server, dialer, session = end_to_end(lab)
    check(session["mtu"] == 1462 and not session["mtu_exceeds_path"], f"MTU: {session['mtu']}")
    check(inner_ping(host, 1462), "an inner packet of 1462 octets passes")
    check(not inner_ping(host, 1463), "one of 1463 is refused with DF")
    tcp_both_ways(host, lns, INNER)
    for namespace in (lns, host):
        check(namespace.snmp()["FragCreates"] == 0, f"{namespace.short} fragmented nothing")
    gone(lns, host, server, dialer)


@scenario("mtu/forced-1500")
def forced(lab):
    big = {"ppp": {"mtu": 1500, "mru": 1500}}
    lns, host, _, server, dialer, session = end_to_end(lab, client_options=big, listener_options=big)
    check(session["mtu"] == 1500, f"MTU: {session['mtu']}")
    before = host.snmp()["FragCreates"]
    check(inner_ping(host, 1462), "1462 passes")
    check(host.snmp()["FragCreates"] == before, "1462 passes whole")
    check(inner_ping(host, 1463), "1463 passes")
    check(host.snmp()["FragCreates"] == before + 2, "1463 makes two outer fragments")
    for daemon in (server, dialer):
        session = daemon.wait_session()
        check(session["mtu_exceeds_path"] and session["path_mtu_limit"] == 1462,
              f"the session says that its MTU exceeds the path's: {session}")
        daemon.wait_log("its MTU 1500 exceeds the path's 1462")
    gone(lns, host, server, dialer)


@scenario("mtu/ipv6-underlay")
def ipv6(lab):
    """20 octets less, and IPv6 counts its fragments elsewhere."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS6)}, name="clientd")
    session = dialer.wait_session()
    check(session["mtu"] == 1442 and not session["mtu_exceeds_path"], f"MTU: {session['mtu']}")
    check(inner_ping(host, 1442), "an inner packet of 1442 octets passes")
    check(not inner_ping(host, 1443), "one of 1443 is refused with DF")
    tcp_both_ways(host, lns, INNER)
    for namespace in (lns, host):
        counters = dict(line.split() for line in
                        namespace.run("cat /proc/net/snmp6").splitlines())
        check(counters["Ip6FragCreates"] == "0", f"{namespace.short} fragmented nothing")
    gone(lns, host, server, dialer)


@scenario("mtu/small-path")
def small_path(lab):
    """A path of 1400 octets that the first hop knows."""
    lns, host, _ = pair(lab)
    for namespace in (lns, host):
        namespace.ip("link set outer mtu 1400")
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS)}, name="clientd")
    session = dialer.wait_session()
    check(session["mtu"] == 1362, f"MTU: {session['mtu']}")
    tcp_both_ways(host, lns, INNER)
    for namespace in (lns, host):
        check(namespace.snmp()["FragCreates"] == 0, f"{namespace.short} fragmented nothing")
    gone(lns, host, server, dialer)


@scenario("mtu/mss-clamp", smoke=True)
def mss_clamp(lab):
    """TCP of hosts behind the gateways is clamped to the session's MTU, both ways.

        left 10.1.0.2 -- client == lns -- right 10.2.0.2
    """
    lns, host, _ = pair(lab)
    left, right = lab.namespace("left"), lab.namespace("right")
    lab.link(left, "10.1.0.2/24", host, "10.1.0.1/24", "lan", "lan")
    lab.link(right, "10.2.0.2/24", lns, "10.2.0.1/24", "lan", "lan")
    left.ip("route add default via 10.1.0.1")
    right.ip("route add default via 10.2.0.1")
    for namespace in (lns, host):
        namespace.sysctl(net__ipv4__ip_forward=1)
    # No ICMP gets through: without the clamp large segments would vanish.
    server = Daemon(lns, {"office": listener(users={"alice": {
        "password": "wonderland", "routes": ["10.1.0.0/24"]}})}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, routes={"add": ["10.2.0.0/24"]})}, name="clientd")
    dialer.wait_session()
    left.can_ping("10.2.0.2")
    captures = [end.capture("lan", "tcp[tcpflags] & tcp-syn != 0") for end in (left, right)]
    right.iperf_server()
    check(left.tcp("10.2.0.2", 2) > 0, "TCP flows")
    for capture, sender in zip(captures, ("10.2.0.2", "10.1.0.2")):
        capture.stop()
        sizes = {size[0] for size in capture.fields(f"ip.src == {sender}", "tcp.options.mss_val")}
        check(sizes == {"1422"}, f"what {sender} says is 1422 at the other end: {sizes}")
    gone(lns, host, server, dialer)
