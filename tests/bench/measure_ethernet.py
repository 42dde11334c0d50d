#!/usr/bin/env python3
"""Ethernet pseudowires of L2TPv3, side by side on the running kernel. See README.md.

    a 192.0.2.1 ---- veth ---- 192.0.2.2 b
"""

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

from side_by_side import BENCH, add_arguments, note, run_parts
from daemon import Daemon
from lab import wait_until

A, B = "192.0.2.1", "192.0.2.2"
COOKIE = "0102030405060708"
MTU = 1400
RATES = ("sessions_per_second", "closed_per_second")


def ends(lab):
    a, b = lab.namespace("a"), lab.namespace("b")
    lab.link(a, f"{A}/24", b, f"{B}/24", "outer", "outer")
    return a, b


def daemons(a, b, wires, transport="udp"):
    """Our two ends; b dials when its profile is enabled."""
    listening = Daemon(a, {"office": {"kind": "listener", "versions": [3],
                                      "listen": {"transports": [transport]},
                                      "pseudowires": wires}},
                       name=f"listening-{transport}", log_level="notice")
    dialing = Daemon(b, {"work": {"kind": "client", "autostart": True, "version": 3,
                                  "transport": transport, "peer": A, "pseudowires": wires}},
                     name=f"dialing-{transport}", log_level="notice", start=False)
    return listening, dialing


def by_hand(namespace, local, remote, transport, ids):
    ports = " udp_sport 5000 udp_dport 5000" if transport == "udp" else ""
    ours, theirs = ids
    namespace.ip(f"l2tp add tunnel tunnel_id {ours} peer_tunnel_id {theirs} encap {transport} "
                 f"local {local} remote {remote}{ports}")
    namespace.ip(f"l2tp add session tunnel_id {ours} session_id {ours} peer_session_id {theirs} "
                 f"name hand cookie {COOKIE} peer_cookie {COOKIE} l2spec_type none")


def measure_throughput(lab, args, result):
    """One TCP stream through our pseudowire and through one made by hand, in turn."""
    for transport in ("udp", "ip"):
        a, b = (lab.namespace(f"{end}{transport}") for end in "ab")
        lab.link(a, f"{A}/24", b, f"{B}/24", "outer", "outer")
        wire = {"name": "wire", "interface": "wire", "mtu": MTU}
        listening, dialing = daemons(a, b, [wire], transport)
        dialing.start()
        dialing.wait_session(60)
        by_hand(a, A, B, transport, (900001, 900002))
        by_hand(b, B, A, transport, (900002, 900001))
        for number, namespace in ((1, a), (2, b)):
            namespace.ip(f"link set hand mtu {MTU} up")
            namespace.ip(f"addr add 10.9.1.{number}/24 dev wire")
            namespace.ip(f"addr add 10.9.2.{number}/24 dev hand")
        servers = [a.iperf_server(port=5201)]
        ways = {"ours": "10.9.1.1", "hand": "10.9.2.1"}
        for address in ways.values():
            b.can_ping(address)
            b.tcp(address, 2)
        figures = {way: [] for way in ways}
        for turn in range(args.rounds):
            for way in sorted(ways, reverse=turn % 2 == 1):
                figures[way].append(b.tcp(ways[way], args.seconds) / 1e6)
        ratio = statistics.median(figures["ours"]) / statistics.median(figures["hand"])
        spread = {way: f"{min(rates):.0f}..{max(rates):.0f}" for way, rates in figures.items()}
        note(f"{transport}: ours {statistics.median(figures['ours']):.0f} Mbit/s "
             f"({spread['ours']}), by hand {statistics.median(figures['hand']):.0f} "
             f"({spread['hand']}): {ratio:.2f}")
        result[f"throughput_{transport}"] = {**figures, "ratio": ratio}
        for server in servers:
            server.terminate()
        dialing.terminate()
        listening.terminate()


def wires_of(namespace):
    return namespace.call(lambda: sum(
        line.strip().startswith(("w", "l2n")) for line in
        Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]))


