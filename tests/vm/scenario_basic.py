"""Our client and our LNS: the main job, its faces, the underlay's varieties. See topology.py."""

import socket

from daemon import USER
from fakepeer import FakePeer, SharedSocket
from registry import scenario
from topology import *
from xl2tpd import Xl2tpdLac


@scenario("basic/dial", smoke=True, captures=True)
def dial(lab):
    lns, host, link = pair(lab)
    capture = lns.capture("outer")
    server = Daemon(lns, {"office": listener(
        auth="mschapv2", tunnel_secret="s3cret", ppp={"ipv4": {"dns": ["10.64.0.53"]}})}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, auth="mschapv2", tunnel_secret="s3cret")},
                    name="clientd")
    session = dialer.wait_session()
    theirs = server.wait_session()
    server.assert_unprivileged()
    dialer.assert_unprivileged()
    in_kernel(lns, host)
    carries(host, INNER)
    carries(lns, session["ipv4"]["local"])
    tcp_both_ways(host, lns, INNER)

    check(session["state"] == "up" and session["user"] == "alice", f"session: {session}")
    check(session["mtu"] == 1462, f"MTU of a 1500-byte path is 1462: {session['mtu']}")
    check(session["ipv4"]["peer"] == INNER, "the peer's address is the LNS's")
    check("10.64.0.53" in session["ipv4"]["dns"], "the DNS server was learnt")
    check(theirs["user"] == "alice", "the LNS knows the user")
    interface = host.ppp_interfaces()[0]
    check(interface["ifname"] == session["interface"] and interface["mtu"] == 1462,
          f"the interface: {interface['ifname']} {interface['mtu']}")
    tunnel = dialer.tunnels()[0]
    check(tunnel["role"] == "lac" and tunnel["remote"].startswith(LNS), f"tunnel: {tunnel}")
    status, text = dialer.ctl_text("status")
    check(status == 0 and "work" in text, f"l2tpctl status: {text}")
    gone(lns, host, server, dialer)
    capture.assert_clean(LNS, CLIENT)


@scenario("basic/up-down", smoke=True)
def up_down(lab):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, autostart=False)}, name="clientd")
    check(not dialer.sessions(), "a profile without autostart waits")
    for _ in range(3):
        dialer.up("work")
        dialer.wait_session()
        carries(host, INNER)
        dialer.down("work")
        dialer.wait_no_sessions()
        server.wait_no_sessions()
        host.wait_clean(ignore=("nft tables", "udp sockets"))
    gone(lns, host, server, dialer)


@scenario("basic/tunnel-secret-wrong", smoke=True)
def tunnel_secret_wrong(lab):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(tunnel_secret="right")}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, tunnel_secret="wrong")}, name="clientd")
    dialer.wait_error("tunnel-auth-failed")
    check(not lns.tunnels() and not host.tunnels(), "no kernel tunnel for a stranger")
    check(not server.sessions(), "no session")
    gone(lns, host, server, dialer)


@scenario("basic/ipv6-underlay", smoke=True, captures=True)
def ipv6_underlay(lab):
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    server = Daemon(lns, {"office": listener("::")}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS6)}, name="clientd")
    session = dialer.wait_session()
    check(session["mtu"] == 1442, f"MTU over IPv6 is 1442: {session['mtu']}")
    in_kernel(lns, host)
    carries(host, INNER)
    tcp_both_ways(host, lns, INNER)
    gone(lns, host, server, dialer)
    capture.assert_clean(LNS6, CLIENT6)


@scenario("basic/ipv6-inside")
def ipv6_inside(lab):
    lns, host, _, server, dialer, session = end_to_end(lab)
    far = wait_until(lambda: [a["local"] for i in lns.ppp_interfaces() for a in i["addr_info"]
                              if a["family"] == "inet6"], 10, "the LNS has a link-local address")
    host.can_ping(f"{far[0]}%{session['interface']}")
    gone(lns, host, server, dialer)


@scenario("basic/two-addresses")
def two_addresses(lab):
    """A listener on the wildcard answers from the address that was asked."""
    lns, host, _ = pair(lab)
    lns.ip("addr add 192.0.2.11/24 dev outer")
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {"one": client("192.0.2.11"), "two": client(LNS)}, name="clientd")
    dialer.wait_sessions(2)
    remotes = {t["profile"]: t["remote"] for t in dialer.tunnels()}
    check(remotes["one"].startswith("192.0.2.11") and remotes["two"].startswith(LNS), f"{remotes}")
    for session in dialer.sessions():
        check(host.ping(INNER, extra=("-I", session["interface"])), "each carries data")
    gone(lns, host, server, dialer)


