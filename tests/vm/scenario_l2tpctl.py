"""l2tpctl asking the real daemon: why, trace, monitor, connect, stats. See topology.py."""

import json
import signal
import subprocess

from lab import BUILD
from registry import scenario
from topology import *

SCHEMA = BUILD.parent.parent / "docs" / "l2tpctl.schema.json"
VALIDATE = BUILD.parent.parent / "tests" / "unit" / "ctl" / "validate"


def _ctl(namespace, daemon, name, *words):
    """l2tpctl in the background."""
    return namespace.spawn(name, [BUILD / "src" / "l2tpctl", "--bus", daemon.bus, *words])


def _verdicts(daemon, peer):
    status, text = daemon.ctl_text("-j", "why", "--all", peer)
    return [failure["verdict"] for failure in json.loads(text)["failures"]] if status == 0 else []


def _why(daemon, peer, *verdicts, seconds=60):
    """Waits until `why` has one of these verdicts, returns what it says to people."""
    wait_until(lambda: set(verdicts) & set(_verdicts(daemon, peer)), seconds,
               lambda: f"why {peer}: {verdicts} among {_verdicts(daemon, peer)}")
    status, text = daemon.ctl_text("why", peer)
    check(status == 0 and "do: " in text, f"why {peer}: {status}: {text}")
    return text


def _tshark(file, display_filter, *fields):
    """As lab.tshark, and checksums are looked at: these headers are l2tpctl's own."""
    argv = ["tshark", "-n", "-r", str(file), "-o", "ip.check_checksum:TRUE",
            "-o", "udp.check_checksum:TRUE", "-Y", display_filter, "-T", "fields"]
    for field in fields:
        argv += ["-e", field]
    done = subprocess.run(argv, capture_output=True, text=True, timeout=300)
    check(done.returncode == 0, f"tshark: {done.stderr}")
    return [line.split("\t") for line in done.stdout.splitlines()]


@scenario("ctl/why", smoke=True)
def why(lab):
    """Wrong tunnel secret, wrong password, unknown user, dead LNS, nobody there, closed port, unknown
    name; and what works."""
    lns, host, _ = pair(lab)
    lns.ip("addr add 192.0.2.11/24 dev outer")
    lns.run(["nft", "add table inet f; add chain inet f in {type filter hook input priority 0;}; "
                    "add rule inet f in udp dport 1888 drop"])
    fast = {"retransmit": {"initial": "200ms", "max-interval": "400ms", "count": 2}}
    server = Daemon(lns, {
        "office": listener(LNS),
        "locked": listener("192.0.2.11", tunnel_secret="right", pool="10.65.0.10-10.65.0.20",
                           local="10.65.0.1")}, name="lnsd")
    dialer = Daemon(host, {
        "good": client(LNS),
        "secret": client("192.0.2.11", tunnel_secret="wrong"),
        "password": client(LNS, password="wrong"),
        "stranger": client(LNS, user="mallory"),
        "dead": client({"host": LNS, "port": 1888}, tunnel=fast),
        "absent": client("192.0.2.77", tunnel=fast),
        "closed": client({"host": LNS, "port": 1777}, tunnel=fast),
        "name": client("no-such-host.invalid"),
        "idle": client(LNS, autostart=False)}, name="clientd")
    _why(dialer, "secret", "wrong-tunnel-secret")
    text = _why(dialer, "password", "wrong-password")
    check('user "alice"' in text, f"the user is named: {text}")
    _why(dialer, "stranger", "wrong-password")
    text = _why(dialer, "dead", "no-answer")
    check("192.0.2.1:1888" in text and "messages" in text, f"what was tried is told: {text}")
    # Whether ARP gives up before the attempt does is a matter of time.
    _why(dialer, "absent", "no-route", "no-answer")
    _why(dialer, "closed", "nothing-listens")
    _why(dialer, "name", "name-resolution")
    # The other end knows more: what was wrong with the user.
    _why(server, CLIENT, "unknown-user", "wrong-password-of-user")
    dialer.wait_sessions(1, tunnel="good")
    good = dialer.ctl("why", "good")
    check(good["works"] and not good["running"][0]["verdicts"], f"good works: {good}")
    status, text = dialer.ctl_text("why", "good")
    check(status == 0 and "good: works" in text, text)
    check(dialer.ctl_text("why", "nobody")[0] == 4, "an unknown name is exit status 4")
    status, text = dialer.ctl_text("why", "idle")
    check(status == 0 and "is not running" in text, text)
    lns.run(["nft", "delete", "table", "inet", "f"])
    gone(lns, host, server, dialer)


