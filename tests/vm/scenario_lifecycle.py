"""Ends, at every step and under load: nothing is left, and nobody else is harmed. See topology.py."""

import os
import random
import socket
import struct
import threading
import time

from fakepeer import FakePeer
from octets import ipv4_udp
from registry import scenario
from topology import *

# Where a client may end it; the session's own steps also as CDN and Terminate-Request.
CLIENT_TUNNEL_STEPS = ["recv SCCRP", "send SCCCN", "send ICRQ", "recv ICRP"]
CLIENT_SESSION_STEPS = ["send ICCN", "recv LCP ConfReq", "LCP opened", "recv CHAP Challenge",
                        "AUTH opened", "send IPCP ConfReq", "recv IPCP ConfReq",
                        "recv IPCP ConfNak", "IPCP opened"]
LNS_TUNNEL_STEPS = ["recv SCCRQ", "recv SCCCN", "recv ICRQ"]
LNS_SESSION_STEPS = ["recv ICCN", "recv LCP ConfReq", "LCP opened", "recv CHAP Response",
                     "AUTH opened", "recv IPCP ConfReq", "IPCP opened"]


def _ends(tunnel_steps, session_steps):
    for step in tunnel_steps:
        yield step, "stopccn"
    for step in session_steps:
        for end in ("stopccn", "cdn", "terminate"):
            yield step, end


@scenario("lifecycle/client-ends-at-every-step", seconds=400, captures=True)
def client_ends(lab):
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    server = Daemon(lns, {"office": listener(auth="chap-md5", limits={"sccrq-per-source": 1000})},
                    name="lnsd")
    peers = []
    ends = [*_ends(CLIENT_TUNNEL_STEPS, CLIENT_SESSION_STEPS), ("recv ICRP", "cdn")]
    for number, (step, end) in enumerate(ends):
        peer = FakePeer(host, CLIENT, LNS, port=20000 + number, name=f"{end} at {step}")
        peer.on(step, end)
        peers.append(peer.dial())
    for peer in peers:
        step = peer.name.partition(" at ")[2]
        wait_until(lambda: step in peer.events, 40, lambda: f"{peer.name} comes so far: {peer.events}")
    for peer in peers:
        if not peer.name.startswith("stopccn"):
            # Before LCP was open a Terminate-Request is acknowledged and no more (RFC 1661 section
            # 4.1): such a session ends when the peer is found to answer nothing.
            wait_until(lambda: peer.name.startswith("cdn") or any(
                s.closed for s in peer.sessions.values()) or not peer.sessions, 90,
                f"{peer.name} is confirmed")
            peer.stopccn()
    wait_until(lambda: not server.tunnels(), 60, lambda: f"no tunnel is left: {server.tunnels()}")
    lns.wait_clean(ignore=("nft tables", "udp sockets"))
    check(len(lns.objects()["udp sockets"]) <= 2, "only the listener's sockets are left")
    server.terminate()
    lns.wait_clean()
    capture.assert_clean(LNS)


@scenario("lifecycle/lns-ends-at-every-step", seconds=400)
def lns_ends(lab):
    lns, host, _ = pair(lab)
    peers, profiles = [], {}
    for number, (step, end) in enumerate(_ends(LNS_TUNNEL_STEPS, LNS_SESSION_STEPS)):
        address = f"192.0.2.{101 + number}"
        lns.ip(f"addr add {address}/24 dev outer")
        peer = FakePeer(lns, address, CLIENT, role="lns", ask_auth="chap-md5",
                        name=f"{end} at {step}", pool=f"10.{70 + number}.0.",
                        address=f"10.{70 + number}.0.1")
        peer.on(step, end)
        peers.append(peer)
        profiles[f"p{number}"] = client(address, auth=["chap-md5"], redial={"enabled": False})
    dialer = Daemon(host, profiles, name="clientd")
    for peer in peers:
        step = peer.name.partition(" at ")[2]
        wait_until(lambda: step in peer.events, 40, lambda: f"{peer.name} comes so far: {peer.events}")
    wait_until(lambda: all(t["state"] in ("failed", "idle") for t in dialer.tunnels()), 120,
               lambda: f"all have ended: {[(t['name'], t['state']) for t in dialer.tunnels()]}")
    host.wait_clean(ignore=("nft tables", "udp sockets"))
    dialer.terminate()
    host.wait_clean()


