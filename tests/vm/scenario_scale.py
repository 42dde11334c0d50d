"""Many of them. See topology.py."""

from fakepeer import FakePeer
from registry import scenario
from topology import *

POOL = "10.64.1.0-10.64.3.255"


@scenario("scale/200-sessions-one-tunnel", seconds=300, alone=True)
def sessions(lab):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(pool=POOL, auth="chap-md5")}, name="lnsd",
                    log_level="info")
    peer = FakePeer(host, CLIENT, LNS, sessions=200).dial()
    peer.wait_up(200)
    server.wait_sessions(200)
    check(len(lns.l2tp_sessions()) == 200 and len(lns.tunnels()) == 1, "200 sessions in one tunnel")
    for session in list(peer.sessions.values())[::7]:
        session.ping(INNER)
    peer.stopccn()
    server.wait_no_sessions(60)
    wait_until(lambda: not lns.ppp_interfaces() and not lns.tunnels(), 60, "all are gone")
    peer.stop()
    gone(lns, host, server)


@scenario("scale/200-tunnels", seconds=400, alone=True)
def tunnels(lab):
    lns, host, _ = pair(lab)
    users = {f"u{n}": "pw" for n in range(200)}
    limits = {"sccrq-per-source": 1000}
    server = Daemon(lns, {"office": listener(pool=POOL, users=users, limits=limits)}, name="lnsd",
                    log_level="info")
    dialer = Daemon(host, {f"p{n}": client(LNS, f"u{n}", "pw") for n in range(200)}, name="clientd",
                    log_level="info")
    up = dialer.wait_sessions(200, seconds=250)
    server.wait_sessions(200)
    check(len(lns.tunnels()) == 200 and len(host.tunnels()) == 200, "200 tunnels at each end")
    for session in up[::9]:
        check(host.ping(INNER, extra=("-I", session["interface"])), f"{session['tunnel']} carries")
    gone(lns, host, server, dialer)
