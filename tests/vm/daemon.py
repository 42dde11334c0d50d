"""l2tp-manager as its unit runs it: its own user, three capabilities, /dev/ppp by its group.

Each instance has a private dbus-daemon, so that several may run at once in their namespaces.
"""

import json
import os
import re
import signal
import socket
import threading
from pathlib import Path

from lab import BUILD, Failure, check, run, wait_until

USER = int(os.environ.get("LAB_UID", "61701"))
CAPABILITIES = "net_admin,net_raw,net_bind_service"
BUS_CONFIG = """<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN"
 "http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd">
<busconfig><type>system</type><listen>unix:path={path}</listen><auth>EXTERNAL</auth>
<policy context="default"><allow user="*"/><allow own="*"/><allow send_type="method_call"/>
<allow send_type="signal"/><allow send_requested_reply="true"/><allow receive_sender="*"/>
</policy></busconfig>
"""


class Daemon:
    """One instance. `profiles` and `secrets` map a profile's name to what its file holds."""

    def __init__(self, namespace, profiles, name="daemon", secrets=None, config=None, start=True,
                 echo=None, log_level="debug", environment=None, bpf=False):
        self.namespace = namespace
        self.capabilities = CAPABILITIES + (",bpf" if bpf else "")  # the drop-in "bcp"
        self.lab = namespace.lab
        self.name = name
        self.echo = echo
        self.log_level = log_level
        self.environment = environment or {}
        self.directory = self.lab.directory / name
        self.config = self.directory / "config"
        for sub in ("config/profiles.d", "config/secrets.d", "state", "run"):
            (self.directory / sub).mkdir(parents=True)
        for sub in ("state", "run"):
            os.chown(self.directory / sub, USER, USER)
        os.chown(self.config / "secrets.d", 0, USER)
        (self.config / "secrets.d").chmod(0o750)
        if config:
            (self.config / "l2tp-manager.json").write_text(json.dumps(config, indent=2))
        for profile, content in profiles.items():
            self.write_profile(profile, content)
        for profile, content in (secrets or {}).items():
            self.write_secrets(profile, content)
        self.process = None
        self._start_bus()
        self._notify = None
        if start:
            self.start()

    # --- configuration ---------------------------------------------------------------------------

    def write_profile(self, profile, content):
        path = self.config / "profiles.d" / f"{profile}.json"
        path.write_text(json.dumps(content, indent=2) + "\n")
        os.chown(path, 0, USER)
        path.chmod(0o640)

    def remove_profile(self, profile):
        (self.config / "profiles.d" / f"{profile}.json").unlink()

    def write_secrets(self, profile, content):
        path = self.config / "secrets.d" / f"{profile}.json"
        path.write_text(json.dumps(content) + "\n")
        os.chown(path, 0, USER)
        path.chmod(0o640)

    # --- the process -----------------------------------------------------------------------------

    def _start_bus(self):
        path = self.directory / "bus"
        self.bus = f"unix:path={path}"
        file = self.directory / "bus.conf"
        file.write_text(BUS_CONFIG.format(path=path))
        # dbus-daemon turns away users that have no name: its own view of /etc/passwd gives one.
        passwd = self.directory / "passwd"
        passwd.write_text(Path("/etc/passwd").read_text() +
                          f"l2tp-manager-test:x:{USER}:{USER}::/nonexistent:/usr/sbin/nologin\n")
        bus = self.lab.spawn(f"{self.name}-bus", [
            "unshare", "-m", "sh", "-c", f"mount --bind {passwd} /etc/passwd && "
            f"exec dbus-daemon --config-file={file} --nofork --nopidfile"])
        wait_until(lambda: path.exists() or not bus.running(), 20, "dbus-daemon listens")
        check(bus.running(), f"dbus-daemon: {bus.log()}")

    def _open_notify_socket(self):
        path = self.directory / "notify"
        path.unlink(missing_ok=True)
        self._notify = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC)
        self._notify.bind(str(path))
        path.chmod(0o777)
        self.notified = []
        threading.Thread(target=self._listen, args=(self._notify,), daemon=True).start()
        return str(path)

    def _listen(self, listener):
        while True:
            try:
                message = listener.recv(65536).decode(errors="replace")
            except OSError:
                return
            self.notified += message.splitlines()

    def argv(self, *arguments):
        keep = ",".join("+" + name for name in self.capabilities.split(","))
        return ["prlimit", "--nofile=524288:524288", "setpriv", f"--reuid={USER}", f"--regid={USER}",
                "--clear-groups", f"--inh-caps=-all,{keep}", f"--ambient-caps=-all,{keep}",
                f"--bounding-set=-all,{keep}", "--no-new-privs", *arguments]

    def start(self, wait=True):
        if os.path.exists("/dev/ppp"):
            os.chown("/dev/ppp", 0, USER)
            os.chmod("/dev/ppp", 0o660)
        environment = {
            "NOTIFY_SOCKET": self._open_notify_socket(),
            "STATE_DIRECTORY": str(self.directory / "state"),
            "RUNTIME_DIRECTORY": str(self.directory / "run"),
            **self.environment}
        self.process = self.namespace.spawn(
            self.name,
            self.argv(str(BUILD / "src" / "l2tp-manager"), "--config", str(self.config), "--bus",
                      self.bus, "--log-level", self.log_level),
            env=environment, echo=self.echo)
        if wait:
            wait_until(lambda: "READY=1" in self.notified or not self.process.running(), 30,
                       f"{self.name} is ready")
            check(self.process.running(), f"{self.name} ended with {self.process.status}: "
                                          f"{self.process.log()[-2000:]}")
        return self

    def terminate(self, seconds=20):
        status = self.process.terminate(seconds)
        check(status == 0, f"{self.name} ended with status {status}")

    def kill9(self):
        self.process.kill9()

    def reload(self):
        before = self.notified.count("READY=1")
        self.process.signal(signal.SIGHUP)
        wait_until(lambda: self.notified.count("READY=1") > before, 20, f"{self.name} has reloaded")

    def log(self):
        return self.process.log()

    def wait_log(self, pattern, seconds=30):
        return wait_until(lambda: re.search(pattern, self.log()), seconds,
                          f"{self.name} logs /{pattern}/")

    def resident_kib(self):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(re.search(r"VmRSS:\s+(\d+)", text)[1])

    def descriptors(self):
        return len(os.listdir(f"/proc/{self.process.pid}/fd"))

    def assert_unprivileged(self):
        text = Path(f"/proc/{self.process.pid}/status").read_text()
        check(re.search(rf"Uid:\s+{USER}\s+{USER}\s+{USER}", text), "runs as its own user")
        # CAP_NET_BIND_SERVICE 10, CAP_NET_ADMIN 12, CAP_NET_RAW 13
        check(int(re.search(r"CapBnd:\s+(\w+)", text)[1], 16) == 1 << 10 | 1 << 12 | 1 << 13,
              "has three capabilities and cannot get more")

    # --- l2tpctl ---------------------------------------------------------------------------------

    def ctl_text(self, *words, seconds=30):
        return run([BUILD / "src" / "l2tpctl", "--bus", self.bus, *words], check_status=False,
                   seconds=seconds)

    def ctl(self, *words, seconds=30):
        """What `l2tpctl -j WORDS` says, as Python values."""
        status, text = self.ctl_text("-j", *words, seconds=seconds)
        if status:
            raise Failure(f"l2tpctl {' '.join(words)}: status {status}: {text.strip()}")
        return json.loads(text) if text.strip() else None

    def _rows(self, kind, filters):
        rows = self.ctl(kind, "list")
        if isinstance(rows, dict):
            rows = rows.get(kind + "s", rows.get("rows"))
        return [row for row in rows
                if all(row.get(key) == value for key, value in filters.items())]

    def tunnels(self, **filters):
        return self._rows("tunnel", filters)

    def sessions(self, **filters):
        return self._rows("session", filters)

    def session(self, row):
        """All that is known of one session of sessions()."""
        return self.ctl("session", "show", f"{row['tunnel']}/{row['id']}")

    def tunnel(self, name):
        return self.ctl("tunnel", "show", name)

    def up(self, profile):
        return self.ctl("--no-wait", "up", profile)

    def down(self, profile):
        return self.ctl("down", profile)

    def wait_sessions(self, count=1, seconds=40, state="up", **filters):
        """Waits for at least `count` sessions in a state, returns them."""
        seen = []

        def enough():
            nonlocal seen
            seen = self.sessions(**filters)
            return len([s for s in seen if s["state"] == state]) >= count

        wait_until(enough, seconds, lambda: f"{self.name}: {count} session(s) {state} among "
                                            f"{[s['state'] for s in seen]}")
        return [s for s in seen if s["state"] == state]

    def wait_session(self, seconds=40, **filters):
        """The one session, up, with every detail."""
        return self.session(self.wait_sessions(1, seconds, **filters)[0])

    def wait_no_sessions(self, seconds=30, **filters):
        wait_until(lambda: not self.sessions(**filters), seconds, f"{self.name} has no session left")

    def wait_tunnel(self, seconds=30, state="established", **filters):
        return wait_until(lambda: next((t for t in self.tunnels(**filters) if t["state"] == state),
                                       None), seconds, f"{self.name}: a tunnel {state}")

    def wait_error(self, code, seconds=30, **filters):
        """Waits until a tunnel or a session of ours tells of an end with this cause."""
        seen = set()

        def told():
            for row in self.tunnels(**filters):
                detail = self.tunnel(row["name"])
                seen.add((detail.get("last_error") or {}).get("code"))
            return code in seen

        wait_until(told, seconds, lambda: f"{self.name}: cause {code} among {seen}")


