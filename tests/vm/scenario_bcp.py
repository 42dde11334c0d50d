"""Two sites bridged by BCP (RFC 3518) over L2TPv2, by the kernel and by the relay.

    hosta 10.1.0.1 -- lan br0 (lns) ======= br0 lan (client) -- hostb 10.1.0.2
"""

from daemon import Daemon, client, listener
from lab import check, wait_until
from registry import scenario
from scenario_l2tpv3 import bridged, finish, sites
from scenario_l2tpv3_bridge import frames, passes
from topology import INNER, LNS, LNS6, tcp_both_ways

BCP = {"bridge": "br0"}


def bridging(path=None, **changes):
    """"bcp" of a profile."""
    return {**BCP, **({"path": path} if path else {}), **changes}


def profiles(path=None, beside_ip=False, peer=LNS, office_ppp=None, bcp=None, **both):
    """The listener's and the client's, for a session that bridges. `path`: what both ask for."""
    ppp = {"bcp": bridging(path, **(bcp or {}))}
    office = listener(**both, ppp={**ppp, **(office_ppp or {})})
    work = client(peer, **both, ppp=ppp)
    if beside_ip:
        work["ppp"]["ipv4"] = {}
    else:
        del office["ppp"]["ipv4"]
    return office, work


def end_to_end(lab, path=None, bpf=True, before=None, **options):
    """Both ends' daemons, bridged. `before(lns, dialing)` is called before they start."""
    lns, dialing, hosta, hostb = sites(lab)
    if before:
        before(lns, dialing)
    office, work = profiles(path, **options)
    server = Daemon(lns, {"office": office}, name="lnsd", bpf=bpf)
    dialer = Daemon(dialing, {"work": work}, name="clientd", bpf=bpf)
    session = dialer.wait_session()
    theirs = server.session(server.wait_sessions()[0])
    return hosta, hostb, server, dialer, session, theirs


def carried(session, path, reason=""):
    shown = session.get("bridging") or {}
    check(shown.get("path") == path and reason in shown.get("reason", ""),
          f"{path}, because of \"{reason}\": {session}")
    return shown


def takes(session, path, reason=""):
    shown = carried(session, path, reason)
    check(shown["bridge"] == "br0" and shown["send_tagged"] and shown["receive_tagged"],
          f"tags both ways: {shown}")


def tagged(hosta, hostb):
    for number, host in enumerate((hosta, hostb), 1):
        host.ip("link add link lan name tagged type vlan id 7")
        host.ip(f"addr add 10.7.0.{number}/24 dev tagged")
        host.ip("link set tagged up")
    hosta.can_ping("10.7.0.2")
    check(hosta.ping("10.7.0.2", size=1472, extra=("-M", "do")), "full frames with a tag")


def everything_passes(hosta, hostb):
    """Pings, frames of 1500 octets, tags, TCP, neighbour discovery, and what bridges hand on."""
    bridged(hosta)
    tagged(hosta, hostb)
    tcp_both_ways(hosta, hostb, "10.1.0.2")
    for host, address in ((hosta, "fd01::1"), (hostb, "fd01::2")):
        host.ip(f"addr add {address}/64 dev lan nodad")
    hosta.can_ping("fd01::2")
    left, right = frames(hosta, "lan"), frames(hostb, "lan")
    rstp = bytes.fromhex(
        "0180c2000000" "020000000001" "0027424203"
        "000002023c800002000000000100000000800002000000000180010000140002000f0000")
    passes(left, right, rstp.ljust(60, b"\0"))
    passes(right, left, rstp.ljust(60, b"\0"))


def end(dialer, server):
    """Nothing is left of the sessions: ports, private pairs, bridges' entries; no sum was wrong."""
    finish(dialer, server)
    for daemon in (dialer, server):
        namespace = daemon.namespace
        links = lambda: {link["ifname"] for link in namespace.ip_json("link show")}
        wait_until(lambda: links() == {"lo", "outer", "lan", "br0"}, 20,
                   lambda: f"{namespace.short}: no interface is left: {links()}")
        for protocol in ("Udp", "Icmp"):
            check(namespace.snmp(protocol)["InCsumErrors"] == 0, f"{protocol}: checksums are right")


@scenario("bcp/kernel", seconds=600, smoke=True)
def kernel(lab):
    """Bridging alone, carried by the kernel."""
    hosta, hostb, server, dialer, *both = end_to_end(lab, "kernel")
    for session in both:
        takes(session, "kernel")
        check(session["bcp"] == "opened" and not session.get("ipv4"), f"BCP alone: {session}")
    everything_passes(hosta, hostb)
    end(dialer, server)