@scenario("basic/two-listeners")
def two_listeners(lab):
    """Two profiles on port 1701, each with an address, users and a pool of its own."""
    lns, host, _ = pair(lab)
    lns.ip("addr add 192.0.2.11/24 dev outer")
    server = Daemon(lns, {
        "a": listener(LNS, users={"ann": "1"}, pool="10.65.0.10-10.65.0.20", local="10.65.0.1"),
        "b": listener("192.0.2.11", users={"bob": "2"}, pool="10.66.0.10-10.66.0.20",
                      local="10.66.0.1")}, name="lnsd")
    dialer = Daemon(host, {"a": client(LNS, "ann", "1"), "b": client("192.0.2.11", "bob", "2")},
                    name="clientd")
    dialer.wait_sessions(2)
    carries(host, "10.65.0.1")
    carries(host, "10.66.0.1")
    gone(lns, host, server, dialer)


@scenario("basic/port-guard", smoke=True)
def port_guard(lab):
    """Another user's process cannot share port 1701 with the daemon (it could with SO_REUSEADDR)."""
    lns, host, _, server, dialer, _ = end_to_end(lab)
    script = ("import socket,sys\n"
              "s=socket.socket(socket.AF_INET,socket.SOCK_DGRAM)\n"
              "s.setsockopt(socket.SOL_SOCKET,int(sys.argv[1]),1)\n"
              "s.bind((sys.argv[2],1701))\n")
    for namespace in (lns, host):
        for option in (socket.SO_REUSEADDR, socket.SO_REUSEPORT):
            for address in ("0.0.0.0", LNS if namespace is lns else CLIENT):
                status, text = namespace.run(
                    ["setpriv", f"--reuid={USER + 1}", "--clear-groups", "/usr/bin/python3", "-c",
                     script, str(option), address], check_status=False)
                check(status != 0 and "Address already in use" in text,
                      f"{namespace.short}: bind to {address} with option {option}: {text}")
    gone(lns, host, server, dialer)


@scenario("basic/listener-floats")
def listener_floats(lab):
    """The LNS answers from a port of its own (RFC 2661 section 8.1)."""
    lns, host, _, server, dialer, session = end_to_end(
        lab, listener_options={"tunnel": {"port-float": "ours"}})
    remote = dialer.tunnels()[0]["remote"]
    check(not remote.endswith(":1701"), f"the LNS has floated: {remote}")
    in_kernel(lns, host)
    carries(host, INNER)
    gone(lns, host, server, dialer)


@scenario("basic/client-floats")
def client_floats(lab):
    """A client on an ephemeral port, as behind NAT."""
    lns, host, _, server, dialer, session = end_to_end(
        lab, client_options={"local": {"port": 40000}})
    check(server.tunnels()[0]["remote"] == f"{CLIENT}:40000", f"{server.tunnels()}")
    in_kernel(lns, host)
    carries(host, INNER)
    gone(lns, host, server, dialer)


@scenario("basic/lns-floats-fake")
def lns_floats_fake(lab):
    """A peer's SCCRP comes from another port; everything after it goes there."""
    lns, host, _ = pair(lab)
    peer = FakePeer(lns, LNS, CLIENT, role="lns", ask_auth="chap-md5")
    other = lns.udp_socket(LNS, 45000)
    first = peer.socket

    def float_away(fake, _):
        fake.socket = other
        return False

    peer.on("recv SCCRQ", float_away)
    dialer = Daemon(host, {"work": client(LNS, auth=["chap-md5"])}, name="clientd")
    dialer.wait_session()
    peer.wait_up()
    check(dialer.tunnels()[0]["remote"] == f"{LNS}:45000", f"{dialer.tunnels()}")
    carries(host, "10.64.0.1")
    dialer.terminate()
    first.close()
    host.wait_clean()


@scenario("basic/outgoing-call", smoke=True, captures=True)
def outgoing_call(lab):
    """The LNS calls out: OCRQ to a client whose profile answers with its credentials."""
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    server = Daemon(lns, {"office": listener(
        peers=[{"name": "branch", "match": {"address": CLIENT}}],
        outgoing=[{"peer": "branch", "called-number": "5551234", "autostart": True}])}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, calls={"answer-outgoing": True})}, name="clientd")
    dialer.wait_session()
    server.wait_session()
    in_kernel(lns, host)
    carries(host, INNER)
    gone(lns, host, server, dialer)
    capture.stop()
    said = [row[0] for row in capture.fields("l2tp.avp.message_type >= 7", "l2tp.avp.message_type")]
    check(all(number in said for number in ("7", "8", "9")), f"OCRQ, OCRP and OCCN: {said}")
    capture.assert_clean(LNS, CLIENT)


