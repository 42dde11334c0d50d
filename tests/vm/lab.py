"""Network namespaces, processes in them, waiting with a deadline, and what the kernel has.

Everything a scenario makes belongs to its Lab, which takes it all down again. Nothing sleeps to
wait for something: wait_until() polls a condition and says what did not happen.
"""

import ctypes
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import threading
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
BUILD = Path(os.environ.get("L2TPM_BUILD", ROOT / "build" / "release"))
# Deadlines are for a guest that emulates its processors; KVM needs a tenth.
SLOWNESS = float(os.environ.get("LAB_SLOWNESS", "1"))
_libc = ctypes.CDLL(None, use_errno=True)
CLONE_NEWNET = 0x40000000


class Failure(Exception):
    """What a scenario expected and did not see."""


def check(condition, what):
    if not condition:
        raise Failure(what)


def wait_until(condition, seconds, what):
    """Returns the condition's first true value; fails with `what` and the last value seen."""
    started, looks = time.monotonic(), 0
    while True:
        value = condition()
        if value:
            return value
        looks += 1
        # On a machine that is busy with other things a second is not worth a second: time is up
        # only after so many looks, too.
        passed = (time.monotonic() - started) / SLOWNESS
        if passed > seconds and (looks > 2 * seconds or passed > 4 * seconds):
            what = what() if callable(what) else what
            raise Failure(f"{what}: not within {seconds} s (last seen: {value!r})")
        time.sleep(0.05)


def run(argv, check_status=True, stdin=None, seconds=60, env=None):
    """Runs a command to its end; (its status,) its output as text."""
    argv = argv.split() if isinstance(argv, str) else [str(a) for a in argv]
    try:
        done = subprocess.run(argv, input=stdin, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                              text=True, errors="replace", timeout=seconds * SLOWNESS, env=env,
                              stdin=None if stdin is not None else subprocess.DEVNULL)
    except subprocess.TimeoutExpired as late:
        raise Failure(f"{' '.join(argv)}: still running after {seconds} s: {late.output}") from None
    if check_status and done.returncode:
        raise Failure(f"{' '.join(argv)}: status {done.returncode}: {done.stdout.strip()}")
    return done.stdout if check_status else (done.returncode, done.stdout)


class Process:
    """A program in its own process group with its output in a file."""

    def __init__(self, lab, name, argv, env=None, echo=None, stdin=None):
        self.name = name
        self.path = lab.directory / f"{name}.log"
        self.argv = [str(a) for a in argv]
        self._file = open(self.path, "ab", buffering=0)
        self._echo = None
        output = subprocess.PIPE if echo else self._file
        self._process = subprocess.Popen(
            self.argv, stdin=stdin or subprocess.DEVNULL, stdout=output, stderr=subprocess.STDOUT,
            start_new_session=True, env={**os.environ, **(env or {})})
        if echo:
            self._echo = threading.Thread(target=self._copy, args=(echo,), daemon=True)
            self._echo.start()
        self.pid = self._process.pid

    def _copy(self, echo):
        for line in self._process.stdout:
            self._file.write(line)
            echo(line.decode(errors="replace").rstrip("\n"))

    @property
    def status(self):
        """None while it runs."""
        return self._process.poll()

    def running(self):
        return self.status is None

    def log(self):
        return self.path.read_text(errors="replace")

    def signal(self, number):
        if self.running():
            os.kill(self.pid, number)

    def wait(self, seconds):
        wait_until(lambda: not self.running(), seconds, f"{self.name} ends")
        return self.status

    def terminate(self, seconds=20):
        self.signal(signal.SIGTERM)
        return self.wait(seconds)

    def kill9(self):
        self.signal(signal.SIGKILL)
        return self.wait(10)

    def finish(self):
        """At the end of a scenario: the whole group goes, whatever it was doing."""
        for number in (signal.SIGTERM, signal.SIGKILL):
            try:
                os.killpg(self.pid, number)
            except (ProcessLookupError, PermissionError):
                pass
            try:
                self._process.wait(2 if number == signal.SIGTERM else 10)
            except subprocess.TimeoutExpired:
                continue
        if self._echo:
            self._echo.join(2)
        self._file.close()