@scenario("bcp/relay", seconds=600, smoke=True)
def relay(lab):
    """The same, by the relay, where the profile wants it."""
    hosta, hostb, server, dialer, *both = end_to_end(lab, "relay")
    for session in both:
        takes(session, "relay", "profile")
    everything_passes(hosta, hostb)
    end(dialer, server)


@scenario("bcp/unprivileged", seconds=600)
def unprivileged(lab):
    """Without the unit's drop-in the relay does it, and says why."""
    hosta, hostb, server, dialer, *both = end_to_end(lab, bpf=False)
    for session in both:
        takes(session, "relay", "CAP_BPF")
    bridged(hosta)
    end(dialer, server)


@scenario("bcp/mppe", seconds=600)
def mppe(lab):
    """Encrypted: the kernel's bridged channels cannot, the relay does."""
    hosta, hostb, server, dialer, *both = end_to_end(lab, auth="mschapv2", mppe="128")
    for session in both:
        takes(session, "relay", "MPPE")
    everything_passes(hosta, hostb)
    end(dialer, server)


@scenario("bcp/beside-ip", seconds=600)
def beside_ip(lab):
    """Bridging and routing at the same time, on one link."""
    hosta, hostb, server, dialer, *both = end_to_end(lab, beside_ip=True)
    for session in both:
        takes(session, "relay", "IP on the same link")
    dialer.namespace.can_ping(INNER)
    everything_passes(hosta, hostb)
    check(dialer.namespace.ping(INNER), "routed beside bridged")
    end(dialer, server)


@scenario("bcp/demanded", seconds=600)
def demanded(lab):
    """The kernel, or no session: without CAP_BPF there is none, and the cause says so."""
    lns, dialing, *_ = sites(lab)
    office, work = profiles("kernel")
    server = Daemon(lns, {"office": office}, name="lnsd", bpf=True)
    dialer = Daemon(dialing, {"work": work}, name="clientd")

    def told():
        text = dialer.ctl_text("why", "work")[1]
        return "CAP_BPF" in text

    wait_until(told, 40, "l2tpctl why speaks of CAP_BPF")
    check(not dialer.sessions(state="up"), "no session without the kernel")
    end(dialer, server)


@scenario("bcp/multilink", seconds=600)
def multilink(lab):
    """Peers that take 1400 octets and put fragments together (RFC 1990): frames pass whole."""
    hosta, hostb, server, dialer, *both = end_to_end(
        lab, bcp={"mrru": 1700}, office_ppp={"mru": 1400})
    for session in both:
        takes(session, "relay", "fragments")
        check(session["bridging"]["mtu"] == 1500, f"no frame is too large: {session['bridging']}")
    everything_passes(hosta, hostb)
    end(dialer, server)


@scenario("bcp/multilink-mppe", seconds=600)
def multilink_mppe(lab):
    """Encrypted and then fragmented, which the PPP interface does by itself (RFC 1962 section 2)."""
    hosta, hostb, server, dialer, *both = end_to_end(
        lab, bcp={"mrru": 1700}, office_ppp={"mru": 1400}, auth="mschapv2", mppe="128")
    for session in both:
        takes(session, "relay", "MPPE")
        check(session["bridging"]["mtu"] == 1500, f"no frame is too large: {session['bridging']}")
    everything_passes(hosta, hostb)
    end(dialer, server)


@scenario("bcp/multilink-beside-ip", seconds=600)
def multilink_beside_ip(lab):
    """Fragments on a link that routes, too."""
    hosta, hostb, server, dialer, *both = end_to_end(
        lab, beside_ip=True, bcp={"mrru": 1700}, office_ppp={"mru": 1400})
    for session in both:
        takes(session, "relay", "IP on the same link")
        check(session["bridging"]["mtu"] == 1500, f"no frame is too large: {session['bridging']}")
    dialer.namespace.can_ping(INNER)
    everything_passes(hosta, hostb)
    end(dialer, server)


@scenario("bcp/ipv6", seconds=600)
def ipv6(lab):
    """The tunnel is over IPv6, and its packets of full frames are fragmented."""
    hosta, hostb, server, dialer, session, theirs = end_to_end(lab, "kernel", peer=LNS6)
    takes(session, "kernel")
    takes(theirs, "kernel")
    bridged(hosta)
    tcp_both_ways(hosta, hostb, "10.1.0.2")
    end(dialer, server)
