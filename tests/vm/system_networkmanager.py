#!/usr/bin/env python3
"""Our plugin under the real NetworkManager; runs in the machine that tests/vm/networkmanager boots.

    NetworkManager, nmcli, l2tp-manager.service
      eth9 192.0.2.10 -------- 192.0.2.1  ours    our LNS on 203.0.113.1 and 2001:db8:5::1, behind that
           2001:db8:9::10      2001:db8:9::1      router; users' addresses 10.64.0.0/24
      eth8 198.51.100.10 ----- 198.51.100.1 xlns  xl2tpd and pppd, on the link; 10.65.0.0/24

    system_networkmanager.py [--full] [--only WORD]

The names eth* matter: NetworkManager leaves veth devices of other names alone.
"""

import argparse
import json
import os
import pwd
import re
import shutil
import sys
import time
from pathlib import Path

from lab import BUILD, Lab, check, keep_code_still, run, wait_until

ROUTER, OURS, XL2TPD = "192.0.2.1", "203.0.113.1", "198.51.100.1"
ROUTER6, OURS6 = "2001:db8:9::1", "2001:db8:5::1"
# Somewhere behind the default routes.
ELSEWHERE, ELSEWHERE6 = "203.0.113.99", "2001:db8:77::1"
INNER, X_INNER = "10.64.0.1", "10.65.0.1"
OWN, STOCK = "l2tp-manager", "l2tp"
TESTS = []


def test(full=False):
    def add(function):
        TESTS.append((function, full))
        return function
    return add


# --- the machine ----------------------------------------------------------------------------------

def install(directory):
    run(["cp", "-a", "--no-preserve=ownership", f"{directory}/.", "/"])
    run("systemd-sysusers")
    run(["sh", "-c", "systemd-tmpfiles --create 2>/dev/null || true"])
    run("systemctl daemon-reload")
    run("busctl call org.freedesktop.DBus / org.freedesktop.DBus ReloadConfig")
    run("udevadm control --reload")


def nm_ready():
    return run("nmcli -t -f RUNNING general", check_status=False)[1].strip() == "running"


def build_networks(lab):
    """The two servers' hosts, and this machine's ways to them as NetworkManager's connections."""
    hosts = []
    for name, device, address, far in (("ours", "eth9", "192.0.2.10/24", f"{ROUTER}/24"),
                                       ("xlns", "eth8", "198.51.100.10/24", f"{XL2TPD}/24")):
        host = lab.namespace(name)
        run(["ip", "link", "add", device, "type", "veth", "peer", "name", "outer", "netns", host.name])
        host.ip(f"addr add {far} dev outer")
        host.ip("link set outer up")
        settings = ["ipv6.method", "disabled"]
        if device == "eth9":
            host.ip(f"addr add {ROUTER6}/64 dev outer nodad")
            settings = ["ipv4.gateway", ROUTER, "ipv6.method", "manual", "ipv6.addresses",
                        "2001:db8:9::10/64", "ipv6.gateway", ROUTER6]
        run(["nmcli", "connection", "add", "type", "ethernet", "ifname", device, "con-name", device,
             "ipv4.method", "manual", "ipv4.addresses", address, *settings])
        run(["nmcli", "--wait", "30", "connection", "up", device], seconds=40)
        hosts.append(host)
    return hosts


class Machine:
    def __init__(self, lab):
        install("/out/installed")
        # The LNS runs what is installed as well.
        BUILD.mkdir()
        (BUILD / "src").symlink_to("/usr/sbin")
        os.environ["LAB_UID"] = str(pwd.getpwnam("l2tp-manager").pw_uid)
        from daemon import Daemon, listener
        from xl2tpd import Xl2tpdLns
        drop_in = Path("/etc/systemd/system/l2tp-manager.service.d/test.conf")
        drop_in.parent.mkdir(parents=True)
        drop_in.write_text("[Service]\nExecStart=\nExecStart=/usr/sbin/l2tp-manager --log-level debug\n")
        run("systemctl daemon-reload")
        run(["systemctl", "start", "NetworkManager"], seconds=60)
        wait_until(nm_ready, 30, "NetworkManager runs")
        ours, xlns = build_networks(lab)
        ours.ip(f"addr add {OURS}/32 dev lo")
        ours.ip(f"addr add {OURS6}/128 dev lo")
        self.below = ours
        self.ours = Daemon(ours, {"office": listener(
            users={"alice": "wonderland", "bob": "builder"},
            ppp={"ipv4": {"dns": ["10.64.0.53"], "nbns": ["10.64.0.54"]}})}, name="lnsd")
        self.xl2tpd = Xl2tpdLns(xlns, local=X_INNER, pool="10.65.0.10-10.65.0.250", dns=("10.65.0.53",),
                                users={"alice": "wonderland"})
        run(["systemctl", "start", "l2tp-manager"], seconds=60)


