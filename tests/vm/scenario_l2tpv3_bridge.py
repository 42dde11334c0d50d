"""Two sites bridged by L2TPv3 pseudowires: what passes, loops, and stations that move.

    hosta 10.1.0.1 -- lan br0 (lns) ======= br0 lan (client) -- hostb 10.1.0.2
"""

import socket
import time

from daemon import Daemon
from lab import check, wait_until
from registry import scenario
from scenario_l2tpv3 import bridged, dialer, finish, listener, sites, wire
from topology import LNS, pair


def frames(namespace, interface):
    """A socket that sends and hears whole frames."""
    def make():
        made = socket.socket(socket.AF_PACKET, socket.SOCK_RAW, socket.ntohs(0x0003))
        made.bind((interface, 0))
        made.settimeout(0.2)
        return made
    return namespace.call(make)


def passes(sender, receiver, frame, seconds=20):
    """Sends a frame until it is heard, exactly as it was sent."""
    def heard():
        sender.send(frame)
        until = time.monotonic() + 1
        while time.monotonic() < until:
            try:
                if receiver.recv(2048) == frame:
                    return True
            except TimeoutError:
                continue
        return False
    wait_until(heard, seconds, f"the frame {frame[:22].hex()} arrives unharmed")


def station_moves(lab, lns, hosta, hostb, far_port):
    """The station at the far site turns up at this one, and goes back."""
    mac = hostb.ip_json("link show lan")[0]["address"]
    moved = lab.namespace("moved")
    lab.link(lns, "", moved, "10.1.0.2/24", "lan2", "lan")
    moved.ip("link set lan down")
    moved.ip(f"link set lan address {mac}")
    lns.ip("link set lan2 master br0")

    def learned():
        rows = lns.run(["bridge", "fdb", "show", "br", "br0"]).splitlines()
        return {row.split()[2] for row in rows if row.startswith(mac) and "permanent" not in row}

    for here, there, port in ((hostb, moved, "lan2"), (moved, hostb, far_port)):
        here.ip("link set lan down")
        there.ip("link set lan up")
        # What it said at its old place may still be on its way.
        wait_until(lambda: there.ping("10.1.0.1", count=1, extra=("-W", "1")) and learned() == {port},
                   20, lambda: f"the station speaks at its new place: {learned()}, not {port}")
        hosta.can_ping("10.1.0.2")


@scenario("l2tpv3/bridge", smoke=True)
def bridge(lab):
    """Pings, full frames, tags, ARP, neighbour discovery, RSTP's frames, and a station that moves."""
    lns, client, hosta, hostb = sites(lab)
    server = Daemon(lns, {"office": listener(wire(interface="l2a"))}, name="lnsd")
    dialing = Daemon(client, {"work": dialer(LNS, wire(interface="l2b"))}, name="clientd")
    dialing.wait_session()
    bridged(hosta)
    neighbour = hosta.ip_json("neigh show 10.1.0.2")[0]
    mac = hostb.ip_json("link show lan")[0]["address"]
    check(neighbour["lladdr"] == mac, f"ARP: {neighbour}")
    for number, host in enumerate((hosta, hostb), 1):
        host.ip(f"addr add fd01::{number}/64 dev lan nodad")
        host.ip("link add link lan name tagged type vlan id 7")
        host.ip(f"addr add 10.7.0.{number}/24 dev tagged")
        host.ip("link set tagged up")
    hosta.can_ping("fd01::2")
    check(hosta.ip_json("-6 neigh show fd01::2")[0]["lladdr"] == mac, "neighbour discovery")
    check(hosta.ping("fd01::2", size=1452, extra=("-M", "do")), "full frames of IPv6")
    hosta.can_ping("10.7.0.2")
    check(hosta.ping("10.7.0.2", size=1472, extra=("-M", "do")), "full frames with a tag")

    # Bridges that take no part in spanning trees hand their frames on.
    left, right = frames(hosta, "lan"), frames(hostb, "lan")
    source = bytes.fromhex("020000000001")
    rstp = bytes.fromhex("0180c2000000") + source + bytes.fromhex(
        "0027424203000002023c800002000000000100000000800002000000000180010000140002000f0000")
    passes(left, right, rstp.ljust(60, b"\0"))
    passes(right, left, rstp.ljust(60, b"\0"))

    station_moves(lab, lns, hosta, hostb, "l2a")
    finish(dialing, server)


