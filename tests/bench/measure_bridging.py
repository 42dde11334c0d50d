#!/usr/bin/env python3
"""Ethernet bridged over PPP (BCP), side by side on the running kernel. See README.md.

    a: bridge [lan-WAY] - port - 192.0.2.1 ---- veth ---- 192.0.2.2 - port - [lan-WAY] bridge :b

Each way to connect the two has a bridge of its own at both ends.
"""

import argparse
import json
import os
import statistics
import sys

from side_by_side import BENCH, add_arguments, note, run_parts
from lab import ROOT, check, run, wait_until

A, B = "192.0.2.1", "192.0.2.2"
TUNNELS = {"kernel": 11, "relay": 12, "naive": 13}  # and the last digits of their ports
WAYS = ("wire", "gretap", "l2tp_eth", "kernel", "relay")
SIZES = (60, 1514)


def add_port(namespace, way, number):
    """The end of this way in `namespace`, a port of its bridge. BCP's processes bring up theirs."""
    local, remote = (A, B) if number == 1 else (B, A)
    bridge, port = f"lan-{way}", f"p-{way}"
    if way == "gretap":
        namespace.ip(f"link add {port} type gretap local {local} remote {remote} nopmtudisc")
    elif way == "l2tp_eth":
        namespace.ip(f"l2tp add tunnel tunnel_id {number} peer_tunnel_id {3 - number} encap udp local "
                     f"{local} remote {remote} udp_sport 5000 udp_dport 5000 udp_csum on")
        namespace.ip(f"l2tp add session tunnel_id {number} session_id {number} "
                     f"peer_session_id {3 - number} name {port} l2spec_type none")
    elif way != "wire":
        process = namespace.spawn(f"{way}-{number}", [
            BENCH / "bridge_port", "--local", local, "--peer", remote, "--path", way, "--bridge", bridge,
            "--interface", port, "--tunnel", TUNNELS[way], "--port", 1700 + TUNNELS[way]])
        wait_until(lambda: "ready" in process.log() or not process.running(), 30, "the port is there")
        check(process.running(), f"{way}: {process.log()}")
        if way != "naive":
            return
    namespace.ip(f"link set {port} mtu 1500 master {bridge} up")


def set_threads(namespace):
    """What udev does about ports that the kernel serves; it sees no namespaces."""
    namespace.run(["sh", "-c", 'for i in /sys/class/net/l2bcp*; do "$0" ${i##*/}; done',
                   str(ROOT / "udev/l2tp-manager-port-threads")])


def connect(lab, ways, underlay, threads):
    """Two namespaces with all of the ways between them."""
    a, b = lab.namespace(f"a{underlay}"), lab.namespace(f"b{underlay}")
    lab.link(a, f"{A}/24", b, f"{B}/24", "outer", "outer")
    for namespace in (a, b):
        namespace.ip(f"link set outer mtu {underlay}")
        # Nobody else shall send.
        namespace.sysctl(net__ipv6__conf__default__disable_ipv6=1)
    if "wire" in ways:
        run(["ip", "link", "add", "p-wire", "netns", a.name, "type", "veth",
             "peer", "name", "p-wire", "netns", b.name])
    for number, namespace in ((1, a), (2, b)):
        for place, way in enumerate(ways):
            namespace.ip(f"link add lan-{way} type bridge mcast_snooping 0")
            namespace.ip(f"link set lan-{way} up")
            add_port(namespace, way, number)
            namespace.ip(f"link set lan-{way} mtu 1500")
            namespace.ip(f"addr add 10.9.{place}.{number}/24 dev lan-{way}")
    for namespace in (a, b):
        if threads:
            set_threads(namespace)
    for place, way in enumerate(ways):
        a.can_ping(f"10.9.{place}.2")
    return a, b


def received(namespace, way):
    return namespace.ip_json(f"-s link show dev lan-{way}")[0]["stats64"]["rx"]["packets"]


def send(a, b, way, *arguments):
    """What frame_load says, and the frames that came."""
    to = b.ip_json(f"link show dev lan-{way}")[0]["address"]
    before = received(b, way)
    report = json.loads(a.run([str(word) for word in (
        BENCH / "frame_load", "--interface", f"lan-{way}", "--to", to, *arguments)], seconds=600))
    return {**report, "received": received(b, way) - before}


