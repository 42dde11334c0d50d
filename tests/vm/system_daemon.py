#!/usr/bin/env python3
"""The installed daemon under its real unit, on a machine with systemd, udev, the system bus and the
journal (tests/vm/system-vm): own user, three capabilities, modules loaded by the kernel itself.

    this machine 192.0.2.2 -- outer ==== veth ==== outer -- 192.0.2.1, network namespace "lns"
       l2tp-manager.service                                  lns.service: a copy of the unit, in that
       10.64.0.x on l2tp-work  ========== l2tp ==========    namespace by examples/netns.conf

Each part prints what it shows. What it writes stays: it is for a machine that is thrown away.
"""

import fcntl
import json
import os
import pwd
import re
import signal
import struct
import subprocess
import sys
import time
from pathlib import Path

from lab import Failure, check, run, wait_until

UNIT = "l2tp-manager.service"
CONFIG = Path("/etc/l2tp-manager")
INNER = "10.64.0.1"
PROFILE = {"kind": "client", "peers": ["192.0.2.1"], "autostart": True,
           "ppp": {"user": "alice", "password": {"$secret": "password"}},
           "redial": {"initial": "1s", "max": "2s"}}
LISTENER = {"kind": "listener", "listen": {"addresses": ["192.0.2.1"]},
            "users": [{"name": "alice", "password": "wonderland"}],
            "ppp": {"ipv4": {"local-address": INNER, "pool": ["10.64.0.10-10.64.0.99"]}}}
# Bridged (BCP), with bridges that the daemons make; from another address, since IP is not beside it.
SITE = {"bridge": {"name": "br0", "create": True}}
OFFICE_SITE = {"kind": "listener", "listen": {"addresses": ["192.0.2.3"]}, "ppp": {"bcp": SITE},
               "users": [{"name": "site", "password": "wonderland"}]}
BRANCH_SITE = {"kind": "client", "peers": ["192.0.2.3"], "autostart": True, "redial": PROFILE["redial"],
               "ppp": {"user": "site", "password": {"$secret": "password"}, "bcp": SITE}}
EXAMPLES = Path(__file__).resolve().parents[2] / "packaging/examples"
CATALOG = {name: value for name, value in re.findall(
    r'string_view (k\w+) = "(\w+)"',
    (Path(__file__).resolve().parents[2] / "src/daemon/message_ids.h").read_text())}


def unit(property_name, name=UNIT):
    return run(["systemctl", "show", "--value", "-p", property_name, name]).strip()


def main_pid(name=UNIT):
    return int(unit("MainPID", name))


def ctl(*words):
    status, text = run(["l2tpctl", "-j", *words], check_status=False)
    if status:
        raise Failure(f"l2tpctl {' '.join(words)}: status {status}: {text.strip()}")
    return json.loads(text)


def session_up(profile="work"):
    status, text = run(["l2tpctl", "-j", "session", "list"], check_status=False)
    if status:
        return None
    rows = json.loads(text)
    rows = rows.get("sessions", rows.get("rows")) if isinstance(rows, dict) else rows
    return next((row for row in rows if row["state"] == "up" and row["tunnel"].startswith(profile)),
                None)


def wait_carries(seconds=60):
    row = wait_until(session_up, seconds, "a session is up")
    wait_until(lambda: subprocess.run(["ping", "-qc1", "-W2", INNER], stdout=subprocess.DEVNULL)
               .returncode == 0, 30, f"{INNER} answers through the tunnel")
    return row


def journal(*matches, since=None):
    """Entries of the journal as dictionaries."""
    text = run(["journalctl", "--no-pager", "-o", "json", *(["--since", since] if since else []),
                *matches])
    return [json.loads(line) for line in text.splitlines() if line.startswith("{")]


def modules():
    return {line.split()[0] for line in Path("/proc/modules").read_text().splitlines()}


def properties(interface):
    text = run(["udevadm", "info", "--query=property", f"/sys/class/net/{interface}"])
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line)


def write_file(path, content, mode=0o640):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content)
    os.chown(path, 0, pwd.getpwnam("l2tp-manager").pw_gid)
    path.chmod(mode)


# --- the parts, in this order ---------------------------------------------------------------------