# --- nmcli ----------------------------------------------------------------------------------------

def nmcli(*words, seconds=90, stdin=None, ask=False):
    """Status and output."""
    return run(["nmcli", *(["--ask"] if ask else []), *words], check_status=False, seconds=seconds,
               stdin=stdin)


def add(name, gateway, password="wonderland", kind=OWN, data="", *settings):
    items = f"gateway={gateway},user=alice" + (f",{data}" if data else "")
    secrets = ["vpn.secrets", f"password={password}"] if password else []
    run(["nmcli", "connection", "add", "type", "vpn", "vpn-type", kind, "con-name", name, "vpn.data",
         items, *secrets, *settings])


def up(name, below=None, **options):
    """`below`: the interface the server is reached by. Without it NetworkManager takes the default
    route's, and sets a route of the server's own over that one."""
    words = ["ifname", below] if below else []
    status, text = nmcli("connection", "up", name, *words, **options)
    check(status == 0, f"{name} comes up: {text.strip()}\n{plugin_log()}")


def down(name):
    before = len(plugins())
    status, text = nmcli("connection", "down", name)
    check(status == 0, f"{name} goes down: {text.strip()}")
    wait_until(lambda: len(plugins()) == before - 1, 20, "its process ends")


def refuses(name, reason, log, **options):
    since = time.time()
    status, text = nmcli("connection", "up", name, **options)
    check(status != 0, f"{name} does not come up")
    check(re.search(reason, text), f"nmcli says /{reason}/: {text.strip()}")
    wait_until(lambda: re.search(log, plugin_log(since)), 10,
               lambda: f"the journal says /{log}/: {plugin_log(since)}")


def value(name, field):
    return run(["nmcli", "-g", field, "connection", "show", name]).strip().replace("\\", "")


def active():
    rows = run("nmcli -t -f NAME,TYPE,STATE connection show --active").splitlines()
    return {row.split(":")[0] for row in rows if ":vpn:activated" in row}


def plugins():
    return run("pgrep -f /nm-l2tp-manager-service", check_status=False)[1].split()


def plugin_log(since=None):
    when = [f"--since=@{since:.6f}"] if since else ["-n", "40"]
    return run(["journalctl", "--no-pager", "-b", "-o", "cat", "-u", "NetworkManager", *when],
               check_status=False)[1]


def device_of(address):
    """The interface with this peer, or None."""
    for line in run("ip -4 -o addr").splitlines():
        if f"peer {address}/" in line:
            return line.split()[1]
    return None


def way_to(address):
    """The interface and the next hop (None on the link) that the kernel takes."""
    family = "-6" if ":" in address else "-4"
    route = json.loads(run(["ip", "-j", family, "route", "get", address]))[0]
    return route["dev"], route.get("gateway")


def reaches(address, seconds=30):
    wait_until(lambda: run(["ping", "-q", "-n", "-c", "1", "-W", "2", address], check_status=False)[0] == 0,
               seconds, f"{address} answers")


def fits(address, size):
    """Whether a packet of `size` octets goes there and back whole."""
    return run(["ping", "-q", "-n", "-c", "2", "-W", "5", "-M", "do", "-s", str(size - 28), address],
               check_status=False)[0] == 0


def forget(*names):
    for name in names:
        nmcli("connection", "delete", name)


# --- what is tried --------------------------------------------------------------------------------

