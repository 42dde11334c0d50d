#!/usr/bin/env python3
"""The figures of issue 2, part 10, side by side on the running kernel. See README.md.

    load 192.0.2.2 ---- veth ---- 192.0.2.1 lns        floor (by itself)
"""

import argparse
import json
import os
import signal
import statistics
import sys
import time
from pathlib import Path

from side_by_side import BENCH, add_arguments, note, run_parts
from daemon import Daemon, listener
from lab import check, wait_until
from xl2tpd import Xl2tpdLns

LNS, HOST = "192.0.2.1", "192.0.2.2"
LIMITS = {"sccrq-per-source": 100000, "sccrq-total": 100000, "half-open": 20000}


class Interfaces:
    """How many PPP interfaces a namespace has, read by a thread that lives in it."""

    def __init__(self, namespace):
        self.namespace = namespace

    def count(self):
        def read():
            lines = Path("/proc/thread-self/net/dev").read_text().splitlines()[2:]
            return sum(not line.strip().startswith(("lo:", "outer:")) for line in lines)
        return self.namespace.call(read)

    def wait_for(self, number, seconds):
        wait_until(lambda: self.count() == number, seconds,
                   lambda: f"{number} interfaces, not {self.count()}")


class Load:
    """l2tp-load in a namespace: its reports as they come."""

    def __init__(self, namespace, tunnels, per_tunnel, *options, hold=-1, timeout=300):
        self.name = f"load-{len(namespace.lab.processes)}"
        self.process = namespace.spawn(self.name, [
            "prlimit", "--nofile=65536:65536", BENCH / "l2tp-load", "--server", LNS, "--tunnels",
            str(tunnels), "--sessions-per-tunnel", str(per_tunnel), "--hold", str(hold),
            "--timeout", str(timeout), *options])
        self.timeout = timeout

    def report(self, phase, seconds):
        def found():
            for line in self.process.log().splitlines():
                if line.startswith("{") and json.loads(line)["phase"] == phase:
                    return json.loads(line)
            check(self.process.running(), f"l2tp-load ended: {self.process.log()}")
            return None
        return wait_until(found, seconds, f"l2tp-load says {phase}")

    def up(self):
        report = self.report("up", self.timeout + 60)
        if report["established"] != report["sessions"]:
            note(f"only {report['established']} of {report['sessions']}: {report['failed']}")
        return report

    def stop(self):
        self.process.signal(signal.SIGTERM)