# --- profiles -------------------------------------------------------------------------------------

def merge(base, changes):
    """`changes` over `base`, objects member by member."""
    result = dict(base)
    for key, value in changes.items():
        if isinstance(value, dict) and isinstance(result.get(key), dict):
            value = merge(result[key], value)
        result[key] = value
    return result


def client(peer, user="alice", password="wonderland", auth=None, mppe=None, tunnel_secret=None,
           hidden=None, **changes):
    """A client's profile that dials at once and goes on dialling."""
    profile = {
        "kind": "client", "autostart": True,
        **({"peers": peer} if isinstance(peer, list) else {"peer": peer}),
        "ppp": {"user": user, "password": password},
        "redial": {"initial": "1s", "max": "4s"},
    }
    if auth:
        profile["ppp"]["methods"] = [auth] if isinstance(auth, str) else auth
    return _common(profile, mppe, tunnel_secret, hidden, changes)


def listener(*addresses, users=None, auth=None, mppe=None, tunnel_secret=None, hidden=None,
             pool="10.64.0.10-10.64.0.250", local="10.64.0.1", **changes):
    """A listener's profile; `users` maps names to passwords or to all that a user may have."""
    users = {"alice": "wonderland"} if users is None else users
    profile = {
        "kind": "listener",
        "ppp": {"ipv4": {"local-address": local, "pool": [pool]}},
        "users": [{"name": name, **(value if isinstance(value, dict) else {"password": value})}
                  for name, value in users.items()],
    }
    if addresses:
        profile["listen"] = {"addresses": list(addresses)}
    if auth:
        profile["ppp"]["authenticate"] = [auth] if isinstance(auth, str) else auth
    return _common(profile, mppe, tunnel_secret, hidden, changes)


def _common(profile, mppe, tunnel_secret, hidden, changes):
    if mppe:
        bits, _, state = mppe.partition("-")
        profile["ppp"]["mppe"] = {"mode": "require", "strengths": [int(bits)],
                                  "stateful": state == "stateful"}
    if tunnel_secret:
        profile["tunnel"] = {"secret": tunnel_secret}
    if hidden:
        profile.setdefault("tunnel", {})["hide-avps"] = True
    return merge(profile, changes)
