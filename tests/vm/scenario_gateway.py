"""The branch gateway: a permanent tunnel, whatever happens to its ends and the way between.

    left 10.1.0.2 -- 10.1.0.1 client 192.0.2.2 -------- 192.0.2.1 lns 10.2.0.1 -- 10.2.0.2 right
"""

import socket
import struct
import threading
import time
from pathlib import Path

from octets import control, ipv4_udp, message, sccrq, u16
from registry import scenario
from topology import *

# Hellos and retransmissions quick enough that a dead peer is noticed in a few seconds.
QUICK = {"hello": "1s", "retransmit": {"initial": "500ms", "max-interval": "1s", "count": 3}}
REDIAL = {"initial": "500ms", "max": "2s"}
# Who was away is to be back within 5 s. An emulated machine, ten times slower, is let off at twice that.
PROMPT = 10


def comes_back(lab, host):
    began = time.monotonic()
    host.can_ping("10.2.0.2", PROMPT)
    took = time.monotonic() - began
    lab.note(f"back within {took:.1f} s")
    check(took < PROMPT, f"back only after {took:.1f} s")


def branch(lab):
    lns, host, link = pair(lab)
    left, right = lab.namespace("left"), lab.namespace("right")
    lab.link(left, "10.1.0.2/24", host, "10.1.0.1/24", "lan", "lan")
    lab.link(right, "10.2.0.2/24", lns, "10.2.0.1/24", "lan", "lan")
    left.ip("route add default via 10.1.0.1")
    right.ip("route add default via 10.2.0.1")
    for namespace in (lns, host):
        namespace.sysctl(net__ipv4__ip_forward=1)
    return lns, host, left, right, link


def office(**changes):
    return listener(users={"alice": {"password": "wonderland", "routes": ["10.1.0.0/24"]}},
                    **{"tunnel": QUICK, **changes})


def gateway(**changes):
    return client(LNS, **{"tunnel": QUICK, "redial": REDIAL, "routes": {"add": ["10.2.0.0/24"]},
                          **changes})


@scenario("gateway/branch", smoke=True)
def through(lab):
    """A host behind our client reaches a host behind the LNS, and the other way round."""
    lns, host, left, right, _ = branch(lab)
    server = Daemon(lns, {"office": office()}, name="lnsd")
    dialer = Daemon(host, {"work": gateway()}, name="clientd")
    dialer.wait_session()
    left.can_ping("10.2.0.2")
    right.can_ping("10.1.0.2")
    right.iperf_server()
    check(left.tcp("10.2.0.2", 2) > 0 and left.tcp("10.2.0.2", 2, reverse=True) > 0, "TCP flows")
    gone(lns, host, server, dialer)


@scenario("gateway/lns-reboots")
def lns_reboots(lab):
    lns, host, left, right, link = branch(lab)
    server = Daemon(lns, {"office": office()}, name="lnsd")
    dialer = Daemon(host, {"work": gateway()}, name="clientd")
    dialer.wait_session()
    link.down(lns)
    server.kill9()
    wait_until(lambda: not [t for t in dialer.tunnels() if t["state"] == "established"], 40,
               "the client notices")
    link.up(lns)
    server.start()
    comes_back(lab, left)


@scenario("gateway/lns-reboots-unnoticed")
def lns_reboots_unnoticed(lab):
    """The LNS is away so shortly that the client still believes in the old tunnel."""
    lns, host, left, right, link = branch(lab)
    server = Daemon(lns, {"office": office()}, name="lnsd")
    dialer = Daemon(host, {"work": gateway()}, name="clientd")
    dialer.wait_session()
    server.kill9()
    server.start()
    left.can_ping("10.2.0.2")


@scenario("gateway/second-lns")
def second_lns(lab):
    """The first LNS is dead: the second is used. When the first is back, it is tried again."""
    lns, host, link = pair(lab)
    other = lab.namespace("other")
    lab.link(other, "198.51.100.1/24", host, "198.51.100.2/24", "outer", "second")
    first_profile = {"office": office()}
    backup = Daemon(other, {"office": listener(local="10.65.0.1", pool="10.65.0.10-10.65.0.20")},
                    name="backupd")
    dialer = Daemon(host, {"work": client([LNS, "198.51.100.1"], tunnel=QUICK,
                                          redial={**REDIAL, "primary-retry": "3s"})},
                    name="clientd")
    dialer.wait_session(60)
    check(dialer.tunnels(state="established")[0]["remote"].startswith("198.51.100.1"), "the second")
    carries(host, "10.65.0.1")
    Daemon(lns, first_profile, name="lnsd")
    wait_until(lambda: [t for t in dialer.tunnels(state="established")
                        if t["remote"].startswith(LNS)], 40, "the first is used again")
    dialer.wait_session()
    carries(host, INNER)
    check(backup.process.running(), "the second is left alone")


