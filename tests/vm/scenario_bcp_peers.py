"""BCP with peers that are not ours: frames as RouterOS sends them, and every option that RFC 3518, RFC 2878
and RFC 1638 know.

    hosta 10.1.0.1 -- lan br0 (lns) ======= fake peer 192.0.2.2
"""

import time

from daemon import Daemon
from fakebridge import ETHERNET, BridgingPeer
from fakepeer import FakePeer
from lab import check, wait_until
from registry import scenario
from scenario_bcp import carried, profiles
from scenario_l2tpv3 import finish, site
from scenario_l2tpv3_bridge import frames
from topology import CLIENT, LNS, pair

ACK, NAK, REJECT = 2, 3, 4
STATION = bytes.fromhex("0200000000")
TYPE = b"\x88\xb5"  # of local experiments (IEEE 802)
ZEROS = bytes(6)
MAC = bytes.fromhex("02005e100001")


def station(number):
    return STATION + bytes([number])


def frame(source, destination, length=60, tag=b""):
    return (destination + source + tag + TYPE + bytes(range(40))).ljust(length, b"\xa5")


def end_behind(lab, gateway):
    """A host behind the gateway's bridge: its address, and a socket for frames."""
    host = site(lab, gateway, "hosta", "10.1.0.1")
    mac = bytes.fromhex(host.ip_json("link show lan")[0]["address"].replace(":", ""))
    return mac, frames(host, "lan")


def comes(wire, sent, send, seconds=20):
    """Sends until the frame is heard, exactly as it was."""
    def heard():
        send()
        until = time.monotonic() + 1
        while time.monotonic() < until:
            try:
                if wire.recv(4096) == sent:
                    return True
            except TimeoutError:
                continue
        return False
    wait_until(heard, seconds, f"the frame {sent[:18].hex()} of {len(sent)} octets arrives")


def goes(wire, session, sent, seconds=20):
    """And the other way: it is 00 01 and the frame, nothing else."""
    def heard():
        wire.send(sent)
        return ETHERNET + sent in session.frames
    wait_until(heard, seconds, lambda: f"{sent[:18].hex()} of {len(sent)} octets arrives as it is; "
                                       f"{[got.hex()[:40] for got in session.frames[-3:]]} came")


def both_ways(wire, host, session, number, length=60):
    inward = frame(station(number), host, length)
    comes(wire, inward, lambda: session.bridge(inward))
    goes(wire, session, frame(host, station(number), length))


def office(lab, path=None, name="lnsd", **options):
    """Our LNS with a host behind its bridge, and where the peer is to be."""
    lns, dialing, _ = pair(lab)
    mac, wire = end_behind(lab, lns)
    listener, _ = profiles(path, auth="chap-md5", **options)
    return Daemon(lns, {"office": listener}, name=name, bpf=True), dialing, mac, wire


def answers_echoes(session):
    before = session.peer.events.count("recv LCP EchoRep")
    session.echo()
    wait_until(lambda: session.peer.events.count("recv LCP EchoRep") > before, 20, "an echo is answered")


@scenario("bcp/routeros", seconds=600)
def routeros(lab):
    """An empty Configure-Request, 00 31 00 01 and the frame: short ones, full ones, tagged ones."""
    server, dialing, mac, wire = office(lab, bcp={"send-tagged": "always"})
    peer = BridgingPeer(dialing, CLIENT, LNS).dial()
    session = peer.bridged()[0]
    check(session.answers == [(ACK, [])], f"nothing asked for, nothing refused: {session.answers}")
    carried(server.session(server.wait_sessions()[0]), "kernel")
    for length in (60, 54, 1514):
        both_ways(wire, mac, session, 1, length)
    session.send_ppp("BCP", session.packet(1, b"\3\x09\1"))  # no option is that long
    # The socket shows the tag of what comes elsewhere; bcp/kernel looks whether it is there.
    tag = b"\x81\x00\x00\x07"
    inward = frame(station(1), mac, 1518, tag)
    comes(wire, inward.replace(tag, b"", 1), lambda: session.bridge(inward))
    goes(wire, session, frame(mac, station(1), 1518, tag))
    answers_echoes(session)
    check(not session.fragments, "no multilink header where no MRRU was agreed on")
    peer.stopccn()
    finish(server)


@scenario("bcp/routeros-lns", seconds=600)
def routeros_lns(lab):
    """The same peer, dialled by our client."""
    lns, dialing, _ = pair(lab)
    mac, wire = end_behind(lab, dialing)
    peer = BridgingPeer(lns, LNS, CLIENT, role="lns", ask_auth="chap-md5")
    _, work = profiles(bcp={"send-tagged": "always"})
    dialer = Daemon(dialing, {"work": work}, name="clientd", bpf=True)
    session = peer.bridged()[0]
    carried(dialer.wait_session(), "kernel")
    for length in (60, 54, 1514):
        both_ways(wire, mac, session, 1, length)
    answers_echoes(session)
    finish(dialer)


