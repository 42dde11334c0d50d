"""Strangers. Nothing of theirs reaches the kernel, and honest peers still get in. See topology.py."""

import os
import random
import struct
import time

from kernelcalls import KernelCalls
from octets import avp, control, ipv4_udp, message, sccrq, u16
from registry import scenario
from topology import *


@scenario("hostile/wrong-password-costs-the-kernel-nothing", smoke=True, alone=True)
def wrong_password(lab):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    monitor = lns.spawn("monitor", "ip monitor link")
    wait_until(monitor.running, 5, "ip monitor runs")
    dialer = Daemon(host, {
        "work": client(LNS, password="wrong", autostart=False,
                       redial={"initial": "200ms", "max": "500ms"}),
        "honest": client(LNS, autostart=False)}, name="clientd")
    calls = KernelCalls()  # after the daemons have probed the kernel
    try:
        dialer.up("work")
        wait_until(lambda: server.log().count("auth-failed") >= 5, 40, "five attempts have failed")
        counted = calls.count()
        check(not any(counted.values()), f"no tunnel, session or channel was made: {counted}")
        check("link/ppp" not in monitor.log(), f"no interface came: {monitor.log()}")
        # The counters do count: an honest client makes one of each at either end.
        dialer.down("work")
        dialer.up("honest")
        dialer.wait_sessions(1, tunnel="honest")
        counted = calls.count()
        check(all(value >= 2 for value in counted.values()), f"they do for an honest one: {counted}")
    finally:
        calls.close()


