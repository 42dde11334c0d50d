"""What sites with a BCP session between them do: addresses by DHCP, two subnets on one Ethernet, and
many branches at one bridge. See scenario_bcp.py."""

from daemon import Daemon, client, listener
from lab import check, wait_until
from registry import scenario
from scenario_bcp import bridging, end, end_to_end
from scenario_bcp_bridge import frame, heard
from scenario_l2tpv3 import bridged, site
from scenario_l2tpv3_bridge import frames, passes
from topology import LNS, pair

BRANCHES = 200


@scenario("bcp/dhcp", seconds=600)
def dhcp(lab):
    """A host of one site asks, a server of the other answers."""
    hosta, hostb, server, dialer, *_ = end_to_end(lab)
    settings = lab.directory / "udhcpd.conf"
    settings.write_text("start 10.1.0.50\nend 10.1.0.59\ninterface lan\n"
                        f"lease_file {lab.directory}/leases\npidfile {lab.directory}/udhcpd.pid\n")
    serving = hosta.spawn("udhcpd", ["busybox", "udhcpd", "-f", str(settings)])
    wait_until(lambda: "started" in serving.log(), 20, "udhcpd starts")
    hostb.ip("addr flush dev lan")
    status, text = hostb.run(["busybox", "udhcpc", "-f", "-n", "-q", "-t", "20", "-s", "/bin/true",
                              "-i", "lan"], check_status=False, seconds=100)
    check(status == 0 and "lease of 10.1.0.5" in text, f"a lease: {text}")
    serving.terminate()
    end(dialer, server)


@scenario("bcp/subnets", seconds=600)
def subnets(lab):
    """Hosts of two subnets, whose mask is wide enough, need no router."""
    hosta, hostb, server, dialer, *_ = end_to_end(lab, "relay")
    hosta.ip("addr add 10.2.0.1/23 dev lan")
    hostb.ip("addr add 10.2.1.1/23 dev lan")
    bridged(hosta, "10.2.1.1")
    bridged(hosta)
    end(dialer, server)


@scenario("bcp/200-branches", seconds=900, alone=True)
def branches(lab):
    """200 sessions at one bridge, each from a bridge of its own; they do not hear each other."""
    lns, far, _ = pair(lab)
    far.sysctl(net__ipv4__conf__all__arp_ignore=1)  # whose address it is says where
    hosta = site(lab, lns, "hosta", "10.1.0.1")
    users = {f"u{n}": "pw" for n in range(BRANCHES)}
    office = listener(users=users, limits={"sccrq-per-source": 1000}, ppp={
        "bcp": bridging("kernel", bridge={"name": "br0", "isolated": True})})
    del office["ppp"]["ipv4"]
    server = Daemon(lns, {"office": office}, name="lnsd", bpf=True, log_level="info")
    dialer = Daemon(far, {f"p{n}": client(LNS, f"u{n}", "pw", ppp={
        "bcp": bridging("kernel", bridge={"name": f"b{n}", "create": True})})
        for n in range(BRANCHES)}, name="clientd", bpf=True, log_level="info")
    dialer.wait_sessions(BRANCHES, seconds=500)
    server.wait_sessions(BRANCHES, seconds=60)
    ports = lambda: [link for link in lns.ip_json("link show master br0")]
    check(len(ports()) == BRANCHES + 1, "each is a port, and the host's is")
    for n in range(0, BRANCHES, 9):
        far.ip(f"addr add 10.1.0.{n + 2}/24 dev b{n}")
        far.ip(f"link set b{n} up")
        far.can_ping("10.1.0.1", extra=("-I", f"b{n}"))
    one, another, office = frames(far, "b0"), frames(far, "b9"), frames(hosta, "lan")
    passes(one, office, frame(1))
    check(heard(another, 1, 2) == 0, "a branch does not hear another")
    passes(office, another, frame(2))
    for daemon in (dialer, server):
        daemon.terminate(seconds=120)
    wait_until(lambda: len(ports()) == 1 and not lns.tunnels(), 60, "the ports are gone")