@test()
def everything_of_a_connection(machine):
    """Addresses, DNS, default route, the gateway's own route, MTU; and nothing left afterwards."""
    add("work", OURS)
    up("work")
    device = device_of(INNER)
    check(device, "the address is on an interface")
    reaches(INNER)
    check(value("work", "IP4.ADDRESS").startswith("10.64.0."), "the address is the LNS's")
    check(value("work", "IP4.DNS") == "10.64.0.53", f"DNS: {value('work', 'IP4.DNS')}")
    check("nameserver 10.64.0.53" in Path("/etc/resolv.conf").read_text(), "DNS is in resolv.conf")
    check(way_to(ELSEWHERE)[0] == device, f"everything goes through it: {run('ip -4 route')}")
    # NetworkManager sets this route a moment after it has said "activated".
    wait_until(lambda: way_to(OURS) == ("eth9", ROUTER), 10, "its own datagrams stay outside")
    check(way_to(ELSEWHERE6) == ("eth9", ROUTER6), "link-local IPv6 takes no default route over")
    check("fe80::" in value("work", "IP6.ADDRESS"), "a link-local IPv6 address")
    check("mtu 1400" in run(f"ip link show {device}"), "the MTU is 1400")
    check(fits(INNER, 1400) and not fits(INNER, 1401), "and that much goes through in one piece")
    check(len(plugins()) == 1, "one process")
    status = Path(f"/proc/{plugins()[0]}/status").read_text()
    check(re.search(r"CapEff:\s+0+\n", status) and re.search(r"NoNewPrivs:\s+1", status),
          "the plugin has no privileges")
    down("work")
    wait_until(lambda: not device_of(INNER), 20, "the interface is gone")
    check("10.64.0.53" not in Path("/etc/resolv.conf").read_text(), "DNS is gone")
    forget("work")


@test()
def servers_on_the_link_and_over_ipv6(machine):
    """Our datagrams to them stay outside as well, whatever goes through the tunnel."""
    for gateway, way in ((ROUTER, ("eth9", None)), (OURS6, ("eth9", ROUTER6))):
        add("near", gateway)
        up("near")
        reaches(INNER)
        check(way_to(ELSEWHERE)[0] == device_of(INNER), "everything goes through it")
        check(way_to(gateway) == way, f"the way to {gateway}: {way_to(gateway)}")
        down("near")
        forget("near")


@test()
def two_at_once(machine):
    """Beside each other, of two servers; routes and never-default of the connection's own."""
    add("one", OURS, "wonderland", OWN, "", "ipv4.never-default", "yes", "ipv6.method", "ignore")
    add("two", XL2TPD, "wonderland", OWN, "refuse-pap=yes,lcp-echo-interval=1,lcp-echo-failure=4",
        "ipv4.never-default", "yes", "ipv4.routes", "172.30.0.0/16", "ipv4.ignore-auto-dns", "yes")
    up("one")
    up("two", "eth8")
    check(active() == {"one", "two"}, f"both are active: {active()}")
    check(len(plugins()) == 2, "two processes")
    reaches(INNER)
    reaches(X_INNER)
    routes = run("ip -4 route")
    check(len(re.findall(r"^default", routes, re.M)) == 1 and "default via 192.0.2.1" in routes,
          f"no default route of theirs: {routes}")
    check(re.search(rf"172.30.0.0/16 dev {device_of(X_INNER)}", routes), f"route: {routes}")
    check(value("two", "IP4.DNS") == "", "no DNS where it is not wanted")
    check(value("one", "IP6.ADDRESS") == "", "no IPv6 where it is not wanted")


@test()
def the_daemon_restarts(machine):
    """Both come back by themselves."""
    run(["systemctl", "restart", "l2tp-manager"], seconds=60)
    reaches(INNER, 60)
    reaches(X_INNER, 60)
    wait_until(lambda: active() == {"one", "two"}, 20, "both are active again")
    check("reconnecting" in plugin_log(), "the journal says so")


@test()
def the_server_dies_and_comes_back(machine):
    """xl2tpd is killed with its pppd; LCP echoes notice, the daemon redials."""
    machine.xl2tpd.crash()
    wait_until(lambda: "two" not in active(), 40, "NetworkManager knows that it is reconnecting")
    machine.xl2tpd.start()
    wait_until(lambda: "two" in active(), 60, "it is active again")
    reaches(X_INNER)