@scenario("ctl/status", smoke=True)
def status(lab):
    """The overview, the verbs, and that JSON is as its schema says."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, autostart=False)}, name="clientd")
    code, text = dialer.ctl_text("up", "work", seconds=90)
    check(code == 0 and text.startswith("work: up on "), f"up: {code}: {text}")
    code, text = dialer.ctl_text()
    check(code == 0 and "work" in text and "established" in text, f"status: {text}")
    code, text = dialer.ctl_text("tunnel", "ping", "work")
    check(code == 0 and "answered in" in text, f"ping: {code}: {text}")
    check(dialer.ctl_text("up", "work")[0] == 0, "up of what is up is fine")
    session = dialer.wait_session()
    commands = [("status",), ("tunnel", "list"), ("session", "list"), ("profile", "list"),
                ("listener", "list"), ("stats",), ("log-level",), ("version",), ("reload",)]
    outputs = [(" ".join(words), daemon.ctl(*words)) for words in commands
               for daemon in (dialer, server)]
    outputs += [("tunnel show", dialer.tunnel("work")), ("session show", session),
                ("listener show", server.ctl("listener", "show", "office")),
                ("profile show", dialer.ctl("profile", "show", "work")),
                ("why", dialer.ctl("why", "work"))]
    for daemon in (dialer, server):
        for kind in ("state", "sessions", "statistics", "config", "failures"):
            code, text = daemon.ctl_text("dump", kind)
            check(code == 0, f"dump {kind}: {code}: {text}")
            outputs += [("dump", json.loads(line)) for line in text.splitlines()]
    check("wonderland" not in json.dumps(outputs), "no password is shown")
    lines = "".join(json.dumps({"command": command, "output": output}) + "\n"
                    for command, output in outputs)
    done = subprocess.run([VALIDATE, SCHEMA], input=lines, text=True, capture_output=True)
    check(done.returncode in (0, 77), f"the schema: {done.stdout}{done.stderr}")

    code, text = dialer.ctl_text("profile", "set", "work", "/ppp/mru=1300", "--no-apply")
    check(code == 0, f"profile set: {code}: {text}")
    check(dialer.ctl_text("tunnel", "restart", "work", seconds=90)[0] == 0, "restart")
    code, text = dialer.ctl_text("profile", "set", "work", "/ppp/mru=70000")
    check(code == 1 and "/ppp/mru" in text, f"a wrong value is refused: {code}: {text}")
    check(dialer.ctl_text("session", "close", "work/1")[0] == 4, "there is no session 1")
    check(dialer.ctl_text("listener", "drain", "nobody")[0] == 4, "there is no such listener")
    check(server.ctl_text("listener", "drain", "office")[0] == 0, "a listener drains")
    check(dialer.ctl_text("down", "work")[0] == 0, "down")
    dialer.wait_no_sessions()
    code, text = dialer.ctl_text("up", "work", "-w", "5")
    check(code in (1, 6), f"a draining listener takes nobody: {code}: {text}")
    check(server.ctl_text("listener", "drain", "office", "off")[0] == 0, "and does no more")
    dialer.wait_session()
    gone(lns, host, server, dialer)


@scenario("ctl/trace-pcap", smoke=True)
def trace_pcap(lab):
    """What trace writes is what tshark reads, without a malformed packet."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(tunnel_secret="s3cret", auth="mschapv2")}, name="lnsd")
    dialer = Daemon(host, {"work": client(LNS, tunnel_secret="s3cret", auth="mschapv2",
                                          autostart=False)}, name="clientd")
    file = lab.directory / "trace.pcap"
    tracer = _ctl(host, dialer, "trace", "trace", "work", "--pcap", str(file), "--details")
    monitor = _ctl(host, dialer, "monitor", "-j", "monitor", "work")
    wait_until(lambda: file.exists() and file.stat().st_size >= 24, 20, "the trace has begun")
    wait_until(lambda: dialer.ctl_text("reload")[0] == 0 and '"reload"' in monitor.log(), 20,
               "the monitor shows a reload")
    dialer.up("work")
    dialer.wait_session()
    dialer.down("work")
    dialer.wait_no_sessions()
    wait_until(lambda: "StopCCN" in tracer.log(), 30, "the goodbye was traced")
    wait_until(lambda: '"new":""' in monitor.log(), 30, "the monitor shows the session's end")
    for process in (tracer, monitor):
        process.signal(signal.SIGINT)
        check(process.wait(20) == 0, f"{process.name}: {process.status}: {process.log()}")
    for word in ("SCCRQ", "SCCRP", "SCCCN", "ICRQ", "ICRP", "ICCN", "LCP", "CHAP", "IPCP", "→", "←"):
        check(word in tracer.log(), f"the trace shows {word}: {tracer.log()[-2000:]}")
    check("s3cret" not in tracer.log() and "wonderland" not in tracer.log(), "and no secret")

    seen = _tshark(file, "l2tp", "l2tp.avp.message_type", "ppp.protocol")
    types = {row[0] for row in seen}
    for number, word in ((1, "SCCRQ"), (2, "SCCRP"), (3, "SCCCN"), (10, "ICRQ"), (12, "ICCN"),
                         (4, "StopCCN")):
        check(str(number) in types, f"{word} is in the file: {types}")
    protocols = {int(row[1], 16) for row in seen if row[1]}
    check({0xC021, 0xC223, 0x8021} <= protocols, f"LCP, CHAP and IPCP are there: {protocols}")
    # Expert severity "warning" and up; a wrong checksum is an error.
    wrong = _tshark(file, "_ws.malformed || _ws.expert.severity >= 6291456", "frame.number",
                    "_ws.col.Info", "_ws.expert.message")
    # The zeros in place of a secret in CHAP's text are what it calls stray.
    wrong = [row for row in wrong if "Trailing stray characters" not in row]
    check(not wrong, f"tshark finds nothing wrong: {wrong[:5]}")

    events = [json.loads(line) for line in monitor.log().splitlines()]
    sessions = [(e["old"], e["new"]) for e in events if e["event"] == "session"]
    check(any(new == "up" for _, new in sessions), f"the session came: {sessions}")
    check(sessions[-1][1] == "", f"and went: {sessions}")
    check(any(e["event"] == "tunnel" and e["new"] == "established" for e in events),
          f"the tunnel was established: {events}")
    gone(lns, host, server, dialer)


