"""l2tpctl looking at the kernel itself."""

import json

from lab import BUILD
from registry import scenario
from topology import *
from xl2tpd import Xl2tpdLns

OTHER = "192.0.2.3"  # xl2tpd's address beside ours
FOREIGN = 900        # the tunnel of `ip l2tp`


def _kernel(namespace, bus, *words):
    """Its status and what it prints, in a namespace, asking the daemon on a bus."""
    return namespace.run([BUILD / "src" / "l2tpctl", "--bus", bus, "kernel", *words],
                         check_status=False)


def _shown(namespace, bus, *words):
    status, text = _kernel(namespace, bus, "show", "-j", *words)
    check(status == 0, f"kernel show: {status}: {text}")
    return json.loads(text)


class _Monitor:
    def __init__(self, namespace, bus, name="monitor"):
        self.process = namespace.spawn(name, [BUILD / "src" / "l2tpctl", "--bus", bus, "-j", "kernel",
                                              "monitor", "--initial"])

    def lines(self):
        return [json.loads(line) for line in self.process.log().splitlines() if line.endswith("}")]

    def wait(self, event, change, what, test):
        def seen():
            return next((line for line in self.lines() if line["event"] == f"kernel-{event}"
                         and line["change"] == change and test(line)), None)
        return wait_until(seen, 30, f"the monitor tells that {what} {change}")


@scenario("ctl/kernel", smoke=True)
def kernel(lab):
    """Three tunnels of one namespace: our listener's, xl2tpd's (its session comes from a PPPoX
    connect) and one of `ip l2tp`. They are told apart, with the daemon's help and without, and the
    monitor sees all of them come and go."""
    lns, host, _ = pair(lab)
    lns.ip(f"address add {OTHER}/24 dev outer")
    server = Daemon(lns, {"office": listener(LNS)}, name="lnsd")
    xl2tpd = Xl2tpdLns(lns, listen=OTHER, local="10.65.0.1", pool="10.65.0.10-10.65.0.20")
    monitor = _Monitor(lns, server.bus)

    dialer = Daemon(host, {"work": client(LNS), "old": client(OTHER)}, name="clientd")
    dialer.wait_sessions(2)
    xl2tpd.wait_session()
    for end in (INNER, "10.65.0.1"):  # up is what IPv6 alone is, too: let both carry something
        host.can_ping(end)
    lns.ip(f"l2tp add tunnel tunnel_id {FOREIGN} peer_tunnel_id 901 encap udp local {LNS} "
           f"remote {CLIENT} udp_sport 5000 udp_dport 5001")
    lns.ip(f"l2tp add session name eth-foreign tunnel_id {FOREIGN} session_id 1 peer_session_id 2")

    shown = _shown(lns, server.bus, "-s")
    check(len(shown) == 3, f"three tunnels: {shown}")
    by = {tunnel["owner"]["whose"] + "/" + tunnel["owner"]["evidence"]: tunnel for tunnel in shown}
    ours = by["ours/daemon"]
    check(ours["owner"]["tunnel"].startswith("office") or ours["owner"]["tunnel"],
          f"the daemon's name: {ours}")
    check(ours["remote"].startswith(CLIENT) and ours["local"] == f"{LNS}:1701", f"{ours}")
    theirs = [t for t in shown if t["owner"]["processes"]
              and t["owner"]["processes"][0]["name"] == "xl2tpd"]
    check(len(theirs) == 1 and theirs[0]["owner"]["whose"] == "foreign", f"xl2tpd's: {shown}")
    made = next(t for t in shown if t["id"] == FOREIGN)
    check(made["owner"]["whose"] == "foreign" and made["owner"]["kernel"], f"ip l2tp's: {made}")
    check(made["sessions"][0]["interface"] == "eth-foreign", f"{made}")
    for tunnel in (ours, theirs[0]):
        (session,) = tunnel["sessions"]
        check(session["type"] == "ppp" and session["link"]["up"] and session["link"]["mtu"] > 1000,
              f"a PPP session with its interface: {session}")
        check(session["statistics"]["rx_packets"] > 0, f"that has carried something: {session}")
    check(ours["sessions"][0]["link"]["group"] >> 17 == 1, "in our instance's group")
    check([t["id"] for t in _shown(lns, server.bus, "--ours")] == [ours["id"]], "--ours")
    check(sorted(t["id"] for t in _shown(lns, server.bus, "--foreign")) ==
          sorted([FOREIGN, theirs[0]["id"]]), "--foreign")
    lab.note(_kernel(lns, server.bus, "show", "-s")[1])

    # Without a daemon to ask, by who holds the socket.
    alone = {t["id"]: t["owner"] for t in _shown(lns, "unix:path=/nonexistent")}
    check(alone[ours["id"]]["whose"] == "ours" and alone[ours["id"]]["evidence"] == "socket",
          f"{alone}")
    check(alone[theirs[0]["id"]]["whose"] == "foreign" and alone[FOREIGN]["whose"] == "foreign",
          f"{alone}")
    # Nor by that, if there is no looking into other processes: by the interface group.
    status, text = lns.run(
        ["setpriv", "--reuid", "65534", "--clear-groups", "--inh-caps", "+net_admin",
         "--ambient-caps", "+net_admin", BUILD / "src" / "l2tpctl", "--bus",
         "unix:path=/nonexistent", "-j", "kernel", "show"], check_status=False)
    check(status == 0, f"with CAP_NET_ADMIN alone: {status}: {text}")
    grouped = {t["id"]: t["owner"] for t in json.loads(text)}
    check(grouped[ours["id"]]["whose"] == "ours" and grouped[ours["id"]]["evidence"] == "group" and
          grouped[ours["id"]]["instance"] == 1, f"{grouped}")
    check(grouped[theirs[0]["id"]]["whose"] == "foreign", f"{grouped}")
    status, text = lns.run(["setpriv", "--reuid", "65534", "--clear-groups", BUILD / "src" / "l2tpctl",
                            "--bus", server.bus, "kernel", "show"], check_status=False)
    check(status == 5 and "CAP_NET_ADMIN" in text, f"without it: {status}: {text}")

    tunnels = {"ours": ours["id"], "xl2tpd's": theirs[0]["id"], "ip l2tp's": FOREIGN}
    for whose, id in tunnels.items():
        monitor.wait("tunnel", "appeared", whose, lambda line: line["tunnel"]["id"] == id)
        monitor.wait("session", "appeared", whose, lambda line: line["tunnel"]["id"] == id)
    # An interface that came after its session is a change of that session.
    for tunnel in (ours, theirs[0]):
        name = tunnel["sessions"][0]["interface"]
        wait_until(lambda: any(line.get("session", {}).get("interface") == name
                               for line in monitor.lines()), 30, f"the monitor names {name}")

    lns.ip(f"l2tp del tunnel tunnel_id {FOREIGN}")
    dialer.terminate()
    for whose, id in tunnels.items():
        monitor.wait("session", "vanished", whose, lambda line: line["tunnel"]["id"] == id)
        monitor.wait("tunnel", "vanished", whose, lambda line: line["tunnel"]["id"] == id)
    check(_shown(lns, server.bus) == [], "nothing is left, and nothing is shown")
    monitor.process.terminate()
    check(monitor.process.status == 0, "the monitor ends well when it is told to")
    server.terminate()


