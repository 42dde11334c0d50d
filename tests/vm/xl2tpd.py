"""Real peers: xl2tpd with pppd, as LNS and as LAC (client), each with its own /etc/ppp and /run.

Both use the kernel's data path (pppd's pppol2tp plugin) when the kernel has one.
"""

import re
import shutil
from pathlib import Path

from lab import check, wait_until

# What pppd calls the methods, as the side that asks for the proof.
REQUIRE = {"pap": "require-pap", "chap-md5": "require-chap", "mschap": "require-mschap",
           "mschapv2": "require-mschap-v2", "none": "noauth"}
MPPE = {None: ["nomppe"], "128": ["require-mppe-128"], "40": ["require-mppe-40"],
        "128-stateful": ["require-mppe-128", "mppe-stateful"],
        "40-stateful": ["require-mppe-40", "mppe-stateful"]}


class _Peer:
    def __init__(self, namespace, name, users, tunnel_secret, options, section, extra_global="",
                 as_installed=False):
        """as_installed: with the scripts that Debian's ppp has in /etc/ppp and pppd runs for every
        session, and with no debug lines. Otherwise with debug lines and no scripts."""
        self.namespace = namespace
        self.name = name
        lab = namespace.lab
        self.directory = lab.directory / name
        ppp = self.directory / "ppp"
        ppp.mkdir(parents=True)
        secrets = "".join(f'"{user}" * "{password}" *\n' for user, password in users.items())
        for file in ("chap-secrets", "pap-secrets"):
            (ppp / file).write_text(secrets)
            (ppp / file).chmod(0o600)
        (ppp / "options").write_text("")
        if as_installed:
            for entry in Path("/etc/ppp").glob("ip*"):
                copy = shutil.copytree if entry.is_dir() else shutil.copy
                copy(entry, ppp / entry.name)
        self.pppd_log = self.directory / "pppd.log"
        (self.directory / "options").write_text("\n".join(
            [*([] if as_installed else ["debug"]), f"logfile {self.pppd_log}", "nodefaultroute",
             "novj", "nobsdcomp", "nodeflate", *options]) + "\n")
        (self.directory / "l2tp-secrets").write_text(f"* * {tunnel_secret or 'none'}\n")
        self.control = self.directory / "control"
        (self.directory / "xl2tpd.conf").write_text(
            f"[global]\nport = 1701\nauth file = l2tp-secrets\n"
            f"{'' if as_installed else _flags(debug_tunnel=True, debug_state=True)}"
            f"{extra_global}{section}")
        self.start()

    def start(self):
        # `ip netns exec` has made a mount namespace already; what is mounted here stays in it.
        # xl2tpd cuts paths after 79 characters, so it is given short ones.
        script = (f"cd {self.directory} && mount --bind ppp /etc/ppp && mount -t tmpfs run /run && "
                  f"mkdir -p /run/lock /run/xl2tpd && "
                  f"exec xl2tpd -D -c xl2tpd.conf -p pid -C control")
        self.process = self.namespace.spawn(self.name, ["sh", "-c", script])
        wait_until(lambda: "Listening on IP address" in self.process.log(), 20,
                   f"{self.name} listens")

    def take_scripts_away(self):
        """What as_installed put there; before the first session."""
        for entry in (self.directory / "ppp").glob("ip*"):
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()

    def log(self):
        return self.process.log()

    def ppp_log(self):
        return self.pppd_log.read_text(errors="replace") if self.pppd_log.exists() else ""

    def wait_log(self, pattern, seconds=30):
        wait_until(lambda: re.search(pattern, self.log() + self.ppp_log()), seconds,
                   f"{self.name} logs /{pattern}/")

    def interfaces(self):
        """Interfaces of its sessions that are up with an address."""
        return [row["ifname"] for row in self.namespace.ppp_interfaces()
                if any(a["family"] == "inet" for a in row["addr_info"])]

    def wait_session(self, count=1, seconds=40):
        wait_until(lambda: len(self.interfaces()) >= count, seconds,
                   f"{self.name} has {count} session(s)")
        return self.interfaces()

    def assert_kernel_mode(self):
        check(self.namespace.l2tp_sessions(), f"{self.name}: the session is in the kernel")

    def crash(self):
        """Dies without a word, with its pppds, as a host whose power went."""
        self.namespace.run(["sh", "-c", f"pkill -9 -s {self.process.pid}"], check_status=False)
        self.process.kill9()

    def command(self, text):
        """xl2tpd-control's own protocol: "c NAME" connects, "d NAME" disconnects."""
        with open(self.control, "w") as fifo:
            fifo.write(text + "\n")


def _flags(**values):
    return "".join(f"{key.replace('_', ' ')} = {'yes' if value else 'no'}\n"
                   for key, value in values.items() if value is not None)


class Xl2tpdLns(_Peer):
    def __init__(self, namespace, name="xl2tpd-lns", auth="mschapv2", mppe=None, users=None,
                 tunnel_secret=None, hidden=False, local="10.64.0.1",
                 pool="10.64.0.10-10.64.0.250", dns=(), options=(), listen=None, host_name="xlns",
                 as_installed=False):
        options = [REQUIRE[auth], *MPPE[mppe], "name xl2tpd-lns", "lcp-echo-interval 10",
                   *[f"ms-dns {server}" for server in dns], *options]
        section = (f"[lns default]\nip range = {pool}\nlocal ip = {local}\nhostname = {host_name}\n"
                   f"pppoptfile = options\n" +
                   _flags(require_authentication=auth != "none", hidden_bit=hidden,
                          challenge=bool(tunnel_secret), length_bit=True))
        self.address = local
        super().__init__(namespace, name, users or {"alice": "wonderland"}, tunnel_secret, options,
                         section, f"listen-addr = {listen}\n" if listen else "", as_installed)


class Xl2tpdLac(_Peer):
    def __init__(self, namespace, lns, name="xl2tpd-lac", user="alice", password="wonderland",
                 mppe=None, tunnel_secret=None, hidden=False, options=(), redial=False, listen=None,
                 host_name="xlac", lines="", tunnels=1, challenge=True):
        """Dials `tunnels` times, all from port 1701 to the same LNS: one 4-tuple. With a secret it
        challenges the LNS, too, if it is to."""
        options = [f"user {user}", "noauth", *MPPE[mppe], "lcp-echo-interval 10", "ipcp-accept-local",
                   "ipcp-accept-remote", *options]
        section = "".join(
            f"[lac dial{number}]\nlns = {lns}\nhostname = {host_name}\nautodial = yes\n"
            f"pppoptfile = options\n{lines}" +
            _flags(hidden_bit=hidden, challenge=challenge and bool(tunnel_secret), length_bit=True,
                   redial=redial) + ("redial timeout = 1\n" if redial else "")
            for number in ["", *range(2, tunnels + 1)])
        super().__init__(namespace, name, {user: password}, tunnel_secret, options, section,
                         f"listen-addr = {listen}\n" if listen else "")