@scenario("gateway/underlay-changes")
def underlay_changes(lab):
    """With the default route in the tunnel, the pinned route to the LNS follows its gateway.

        client -- r1 203.0.113.1 / r2 203.0.113.2 -- 192.0.2.1 lns
    """
    lns, host = lab.namespace("lns"), lab.namespace("client")
    routers = []
    for number in (1, 2):
        router = lab.namespace(f"r{number}")
        routers.append(router)
        lab.link(router, f"192.0.2.25{number}/24", lns, "", "inside", f"r{number}")
        lab.link(router, f"203.0.113.{number}/24", host, "", "outside", f"r{number}")
        router.sysctl(net__ipv4__ip_forward=1)
    for namespace, address in ((lns, f"{LNS}/24"), (host, "203.0.113.10/24")):
        namespace.ip("link add outer type bridge")
        for number in (1, 2):
            namespace.ip(f"link set r{number} master outer")
        namespace.ip(f"addr add {address} dev outer")
        namespace.ip("link set outer up")
    lns.ip("route add default via 192.0.2.251")
    host.ip("route add default via 203.0.113.1")
    host.can_ping(LNS)
    server = Daemon(lns, {"office": office()}, name="lnsd")
    dialer = Daemon(host, {"work": gateway(routes={"default": True})}, name="clientd")
    dialer.wait_session()
    carries(host, INNER)
    check("l2tp-work" in host.ip("route get 8.8.8.8"), "the rest of the world is in the tunnel")
    pinned = lambda: [r.get("gateway") for r in host.routes() if r["dst"] == LNS]
    wait_until(lambda: pinned() == ["203.0.113.1"], 10, lambda: f"a pinned route: {host.routes()}")
    host.ip("route change default via 203.0.113.2 proto boot")
    wait_until(lambda: pinned() == ["203.0.113.2"], 20, lambda: f"it follows: {host.routes()}")
    lns.ip("route change default via 192.0.2.252")
    routers[0].ip("link set outside down")
    host.can_ping(INNER, 20)
    check(len(dialer.sessions()) == 1, "the session has survived")


class NameServer(threading.Thread):
    """Answers every A question with one address."""

    def __init__(self, namespace, address, answer):
        super().__init__(daemon=True)
        self.socket = namespace.udp_socket(address, 53)
        self.answer = socket.inet_aton(answer)
        self.start()

    def run(self):
        while True:
            query, source = self.socket.recvfrom(512)
            end = query.index(b"\0", 12) + 5
            is_a = query[end - 4:end - 2] == b"\0\1"
            header = query[:2] + struct.pack("!HHHHH", 0x8180, 1, 1 if is_a else 0, 0, 0)
            reply = b"\xc0\x0c" + struct.pack("!HHIH", 1, 1, 1, 4) + self.answer if is_a else b""
            self.socket.sendto(header + query[12:end] + reply, source)


@scenario("gateway/name-alive-later")
def name_later(lab):
    """Name resolution is dead at boot and alive later; nothing blocks meanwhile."""
    lns, host, link = pair(lab)
    etc = Path(f"/etc/netns/{host.name}")
    etc.mkdir(parents=True)
    (etc / "resolv.conf").write_text(f"nameserver {LNS}\noptions timeout:1 attempts:1\n")
    server = Daemon(lns, {"office": office()}, name="lnsd")
    dialer = Daemon(host, {"work": gateway(), "named": {**gateway(), "peer": "lns.example",
                                                         "routes": {}}}, name="clientd")
    dialer.wait_sessions(1, tunnel="work")
    dialer.wait_error("name-resolution", profile="named")
    check(host.ping(INNER), "the other profile is not harmed")
    NameServer(lns, LNS, LNS)
    dialer.wait_sessions(2)


@scenario("gateway/client-reboots")
def client_reboots(lab):
    """The client comes back on the same port, to an LNS that still has its old tunnel."""
    lns, host, left, right, link = branch(lab)
    server = Daemon(lns, {"office": office(tunnel={})}, name="lnsd")
    dialer = Daemon(host, {"work": gateway()}, name="clientd")
    dialer.wait_session()
    check(server.tunnels()[0]["remote"] == f"{CLIENT}:1701", "the client is on port 1701")
    dialer.kill9()
    dialer.start()
    comes_back(lab, left)
    check(server.tunnels()[0]["remote"].startswith(CLIENT), "from the same address")
    wait_until(lambda: len(server.tunnels()) == 1, 60, "the old tunnel is closed in the end")
    check(left.ping("10.2.0.2"), "and took nothing of the new one's along")


@scenario("gateway/spoofed-sccrq")
def spoofed_sccrq(lab):
    """SCCRQs, StopCCNs and CDNs in a client's name kill nothing."""
    lns, host, left, right, link = branch(lab)
    stranger = lab.namespace("stranger")
    lab.link(stranger, "198.51.100.2/24", lns, "198.51.100.1/24", "outer", "stranger")
    stranger.ip("route add default via 198.51.100.1")
    lns.sysctl(net__ipv4__conf__all__rp_filter=0, net__ipv4__conf__stranger__rp_filter=0)
    server = Daemon(lns, {"office": office()}, name="lnsd")
    dialer = Daemon(host, {"work": gateway()}, name="clientd")
    session = dialer.wait_session()
    tunnel = dialer.tunnels()[0]
    raw = stranger.raw_socket()
    destination = (LNS, 1701)
    for number in range(20):
        body = sccrq(1000 + number, b"clientd")
        raw.sendto(ipv4_udp((CLIENT, 1701), destination, control(0, 0, 0, 0, body)), destination)
    stop = message("StopCCN", u16(9, tunnel["tunnel_id"]), u16(1, 1))
    cdn = message("CDN", u16(14, session["id"]), u16(1, 1))
    for source in (("198.51.100.2", 1701), (CLIENT, 4000)):
        for ns in range(12):
            for target, body in ((0, stop), (session["peer_id"], cdn)):
                raw.sendto(ipv4_udp(source, destination,
                                    control(tunnel["peer_tunnel_id"], target, ns, 1, body)),
                           destination)
    said = lambda: dialer.tunnel(tunnel["name"])["control"]["hellos_sent"]
    before = said()

    def has_said_hello():
        check(left.ping("10.2.0.2", count=1), "the branch still reaches the office")
        return said() >= before + 6

    # More than QUICK lets go unanswered: the tunnel is alive at both ends.
    wait_until(has_said_hello, 60, lambda: f"six HELLOs after {before}: {said()}")
    check(dialer.session(dialer.sessions()[0])["id"] == session["id"], "it is the same session")