@scenario("lifecycle/ends-during-the-install", seconds=400)
def during_install(lab):
    """The client asks for the address that it was given, which starts the install, and ends the
    session or the tunnel a random time later: before, amid and after the kernel's work."""
    seed = int(os.environ.get("LAB_SEED", random.randrange(2**32)))
    print(f"seed {seed}")
    chance = random.Random(seed)
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(auth="chap-md5", limits={"sccrq-per-source": 1000})},
                    name="lnsd")
    ended = []

    def later(end):
        def act(peer, session):
            if session.address != b"\0" * 4 and session not in seen:
                seen.add(session)
                delay = chance.uniform(0, 0.4)
                timer = threading.Timer(delay, lambda: (
                    peer.stopccn() if end == "stopccn" else
                    peer.cdn(session) if end == "cdn" else session.terminate(), ended.append(end)))
                timer.daemon = True
                timer.start()
        seen = set()
        return act

    peers = []
    for number, end in enumerate(["cdn", "terminate", "stopccn", "stopccn", "stopccn", "stopccn"]):
        peer = FakePeer(host, CLIENT, LNS, port=20000 + number, name=f"{end}-{number}",
                        sessions=1 if end == "stopccn" else 8)
        peer.on("send IPCP ConfReq", later(end))
        peers.append(peer.dial())
    wait_until(lambda: len(ended) == 2 * 8 + 4, 60, lambda: f"all have ended: {ended}")
    wait_until(lambda: not server.sessions(), 40, lambda: f"no session is left: {server.sessions()}")
    for peer in peers[:2]:
        check(peer.closed is None, "a tunnel outlives its sessions")
        peer.stopccn()
    wait_until(lambda: not server.tunnels(), 40, lambda: f"no tunnel is left: {server.tunnels()}")
    lns.wait_clean(ignore=("nft tables", "udp sockets"))
    # Addresses and ids are free again: a new client is served.
    FakePeer(host, CLIENT, LNS, port=20099, name="after").dial().wait_up()[0].ping(INNER)
    server.terminate()
    lns.wait_clean()


CLIENT_SIGTERM_STEPS = ["send SCCRP", "recv SCCCN", "send ICRP", "recv ICCN", "send LCP ConfAck",
                        "LCP opened", "AUTH opened", "recv IPCP ConfReq", "send IPCP ConfAck",
                        "IPCP opened"]
LNS_SIGTERM_STEPS = ["recv SCCRP", "send SCCCN", "recv ICRP", "send ICCN", "LCP opened",
                     "AUTH opened", "recv IPCP ConfNak", "recv IPCP ConfReq", "IPCP opened"]


def _sigterm(daemon, step, peer, dials):
    name = f"{daemon.name}, {step}"
    peer.on(step, lambda *_: daemon.process.signal(15))
    daemon.start(wait=dials)
    if dials:
        peer.dial()
    wait_until(lambda: step in peer.events, 40, f"{name}: is reached")
    started = time.monotonic()
    daemon.process.wait(15)
    check(daemon.process.status == 0, f"{name}: status {daemon.process.status}")
    check(time.monotonic() - started < 12, f"{name}: within a bound")
    wait_until(lambda: peer.closed, 5, f"{name}: the peer is told")
    daemon.namespace.wait_clean()
    peer.stop()


@scenario("lifecycle/sigterm-at-every-step-client", seconds=400)
def sigterm_client(lab):
    """SIGTERM to our client while its peer stands at each step, and while the worker installs."""
    lns, host, _ = pair(lab)
    daemon = Daemon(host, {"work": client(LNS, auth=["chap-md5"])}, name="clientd", start=False)
    for step in CLIENT_SIGTERM_STEPS:
        peer = FakePeer(lns, LNS, CLIENT, role="lns", ask_auth="chap-md5", name=step)
        _sigterm(daemon, step, peer, dials=False)


@scenario("lifecycle/sigterm-at-every-step-lns", seconds=400)
def sigterm_lns(lab):
    """The same for our LNS."""
    lns, host, _ = pair(lab)
    daemon = Daemon(lns, {"office": listener(auth="chap-md5")}, name="lnsd", start=False)
    for step in LNS_SIGTERM_STEPS:
        _sigterm(daemon, step, FakePeer(host, CLIENT, LNS, name=step), dials=True)