def starts():
    """Enabled and started by its package; the kernel loaded what it needs when it was asked."""
    check(unit("UnitFileState") == "enabled" and unit("ActiveState") == "active",
          f"{unit('UnitFileState')}, {unit('ActiveState')}")
    check("org.L2tpManager1" in run(["busctl", "--no-pager", "list", "--acquired"]),
          "it has its name on the bus")
    check({"l2tp_ppp", "l2tp_netlink", "ppp_generic"} <= modules(), "modules are loaded")
    status = Path(f"/proc/{main_pid()}/status").read_text()
    uid = pwd.getpwnam("l2tp-manager").pw_uid
    check(re.search(rf"^Uid:(\s+{uid}){{4}}$", status, re.M), "runs as its own user")
    three = 1 << 10 | 1 << 12 | 1 << 13  # NET_BIND_SERVICE, NET_ADMIN, NET_RAW
    for kind in ("Bnd", "Eff", "Prm", "Amb"):
        check(int(re.search(rf"Cap{kind}:\s+(\w+)", status)[1], 16) == three,
              f"three capabilities and no more: {kind}")
    check(re.search(r"NoNewPrivs:\s+1", status) and re.search(r"Seccomp:\s+2", status), "sandboxed")
    device = os.stat("/dev/ppp")
    check(device.st_gid == pwd.getpwnam("l2tp-manager").pw_gid and device.st_mode & 0o777 == 0o660,
          "/dev/ppp belongs to its group")
    for directory in ("", "profiles.d", "secrets.d"):
        info = os.stat(CONFIG / directory)
        check(info.st_uid == 0 and info.st_mode & 0o777 == 0o750, f"{CONFIG / directory}: {info}")


def exposure():
    text = run(["systemd-analyze", "security", "--no-pager", "--threshold=25", UNIT])
    run(["systemd-analyze", "verify", "--man=no", UNIT])
    print("   ", text.splitlines()[-1].strip())


def lns_comes_up():
    """The other end: the shipped unit with the shipped drop-in for another namespace."""
    run("ip netns add lns")
    run("ip -n lns link set lo up")
    run("ip link add outer type veth peer name outer netns lns")
    run("ip addr add 192.0.2.2/24 dev outer")
    run("ip link set outer up")
    run("ip -n lns addr add 192.0.2.1/24 dev outer")
    run("ip -n lns link set outer up")
    text = Path(unit("FragmentPath")).read_text()
    text = re.sub(r"^(BusName|Alias|WatchdogSec)=.*\n", "", text, flags=re.M)
    text = re.sub(r"^((?:Runtime|State|Configuration)Directory)=.*$", r"\1=l2tp-lns", text, flags=re.M)
    text = re.sub(r"^(ExecStart=\S+)$", r"\1 --config /etc/l2tp-lns --bus none", text, flags=re.M)
    system = Path("/run/systemd/system")
    (system / "lns.service.d").mkdir(parents=True)
    (system / "lns.service").write_text(text)
    (system / "lns.service.d/netns.conf").write_text(
        (EXAMPLES / "netns.conf").read_text().replace("/run/netns/isp", "/run/netns/lns"))
    write_file(Path("/etc/l2tp-lns/profiles.d/office.json"), json.dumps(LISTENER))
    for directory in ("/etc/l2tp-lns", "/etc/l2tp-lns/profiles.d"):
        os.chown(directory, 0, pwd.getpwnam("l2tp-manager").pw_gid)
        os.chmod(directory, 0o750)
    run("systemctl daemon-reload")
    run("systemctl start lns.service")
    sockets = run(["ip", "netns", "exec", "lns", "ss", "-lun"])
    check(":1701" in sockets, f"it listens in its namespace: {sockets}")


def dials_after_reload():
    before = main_pid()
    write_file(CONFIG / "secrets.d/work.json", '{"password": "wonderland"}')
    write_file(CONFIG / "profiles.d/work.json", json.dumps(PROFILE))
    run(f"systemctl reload {UNIT}")
    row = wait_carries()
    check(main_pid() == before, "a reload is no restart")
    wait_until(lambda: "1 sessions" in unit("StatusText"), 10,
               lambda: f"systemctl status says so: {unit('StatusText')}")
    print("   ", row["interface"], unit("StatusText"))


def udev_knows_whose():
    ours = session_up()["interface"]
    seen = wait_until(lambda: (p := properties(ours)).get("L2TPM_TUNNEL") and p, 20,
                      lambda: f"udev's properties: {properties(ours)}")
    check(seen["ID_NET_MANAGED_BY"] == "org.L2tpManager1" and seen["NM_UNMANAGED"] == "1",
          f"left alone by network managers: {seen}")
    check(seen["L2TPM_SESSION"].isdigit() and seen["L2TPM_TUNNEL"].startswith("work"), f"{seen}")

    # PPPIOCNEWUNIT: what a pppd of somebody else would have.
    unit_fd = os.open("/dev/ppp", os.O_RDWR)
    number = struct.unpack("i", fcntl.ioctl(unit_fd, 0xC004743E, struct.pack("i", -1)))[0]
    run("udevadm settle")
    foreign = properties(f"ppp{number}")
    os.close(unit_fd)
    check(not any(key.startswith("L2TPM_") or key in ("NM_UNMANAGED", "ID_NET_MANAGED_BY")
                  for key in foreign), f"another program's PPP is not touched: {foreign}")

    # The note is the daemon's word, and the daemon may have been taken over.
    note = Path("/run/l2tp-manager/ifaces/evil")
    note.write_text("SYSTEMD_WANTS=poweroff.target\nL2TPM_TUNNEL=x y\nL2TPM_SESSION=$(id)\n"
                    "L2TPM_NETWORK_MANAGER=0\nPATH=/tmp\n")
    helper = next(p for p in (Path("/usr/lib/udev"), Path("/lib/udev"))
                  if (p / "l2tp-manager-interface").exists()) / "l2tp-manager-interface"
    text = run([helper, "evil"])
    note.unlink()
    check(text == "L2TPM_NETWORK_MANAGER=0\n", f"only known keys and plain values: {text!r}")


