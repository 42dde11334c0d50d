"""Bridges at both ends of BCP sessions: their VLANs and loops, stations that move, storms, ports that
somebody changes, and what passes on the wire.

    hosta 10.1.0.1 -- lan br0 (lns) ======= br0 lan (client) -- hostb 10.1.0.2
"""

import ctypes
import fcntl
import socket
import struct
import time

from daemon import Daemon, client, listener
from lab import ROOT, check, wait_until
from registry import scenario
from scenario_bcp import bridging, end, end_to_end, profiles, takes
from scenario_l2tpv3 import bridged, finish, sites
from scenario_l2tpv3_bridge import frames, station_moves
from topology import INNER, LNS, pair, tcp_both_ways

BROADCAST = b"\xff" * 6
STATION = bytes.fromhex("020000000042")


def frame(number=0, destination=BROADCAST, length=60):
    """Of a local experiment's type (IEEE 802), and which of them."""
    return (destination + STATION + b"\x88\xb5" + number.to_bytes(4, "big")).ljust(length, b"\0")


def heard(receiver, wanted, seconds):
    """How many frames of STATION come in so much time, until `wanted` are there."""
    count, until = 0, time.monotonic() + seconds
    while count < wanted and time.monotonic() < until:
        try:
            count += receiver.recv(2048)[6:14] == STATION + b"\x88\xb5"
        except TimeoutError:
            continue
    return count


@scenario("bcp/wire", seconds=600)
def wire(lab):
    """What is on the wire is what RouterOS sends: 00 31 00 01 and the frame."""
    _, hostb, server, dialer, session, _ = end_to_end(lab)
    takes(session, "kernel")
    line, right = frames(server.namespace, "outer"), frames(hostb, "lan")
    sent = frame(7)

    def seen():
        right.send(sent)
        until = time.monotonic() + 1
        while time.monotonic() < until:
            try:
                packet = line.recv(4096)
            except TimeoutError:
                continue
            if sent in packet:
                return packet[:packet.index(sent)]
        return None

    before = wait_until(seen, 20, "the frame is on the wire")
    check(before.endswith(bytes.fromhex("00310001")), f"its headers: {before.hex()}")
    end(dialer, server)


@scenario("bcp/offloads", seconds=600)
def offloads(lab):
    """TCP with the hosts' offloads and without, and by threads of the ports' own, as udev has it."""
    gateways = []
    hosta, hostb, server, dialer, *_ = end_to_end(lab, "kernel", before=lambda *two: gateways.extend(two))
    tcp_both_ways(hosta, hostb, "10.1.0.2")
    for gateway in gateways:
        gateway.run([ROOT / "udev/l2tp-manager-port-threads", "l2bcp0"])
        threaded = gateway.run(["sh", "-c", "grep -l 1 /sys/class/net/*/threaded"]).splitlines()
        check(len(threaded) == 2, f"both ends of the port's pair: {threaded}")
    tcp_both_ways(hosta, hostb, "10.1.0.2", port=5203)

    def switch_off():
        with socket.socket() as any_socket:
            for command in (0x17, 0x15, 0x1f, 0x24, 0x2c):  # ETHTOOL_S TXCSUM RXCSUM TSO GSO GRO
                value = bytearray(struct.pack("II", command, 0))
                held = (ctypes.c_char * 8).from_buffer(value)
                request = struct.pack("16sP", b"lan", ctypes.addressof(held))
                fcntl.ioctl(any_socket, 0x8946, request)

    for host in (hosta, hostb):
        host.call(switch_off)
    tcp_both_ways(hosta, hostb, "10.1.0.2", port=5202)
    bridged(hosta)
    end(dialer, server)


@scenario("bcp/vlans", seconds=600)
def vlans(lab):
    """Bridges that filter: VLAN 7 and untagged frames pass, VLAN 8 does not."""
    def before(*gateways):
        for gateway in gateways:
            gateway.ip("link set br0 type bridge vlan_filtering 1")
            for number in (7, 8):
                gateway.run(["bridge", "vlan", "add", "dev", "lan", "vid", str(number)])

    hosta, hostb, server, dialer, *_ = end_to_end(
        lab, "kernel", before=before, bcp={"bridge": {"name": "br0", "tagged": ["7"]}})
    bridged(hosta)
    for number, host in enumerate((hosta, hostb), 1):
        for vlan in (7, 8):
            host.ip(f"link add link lan name v{vlan} type vlan id {vlan}")
            host.ip(f"addr add 10.{vlan}.0.{number}/24 dev v{vlan}")
            host.ip(f"link set v{vlan} up")
    hosta.can_ping("10.7.0.2")
    check(not hosta.ping("10.8.0.2", extra=("-W", "1")), "VLAN 8 is kept out")
    end(dialer, server)