class _Blast:
    """Data messages of one session as fast as can be, whatever the other end says."""

    def __init__(self, lab, peer, session):
        # UDP to a port that nobody has: what the kernel answers is limited.
        inner = ipv4_udp((socket.inet_ntoa(session.address), 9), (INNER, 9), b"x" * 1200)
        self._datagram = struct.pack("!HHHHH", 0x0002, peer.peer_tunnel, session.peer_id, 0xFF03,
                                     0x0021) + inner
        self._peer, self._running = peer, True
        self.sent = 0
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        lab.at_exit(self.stop)

    def _run(self):
        while self._running:
            for _ in range(50):
                self._peer.transmit_raw(self._datagram)
            self.sent += 50
            time.sleep(0)

    def stop(self):
        self._running = False
        self._thread.join(2)


@scenario("lifecycle/session-closed-under-load", smoke=True)
def closed_under_load(lab):
    """Two sessions of one tunnel under full load, both ways; each end closes one. The peer goes on
    sending for them: neither the tunnel nor the third session may notice."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(users={"a": "1"}, auth="chap-md5")}, name="lnsd")
    peer = FakePeer(host, CLIENT, LNS, user="a", password="1", sessions=3).dial()
    one, two, three = peer.wait_up(60)
    check(len(server.wait_sessions(3)) == 3, "three sessions are up")
    blasts = [_Blast(lab, peer, session) for session in (one, two)]
    for session in (one, two):
        lns.spawn("flood", ["ping", "-f", "-q", "-s", "1000", socket.inet_ntoa(session.address)])
    wait_until(lambda: peer.events.count("recv IPv4") > 200 and min(b.sent for b in blasts) > 2000,
               60, "the load is on")
    peer.cdn(one)
    up = lambda: {row["peer_id"] for row in server.sessions() if row["state"] == "up"}
    wait_until(lambda: up() == {two.id, three.id}, 30, lambda: f"one is gone: {up()}")
    row = server.sessions(peer_id=two.id)[0]
    server.ctl("session", "close", f"{row['tunnel']}/{row['id']}")
    wait_until(lambda: up() == {three.id}, 30, lambda: f"two is gone: {up()}")
    wait_until(lambda: two.closed, 30, "its peer was told")
    wait_until(lambda: len(lns.l2tp_sessions()) == len(lns.ppp_interfaces()) == 1, 30,
               "the kernel has one session left")
    three.ping(INNER, 30)
    peer.hello()
    wait_until(lambda: not peer.unacked, 60, "the control connection still answers")
    check(peer.closed is None and three.closed is None, "the others stay")
    check(min(blast.sent for blast in blasts) > 2000, f"{[blast.sent for blast in blasts]}")
    for blast in blasts:
        blast.stop()
    server.terminate()
    lns.wait_clean()


@scenario("lifecycle/sigterm-under-load", smoke=True)
def sigterm_under_load(lab):
    lns, host, _, server, dialer, session = end_to_end(lab)
    lns.iperf_server()
    host.spawn("iperf-load", "iperf3 -c 10.64.0.1 -t 30")
    sent = lambda: host.snmp()["OutRequests"]
    wait_until(lambda: sent() > 500, 20, "the load is on")
    for daemon in (server, dialer):
        started = time.monotonic()
        daemon.terminate()
        check(time.monotonic() - started < 10, "within a bound")
    for process in lab.processes:
        if process.name.startswith("iperf") and process.running():
            process.kill9()
    for namespace in (lns, host):
        namespace.wait_clean()


@scenario("lifecycle/kill-9-and-restart", smoke=True)
def kill9(lab):
    """No stale interface, route or rule once it is up again."""
    lns, host, _ = pair(lab)
    users = {"alice": {"password": "wonderland", "routes": ["10.1.0.0/24"]}}
    server = Daemon(lns, {"office": listener(users=users)}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, routes={"add": ["10.2.0.0/24"]})}, name="clientd")
    dialer.wait_session()
    carries(host, INNER)
    # What a dead daemon's kernel objects cannot take along: a route not on a PPP interface, a
    # leftover table.
    dialer.kill9()
    server.kill9()
    server.start()
    dialer.start()
    dialer.wait_session()
    server.wait_sessions()
    carries(host, INNER)
    for namespace in (lns, host):
        objects = namespace.objects()
        check(len(objects["ppp interfaces"]) == 1 and len(objects["sessions"]) == 1 and
              len(objects["tunnels"]) == 1 and len(objects["nft tables"]) <= 1, f"{objects}")
    gone(lns, host, server, dialer)


@scenario("lifecycle/kill-9-pinned-route")
def kill9_pinned(lab):
    """A pinned route of a dead daemon is not on its interface: the next start removes it."""
    lns, host, _ = pair(lab)
    router = lab.namespace("router")
    lab.link(router, "203.0.113.1/24", host, "203.0.113.2/24", "outer", "wan")
    host.ip("route add default via 203.0.113.1")
    Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, routes={"default": True})}, name="clientd")
    dialer.wait_session()
    dialer.kill9()
    dialer.remove_profile("work")
    dialer.start()
    host.wait_clean(ignore=("nft tables", "udp sockets"))
    check([r for r in host.routes("main") if r["dst"] == "default"][0]["gateway"] == "203.0.113.1",
          "the default route is as before")


@scenario("lifecycle/reload")
def reload(lab):
    """SIGHUP: what changed is said and done; an untouched session goes on."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(users={"a": "1", "b": "2"})}, name="lnsd")
    dialer = Daemon(host, {"one": client(LNS, "a", "1"), "two": client(LNS, "b", "2")},
                    name="clientd")
    dialer.wait_sessions(2)
    keep = dialer.sessions(tunnel="one")[0]
    dialer.remove_profile("two")
    dialer.write_profile("three", client(LNS, "b", "2"))
    dialer.reload()
    dialer.wait_sessions(1, tunnel="three")
    wait_until(lambda: not dialer.sessions(tunnel="two"), 20, "the removed one is gone")
    check(dialer.sessions(tunnel="one")[0]["id"] == keep["id"], "the untouched one goes on")
    server.write_profile("office", listener(users={"a": "1", "b": "2", "c": "3"}))
    server.reload()
    check(len(server.sessions()) >= 2, "a new user ends nobody's session")
    dialer.write_profile("four", client(LNS, "c", "3"))
    dialer.reload()
    dialer.wait_sessions(1, tunnel="four")
    gone(lns, host, server, dialer)