@scenario("basic/outgoing-refused", captures=True)
def outgoing_refused(lab):
    """Without such a profile the CDN says why."""
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    server = Daemon(lns, {"office": listener(
        peers=[{"name": "branch", "match": {"address": CLIENT}}],
        outgoing=[{"peer": "branch", "called-number": "5551234", "autostart": True}])}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS)}, name="clientd")
    dialer.wait_session()
    server.wait_log("ended by cdn")
    capture.stop()
    check(capture.fields(f"l2tp.avp.message_type == 14 && ip.src == {CLIENT}", "frame.number"),
          "a CDN answered the OCRQ")
    check(host.ping(INNER), "the incoming call is not harmed")
    capture.assert_clean(LNS, CLIENT)


@scenario("basic/several-tunnels")
def several_tunnels(lab):
    """Several tunnels between the same two hosts, each with a session."""
    lns, host, _ = pair(lab)
    users = {f"user{n}": "pw" for n in range(5)}
    server = Daemon(lns, {"office": listener(users=users)}, name="lnsd")
    dialer = Daemon(host, {f"p{n}": client(LNS, f"user{n}", "pw") for n in range(5)}, name="clientd")
    sessions = dialer.wait_sessions(5)
    server.wait_sessions(5)
    check(len(host.tunnels()) == 5 and len(lns.tunnels()) == 5, "five kernel tunnels at each end")
    for session in sessions:
        check(host.ping(INNER, extra=("-I", session["interface"])), f"{session['tunnel']} carries")
    gone(lns, host, server, dialer)


@scenario("basic/one-4-tuple")
def one_4_tuple(lab):
    """Two tunnels of one peer on one 4-tuple: both carry data, the older is not closed."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(users={"a": "1", "b": "2"}, auth="chap-md5")},
                    name="lnsd")
    shared = SharedSocket(host, CLIENT)
    peers = []
    for user, password in (("a", "1"), ("b", "2")):
        peer = shared.add(FakePeer(host, CLIENT, LNS, user=user, password=password, name=user,
                                   sock=shared.socket, host=user))
        peers.append((peer, peer.dial().wait_up()[0]))
    for _ in range(3):
        for peer, session in peers:
            session.pings.clear()
            session.ping(INNER)
    check(len(server.wait_sessions(2)) == 2, "both sessions are up")
    check(all(peer.closed is None for peer, _ in peers), "no tunnel was closed")


@scenario("basic/xl2tpd-one-4-tuple", kernels="6.11")
def xl2tpd_one_4_tuple(lab):
    """xl2tpd dials twice from its one port: two tunnels on one 4-tuple, both carry data."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(auth="chap-md5")}, name="lnsd")
    peer = Xl2tpdLac(host, LNS, tunnels=2)
    interfaces = peer.wait_session(2)
    sessions = server.wait_sessions(2)
    check(len({row["tunnel"] for row in sessions}) == 2, f"two tunnels: {sessions}")
    check(len({row["remote"] for row in server.tunnels()}) == 1, "on one pair of endpoints")
    for interface in interfaces:
        host.can_ping(INNER, extra=["-I", interface])


@scenario("basic/data-sequencing")
def data_sequencing(lab):
    lns, host, _, server, dialer, session = end_to_end(
        lab, client_options={"data-sequencing": "require"})
    check(session["mtu"] == 1458, f"sequence numbers take 4 octets: {session['mtu']}")
    carries(host, INNER)
    tcp_both_ways(host, lns, INNER)
    gone(lns, host, server, dialer)


@scenario("basic/config-errors")
def config_errors(lab):
    """One bad profile is named with file, line and column; the others work."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(), "broken": {"kind": "listener", "lissten": {}}},
                    name="lnsd")
    server.wait_log(r"broken\.json:\d+:\d+")
    dialer = Daemon(host, {"work": client(LNS)}, name="clientd")
    dialer.wait_session()
    gone(lns, host, server, dialer)


@scenario("basic/secrets-apart")
def secrets_apart(lab):
    """Secrets in secrets.d, never shown anywhere."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(users={"alice": {"password": {"$secret": "alice"}}},
                                             tunnel={"secret": {"$secret": "tunnel"}})},
                    secrets={"office": {"alice": "wonderland-7", "tunnel": "looking-glass-9"}},
                    name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, password={"$secret": "pw"},
                                          tunnel={"secret": {"$secret": "tunnel"}})},
                    secrets={"work": {"pw": "wonderland-7", "tunnel": "looking-glass-9"}},
                    name="clientd")
    dialer.wait_session()
    shown = ""
    for daemon in (server, dialer):
        shown += daemon.log() + daemon.ctl_text("-j", "status")[1]
        for tunnel in daemon.tunnels():
            shown += str(daemon.tunnel(tunnel["name"]))
    check("wonderland-7" not in shown and "looking-glass-9" not in shown, "no secret is shown")
    gone(lns, host, server, dialer)