@scenario("hostile/1000-half-open", alone=True, seconds=200)
def half_open(lab):
    """A thousand SCCRQs that never go on: each is half open or was counted where it was left, no
    kernel object, bounded memory, and an honest peer gets in meanwhile."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(limits={"sccrq-per-source": 100000,
                                                     "sccrq-total": 1000000, "half-open": 900},
                                            tunnel={"setup-timeout": "5m", "retransmit": {"count": 50}})},
                    name="lnsd", log_level="info")
    before, lost_before = server.resident_kib(), lns.snmp("Udp")["RcvbufErrors"]
    seen = {}

    def all_are_counted():
        """At one moment: what was let in, what was not, what made room, what the kernel dropped."""
        row = server.ctl("listener", "list", seconds=120)[0]
        seen.update(row["sccrq"], half_open=row["half_open"],
                    lost=lns.snmp("Udp")["RcvbufErrors"] - lost_before)
        return sum(seen[key] for key in ("admitted", "source_rate", "total_rate", "lost")) == 1000

    calls = KernelCalls()
    try:
        raw = host.raw_socket()
        for number in range(1000):
            source = (f"198.18.{number // 250}.{1 + number % 250}", 1701)
            raw.sendto(ipv4_udp(source, (LNS, 1701), control(0, 0, 0, 0, sccrq(number + 1))),
                       (LNS, 1701))
        wait_until(all_are_counted, 120, lambda: f"each of 1000 is counted: {seen}")
        lab.note(f"{seen}")
        check(seen["admitted"] > 900 and not seen["source_rate"] + seen["total_rate"],
              f"the rates let them in: {seen}")
        check(seen["evicted"] == seen["admitted"] - 900 and seen["half_open"] == 900,
              f"those beyond 900 made the same number of others go: {seen}")
        counted = calls.count()
        check(not any(counted.values()), f"no tunnel, session or channel was made: {counted}")
        check(server.descriptors() < 100, f"no descriptor each: {server.descriptors()}")
        grown = server.resident_kib() - before
        lab.note(f"{grown} KiB for 1000 half-open tunnels")
        check(grown < 8192, f"memory is bounded: {grown} KiB")
        Daemon(host, {"work": client(LNS)}, name="honest").wait_session()
    finally:
        calls.close()


@scenario("hostile/flood-amplifies-nothing", alone=True, seconds=200)
def flood(lab):
    """Spoofed SCCRQs: at most three times the bytes go out to unproven sources, and an honest peer
    gets in."""
    lns, host, link = pair(lab)
    victim = lab.namespace("victim")
    lab.link(victim, "198.18.0.2/15", lns, "198.18.0.1/15", "outer", "victim")
    lns.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__outer__rp_filter=0)
    server = Daemon(lns, {"office": listener()}, name="lnsd", log_level="info")
    raw = host.raw_socket()
    sent = 0
    before = server.resident_kib()
    counter = lambda: int(lns.run("cat /sys/class/net/victim/statistics/tx_bytes"))
    # Neighbours answer nothing, so that what counts is what the LNS wanted to send.
    lns.run("ip neigh add 198.18.0.2 lladdr 02:00:00:00:00:01 dev victim", check_status=False)
    out = counter()
    body = control(0, 0, 0, 0, sccrq(7))
    for number in range(3000):
        datagram = ipv4_udp(("198.18.0.2", 1024 + number), (LNS, 1701), body)
        raw.sendto(datagram, (LNS, 1701))
        sent += len(datagram) + 14
    honest = Daemon(host, {"work": client(LNS)}, name="honest")
    honest.wait_session(60)
    # Until then they retransmit.
    wait_until(lambda: len(server.tunnels()) == 1, 90, "half-open tunnels go")
    out = counter() - out
    lab.note(f"{sent} bytes in, {out} bytes out, {server.resident_kib() - before} KiB")
    check(out <= 3 * sent, f"{out} bytes out for {sent} in")
    check(server.resident_kib() - before < 16384, "memory is bounded")


@scenario("hostile/garbage", smoke=True)
def garbage(lab):
    """Malformed datagrams of the kinds that killed others: nothing dies, a session stays."""
    lns, host, _, server, dialer, session = end_to_end(lab)
    seed = int(os.environ.get("LAB_SEED", time.time_ns() & 0xFFFFFFFF))
    lab.note(f"LAB_SEED={seed}")
    chance = random.Random(seed)
    tunnel = dialer.tunnels()[0]
    good = control(0, 0, 0, 0, sccrq(99))
    hostile = [
        b"", b"\xc8", good[:11], good[:12], struct.pack("!H", 0xC803) + good[2:],
        good[:2] + b"\xff\xff" + good[4:], good[:2] + b"\0\0" + good[4:],
        *[control(0, 0, 0, 0, u16(0, 1) + struct.pack("!HHH", 0x8000 | length, 0, 9) + b"x" * tail)
          for length in range(8) for tail in (0, 1, 3)],
        *[control(0, 0, 0, 0, message("SCCRQ") + b"\x80" * tail) for tail in range(1, 6)],
        *[control(0, 0, 0, 0, u16(0, kind, mandatory)) for kind in (0, 5, 13, 17, 65535)
          for mandatory in (True, False)],
        *[control(0, 0, 0, 0, sccrq(99) + struct.pack("!HHH", 0xC000 | length, 0, 7) + os.urandom(
            max(length - 6, 0))) for length in (6, 7, 8, 22, 23, 40)],
        *[control(0, 0, 0, 0, sccrq(99, b"h" * 1000, avp(n, b"x" * 3, False, 9))) for n in range(40)],
        struct.pack("!HHH", 2, tunnel["peer_tunnel_id"], session["peer_id"]),
        struct.pack("!HHHH", 0x0202, tunnel["peer_tunnel_id"], session["peer_id"], 0xFFFF),
    ]
    for _ in range(300):
        octets = bytearray(chance.choice([good, control(tunnel["peer_tunnel_id"], 0, 2, 2,
                                                        message("HELLO"))]))
        for _ in range(chance.randrange(1, 6)):
            octets[chance.randrange(len(octets))] = chance.randrange(256)
        hostile.append(bytes(octets[:chance.randrange(len(octets) + 1)]))
    sock = host.udp_socket(CLIENT, 0)
    for datagram in hostile:
        sock.sendto(datagram, (LNS, 1701))
    other = lns.udp_socket(LNS, 0)
    for datagram in hostile:
        other.sendto(datagram, (CLIENT, int(tunnel["local"].rpartition(":")[2])))
    sock.close()
    other.close()
    carries(host, INNER)
    check(server.process.running() and dialer.process.running(), "both daemons live")
    check(dialer.sessions()[0]["id"] == session["id"], "it is the same session")
    gone(lns, host, server, dialer)


@scenario("hostile/stranger-closes-nothing")
def stranger(lab):
    """StopCCN and CDN with the right ids from another address change nothing."""
    lns, host, _, server, dialer, session = end_to_end(lab)
    tunnel = dialer.tunnels()[0]
    raw = host.raw_socket()
    for ns in range(20):
        for target, body in ((0, message("StopCCN", u16(9, tunnel["tunnel_id"]), u16(1, 1))),
                             (session["peer_id"], message("CDN", u16(14, session["id"]), u16(1, 1)))):
            raw.sendto(ipv4_udp(("192.0.2.66", 1701), (LNS, 1701), control(
                tunnel["peer_tunnel_id"], target, ns, 1, body)), (LNS, 1701))
    carries(host, INNER)
    check(dialer.sessions()[0]["id"] == session["id"], "it is the same session")
    gone(lns, host, server, dialer)