@scenario("lifecycle/lns-restarted", smoke=True)
def lns_restarted(lab):
    """The LNS says StopCCN and comes back: the client, whose old tunnel lingers for 31 s, dials
    again from the same port at once."""
    lns, host, _, server, dialer, session = end_to_end(lab)
    local = dialer.tunnels()[0]["local"]
    server.terminate()
    wait_until(lambda: not host.tunnels(), 20, "the kernel's tunnel is gone")
    server.start()
    dialer.wait_session(20)
    check(dialer.tunnels()[0]["local"] == local == f"{CLIENT}:1701", f"{dialer.tunnels()}")
    carries(host, INNER)
    gone(lns, host, server, dialer)


@scenario("lifecycle/interface-removed")
def interface_removed(lab):
    """An administrator deletes the interface: the session ends with a cause, and is redialled."""
    lns, host, _, server, dialer, session = end_to_end(lab)
    host.ip(f"link del {session['interface']}")
    wait_until(lambda: any(row["id"] != session["id"] for row in dialer.sessions(state="up")), 40,
               "a new session")
    carries(host, INNER)
    gone(lns, host, server, dialer)


@scenario("lifecycle/hello")
def hello(lab):
    """A silent link dies by HELLO, the client redials, and the LNS keeps nothing."""
    quick = {"tunnel": {"hello": "1s", "retransmit": {
        "initial": "500ms", "max-interval": "1s", "count": 3}}}
    lns, host, link, server, dialer, session = end_to_end(lab, **quick)
    link.netem_both("loss 100%")
    wait_until(lambda: not server.sessions(), 30, "the LNS notices")
    wait_until(lambda: not dialer.sessions(state="up"), 30, "the client notices")
    link.netem_both("")
    dialer.wait_session()
    host.can_ping(INNER)
    gone(lns, host, server, dialer)