@scenario("bcp/routeros-multilink", seconds=600)
def routeros_multilink(lab):
    """MRU 1450, MRRU 1600, as the manual's recipe has it: multilink headers above the MRU only."""
    server, dialing, mac, wire = office(lab, bcp={"mrru": 1600})
    session = BridgingPeer(dialing, CLIENT, LNS, mru=1450, mrru=1600).dial().bridged()[0]
    carried(server.session(server.wait_sessions()[0]), "relay", "fragments")
    both_ways(wire, mac, session, 1, 60)
    both_ways(wire, mac, session, 1, 1448)
    check(not session.fragments, "what fits goes whole")
    whole = frame(station(1), mac, 1514)
    for cuts in ((1440,), (700, 700), (20,)):
        comes(wire, whole, lambda: session.bridge_in_fragments(whole, *cuts))
    out = frame(mac, station(1), 1514)

    def joined():
        session.fragments.clear()
        wire.send(out)
        wait_until(lambda: session.fragments and session.fragments[-1][0] & 0x40, 5, "a last fragment")
        parts = list(session.fragments)
        check(all(len(part) <= 1450 for part in parts), f"no more than the MRU: {[len(p) for p in parts]}")
        return parts[0][0] & 0x80 and b"".join(part[4:] for part in parts) == b"\x00\x31" + ETHERNET + out

    wait_until(joined, 20, "the fragments are the frame")
    check(ETHERNET + out not in session.frames, "which did not go whole as well")
    answers_echoes(session)
    finish(server)


# --- what a peer may ask for ----------------------------------------------------------------------

# What is asked, and our first answer; a callable judges an answer that has no fixed value.
RFC3518 = {
    "nothing": ([], (ACK, [])),
    "MAC-Support Ethernet": ([(3, b"\1")], (ACK, [(3, b"\1")])),
    "MAC-Support several": ([(3, b"\1"), (3, b"\3"), (3, b"\4")], (ACK, [(3, b"\1"), (3, b"\3"), (3, b"\4")])),
    "MAC-Support of no length": ([(3, b"")], (REJECT, [(3, b"")])),
    "MAC-Support Token Ring": ([(3, b"\3")], (NAK, [(3, b"\1")])),
    "Tinygram on": ([(4, b"\1")], (NAK, [(4, b"\2")])),
    "Tinygram off": ([(4, b"\2")], (ACK, [(4, b"\2")])),
    "MAC-Address": ([(6, MAC)], (ACK, [(6, MAC)])),
    "MAC-Address wanted": ([(6, ZEROS)], lambda code, asked: code == NAK and asked[0][0] == 6 and
                           asked[0][1] != ZEROS and not asked[0][1][0] & 1),
    "tags on": ([(8, b"\1")], (ACK, [(8, b"\1")])),
    "tags off": ([(8, b"\2")], (ACK, [(8, b"\2")])),
    "tags neither": ([(8, b"\7")], (NAK, [(8, b"\2")])),
    "Management-Inline with a value": ([(9, b"\1")], (REJECT, [(9, b"\1")])),
    "Management-Inline": ([(9, b"")], (ACK, [(9, b"")])),
    "B bit": ([(9, b""), (10, b"")], (REJECT, [(10, b"")])),
    "all": ([(3, b"\1"), (4, b"\2"), (6, MAC), (8, b"\1"), (9, b"")],
            (ACK, [(3, b"\1"), (4, b"\2"), (6, MAC), (8, b"\1"), (9, b"")])),
    "nonsense": ([(8, b"\7"), (77, b"abc")], (REJECT, [(77, b"abc")])),
}
# Before RFC 3518: source routing, LANs with numbers, the old spanning tree.
RFC2878 = {
    "Bridge-Identification": ([(1, b"\0\x11")], (REJECT, [(1, b"\0\x11")])),
    "Line-Identification": ([(2, b"\0\x11")], (REJECT, [(2, b"\0\x11")])),
    "LAN-Identification": ([(5, b"\1")], (REJECT, [(5, b"\1")])),
    "Spanning-Tree none": ([(7, b"\0")], (ACK, [(7, b"\0")])),
    "Spanning-Tree 802.1D": ([(7, b"\2")], (NAK, [(7, b"\0")])),
    "Spanning-Tree choice": ([(7, b"\2\1")], (NAK, [(7, b"\0")])),
    "all of RFC 1638": ([(1, b"\0\x11"), (2, b"\0\x11"), (3, b"\1"), (4, b"\1"), (5, b"\1"), (7, b"\2")],
                        (REJECT, [(1, b"\0\x11"), (2, b"\0\x11"), (5, b"\1")])),
}