class Namespace:
    """One host of a topology."""

    def __init__(self, lab, name):
        self.lab = lab
        self.short = name
        self.name = f"{lab.prefix}{name}"
        run(["ip", "netns", "add", self.name])
        self.ip("link set lo up")

    def prefix(self, argv):
        argv = argv.split() if isinstance(argv, str) else list(argv)
        return ["ip", "netns", "exec", self.name, *argv]

    def run(self, argv, **options):
        return run(self.prefix(argv), **options)

    def spawn(self, name, argv, **options):
        return self.lab.spawn(name, self.prefix(argv), **options)

    def ip(self, words):
        return run(["ip", "-n", self.name, *(words.split() if isinstance(words, str) else words)])

    def ip_json(self, words):
        text = run(["ip", "-n", self.name, "-j", "-d", *words.split()])
        # iproute2 prints an empty object for each link that a filter left out.
        return [row for row in (json.loads(text) if text.strip() else []) if row]

    def sysctl(self, **values):
        for key, value in values.items():
            path = "/proc/sys/" + key.replace("__", "/")
            self.run(["sh", "-c", f"echo {value} > {path}"])

    def snmp(self, protocol="Ip"):
        """The counters of /proc/net/snmp, for example snmp()["FragCreates"]."""
        rows = [line.split() for line in self.run("cat /proc/net/snmp").splitlines()
                if line.startswith(protocol + ":")]
        return dict(zip(rows[0][1:], map(int, rows[1][1:])))

    def call(self, function):
        """Runs a function with this namespace as the thread's own; sockets it makes stay here."""
        result = []

        def body():
            handle = os.open(f"/run/netns/{self.name}", os.O_RDONLY | os.O_CLOEXEC)
            try:
                if _libc.setns(handle, CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "setns")
                result.append((function(), None))
            except BaseException as error:  # handed to the caller
                result.append((None, error))
            finally:
                os.close(handle)

        thread = threading.Thread(target=body)
        thread.start()
        thread.join()
        value, error = result[0]
        if error:
            raise error
        return value

    def udp_socket(self, address="0.0.0.0", port=0, reuse=False):
        def make():
            family = socket.AF_INET6 if ":" in address else socket.AF_INET
            made = socket.socket(family, socket.SOCK_DGRAM)
            if reuse:
                made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
            made.bind((address, port))
            return made
        return self.call(make)

    def raw_socket(self):
        """For datagrams from addresses that are not ours: the IPv4 header is the caller's."""
        return self.call(lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW))

    # --- what goes through -----------------------------------------------------------------------

    def ping(self, address, count=2, size=56, extra=(), seconds=20):
        """True when every echo came back."""
        status, _ = self.run(["ping", "-q", "-n", "-i", "0.2", "-c", str(count), "-W", "5", "-s",
                              str(size), *extra, address], check_status=False, seconds=seconds)
        return status == 0

    def can_ping(self, address, seconds=20, extra=()):
        """One echo is waited for shortly: what was sent before the way was open is lost."""
        wait_until(lambda: self.ping(address, count=1, extra=("-W", "1", *extra)), seconds,
                   f"{self.short} reaches {address}")

    def iperf_server(self, address=None, port=5201):
        argv = ["iperf3", "-s", "--forceflush", "-p", str(port), *(["-B", address] if address else [])]
        server = self.spawn(f"iperf-{self.short}-{port}", argv)
        wait_until(lambda: "listening on" in server.log(), 20, "iperf3 listens")
        return server

    def tcp(self, address, seconds=3, reverse=False, port=5201, extra=(), longest_pause=None):
        """Bits per second of one TCP stream to an iperf_server(). After the first second nothing may
        flow for at most longest_pause whole seconds in a row."""
        words = ["iperf3", "-J", "-c", address, "-p", str(port), "-t", str(seconds),
                 "--connect-timeout", "10000", *(["-R"] if reverse else []), *extra]
        status, text = self.run(words, check_status=False, seconds=seconds + 40)
        try:
            report = json.loads(text[text.index("{"):])
        except ValueError:
            raise Failure(f"iperf3 said: {text}") from None
        check(status == 0 and "error" not in report, f"iperf3: {report.get('error', text)}")
        if longest_pause is not None:
            # The intervals of this end: what the sender could hand on; with -R, what has arrived.
            flowed = [interval["sum"]["bytes"] for interval in report["intervals"]
                      if interval["sum"]["seconds"] > 0.5]
            flows = "".join("1" if octets else "0" for octets in flowed[1:])
            check(len(flows) >= seconds - 2 and "0" * (longest_pause + 1) not in flows,
                  f"never more than {longest_pause} s without anything: {flowed} bytes")
        return report["end"]["sum_received"]["bits_per_second"]

    # --- what the kernel has ---------------------------------------------------------------------

    def tunnels(self):
        return [row for row in json.loads(run(["ip", "-n", self.name, "-j", "l2tp", "show", "tunnel"])
                                          or "[]") if row]

    def l2tp_sessions(self):
        return [row for row in json.loads(run(["ip", "-n", self.name, "-j", "l2tp", "show", "session"])
                                          or "[]") if row]

    def ppp_interfaces(self):
        return self.ip_json("addr show type ppp")

    def routes(self, table="all", family="-4"):
        text = run(["ip", "-n", self.name, family, "-j", "route", "show", "table", table])
        return json.loads(text) if text.strip() else []

    def objects(self):
        """Everything a daemon may have left behind; empty lists when there is nothing."""
        ours = []
        for family in ("-4", "-6"):
            ours += [row["dst"] + " proto " + str(row.get("protocol")) for row in
                     self.routes(family=family)
                     if row.get("protocol") not in ("kernel", "boot", "static", "ra", None)]
        rules = [rule for rule in json.loads(run(["ip", "-n", self.name, "-j", "rule"]))
                 if rule["priority"] not in (0, 32766, 32767)]
        return {
            "tunnels": [row["tunnel_id"] for row in self.tunnels()],
            "sessions": [row["session_id"] for row in self.l2tp_sessions()],
            "ppp interfaces": [row["ifname"] for row in self.ppp_interfaces()],
            "routes": ours,
            "rules": rules,
            "nft tables": self.run("nft list tables").split("\n")[:-1],
            "udp sockets": run(["ip", "netns", "exec", self.name, "ss", "-Hanu"]).splitlines(),
        }

    def wait_clean(self, seconds=15, ignore=()):
        """Waits until nothing of a daemon is left."""
        seen = {}

        def clean():
            nonlocal seen
            seen = {key: value for key, value in self.objects().items() if key not in ignore}
            return not any(seen.values())

        wait_until(clean, seconds, lambda: f"{self.short} is left clean, but has " +
                   str({key: value for key, value in seen.items() if value}))

    # --- what is on the wire ---------------------------------------------------------------------

    def capture(self, interface, expression=None):
        """Signalling, which the scenario has to give to assert_clean(), or what an expression says."""
        made = Capture(self, interface, expression or Capture.SIGNALLING)
        if not expression:
            self.lab.captures.append(made)
        return made