@test()
def the_network_below_goes_and_comes(machine):
    """A persistent connection is neither ended nor forgotten, and goes on by itself."""
    down("one")
    add("stays", OURS, "wonderland", OWN, "lcp-echo-interval=1,lcp-echo-failure=3", "vpn.persistent", "yes")
    up("stays")
    reaches(INNER)
    machine.below.ip("link set outer down")
    wait_until(lambda: "stays" not in active(), 60, "NetworkManager knows that it is reconnecting")
    check(run("nmcli -t -f NAME connection show --active").count("stays"), "it is not ended")
    machine.below.ip("link set outer up")
    # The router keeps its address, unlike its IPv6 ones.
    machine.below.ip(f"addr replace {ROUTER6}/64 dev outer nodad")
    wait_until(lambda: "stays" in active(), 90, "it is active again")
    reaches(INNER)
    wait_until(lambda: way_to(OURS) == ("eth9", ROUTER), 10, "its own datagrams stay outside")
    down("stays")
    forget("stays")


@test()
def networkmanager_restarts(machine):
    """Nothing is left of what it had; and it can all be had again."""
    run(["systemctl", "restart", "NetworkManager"], seconds=60)
    wait_until(lambda: not plugins(), 30, "the plugins have gone")
    wait_until(lambda: not device_of(INNER) and not device_of(X_INNER), 30, "the interfaces have gone")
    wait_until(nm_ready, 30, "NetworkManager runs")
    wait_until(lambda: "eth8" in run("nmcli -t -f NAME connection show --active"), 30, "eth8 is up")
    up("two", "eth8")
    reaches(X_INNER)
    down("two")
    forget("one", "two")


@test()
def a_wrong_password_that_is_stored(machine):
    for gateway in (OURS, XL2TPD):
        add("wrong", gateway, "guess")
        refuses("wrong", "Invalid secrets", "refused the user name or password")
        forget("wrong")


@test()
def a_password_that_is_asked_for(machine):
    """On the terminal, the first one wrong; from a file; and with nobody to ask."""
    add("otp", OURS, None, OWN, "password-flags=2")
    refuses("otp", "[Nn]o valid secrets|Secrets were required", "")
    up("otp", ask=True, stdin="guess\nwonderland\n")
    check("asking again" in plugin_log(), "it was asked for twice")
    down("otp")
    Path("/run/pw").write_text("vpn.secrets.password:wonderland\n")
    status, text = nmcli("connection", "up", "otp", "passwd-file", "/run/pw")
    check(status == 0, f"from a file: {text}")
    down("otp")
    Path("/run/pw").write_text("vpn.secrets.password:guess\n")
    status, text = nmcli("connection", "up", "otp", "passwd-file", "/run/pw")
    check(status != 0 and "secrets" in text, f"a wrong one from a file is tried once: {text}")
    forget("otp")


@test()
def what_is_refused_says_why(machine):
    # One that was asked for secrets and for nothing more leaves after three minutes, as libnm's do.
    idle = set(plugins())
    add("ipsec", OURS, "wonderland", OWN, "ipsec-enabled=yes,ipsec-psk=key")
    refuses("ipsec", "failed", "asks for IPsec .* not connected without")
    add("typo", OURS, "wonderland", OWN, "refuse-papp=yes")
    refuses("typo", "failed", "unknown key \"refuse-papp\"")
    add("nobody", "192.0.2.77", "wonderland", OWN, "xl2tpd-max-retries=1")
    refuses("nobody", "failed", "does not answer L2TP")
    wait_until(lambda: not set(plugins()) - idle, 30, "no process is left")
    forget("ipsec", "typo", "nobody")


