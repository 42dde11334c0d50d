"""What a peer starts anew after the session is in the kernel. See topology.py."""

from fakepeer import FakePeer
from registry import scenario
from topology import *
from xl2tpd import Xl2tpdLac, Xl2tpdLns


def _client_peer(lab, ignores=(), **options):
    """Our LNS with a scripted client up, which does not answer some events yet."""
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    server = Daemon(lns, {"office": listener(auth="chap-md5", users={
        "alice": "wonderland", "bob": "builder"})}, name="lnsd")
    peer = FakePeer(host, CLIENT, LNS, **options)
    for event in ignores:
        peer.on(event, "drop")
    session = peer.dial().wait_up()[0]
    server.wait_sessions()
    session.ping(INNER)
    return lns, server, peer, session, capture


def _lns_peer(lab, **options):
    """Our client with a scripted LNS up."""
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    peer = FakePeer(lns, LNS, CLIENT, role="lns", ask_auth="chap-md5", **options)
    dialer = Daemon(host, {"work": client(LNS, auth=["chap-md5"])}, name="clientd")
    dialer.wait_session()
    session = peer.wait_up()[0]
    host.can_ping(INNER)
    return host, dialer, peer, session, capture


@scenario("renegotiation/lcp-by-client", smoke=True, captures=True)
def lcp_by_client(lab):
    lns, server, peer, session, capture = _client_peer(lab)
    before, address = server.wait_session(), session.address
    check(before["mtu"] == session.mru, f"MTU: {before['mtu']}")
    for count, mru in ((2, 1460), (3, 1300)):
        session.mru = mru
        session.restart_lcp()
        peer.wait("IPCP opened", 30, count)
        session.pings.clear()
        session.ping(INNER)
    after = server.wait_session()
    check(after["id"] == before["id"] and after["interface"] == before["interface"],
          "it is the same session")
    check(session.address == address, "the client keeps its address")
    wait_until(lambda: [row["mtu"] for row in lns.ppp_interfaces()] == [1300], 10,
               "the interface's MTU is what the peer takes now")
    check(len(lns.l2tp_sessions()) == 1 and len(lns.ppp_interfaces()) == 1, "nothing is doubled")
    capture.assert_clean(LNS)


@scenario("renegotiation/lcp-by-lns", captures=True)
def lcp_by_lns(lab):
    host, dialer, peer, session, capture = _lns_peer(lab)
    before = dialer.sessions()[0]
    for count in (2, 3):
        session.restart_lcp()
        peer.wait("IPCP opened", 30, count)
        dialer.wait_session()
        host.can_ping(INNER)
    check(dialer.sessions()[0]["id"] == before["id"], "it is the same session")
    capture.assert_clean(CLIENT)


@scenario("renegotiation/network-off-during-lcp", captures=True)
def off_during(lab):
    """While LCP is down again nothing is carried, and addresses and routes are away."""
    lns, server, peer, session, capture = _client_peer(lab)
    peer.on("recv LCP ConfReq", "drop")
    session.restart_lcp()
    wait_until(lambda: not [a for i in lns.ppp_interfaces() for a in i["addr_info"]
                            if a["family"] == "inet"], 20, "the address is away")
    wait_until(lambda: not [r for r in lns.routes() if r.get("dev", "").startswith("l2tp")], 10,
               "its routes are away")
    check(lns.ppp_interfaces() and lns.l2tp_sessions(), "the kernel keeps the session")
    peer.actions.clear()
    peer.wait("IPCP opened", 40, 2)
    session.pings.clear()
    session.ping(INNER)
    capture.assert_clean(LNS)


@scenario("renegotiation/chap-rechallenge", smoke=True, captures=True)
def rechallenge(lab):
    host, dialer, peer, session, capture = _lns_peer(lab)
    for count in (2, 3):
        session.send_challenge()
        peer.wait("recv CHAP Response", 15, count)
        check(host.ping(INNER), "data flows on")
    check(len(dialer.sessions()) == 1 and dialer.sessions()[0]["state"] == "up", "the session is up")
    capture.assert_clean(CLIENT)


