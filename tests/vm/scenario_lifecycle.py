"""Ends, at every step and under load: nothing is left, and nobody else is harmed. See topology.py."""

import time

from fakepeer import FakePeer
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


@scenario("lifecycle/client-ends-at-every-step", group="lifecycle", seconds=200)
def client_ends(lab):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(auth="chap-md5", limits={"sccrq-per-source": 1000})},
                    name="lnsd")
    peers = []
    for number, (step, end) in enumerate(_ends(CLIENT_TUNNEL_STEPS, CLIENT_SESSION_STEPS)):
        peer = FakePeer(host, CLIENT, LNS, port=20000 + number, name=f"{end} at {step}")
        peer.on(step, end)
        peers.append(peer.dial())
    for peer in peers:
        step = peer.name.partition(" at ")[2]
        wait_until(lambda: step in peer.events, 40, lambda: f"{peer.name} comes so far: {peer.events}")
    for peer in peers:
        if not peer.name.startswith("stopccn"):
            wait_until(lambda: peer.name.startswith("cdn") or any(
                s.closed for s in peer.sessions.values()) or not peer.sessions, 40,
                f"{peer.name} is confirmed")
            peer.stopccn()
    wait_until(lambda: not server.tunnels(), 60, lambda: f"no tunnel is left: {server.tunnels()}")
    lns.wait_clean(ignore=("nft tables", "udp sockets"))
    check(len(lns.objects()["udp sockets"]) <= 2, "only the listener's sockets are left")
    gone(lns, host, server)


@scenario("lifecycle/lns-ends-at-every-step", group="lifecycle", seconds=200)
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
    wait_until(lambda: all(t["state"] in ("failed", "idle") for t in dialer.tunnels()), 60,
               lambda: f"all have ended: {[(t['name'], t['state']) for t in dialer.tunnels()]}")
    host.wait_clean(ignore=("nft tables", "udp sockets"))
    gone(lns, host, None, dialer)


@scenario("lifecycle/sigterm-at-every-step", group="lifecycle", seconds=250)
def sigterm(lab):
    """SIGTERM to our client while its peer stands at each step, and while the worker installs."""
    for step in ["send SCCRP", "recv SCCCN", "send ICRP", "recv ICCN", "send LCP ConfAck",
                 "LCP opened", "AUTH opened", "recv IPCP ConfReq", "send IPCP ConfAck",
                 "IPCP opened"]:
        name = step.replace(" ", "-").lower()
        lns, host = lab.namespace(f"l-{name}"[:20]), lab.namespace(f"c-{name}"[:20])
        lab.link(lns, f"{LNS}/24", host, f"{CLIENT}/24", "outer", "outer")
        peer = FakePeer(lns, LNS, CLIENT, role="lns", ask_auth="chap-md5", name=name)
        dialer = Daemon(host, {"work": client(LNS, auth=["chap-md5"])}, name=name, start=False)
        peer.on(step, lambda *_: dialer.process.signal(15))
        dialer.start(wait=False)
        wait_until(lambda: step in peer.events, 40, f"{step} is reached")
        started = time.monotonic()
        dialer.process.wait(15)
        check(dialer.process.status == 0, f"{step}: status {dialer.process.status}")
        check(time.monotonic() - started < 12, f"{step}: within a bound")
        host.wait_clean()


@scenario("lifecycle/session-closed-under-load", group="lifecycle", smoke=True)
def closed_under_load(lab):
    """Two sessions of one tunnel under full load: one is closed, its tunnel and the other stay."""
    lns, host, _ = pair(lab)
    users = {"a": "1", "b": "2", "c": "3"}
    server = Daemon(lns, {"office": listener(users=users, auth="chap-md5")}, name="lnsd")
    peer = FakePeer(host, CLIENT, LNS, user="a", password="1", sessions=3).dial()
    one, two, three = peer.wait_up()
    check(len(server.wait_sessions(3)) == 3, "three sessions are up")
    # The LNS floods both from the kernel; the client's end reads what it can.
    for session in (one, two):
        lns.spawn("flood", ["ping", "-f", "-q", "-s", "1000", "-l", "10",
                            ".".join(map(str, session.address))])
    wait_until(lambda: peer.events.count("recv IPv4") > 200, 20, "the load is on")
    peer.cdn(one)
    wait_until(lambda: len([s for s in server.sessions() if s["state"] == "up"]) == 2, 15,
               "the closed one is gone")
    three.ping(INNER)
    check(peer.closed is None and three.closed is None and two.closed is None, "the others stay")
    peer.hello()
    time.sleep(3)
    check(not peer.unacked, "the control connection still answers")


@scenario("lifecycle/sigterm-under-load", group="lifecycle", smoke=True)
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


@scenario("lifecycle/kill-9-and-restart", group="lifecycle", smoke=True)
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


@scenario("lifecycle/kill-9-pinned-route", group="lifecycle")
def kill9_pinned(lab):
    """A pinned route of a dead daemon is not on its interface: the next start removes it."""
    lns, host, _ = pair(lab)
    router = lab.namespace("router")
    lab.link(router, "203.0.113.1/24", host, "203.0.113.2/24", "outer", "up")
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


@scenario("lifecycle/reload", group="lifecycle")
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


@scenario("lifecycle/interface-removed", group="lifecycle")
def interface_removed(lab):
    """An administrator deletes the interface: the session ends with a cause, and is redialled."""
    lns, host, _, server, dialer, session = end_to_end(lab)
    host.ip(f"link del {session['interface']}")
    wait_until(lambda: dialer.sessions() and dialer.sessions()[0]["id"] != session["id"], 40,
               "a new session")
    dialer.wait_session()
    carries(host, INNER)
    gone(lns, host, server, dialer)


@scenario("lifecycle/hello", group="lifecycle")
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