@scenario("l2tpv3/loop")
def loop(lab):
    """Two pseudowires between the same bridges are a loop: STP blocks one, and takes it when the
    other goes."""
    lns, client, _ = pair(lab)
    tree = {"name": "br0", "create": True, "stp": True, "forward-delay": "2s", "hello-time": "1s",
            "max-age": "6s"}
    wires = [{"name": name, "interface": name, "bridge": tree} for name in ("one", "two")]
    server = Daemon(lns, {"office": listener(*wires)}, name="lnsd")
    dialing = Daemon(client, {"work": dialer(LNS, *wires)}, name="clientd")
    dialing.wait_sessions(2)
    server.wait_sessions(2)
    lns.ip("addr add 10.1.0.1/24 dev br0")
    client.ip("addr add 10.1.0.2/24 dev br0")

    def ports():
        return {f"{host.short}.{row['ifname']}": row["linkinfo"]["info_slave_data"]["state"]
                for host in (lns, client) for row in host.ip_json("link show master br0")}

    def settled(count):
        states = list(ports().values())
        return len(states) == count and states.count("forwarding") == (3 if count == 4 else 2)

    wait_until(lambda: settled(4) and "blocking" in ports().values(), 60,
               lambda: f"one of four ports blocks: {ports()}")
    client.can_ping("10.1.0.1")
    blocked = next(name for name, state in ports().items() if state == "blocking").split(".")[1]
    other = "two" if blocked == "one" else "one"
    # The one that carries goes, for good.
    for daemon, name, make in ((dialing, "work", lambda *w: dialer(LNS, *w)),
                               (server, "office", listener)):
        daemon.write_profile(name, make(*(each for each in wires if each["name"] == blocked)))
        daemon.reload()
    wait_until(lambda: settled(2), 60, lambda: f"the other one carries: {ports()}")
    check(other not in str(ports()), f"{other} is gone: {ports()}")
    client.can_ping("10.1.0.1", seconds=40)
    finish(dialing, server)
    wait_until(lambda: "br0" not in str(lns.ip_json("link show")), 20,
               "a bridge that was made goes with its last port")


@scenario("l2tpv3/vlan")
def vlan(lab):
    """An Ethernet VLAN pseudowire carries one VLAN, tagged on the way; here it has other numbers at
    its ends. And pseudowires that end in a VRF and a namespace."""
    lns, client, _ = pair(lab)
    inner = lab.namespace("inner")
    client.ip("link add red type vrf table 100")
    client.ip("link set red up")
    tagged = {"name": "tagged", "type": "ethernet-vlan"}
    server = Daemon(lns, {"office": listener(
        {**tagged, "vlan": 7, "interface": "tag7"}, {"name": "vrf", "interface": "wire1"},
        {"name": "netns", "interface": "wire2"})}, name="lnsd")
    dialing = Daemon(client, {"work": dialer(
        LNS, {**tagged, "vlan": 7, "interface": "mine"},
        {"name": "vrf", "interface": "wire1", "vrf": "red"},
        {"name": "netns", "interface": "wire2", "namespace": inner.name})}, name="clientd")
    dialing.wait_sessions(3)
    server.wait_sessions(3)
    lns.ip("addr add 10.7.0.1/24 dev tag7")
    client.ip("addr add 10.7.0.2/24 dev mine")
    client.can_ping("10.7.0.1")
    check(client.ip_json("link show mine")[0]["linkinfo"]["info_kind"] == "vlan", "a VLAN device")
    lns.ip("addr add 10.8.0.1/24 dev wire1")
    client.ip("addr add 10.8.0.2/24 dev wire1")
    client.can_ping("10.8.0.1", extra=("-I", "red"))
    lns.ip("addr add 10.9.0.1/24 dev wire2")
    inner.ip("addr add 10.9.0.2/24 dev wire2")
    inner.can_ping("10.9.0.1")
    finish(dialing, server)


# --- lines and peers that fail --------------------------------------------------------------------

@scenario("l2tpv3/loss")
def loss(lab):
    """Half a dozen pseudowires come up, and go, over a line that loses every fifth message."""
    lns, client, link = pair(lab)
    link.netem_both("loss 20% delay 20ms 5ms")
    wires = [{"name": f"w{number}", "interface": f"wire{number}"} for number in range(6)]
    tunnel = {"secret": "s3cret", "retransmit": {"initial": "300ms", "max-interval": "2s"}}
    server = Daemon(lns, {"office": listener(*wires, tunnel=tunnel)}, name="lnsd")
    dialing = Daemon(client, {"work": dialer(LNS, *wires, tunnel=tunnel)}, name="clientd")
    dialing.wait_sessions(6, seconds=120)
    server.wait_sessions(6, seconds=120)
    control = dialing.tunnel("work")["control"]
    check(control["retransmissions"] > 0, f"something was lost: {control}")
    check(control["digests_wrong"] == 0, f"what was repeated was signed: {control}")
    dialing.terminate(60)
    wait_until(lambda: not lns.l2tp_sessions() and not client.l2tp_sessions(), 60, "all is gone")
    server.terminate(60)


def silent(lab, transport):
    lns, client, link = pair(lab)
    tunnel = {"hello": "2s", "retransmit": {"initial": "300ms", "max-interval": "1s", "count": 4}}
    one = {"name": "site", "interface": "wire0"}
    server = Daemon(lns, {"office": listener(one, transport=transport, tunnel=tunnel)},
                    name="lnsd")
    dialing = Daemon(client, {"work": dialer(LNS, one, transport=transport, tunnel=tunnel)},
                     name="clientd")
    dialing.wait_session()
    for state in ("the line is cut", "the peer is killed"):
        lab.note(state)
        if state == "the line is cut":
            link.netem_both("loss 100%")
        else:
            server.kill9()
        wait_until(lambda: not client.l2tp_sessions(), 60, f"{state}: the session ends here")
        if state == "the line is cut":
            wait_until(lambda: not lns.l2tp_sessions(), 60, "and there")
            link.netem_both("")
        else:
            server.start()
        wait_until(lambda: dialing.sessions(state="up") and server.sessions(state="up"), 60,
                   f"{state}: it comes back")
    finish(dialing, server)


@scenario("l2tpv3/silence-udp")
def silence_udp(lab):
    silent(lab, "udp")


@scenario("l2tpv3/silence-ip")
def silence_ip(lab):
    silent(lab, "ip")