def offers(lab, table, **peer):
    """Every set of the table in a session of its own; frames pass in each in the end."""
    server, dialing, mac, wire = office(lab)
    sessions = BridgingPeer(dialing, CLIENT, LNS, asks=[asks for asks, _ in table.values()],
                            **peer).dial().bridged(120)
    server.wait_sessions(len(table), 60)
    for number, (name, (_, expected)) in enumerate(table.items()):
        session = sessions[number]
        first = session.answers[0]
        good = expected(*first) if callable(expected) else first == expected
        check(good, f"{name}: answered with {first}, not {expected}")
        check(session.answers[-1][0] == ACK, f"{name}: settled: {session.answers}")
        both_ways(wire, mac, session, number + 1)
    finish(server)
    return sessions


@scenario("bcp/options-3518", seconds=600)
def options_3518(lab):
    for session in offers(lab, RFC3518):
        ours = [kind for kind, _ in session.theirs[-1]]
        check(ours == [3, 8, 9] or ours == [3, 6, 8, 9], f"what we ask for: {session.theirs}")


@scenario("bcp/options-2878", seconds=600)
def options_2878(lab):
    """Peers that know neither Management-Inline nor tags: then we ask for no spanning tree."""
    for session in offers(lab, RFC2878, rejects=(8, 9)):
        last = dict(session.theirs[-1])
        check(8 not in last and 9 not in last and last.get(7) == b"\0", f"what we ask for: {session.theirs}")


@scenario("bcp/options-none", seconds=600)
def options_none(lab):
    """A peer that rejects everything gets an empty Configure-Request."""
    for session in offers(lab, {"nothing": RFC3518["nothing"]}, rejects=tuple(range(1, 11))):
        check(session.theirs[-1] == [], f"what we ask for: {session.theirs}")


@scenario("bcp/refused", seconds=600)
def refused(lab):
    """A peer that Protocol-Rejects BCP: the client says so."""
    lns, dialing, _ = pair(lab)
    end_behind(lab, dialing)
    FakePeer(lns, LNS, CLIENT, role="lns", ask_auth="chap-md5")
    _, work = profiles()
    dialer = Daemon(dialing, {"work": work}, name="clientd", bpf=True)
    wait_until(lambda: "does not bridge Ethernet" in dialer.ctl_text("why", "work")[1], 40,
               "l2tpctl why names it")
    finish(dialer)


# --- how frames may come --------------------------------------------------------------------------

def forms(lab, path):
    """Pads and checksums are taken off, what is not Ethernet is dropped, all of it is counted."""
    server, dialing, mac, wire = office(lab, path)
    session = BridgingPeer(dialing, CLIENT, LNS).dial().bridged()[0]
    row = server.wait_sessions()[0]
    carried(server.session(row), path)
    plain = frame(station(1), mac)
    comes(wire, plain, lambda: session.bridge(plain))
    for header, tail in ((b"\x80\x01", b"\1\2\3\4"), (b"\x03\x01", bytes(3)), (b"\x8f\x01", bytes(19))):
        comes(wire, plain, lambda: session.bridge(plain, header, tail))
    short = frame(station(1), mac, 14)[:54]
    counted = lambda: server.session(row)["counters"]
    if path == "relay":
        comes(wire, short.ljust(60, b"\0"), lambda: session.bridge(short, b"\x20\x01"))
        check(counted()["bcp.inflated"] > 0, "a tinygram is filled up")
    else:
        session.bridge(short, b"\x20\x01")  # nobody agreed to it: counted, not filled up
        wait_until(lambda: counted()["bcp.flagged"] > 0, 20, "a tinygram is counted")
    check(counted()["bcp.fcs"] >= 2 and counted()["bcp.padded"] >= 2, f"counted: {counted()}")
    for header in (b"\0\2", b"\0\3", b"\0\0"):
        session.bridge(plain, header)
    wait_until(lambda: counted()["bcp.mac_type"] >= 3, 20, lambda: f"other MAC types: {counted()}")
    session.bridge(b"\1\2\3")
    session.bridge(plain[:13])
    session.bridge(plain[:20], b"\x8f\x01")
    wait_until(lambda: counted()["bcp.malformed"] >= 3, 20, lambda: f"malformed ones: {counted()}")
    session.bridge(plain, b"\x40\x01")  # with a LAN-Identification
    answers_echoes(session)
    both_ways(wire, mac, session, 1)
    finish(server)


@scenario("bcp/forms-kernel", seconds=600)
def forms_kernel(lab):
    forms(lab, "kernel")


@scenario("bcp/forms-relay", seconds=600)
def forms_relay(lab):
    forms(lab, "relay")