def cpu_seconds(pid):
    """What a process has used so far: user, system."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    tick = os.sysconf("SC_CLK_TCK")
    return [int(fields[11]) / tick, int(fields[12]) / tick]


def find_process(name):
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() == name:
                return int(pid)
        except OSError:
            continue
    return None


def hosts(lab):
    lns, host = lab.namespace("lns"), lab.namespace("load")
    lab.link(lns, f"{LNS}/24", host, f"{HOST}/24", "outer", "outer")
    return lns, host


def our_lns(namespace, auth):
    return Daemon(namespace, {"office": listener(
        auth=auth, pool="10.65.0.1-10.65.63.254", limits=LIMITS,
        ppp={"ipv6": {"enabled": False}})}, name="lnsd", log_level="notice")


def floor(lab, sessions, threads, close):
    namespace = lab.namespace(f"floor{len(lab.namespaces)}")
    figures = json.loads(namespace.run([str(BENCH / "kernel_floor"), "--sessions", str(sessions),
                                        "--threads", str(threads), "--close", close], seconds=300))
    note(f"floor: {sessions} sessions by {threads} threads {figures['sessions_per_second']:.1f}/s, "
         f"closed ({close}) {figures['closed_per_second']:.1f}/s; CPU per session, ms of user and "
         f"system: {[round(part, 2) for part in figures['cpu_ms_per_session']]}")
    return figures


def median_of(reports, key):
    return statistics.median(report[key] for report in reports)


def measure_set_up(lab, args, result):
    """Sessions per second: ours in both shapes and the floor in turn; HELLO meanwhile."""
    lns, host = hosts(lab)
    daemon = our_lns(lns, args.auth)

    def load(tunnels, per_tunnel, *options):
        before = cpu_seconds(daemon.process.pid)
        run_ = Load(host, tunnels, per_tunnel, *options)
        report = run_.up()
        sessions = tunnels * per_tunnel
        spent = [b - a for a, b in zip(before, cpu_seconds(daemon.process.pid))]
        report["cpu_ms_per_session"] = {
            "daemon": [round(1000 * part / sessions, 2) for part in spent],
            "load": [round(1000 * part / sessions, 2)
                     for part in cpu_seconds(find_process("l2tp-load"))]}
        run_.stop()
        run_.process.wait(120)
        Interfaces(lns).wait_for(0, 120)
        return report

    # Modules, pages and threads are there from now on, and an emulator has translated the code.
    for _ in range(args.warm_up):
        load(10, args.sessions // 10)
    ours, single, floors = [], [], []
    for _ in range(args.rounds):
        floors.append(floor(lab, args.sessions, args.threads, "threads"))
        ours.append(load(10, args.sessions // 10, "--measure-hello", "0.1"))
        note(f"ours, {args.sessions} sessions in 10 tunnels: {ours[-1]['sessions_per_second']}/s, "
             f"latency {ours[-1]['latency_ms']}, HELLO {ours[-1]['hello_ms']}, "
             f"CPU per session, ms of user and system: {ours[-1]['cpu_ms_per_session']}")
        single.append(load(args.sessions, 1))
        note(f"ours, {args.sessions} tunnels of one session: "
             f"{single[-1]['sessions_per_second']}/s")
    daemon.terminate(120)
    result["floor"], result["ours"], result["ours_single"] = floors, ours, single


def measure_xl2tpd(lab, args, result):
    """As Debian installs it, with the scripts that pppd runs for every session, and without them."""
    lns, host = hosts(lab)
    for scripts in (True, False):
        server = Xl2tpdLns(lns, "xl2tpd" if scripts else "xl2tpd-bare", auth=args.auth,
                           pool="10.65.0.1-10.65.7.254", local="10.64.0.1",
                           options=("nodetach", "lcp-echo-interval 0"), as_installed=True)
        if not scripts:
            server.take_scripts_away()
        Load(host, 10, 2, hold=0).process.wait(120)
        Interfaces(lns).wait_for(0, 120)
        for shape, tunnels in (("", 10), ("_single", args.xl2tpd_sessions)):
            load = Load(host, tunnels, args.xl2tpd_sessions // tunnels, "--concurrency", "20",
                        timeout=240)
            report = load.up()
            result[f"xl2tpd{shape}{'' if scripts else '_bare'}"] = report
            note(f"xl2tpd+pppd{'' if scripts else ' without ip-up scripts'}, "
                 f"{report['established']} sessions in {tunnels} tunnels: "
                 f"{report['sessions_per_second']}/s")
            report["resident_kib_per_session"] = (resident_kib("pppd", "xl2tpd") /
                                                  max(report["established"], 1))
            load.stop()
            load.process.wait(120)
            Interfaces(lns).wait_for(0, 120)
        server.process.terminate()


def resident_kib(*names):
    """Of all processes of these names."""
    memory = 0
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            if Path(f"/proc/{pid}/comm").read_text().strip() in names:
                memory += int(Path(f"/proc/{pid}/smaps_rollup").read_text()
                              .split("Rss:")[1].split()[0])
        except (OSError, IndexError):
            continue
    return memory


def measure_memory(lab, args, result):
    lns, host = hosts(lab)
    daemon = our_lns(lns, args.auth)
    cold = daemon.resident_kib()
    # One session comes and goes: the program's own pages are in memory now.
    one = Load(host, 1, 1, hold=0)
    one.process.wait(60)
    before = daemon.resident_kib()
    # A quarter first: threads, arenas and tables cost once, a session costs what the rest adds.
    first = Load(host, 10, args.memory_sessions // 40, timeout=400).up()["established"]
    quarter = daemon.resident_kib()
    rest = Load(host, 10, args.memory_sessions * 3 // 40, timeout=400).up()["established"]
    after = daemon.resident_kib()
    memory = result["memory"] = {
        "sessions": first + rest, "cold_kib": cold, "before_kib": before, "quarter_kib": quarter,
        "after_kib": after, "kib_per_session": (after - before) / (first + rest),
        "kib_per_further_session": (after - quarter) / rest}
    note(f"daemon resident: {cold} KiB cold, {before} after one session, {quarter} with {first}, "
         f"{after} with {first + rest}: {memory['kib_per_session']:.2f} KiB each, "
         f"{memory['kib_per_further_session']:.2f} each of the last {rest}")
    daemon.process.signal(signal.SIGTERM)


def measure_teardown(lab, args, result):
    lns, host = hosts(lab)
    daemon = our_lns(lns, args.auth)
    interfaces = Interfaces(lns)
    load = Load(host, 10, args.teardown_sessions // 10, timeout=400)
    up = load.up()["established"]
    check(interfaces.count() == up, f"{up} interfaces")
    began = time.monotonic()
    load.stop()
    interfaces.wait_for(0, 300)
    took = time.monotonic() - began
    result["teardown"] = {"sessions": up, "seconds": took, "per_second": up / took}
    note(f"StopCCN for 10 tunnels, {up} sessions gone from the kernel in {took:.2f} s: "
         f"{up / took:.0f}/s")
    load.process.wait(120)
    daemon.terminate(120)


def table(result):
    ours, single, floors = result["ours"], result["ours_single"], result["floor"]
    xl2tpd, xl2tpd_single, memory = result["xl2tpd"], result["xl2tpd_single"], result["memory"]

    def row(what, figure, against, ratio, wanted):
        print(f"{what:<44} {figure:>14} {against:>22} {ratio:>8}  {wanted}")

    def times(a, b):
        return f"{a / b:.2f}" if b else "-"

    rate = median_of(ours, "sessions_per_second")
    rate_single = median_of(single, "sessions_per_second")
    base = median_of(floors, "sessions_per_second")
    print(f"\nmedians of {len(ours)} rounds")
    row("", "ours", "against", "ratio", "wanted")
    row("sessions/s, 10 tunnels", f"{rate:.0f}/s", f"xl2tpd {xl2tpd['sessions_per_second']:.2f}/s",
        times(rate, xl2tpd["sessions_per_second"]), "40 or more")
    bare = result["xl2tpd_bare"]
    row("the same without its ip-up scripts", f"{rate:.0f}/s",
        f"xl2tpd {bare['sessions_per_second']:.2f}/s", times(rate, bare["sessions_per_second"]), "")
    row("sessions/s, a session a tunnel", f"{rate_single:.0f}/s",
        f"xl2tpd {xl2tpd_single['sessions_per_second']:.2f}/s",
        times(rate_single, xl2tpd_single["sessions_per_second"]), "")
    row("sessions/s, 10 tunnels", f"{rate:.0f}/s", f"floor {base:.0f}/s", times(rate, base),
        "0.7 or more")
    spent = [statistics.median(sum(report["cpu_ms_per_session"]["daemon"]) for report in ours),
             statistics.median(sum(report["cpu_ms_per_session"]) for report in floors)]
    row("CPU per session", f"{spent[0]:.1f} ms", f"floor {spent[1]:.1f} ms", times(*spent), "")
    row("set-up latency p50 / p99", "{p50:.0f} / {p99:.0f} ms".format(**ours[-1]["latency_ms"]),
        "xl2tpd {p50:.0f} / {p99:.0f} ms".format(**xl2tpd["latency_ms"]), "", "")
    hello = {key: statistics.median(report["hello_ms"][key] for report in ours)
             for key in ("p50", "p99", "max")}
    row("HELLO answered meanwhile, p50 / p99 / max",
        "{p50:.0f} / {p99:.0f} / {max:.0f} ms".format(**hello),
        f"{sum(report['hello_ms']['count'] for report in ours)} asked", "", "within 100 ms")
    one_by_one = result["floor_one"]["closed_per_second"]
    row(f"teardown of {result['teardown']['sessions']} sessions",
        f"{result['teardown']['per_second']:.0f}/s", f"one by one {one_by_one:.1f}/s",
        times(result["teardown"]["per_second"], one_by_one), "5 or more")
    row(f"resident per session at {memory['sessions']}", f"{memory['kib_per_session']:.2f} KiB",
        f"xl2tpd {xl2tpd['resident_kib_per_session']:.0f} KiB",
        times(memory["kib_per_session"], xl2tpd["resident_kib_per_session"]), "4 KiB or less")


def measure_floor(lab, args, result):
    """Closed one by one, as a process for each session does."""
    result["floor_one"] = floor(lab, args.sessions, args.threads, "one")


PARTS = {"floor": measure_floor, "setup": measure_set_up, "xl2tpd": measure_xl2tpd,
         "memory": measure_memory, "teardown": measure_teardown}


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sessions", type=int, default=500, help="of the set-up, ours and the floor's")
    parser.add_argument("--rounds", type=int, default=3, help="of the set-up and the floor, in turn")
    parser.add_argument("--warm-up", type=int, default=3, help="set-ups before the first round")
    parser.add_argument("--xl2tpd-sessions", type=int, default=40)
    parser.add_argument("--memory-sessions", type=int, default=2000)
    parser.add_argument("--teardown-sessions", type=int, default=1000)
    parser.add_argument("--auth", default="chap-md5")
    add_arguments(parser, PARTS)
    args = parser.parse_args()
    result, good = run_parts(PARTS, args)
    if good and not args.only:
        table(result)
    return 0 if good else 1


if __name__ == "__main__":
    sys.exit(main())