def compare(result, name, figures, unit):
    """Medians, and the ratios of the issue's section 6."""
    medians = {way: statistics.median(values) for way, values in figures.items()}
    result[name] = {"figures": figures, "medians": medians}
    note(f"{name}: " + ", ".join(
        f"{way} {medians[way]:.0f} ({min(values):.0f}..{max(values):.0f})"
        for way, values in figures.items()) + f" {unit}")
    for over, under in (("kernel", "l2tp_eth"), ("kernel", "relay"), ("relay", "l2tp_eth"), ("relay", "naive")):
        if over in medians and under in medians:
            note(f"  {over} beside {under}: {medians[over] / medians[under]:.2f}")


def measure_throughput(lab, args, result):
    """In turn, the order changed each round."""
    ways = ("l2tp_eth", "kernel", "relay", "naive")
    run(["modprobe", "tun"])
    for underlay in args.underlay:
        a, b = connect(lab, ways, underlay, args.threads)
        b.iperf_server()
        tcp, small = {way: [] for way in ways}, {way: [] for way in ways}
        for turn in range(args.rounds):
            for way in ways if turn % 2 == 0 else ways[::-1]:
                address = f"10.9.{ways.index(way)}.2"
                tcp[way].append(a.tcp(address, args.seconds) / 1e6)
                a.can_ping(address)
                load = send(a, b, way, "--seconds", args.seconds)
                small[way].append(load["received"] / load["seconds"])
        compare(result, f"tcp_{underlay}", tcp, "Mbit/s")
        compare(result, f"small_{underlay}", small, "frames of 60 octets/s")


def measure_relay(lab, args, result):
    """src/relay beside a naive loop: relay_floor, which says it line by line."""
    run(["modprobe", "tun"])
    namespace = lab.namespace("relay")
    namespace.sysctl(net__ipv6__conf__default__disable_ipv6=1)
    text = namespace.run([str(BENCH / "relay_floor"), "--rounds", str(args.rounds)], seconds=1500)
    result["relay"] = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    for row in result["relay"]:
        note("{direction} {size}, {variant}: {frames_per_second:.0f}/s, beside naive "
             "{beside_naive:.2f}, by its processor time {beside_naive_by_cpu:.2f}".format(**row))


def measure_instructions(lab, args, result):
    """Where a nanosecond is an instruction (run-in-vm -i): all of both ends, sender and receiver,
    less what the same frames take on a mere wire between the two bridges."""
    check(os.cpu_count() == 1, "one processor, whose clock counts (run-in-vm -i)")
    a, b = connect(lab, WAYS, 1600, args.threads)
    for size in SIZES:
        costs = {}
        for way in WAYS:
            send(a, b, way, "--size", size, "--frames", 640, "--pause", 5000)
            load = send(a, b, way, "--size", size, "--frames", args.frames, "--pause", 5000)
            check(load["received"] >= 0.99 * load["frames"], f"{way}: they arrive: {load}")
            costs[way] = load["busy_seconds"] * 1e9 / load["frames"]
        result[f"instructions_{size}"] = costs
        for way, cost in costs.items():
            more = cost - costs["wire"]
            note(f"{size} octets, {way}: {cost:.0f} instructions a frame, {more:.0f} more than the wire"
                 + (f", {more / (costs['l2tp_eth'] - costs['wire']):.2f} of l2tp_eth's" if more else ""))


PARTS = {"throughput": measure_throughput, "relay": measure_relay}
PARTS_COUNTED = {"instructions": measure_instructions}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=int, default=3, help="of each measurement of throughput")
    parser.add_argument("--underlay", type=int, action="append", help="MTU (1600; 1500 makes fragments)")
    parser.add_argument("--no-threads", dest="threads", action="store_false",
                        help="as it is where there is no udev: ports have no threads of their own")
    parser.add_argument("--frames", type=int, default=20000, help="to count instructions of")
    add_arguments(parser, {**PARTS, **PARTS_COUNTED})
    args = parser.parse_args()
    args.underlay = args.underlay or [1600, 1500]
    counted = args.only and "instructions" in args.only
    _, good = run_parts(PARTS_COUNTED if counted else PARTS, args)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