STOCK_PROFILE = """[connection]
id=Old L2TP
uuid=5b6c1f4e-0e51-4f5a-9d43-4f6a8b6f0001
type=vpn
autoconnect=false

[vpn]
gateway=198.51.100.1
ipsec-enabled=no
ipsec-psk-flags=0
lcp-echo-failure=5
lcp-echo-interval=30
machine-auth-type=psk
mru=1400
mtu=1300
no-vj-comp=yes
password-flags=0
refuse-eap=yes
refuse-pap=yes
some-key-of-tomorrow=1
user=alice
user-auth-type=password
service-type=org.freedesktop.NetworkManager.l2tp

[vpn-secrets]
password=wonderland

[ipv4]
method=auto
never-default=true

[ipv6]
addr-gen-mode=stable-privacy
method=auto
"""


@test()
def an_existing_profile_under_the_drop_in(machine):
    """A file as NetworkManager-l2tp's editor leaves it, not touched."""
    install("/out/compat")
    file = Path("/etc/NetworkManager/system-connections/old.nmconnection")
    file.write_text(STOCK_PROFILE)
    file.chmod(0o600)
    run(["systemctl", "restart", "NetworkManager"], seconds=60)
    wait_until(nm_ready, 30, "NetworkManager runs")
    wait_until(lambda: "eth8" in run("nmcli -t -f NAME connection show --active"), 30, "eth8 is up")
    run(["nmcli", "connection", "load", file])
    since = time.time()
    up("Old L2TP", "eth8")
    reaches(X_INNER)
    check("mtu 1300" in run(f"ip link show {device_of(X_INNER)}"), "its MTU is the profile's")
    check('unknown key "some-key-of-tomorrow"' in plugin_log(since), "an unknown key is warned about")
    check(file.read_text() == STOCK_PROFILE, "the file is as it was")
    down("Old L2TP")
    # nmcli knows this type by itself; both names are served now.
    add("plain", OURS, kind=STOCK)
    add("own", XL2TPD, "wonderland", OWN, "", "ipv4.never-default", "yes")
    up("plain")
    up("own", "eth8")
    reaches(INNER)
    reaches(X_INNER)
    down("plain")
    down("own")
    forget("plain", "own")


@test(full=True)
def encrypted(machine):
    add("mppe", OURS, "wonderland", OWN, "require-mppe-128=yes", "ipv4.never-default", "yes")
    refuses("mppe", "failed", "MPPE|encryption|accept")
    forget("mppe")


@test(full=True)
def the_daemon_is_started_by_the_bus(machine):
    run(["systemctl", "stop", "l2tp-manager"], seconds=60)
    add("first", OURS, "wonderland", OWN, "", "ipv4.never-default", "yes")
    up("first")
    reaches(INNER)
    run(["systemctl", "kill", "-s", "KILL", "l2tp-manager"], seconds=60)
    reaches(INNER, 60)
    down("first")
    forget("first")


@test(full=True)
def the_plugin_is_killed(machine):
    """The daemon notices and takes the tunnel down."""
    add("victim", OURS, "wonderland", OWN, "", "ipv4.never-default", "yes")
    up("victim")
    run(["kill", "-9", *plugins()])
    wait_until(lambda: not device_of(INNER), 30, "the interface is gone")
    wait_until(lambda: not active(), 30, "NetworkManager knows")
    forget("victim")


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--full", action="store_true")
    parser.add_argument("--only", default="")
    options = parser.parse_args()
    started, failed = time.monotonic(), 0
    keep_code_still()
    with Lab("networkmanager", "nm-", verbose=lambda text: print("   ", text)) as lab:
        try:
            machine = Machine(lab)
            print(f"the machine is ready after {time.monotonic() - started:.0f} s", flush=True)
            for function, full in TESTS:
                if (full and not options.full) or options.only not in function.__name__:
                    continue
                begun = time.monotonic()
                try:
                    function(machine)
                    verdict = "ok"
                except Exception as error:
                    failed += 1
                    verdict = f"FAILED: {error}"
                print(f"{time.monotonic() - begun:6.1f} s  {function.__name__}: {verdict}", flush=True)
                if verdict != "ok":
                    print(lab.logs(30), flush=True)
        finally:
            shutil.copytree(lab.directory, "/out/lab", dirs_exist_ok=True,
                            ignore=lambda *_: ["bus", "notify", "run", "control"])
    print(f"{time.monotonic() - started:.0f} s, {failed} failed", flush=True)
    sys.exit(failed != 0)


if __name__ == "__main__":
    main()