@scenario("renegotiation/chap-rechallenge-mppe")
def rechallenge_mppe(lab):
    """A Challenge that pppd repeats makes new keys in nobody's hands: what is encrypted flows on."""
    lns, host, _ = pair(lab)
    xl2tpd = Xl2tpdLns(lns, auth="mschapv2", mppe="128", options=["chap-interval 2"])
    dialer = Daemon(host, {"work": client(LNS, auth="mschapv2", mppe="128")}, name="clientd")
    before = dialer.wait_session()
    for count in (3, 4):
        wait_until(lambda: xl2tpd.ppp_log().count("rcvd [CHAP Response") >= count, 30,
                   f"response {count}")
        check(host.ping(INNER, count=5), "data flows on")
    check(dialer.wait_session()["id"] == before["id"], "it is the same session")
    check(xl2tpd.ppp_log().count("sent [CCP ConfReq") <= 3, "CCP is not begun anew")


@scenario("renegotiation/our-rechallenge")
def our_rechallenge(lab):
    """Our LNS asks pppd again and again: what is encrypted flows on."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(auth="mschapv2", mppe="128",
                                             ppp={"rechallenge": "2s"})}, name="lnsd")
    xl2tpd = Xl2tpdLac(host, LNS, mppe="128")
    xl2tpd.wait_session()
    before = server.wait_session()
    for count in (3, 4):
        wait_until(lambda: xl2tpd.ppp_log().count("rcvd [CHAP Success") >= count, 30,
                   f"success {count}")
        check(host.ping(INNER, count=5), "data flows on")
    check(server.wait_session()["id"] == before["id"], "it is the same session")
    check(xl2tpd.ppp_log().count("sent [CCP ConfReq") <= 3, "CCP is not begun anew")


@scenario("renegotiation/ipv6cp-after-ipcp", captures=True)
def ipv6cp_late(lab):
    lns, server, peer, session, capture = _client_peer(lab, ["recv IPV6CP ConfReq"])
    check(session.address != b"\0" * 4 and "IPV6CP opened" not in peer.events, "IPv4 only so far")
    check(not any(a["family"] == "inet6" for i in lns.ppp_interfaces() for a in i["addr_info"]),
          "the interface has no IPv6 address")
    peer.actions.clear()
    session.request("IPV6CP")
    peer.wait("IPV6CP opened", 20)
    wait_until(lambda: any(a["family"] == "inet6" for i in lns.ppp_interfaces()
                           for a in i["addr_info"]), 10, "the interface has an IPv6 address")
    session.pings.clear()
    session.ping(INNER)
    capture.assert_clean(LNS)


@scenario("renegotiation/ipcp-restarted", captures=True)
def ipcp_restarted(lab):
    lns, server, peer, session, capture = _client_peer(lab)
    session.opened.discard("IPCP")
    session.acked.pop("IPCP")
    session.request("IPCP")
    peer.wait("IPCP opened", 20, 2)
    session.pings.clear()
    session.ping(INNER)
    check(len(lns.ppp_interfaces()) == 1, "one interface")
    capture.assert_clean(LNS)


@scenario("renegotiation/another-user", smoke=True, captures=True)
def another_user(lab):
    """Who authenticates as somebody else after the install loses the session."""
    lns, server, peer, session, capture = _client_peer(lab)
    peer.user, peer.password = "bob", "builder"
    session.restart_lcp()
    wait_until(lambda: session.closed, 30, "the session is ended")
    server.wait_no_sessions()
    server.wait_log("user-changed")
    wait_until(lambda: not lns.ppp_interfaces() and not lns.l2tp_sessions(), 15, "nothing is left")
    capture.assert_clean(LNS)


@scenario("renegotiation/terminate-request", captures=True)
def terminate(lab):
    lns, server, peer, session, capture = _client_peer(lab)
    session.terminate()
    peer.wait("recv LCP TermAck", 10)
    server.wait_no_sessions()
    # RFC 3145: a normal end (3), by the peer of who says it (1).
    wait_until(lambda: session.closed, 10, "the CDN has come")
    check(session.disconnect[:2] == b"\0\3" and session.disconnect[4] == 1,
          f"it says why: {session.disconnect}")
    wait_until(lambda: not lns.ppp_interfaces() and not lns.l2tp_sessions(), 15, "nothing is left")
    capture.assert_clean(LNS)