@scenario("ctl/connect", smoke=True)
def connect(lab):
    """A tunnel without a profile, ended by Ctrl-C: nothing is left behind."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener()}, name="lnsd")
    dialer = Daemon(host, {}, name="clientd")
    password = lab.directory / "password"
    password.write_text("wonderland\n")
    words = ("connect", LNS, "--user", "alice", "--password-file", str(password))
    process = _ctl(host, dialer, "connect", *words, "--route", "10.64.0.0/24", "--interface", "adhoc")
    wait_until(lambda: "up on adhoc" in process.log() or not process.running(), 60, "it is up")
    check(process.running(), f"connect: {process.status}: {process.log()}")
    carries(host, INNER)
    process.signal(signal.SIGINT)
    check(process.wait(30) == 0, f"connect: {process.status}: {process.log()}")
    check(not dialer.tunnels() and not dialer.sessions(), "the tunnel is gone with it")
    server.wait_no_sessions()
    host.wait_clean(ignore=("nft tables", "udp sockets"))

    process = _ctl(host, dialer, "killed", *words)
    wait_until(lambda: "up on" in process.log() or not process.running(), 60, "it is up again")
    process.kill9()
    dialer.wait_no_sessions()
    wait_until(lambda: not dialer.tunnels(), 30, "what dies with its caller is gone")

    password.write_text("wrong\n")
    code, text = dialer.ctl_text(*words, seconds=90)
    check(code == 1 and "auth-failed" in text, f"a wrong password: {code}: {text}")
    code, text = dialer.ctl_text("connect", "192.0.2.77", "-w", "2", seconds=90)
    check(code == 6, f"nobody there: {code}: {text}")
    code, text = dialer.ctl_text("connect", LNS, "--set", "/ppp/mru=none")
    check(code == 1 and "/ppp/mru" in text, f"no profile: {code}: {text}")
    check(not dialer.tunnels(), "nothing is left of any")
    gone(lns, host, server, dialer)


@scenario("ctl/stats")
def stats(lab):
    """Rates under a ping, in stats and in top."""
    lns, host, _, server, dialer, session = end_to_end(lab)
    pinger = host.spawn("ping", ["ping", "-i", "0.05", "-s", "1000", INNER])
    rows = {}

    def moves():
        nonlocal rows
        rows = {row["object"]: row for row in dialer.ctl("stats", "work", "--rates", "2")}
        return rows["session"]["rates"]["tx_packets"] > 2
    wait_until(moves, 60, lambda: f"the rates: {rows}")
    check(rows["session"]["rates"]["tx_bits"] > 2 * 8000, f"of 1000 octets each: {rows}")
    check(rows["session"]["counters"]["rx_packets"] > 0, f"and they come back: {rows}")
    top = dialer.ctl("top", "--interval", "2")
    check(top[0]["interface"] == session["interface"] and top[0]["rates"]["rx_packets"] > 2,
          f"top: {top}")
    pinger.terminate()
    gone(lns, host, server, dialer)