@scenario("bcp/loop", seconds=600)
def loop(lab):
    """Two BCP links between the same bridges are a loop: STP blocks one, and takes it when the other
    goes."""
    lns, dialing, _ = pair(lab)
    tree = {"name": "br0", "create": True, "stp": True, "forward-delay": "2s", "hello-time": "1s",
            "max-age": "6s"}
    office, work = profiles(bcp={"bridge": tree})
    server = Daemon(lns, {"office": office}, name="lnsd", bpf=True)
    dialer = Daemon(dialing, {"one": work, "two": work}, name="clientd", bpf=True)
    dialer.wait_sessions(2)
    server.wait_sessions(2)
    lns.ip("addr add 10.1.0.1/24 dev br0")
    dialing.ip("addr add 10.1.0.2/24 dev br0")

    def ports():
        return {f"{host.short}.{row['ifname']}": row["linkinfo"]["info_slave_data"]["state"]
                for host in (lns, dialing) for row in host.ip_json("link show master br0")}

    def settled(count):
        states = list(ports().values())
        return len(states) == count and states.count("forwarding") == (3 if count == 4 else 2)

    wait_until(lambda: settled(4) and "blocking" in ports().values(), 60,
               lambda: f"one of four ports blocks: {ports()}")
    dialing.can_ping("10.1.0.1")
    # The one that carries goes.
    far = {row["id"]: f"lns.{row['bridging']['port']}"
           for row in map(server.session, server.sessions())}
    blocked = next(name for name, state in ports().items() if state == "blocking")
    dialer.down(next(row["tunnel"] for row in map(dialer.session, dialer.sessions())
                     if blocked not in (f"client.{row['bridging']['port']}", far[row["peer_id"]])))
    wait_until(lambda: settled(2), 60, lambda: f"the other one carries: {ports()}")
    dialing.can_ping("10.1.0.1", seconds=40)
    finish(dialer, server)


@scenario("bcp/moves", seconds=600)
def moves(lab):
    """A station of the far site turns up at this one, and goes back."""
    hosta, hostb, server, dialer, _, theirs = end_to_end(lab)
    lns = server.namespace
    bridged(hosta)
    station_moves(lab, lns, hosta, hostb, theirs["bridging"]["port"])
    lns.ip("link del lan2")
    end(dialer, server)


def storm(lab, path):
    """400 broadcasts at once, of which 20 in a second may pass; who is spoken to hears everything."""
    hosta, hostb, server, dialer, *_ = end_to_end(lab, path, bcp={"broadcast-limit": 20})
    bridged(hosta)
    left, right = frames(hosta, "lan"), frames(hostb, "lan")
    mac = bytes.fromhex(hosta.ip_json("link show lan")[0]["address"].replace(":", ""))
    began = time.monotonic()
    for number in range(400):
        right.send(frame(number))
    many = heard(left, 400, 2)
    took = time.monotonic() - began
    check(8 <= many <= 16 + 20 * (took + 1), f"{many} of 400 pass in {took:.1f} s")
    for number in range(40):
        right.send(frame(number, mac))
    check(heard(left, 40, 20) == 40, "frames to one station are not limited")
    end(dialer, server)


@scenario("bcp/storm-kernel", seconds=600)
def storm_kernel(lab):
    storm(lab, "kernel")


@scenario("bcp/storm-relay", seconds=600)
def storm_relay(lab):
    storm(lab, "relay")


@scenario("bcp/mac-limit", seconds=600)
def mac_limit(lab):
    """Four addresses may be heard: frames from a fifth are dropped."""
    hosta, hostb, server, dialer, *_ = end_to_end(lab, bcp={"mac-limit": 4})
    bridged(hosta)
    left, right = frames(hosta, "lan"), frames(hostb, "lan")

    def sources():
        seen, until = set(), time.monotonic() + 2
        for number in range(12):
            right.send(BROADCAST + STATION[:5] + bytes([number]) + b"\x88\xb5" + bytes(46))
        while time.monotonic() < until:
            try:
                packet = left.recv(2048)
            except TimeoutError:
                continue
            if packet[12:14] == b"\x88\xb5":
                seen.add(packet[6:12])
        return seen

    seen = sources() | sources()
    check(0 < len(seen) <= 4, f"no more than four: {seen}")
    end(dialer, server)


@scenario("bcp/port", seconds=600)
def port(lab):
    """A port that somebody changes is mended; without its bridge the session ends, and says so."""
    hosta, _, server, dialer, session, _ = end_to_end(lab)
    bridged(hosta)
    name, namespace = session["bridging"]["port"], dialer.namespace
    link = lambda: namespace.ip_json(f"link show {name}")[0]
    mtu, mac = link()["mtu"], link()["address"]
    namespace.ip(f"link set {name} mtu 1000")
    wait_until(lambda: link()["mtu"] == mtu, 20, lambda: f"the MTU is put back: {link()}")
    namespace.ip(f"link set {name} nomaster")
    wait_until(lambda: link().get("master") == "br0", 20, lambda: f"back in its bridge: {link()}")
    bridged(hosta)
    check(link()["address"] == mac, "its address is the same")
    namespace.ip("link del br0")
    wait_until(lambda: "br0" in dialer.ctl_text("why", "work")[1], 40,
               "l2tpctl why speaks of the bridge")
    namespace.ip("link add br0 type bridge")
    namespace.ip("link set lan master br0")
    namespace.ip("link set br0 up")
    dialer.wait_session(seconds=60)
    bridged(hosta)
    end(dialer, server)


@scenario("bcp/users", seconds=600)
def users(lab):
    """One user bridges by a setting of his own, another has IP."""
    lns, dialing, hosta, _ = sites(lab)
    _, work = profiles("kernel")
    office = listener(users={"alice": {"password": "wonderland", "bcp": bridging("kernel")},
                             "bob": "builder"})
    server = Daemon(lns, {"office": office}, name="lnsd", bpf=True)
    dialer = Daemon(dialing, {"work": work, "road": client(LNS, user="bob", password="builder")},
                    name="clientd", bpf=True)
    dialer.wait_sessions(2)
    rows = {row["tunnel"]: row for row in map(dialer.session, dialer.sessions())}
    takes(rows["work"], "kernel")
    check("bridging" not in rows["road"] and rows["road"].get("ipv4"), f"bob: {rows['road']}")
    bridged(hosta)
    dialing.can_ping(INNER)
    finish(dialer, server)