def journal_has_fields_and_advice():
    entries = journal(f"MESSAGE_ID={CATALOG['kSessionUp']}", "L2TPM_PROFILE=work")
    check(entries, "the session's event is found by its id")
    entry = entries[-1]
    check(entry["L2TPM_USER"] is not None and entry["L2TPM_TUNNEL"].startswith("work") and
          entry["L2TPM_SESSION"].isdigit() and entry["_SYSTEMD_UNIT"] == UNIT, f"fields: {entry}")
    check(journal(f"MESSAGE_ID={CATALOG['kTunnelUp']}", "L2TPM_PEER=192.0.2.1:1701"),
          "and a tunnel's by its peer")
    text = run(["journalctl", "--no-pager", "-x", f"MESSAGE_ID={CATALOG['kSessionUp']}",
                "L2TPM_PROFILE=work"])
    check("Subject: A PPP session is up" in text and "l2tpctl session show" in text,
          f"journalctl -x gives advice: {text}")
    listed = run(["journalctl", "--list-catalog"])
    for name, value in CATALOG.items():
        check(value in listed, f"{name} is in the catalog that systemd reads")


def watchdog():
    """A daemon that hangs is killed and started again, and dials again."""
    drop_in = Path(f"/run/systemd/system/{UNIT}.d/watchdog.conf")
    drop_in.parent.mkdir(parents=True, exist_ok=True)
    drop_in.write_text("[Service]\nWatchdogSec=5\n")
    run("systemctl daemon-reload")
    run(f"systemctl restart {UNIT}")
    wait_carries()
    first = main_pid()
    # Fed for longer than the watchdog's time it stays alive.
    fed_at = lambda: int(unit("WatchdogTimestampMonotonic")) / 1e6
    began = fed_at()

    def has_been_fed():
        check(main_pid() == first, "fed, it is left alone")
        return fed_at() > began + 7

    wait_until(has_been_fed, 30, "it feeds the watchdog")
    os.kill(first, signal.SIGSTOP)
    wait_until(lambda: main_pid() not in (0, first), 60, "systemd has started another")
    check(unit("NRestarts") == "1", f"restarted once: {unit('NRestarts')}")
    wait_carries()
    drop_in.unlink()
    run("systemctl daemon-reload")
    run(f"systemctl reset-failed {UNIT}")
    run(f"systemctl restart {UNIT}")
    wait_carries()


def killed():
    """After SIGKILL the kernel has nothing left of it, and it is back by itself."""
    first = main_pid()
    os.kill(first, signal.SIGKILL)
    wait_until(lambda: main_pid() not in (0, first), 30, "it is back")
    wait_carries()


def apparmor():
    loaded = Path("/sys/kernel/security/apparmor/profiles")
    if not loaded.exists() or not Path("/etc/apparmor.d/usr.sbin.l2tp-manager").exists():
        print("    (no AppArmor here)")
        return
    check("l2tp-manager (complain)" in loaded.read_text(), loaded.read_text())
    current = Path(f"/proc/{main_pid()}/attr/current").read_text()
    check(current.startswith("l2tp-manager"), f"the daemon is under it: {current}")
    complaints = [e["MESSAGE"] for e in journal("_TRANSPORT=audit") + journal("_TRANSPORT=kernel")
                  if 'apparmor="ALLOWED"' in str(e["MESSAGE"]) and
                  'profile="l2tp-manager"' in str(e["MESSAGE"]) and "/l2tp-lns" not in str(e["MESSAGE"])]
    check(not complaints, "the profile lacks: " + "\n".join(sorted(set(complaints))[:20]))