class Capture:
    """tcpdump in a namespace, tshark over what it wrote."""

    # L2TP control messages and PPP packets other than the network's (protocol 0x8000 and up, at
    # the place where a data message without optional fields has it), over IPv4 and IPv6.
    SIGNALLING = ("(udp and (udp[8] & 0xc0 != 0 or udp[16:2] >= 0x8000)) or "
                  "(ip6[6] = 17 and (ip6[48] & 0xc0 != 0 or ip6[56:2] >= 0x8000))")

    def __init__(self, namespace, interface, expression):
        self.namespace = namespace
        self.asserted = False
        self.file = namespace.lab.directory / f"{namespace.short}-{interface}.pcap"
        self._process = namespace.spawn(
            f"tcpdump-{namespace.short}-{interface}",
            ["tcpdump", "-Z", "root", "-U", "-B", "8192", "-i", interface, "-w", str(self.file),
             expression])
        wait_until(lambda: "listening on" in self._process.log(), 20, "tcpdump listens")
        # The kernel also counts what came before its filter was in place.
        self._never_read = self._unread()

    def stop(self):
        """Ends it with everything that has passed: told to end, tcpdump leaves unread what the kernel
        still holds for it, so it says first (SIGUSR1) that it holds nothing."""
        if self._process.running():
            wait_until(lambda: self._unread() <= self._never_read, 20,
                       "tcpdump has read what it captured")
        self._process.signal(signal.SIGINT)
        self._process.wait(20)

    def _unread(self):
        reports = self._process.log().count("received by filter")
        self._process.signal(signal.SIGUSR1)
        wait_until(lambda: self._process.log().count("received by filter") > reports, 5,
                   "tcpdump says how much it has read")
        read, received = re.findall(r"(\d+) packets? captured, (\d+) packets? received",
                                    self._process.log())[-1]
        return int(received) - int(read)

    def fields(self, display_filter, *names):
        return tshark(self.file, display_filter, *names)

    def assert_clean(self, *sources):
        """tshark's dissectors find nothing wrong in what these addresses sent. In a guest that
        emulates its processors that takes its time, so there it is left to who started it."""
        self.stop()
        self.asserted = True
        later = os.environ.get("LAB_CAPTURES")
        if not later:
            for source in sources:
                check(is_heard(self.file, source), f"{source} is heard in {self.file.name}")
                wrong = complaints(self.file, source)
                check(not wrong, f"tshark about {source} in {self.file.name}: {wrong[:5]}")
            return
        name = f"{self.namespace.lab.directory.name}-{self.file.stem}"
        Path(later).mkdir(parents=True, exist_ok=True)
        shutil.copy(self.file, Path(later) / f"{name}.pcap")
        (Path(later) / f"{name}.json").write_text(json.dumps(sources))