@scenario("ctl/ip-l2tp")
def ip_l2tp(lab):
    """What `ip l2tp` made is shown with its cookies, and becomes profiles that the checker likes."""
    lns, _, _ = pair(lab)
    lns.ip(f"l2tp add tunnel tunnel_id {FOREIGN} peer_tunnel_id 901 encap ip local {LNS} remote {CLIENT}")
    lns.ip(f"l2tp add session name wire tunnel_id {FOREIGN} session_id 1 peer_session_id 2 "
           "cookie 0102030405060708 peer_cookie a1b2c3d4 seq both")
    lns.ip("link add br7 type bridge")
    lns.ip("link set wire mtu 1500 master br7")
    lns.ip(f"l2tp add tunnel tunnel_id 910 peer_tunnel_id 911 encap udp local {LNS} remote {CLIENT} "
           "udp_sport 5000 udp_dport 5001 udp_csum on")
    lns.ip("l2tp add session name plain tunnel_id 910 session_id 3 peer_session_id 4 l2spec_type none")

    bus = "unix:path=/nonexistent"
    shown = {tunnel["id"]: tunnel for tunnel in _shown(lns, bus)}
    check(shown[FOREIGN]["encapsulation"] == "ip" and shown[FOREIGN]["version"] == 3, f"{shown}")
    (session,) = shown[FOREIGN]["sessions"]
    check(session["cookie"] == "0102030405060708" and session["peer_cookie"] == "a1b2c3d4", f"{session}")
    check(session["type"] == "ethernet" and session["link"]["master"] == "br7", f"{session}")
    check(shown[910]["udp_checksum"], f"{shown[910]}")
    lab.note(_kernel(lns, bus, "show")[1])

    directory = lab.directory / "imported"
    ctl = [BUILD / "src" / "l2tpctl", "--bus", bus]
    status, text = lns.run([*ctl, "import", "ip-l2tp", "-o", directory], check_status=False)
    check(status == 0, f"import: {status}: {text}")
    check("l2spec_type none" in text, f"what the kernel does not tell: {text}")
    status, text = lns.run([*ctl, "check-config", directory], check_status=False)
    check(status == 0, f"check-config: {status}: {text}")
    profile = json.loads((directory / "profiles.d" / f"l2tp-{FOREIGN}.json").read_text())
    (session,) = profile["sessions"]
    check(profile["transport"] == "ip" and session["bridge"] == "br7" and session["mtu"] == 1500, f"{profile}")
    check(session["send-cookie"] == {"$secret": "send-cookie-1"}, f"{profile}")
    status, text = lns.run([*ctl, "import", "ip-l2tp", "--dry-run", "7"], check_status=False)
    check(status == 1 and "no tunnel 7" in text, f"a tunnel that is not there: {status}: {text}")