def bridges():
    """Sites on one Ethernet: by the relay under the unit as it is, by the kernel with its drop-in."""
    run("ip -n lns addr add 192.0.2.3/24 dev outer")
    write_file(Path("/etc/l2tp-lns/profiles.d/site.json"), json.dumps(OFFICE_SITE))
    write_file(CONFIG / "secrets.d/site.json", '{"password": "wonderland"}')
    write_file(CONFIG / "profiles.d/site.json", json.dumps(BRANCH_SITE))
    run("systemctl reload lns.service")
    run(f"systemctl reload {UNIT}")

    def carries(path, reason):
        row = wait_until(lambda: session_up("site"), 60, "the site's session is up")
        shown = ctl("session", "show", f"{row['tunnel']}/{row['id']}")
        bridging = shown["bridging"]
        check(bridging["path"] == path and reason in bridging["reason"], f"{path}: {bridging}")
        for namespace, number in ((["-n", "lns"], 1), ([], 2)):
            run(["ip", *namespace, "addr", "replace", f"10.1.0.{number}/24", "dev", "br0"])
            run(["ip", *namespace, "link", "set", "br0", "up"])
        wait_until(lambda: subprocess.run(["ping", "-qc1", "-W2", "-s1472", "-Mdo", "10.1.0.1"],
                                          stdout=subprocess.DEVNULL).returncode == 0,
                   30, f"whole frames pass by the {path}")
        print("   ", bridging["path"], bridging["reason"])

    def restart_both():
        run("systemctl daemon-reload")
        run("systemctl restart lns.service")
        run(f"systemctl restart {UNIT}")

    carries("relay", "CAP_BPF")
    drop_ins = [Path(f"/etc/systemd/system/{name}.d/bcp.conf") for name in (UNIT, "lns.service")]
    for drop_in in drop_ins:
        drop_in.parent.mkdir(parents=True, exist_ok=True)
        drop_in.write_text((EXAMPLES / "bcp.conf").read_text())
    restart_both()
    capabilities = re.search(r"CapEff:\s+(\w+)", Path(f"/proc/{main_pid()}/status").read_text())[1]
    check(int(capabilities, 16) == 1 << 10 | 1 << 12 | 1 << 13 | 1 << 39, "one capability more, CAP_BPF")
    carries("kernel", "")
    wait_until(lambda: [link for link in Path("/sys/class/net").iterdir() if link.name.startswith("l2bcp") and
                        (link / "threaded").read_text() == "1\n"], 20, "udev gives the port threads")
    carries("kernel", "")
    apparmor()
    for path in (*drop_ins, Path("/etc/l2tp-lns/profiles.d/site.json"), CONFIG / "profiles.d/site.json",
                 CONFIG / "secrets.d/site.json"):
        path.unlink()
    for drop_in in drop_ins:
        drop_in.parent.rmdir()
    restart_both()
    wait_until(lambda: "br0" not in run("ip -br link") + run("ip -n lns -br link"), 20,
               "bridges that the daemons made are gone with them")
    wait_carries()


def bus_starts_it():
    run(f"systemctl stop {UNIT}")
    check(unit("ActiveState") == "inactive", unit("ActiveState"))
    nothing_left()
    run(["busctl", "call", "org.L2tpManager1", "/org/L2tpManager1", "org.freedesktop.DBus.Peer",
         "Ping"])
    check(unit("ActiveState") == "active", "a call on the bus has started it")
    wait_carries()


def nothing_left():
    """Of a daemon that was stopped."""
    def left():
        found = run("ip l2tp show tunnel") + run("ip -o link show type ppp")
        found += "".join(line for line in run("nft list tables").splitlines() if "l2tp" in line)
        found += "".join(line for line in run("ip -4 route show table all").splitlines()
                         if "l2tp" in line)
        return found.strip() + ("/run/l2tp-manager" if Path("/run/l2tp-manager").exists() else "")

    wait_until(lambda: not left(), 20, lambda: f"left behind: {left()}")


def stops():
    run("systemctl stop lns.service")
    run(f"systemctl stop {UNIT}")
    check(unit("Result") == "success", unit("Result"))
    nothing_left()
    stopped = journal(f"MESSAGE_ID={CATALOG['kStopped']}", f"_SYSTEMD_UNIT={UNIT}")
    check(stopped, "it says that it has stopped")
    bad = [e["MESSAGE"] for e in journal(f"_SYSTEMD_UNIT={UNIT}", "-p", "err")]
    check(not bad, f"errors in the journal: {bad}")
    run("ip netns del lns")


PARTS = [starts, exposure, lns_comes_up, dials_after_reload, udev_knows_whose,
         journal_has_fields_and_advice, watchdog, killed, apparmor, bridges, bus_starts_it, stops]


def main():
    for part in PARTS:
        started = time.monotonic()
        print(f"== {part.__name__.replace('_', ' ')}", flush=True)
        try:
            part()
        except (Failure, subprocess.SubprocessError, OSError) as failure:
            print(f"FAILED {part.__name__}: {failure}")
            print(run(["journalctl", "--no-pager", "-b", "-n", "60", "-u", UNIT, "-u", "lns"]))
            return 1
        print(f"   {time.monotonic() - started:.1f} s", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