# Expert severity "warning" and up; TCP's own complaints about loss are not about us.
COMPLAINTS = "(_ws.malformed || _ws.expert.severity >= 6291456) && !tcp"


def tshark(file, display_filter, *names, decode=()):
    """One list of field values for each packet that matches."""
    argv = ["tshark", "-n", "-r", str(file), "-Y", display_filter, "-T", "fields"]
    for name in names:
        argv += ["-e", name]
    for rule in decode:
        argv += ["-d", rule]
    done = subprocess.run(argv, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          timeout=300 * SLOWNESS)
    check(done.returncode == 0, f"tshark: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


def complaints(file, source):
    """What the dissectors find wrong in datagrams from an address. L2TP on other ports than 1701
    is known by its other end's port, or not at all."""
    family = "ipv6" if ":" in source else "ip"
    return tshark(file, f"{COMPLAINTS} && {family}.src == {source}", "frame.number", "_ws.col.Info",
                  "_ws.expert.message")


def is_heard(file, source):
    """Whether a capture has a datagram from an address: only then no complaint means something."""
    return " > " in run(["tcpdump", "-n", "-r", str(file), "-c", "1", f"src host {source}"],
                        check_status=False)[1]


class Link:
    """A veth pair between two namespaces."""

    def __init__(self, a, b, interface_a, interface_b):
        self.ends = {a: interface_a, b: interface_b}

    def netem(self, namespace, rule):
        """Impairs what a namespace sends, for example "loss 20% delay 5ms 2ms"; "" heals it."""
        words = ["tc", "qdisc"]
        device = ["dev", self.ends[namespace], "root"]
        if rule:
            namespace.run([*words, "replace", *device, "netem", "limit", "20000", *rule.split()])
        else:
            namespace.run([*words, "del", *device], check_status=False)

    def netem_both(self, rule):
        for namespace in self.ends:
            self.netem(namespace, rule)

    def down(self, namespace):
        namespace.ip(f"link set {self.ends[namespace]} down")

    def up(self, namespace):
        namespace.ip(f"link set {self.ends[namespace]} up")


def directory_name(scenario):
    """Fit for paths, D-Bus addresses and tcpdump alike."""
    return re.sub(r"[^A-Za-z0-9.]+", "-", scenario)


class Lab:
    """What one scenario has: a directory for logs, namespaces, links and processes."""

    _lock = threading.Lock()

    def __init__(self, name, prefix, verbose=None):
        self.name = name
        self.prefix = prefix
        self.echo = verbose
        self.directory = Path(os.environ.get("LAB_DIR", "/tmp/l2tp-lab")) / directory_name(name)
        shutil.rmtree(self.directory, ignore_errors=True)
        self.directory.mkdir(parents=True)
        # The daemon's own user must reach its files below.
        for path in (self.directory, self.directory.parent):
            path.chmod(0o755)
        self.namespaces = []
        self.processes = []
        self.captures = []
        self._cleanups = []
        self._started = time.monotonic()

    def namespace(self, name):
        made = Namespace(self, name)
        self.namespaces.append(made)
        return made

    def link(self, a, address_a, b, address_b, name_a=None, name_b=None):
        """Connects two namespaces; addresses carry their prefix length, several by commas."""
        name_a = name_a or f"to-{b.short}"[:15]
        name_b = name_b or f"to-{a.short}"[:15]
        run(["ip", "link", "add", name_a, "netns", a.name, "type", "veth",
             "peer", "name", name_b, "netns", b.name])
        for end, device, addresses in ((a, name_a, address_a), (b, name_b, address_b)):
            # NDP of an address that is still tentative would lose the first datagram.
            end.sysctl(**{f"net__ipv6__conf__{device}__accept_dad": 0})
            for address in filter(None, addresses.split(",")):
                end.ip(f"addr add {address} dev {device}" + (" nodad" if ":" in address else ""))
            end.ip(f"link set {device} up")
        return Link(a, b, name_a, name_b)

    def spawn(self, name, argv, **options):
        taken = {process.name for process in self.processes}
        unique, number = name, 2
        while unique in taken:
            unique, number = f"{name}-{number}", number + 1
        process = Process(self, unique, argv, **options)
        self.processes.append(process)
        return process

    def check_captures(self, promised):
        """At the end of a scenario that went well."""
        check(bool(self.captures) == promised, "registered with captures=True if and only if it captures")
        for capture in self.captures:
            check(capture.asserted, f"somebody has looked at {capture.file.name}")

    def at_exit(self, function):
        self._cleanups.append(function)

    def note(self, text):
        """A line for the reader of a failed scenario's log."""
        line = f"[{time.monotonic() - self._started:7.2f}] {text}"
        with open(self.directory / "scenario.log", "a") as file:
            file.write(line + "\n")
        if self.echo:
            self.echo(text)

    def logs(self, lines=60):
        """The end of every log, for a failed scenario."""
        text = []
        for path in sorted(self.directory.glob("**/*.log")):
            content = path.read_text(errors="replace").splitlines()
            if content:
                text.append(f"--- {path.relative_to(self.directory)} ({len(content)} lines)")
                text += content[-lines:]
        for namespace in self.namespaces:
            try:
                left = {key: value for key, value in namespace.objects().items() if value}
                text += [f"--- kernel objects in {namespace.short}: {left}"]
            except Failure as error:
                text += [f"--- kernel objects in {namespace.short}: {error}"]
        return "\n".join(text)

    def close(self):
        for process in reversed(self.processes):
            process.finish()
        for cleanup in reversed(self._cleanups):
            cleanup()
        for namespace in self.namespaces:
            _, pids = run(["ip", "netns", "pids", namespace.name], check_status=False)
            for pid in pids.split():
                if pid.isdigit():
                    try:
                        os.kill(int(pid), signal.SIGKILL)
                    except ProcessLookupError:
                        pass
            run(["ip", "netns", "del", namespace.name], check_status=False)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()


def load_modules():
    """What the unit's modules-load.d file and udev rule do on a real machine."""
    for module in ("l2tp_ppp", "l2tp_eth", "l2tp_ip", "l2tp_ip6", "l2tp_netlink", "ppp_generic",
                   "pppox", "pppoe", "ppp_mppe", "veth", "8021q", "vrf", "sch_netem", "nf_tables", "dummy",
                   "bridge"):
        run(["modprobe", "-q", module], check_status=False)


_held = []


def keep_code_still():
    """The kernel patches its own code when the first user of some feature comes and when the last
    one goes (static keys: time stamps of packets, netfilter's hooks, UDP encapsulation). QEMU's
    emulation can run into the breakpoint that stands there meanwhile ("Oops: int3"), so in its guest
    each of them has one user that stays."""
    if "RUN_IN_VM" not in os.environ:
        return
    so_timestamp, udp_encap, l2tp_in_udp = 29, 100, 3
    for family in (socket.AF_INET, socket.AF_INET6):
        kept = socket.socket(family, socket.SOCK_DGRAM)
        kept.setsockopt(socket.SOL_SOCKET, so_timestamp, 1)
        kept.setsockopt(socket.IPPROTO_UDP, udp_encap, l2tp_in_udp)
        _held.append(kept)
    hooks = ("prerouting", "input", "forward", "output", "postrouting")
    run(["nft", "-f", "-"], stdin="table inet still {\n" + "".join(
        f"chain {hook} {{ type filter hook {hook} priority 0; }}\n" for hook in hooks) + "}\n")


def kernel_version():
    return re.match(r"\d+\.\d+", os.uname().release)[0]