def shell_loop(namespace, sessions):
    """What an administrator's script does: a process for each step of each session."""
    namespace.ip("l2tp add tunnel tunnel_id 1 peer_tunnel_id 2 encap udp local 127.0.0.1 remote "
                 "127.0.0.1 udp_sport 5001 udp_dport 5002")
    began = time.monotonic()
    namespace.run(["sh", "-ec", f"""i=1; while [ $i -le {sessions} ]; do
        ip l2tp add session tunnel_id 1 session_id $i peer_session_id $i name w$i \
            cookie {COOKIE} peer_cookie {COOKIE} l2spec_type none
        ip link set w$i mtu {MTU} up
        i=$((i+1)); done"""], seconds=600)
    made = time.monotonic() - began
    began = time.monotonic()
    namespace.run(["sh", "-ec", f"""i=1; while [ $i -le {sessions} ]; do
        ip l2tp del session tunnel_id 1 session_id $i; i=$((i+1)); done"""], seconds=600)
    wait_until(lambda: wires_of(namespace) == 0, 60, "the sessions are gone")
    return {"sessions": sessions, "sessions_per_second": sessions / made,
            "closed_per_second": sessions / (time.monotonic() - began)}


def bare_calls(lab, sessions, threads):
    namespace = lab.namespace(f"floor{len(lab.namespaces)}")
    floor = json.loads(namespace.run([str(BENCH / "ethernet_floor"), "--sessions", str(sessions),
                                      "--threads", str(threads)], seconds=600))
    note(f"bare calls, {threads} threads: {floor['sessions_per_second']:.0f}/s, closed "
         f"{floor['closed_per_second']:.0f}/s")
    return floor


def measure_sessions(lab, args, result):
    """Many sessions of one control connection: both ends are ours and both put theirs into the
    kernel, so the rate counts the sessions that the kernel has at last."""
    result["shell"] = shell_loop(lab.namespace("shell"), args.shell_sessions)
    note("shell loop of ip l2tp: {sessions_per_second:.1f}/s, closed {closed_per_second:.1f}/s"
         .format(**result["shell"]))
    a, b = ends(lab)
    wires = [{"name": f"w{number}", "interface": f"w{number}", "mtu": MTU}
             for number in range(1, args.sessions + 1)]
    listening, dialing = daemons(a, b, wires)
    result["floor"], result["ours"] = [], []
    for turn in range(args.rounds):
        # The kernel's locks make many threads slower than one: the faster of both is the floor.
        floors = [bare_calls(lab, 2 * args.sessions, threads) for threads in (1, args.threads)]
        result["floor"].append({key: max(floor[key] for floor in floors) for key in RATES})
        began = time.monotonic()
        dialing.start(wait=False)
        wait_until(lambda: wires_of(a) + wires_of(b) == 2 * args.sessions, 300,
                   lambda: f"all sessions: {wires_of(a)} and {wires_of(b)}")
        wait_until(lambda: len(dialing.sessions(state="up")) == args.sessions, 60, "all are up")
        made = time.monotonic() - began
        began = time.monotonic()
        dialing.process.terminate(300)
        wait_until(lambda: wires_of(a) + wires_of(b) == 0, 300,
                   lambda: f"no session: {wires_of(a)} and {wires_of(b)}")
        closed = time.monotonic() - began
        ours = {"sessions_per_second": 2 * args.sessions / made,
                "closed_per_second": 2 * args.sessions / closed}
        result["ours"].append(ours)
        note("ours, from the start of the program: {sessions_per_second:.0f}/s, closed "
             "{closed_per_second:.0f}/s".format(**ours))
    for key in RATES:
        ours, bare = (statistics.median(row[key] for row in result[who]) for who in ("ours", "floor"))
        note(f"{key}: {ours:.0f}, {ours / result['shell'][key]:.1f} times the shell loop, "
             f"{ours / bare:.2f} of the bare calls")
    listening.terminate(60)


PARTS = {"throughput": measure_throughput, "sessions": measure_sessions}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=1000, help="in one control connection")
    parser.add_argument("--shell-sessions", type=int, default=200, help="of the shell loop")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4, help="of each TCP stream")
    add_arguments(parser, PARTS)
    _, good = run_parts(PARTS, parser.parse_args())
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
