#!/usr/bin/env python3
"""What tests/demo shows, on the running kernel.

    client 192.0.2.2 ---- veth ---- 192.0.2.1 lns
           10.64.0.x ==== l2tp ==== 10.64.0.1
"""

import os
import sys
import tempfile

from daemon import Daemon, client, listener
from lab import Failure, Lab, keep_code_still, load_modules, wait_until

COLOUR = sys.stdout.isatty() and "NO_COLOR" not in os.environ


def paint(code, text):
    return f"\033[{code}m{text}\033[0m" if COLOUR else text


def heading(text):
    print("\n" + paint("1", f"== {text}"), flush=True)


def follow(name, code):
    """The echo function for a daemon's log."""
    return lambda line: print(paint(code, f"{name:>7} | ") + line, flush=True)


def show(command, output):
    print(paint("2", f"  $ {command}"))
    print("\n".join("    " + line for line in output.rstrip().splitlines()) or "    (nothing)",
          flush=True)


def kernel_view(namespace):
    for command in ("ip l2tp show tunnel", "ip l2tp show session", "ip -d addr show type ppp"):
        show(f"{command}   # {namespace.short}", namespace.ip(command[3:]))


def megabits(rate):
    return f"{rate / 1e6:8.1f} Mbit/s"


def demo(lab):
    heading(f"Two hosts on Linux {os.uname().release}: lns 192.0.2.1, client 192.0.2.2")
    lns, host = lab.namespace("lns"), lab.namespace("client")
    lab.link(lns, "192.0.2.1/24", host, "192.0.2.2/24")
    before = lns.objects(), host.objects()

    heading("The LNS listens; the client dials, proves itself twice and gets an address")
    server = Daemon(lns, {"office": listener(
        auth="mschapv2", tunnel={"secret": "tunnel-secret"},
        ppp={"ipv4": {"dns": ["10.64.0.1"]}})}, name="lns-daemon", echo=follow("lns", "36"),
        log_level="info")
    dialer = Daemon(host, {"work": client(
        "192.0.2.1", auth="mschapv2", tunnel={"secret": "tunnel-secret"})}, name="client-daemon",
        echo=follow("client", "33"), log_level="info")
    session = dialer.wait_session()
    server.wait_sessions()
    server.assert_unprivileged()
    dialer.assert_unprivileged()

    for end, name in ((server, "lns"), (dialer, "client")):
        heading(f"l2tpctl on the {name}")
        for words in ("status", "tunnel list", "session list"):
            show(f"l2tpctl {words}", end.ctl_text("--no-color", *words.split())[1])

    heading("The kernel's own view: it carries the session, the daemon sleeps")
    kernel_view(host)
    kernel_view(lns)

    heading("Traffic")
    show("ping -c 3 10.64.0.1   # client, through the session",
         host.run("ping -n -c 3 -i 0.2 10.64.0.1"))
    lns.iperf_server()
    plain = host.tcp("192.0.2.1")
    up = host.tcp("10.64.0.1")
    down = host.tcp("10.64.0.1", reverse=True)
    print(f"    TCP, the plain link       {megabits(plain)}\n"
          f"    TCP, session, to the lns  {megabits(up)}   ({up / plain:.0%} of the link)\n"
          f"    TCP, session, from it     {megabits(down)}   ({down / plain:.0%} of the link)\n"
          f"    on {session['interface']}, MTU {session['mtu']}", flush=True)

    heading("Hanging up")
    dialer.down("work")
    wait_until(lambda: not server.sessions(), 20, "the LNS has no session left")
    dialer.terminate()
    server.terminate()
    for process in lab.processes:
        if process.name.startswith("iperf"):
            process.terminate()
    for namespace, empty in ((lns, before[0]), (host, before[1])):
        wait_until(lambda: namespace.objects() == empty, 15, f"nothing is left in {namespace.short}")
        print(f"    {namespace.short}: " + ", ".join(f"{len(v)} {k}" for k, v in
                                                    namespace.objects().items()))


def main():
    load_modules()
    keep_code_still()
    with tempfile.TemporaryDirectory(prefix="l2tp-demo-") as directory:
        os.environ["LAB_DIR"] = directory
        os.chmod(directory, 0o755)
        device = os.stat("/dev/ppp")
        lab = Lab("demo", "l2tp-demo-")
        try:
            demo(lab)
            heading(paint("32", "Dialled, authenticated, carried by the kernel, and gone without a trace."))
            return 0
        except Failure as failure:
            print(paint("31", f"\nFailed: {failure}"))
            print(lab.logs())
            return 1
        finally:
            lab.close()
            os.chown("/dev/ppp", device.st_uid, device.st_gid)
            os.chmod("/dev/ppp", device.st_mode & 0o777)


if __name__ == "__main__":
    sys.exit(main())
