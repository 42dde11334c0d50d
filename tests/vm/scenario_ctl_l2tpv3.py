"""What an administrator sees of L2TPv3: status, session show, kernel show, D-Bus, why, trace."""

import json

from daemon import Daemon
from lab import BUILD, check, tshark, wait_until
from registry import scenario
from scenario_l2tpctl import VALIDATE, SCHEMA
from topology import CLIENT, LNS, pair

FAST = {"redial": {"initial": "1s", "max": "2s"}}


def _ctl(namespace, daemon, *words):
    """As an administrator of the namespace would: root there, with the daemon's bus."""
    return namespace.run([BUILD / "src" / "l2tpctl", "--bus", daemon.bus, *words],
                         check_status=False)


def _json(namespace, daemon, *words):
    status, text = _ctl(namespace, daemon, "-j", *words)
    check(status == 0, f"{words}: {status}: {text}")
    return json.loads(text)


def _wire(name="lan", **changes):
    return {"name": name, **changes}


def _listener(*wires, **changes):
    return {"kind": "listener", "versions": [3], "listen": {"transports": ["udp", "ip"]},
            "pseudowires": list(wires), **changes}


def _client(*wires, **changes):
    return {"kind": "client", "autostart": True, "version": 3, "peer": LNS,
            "pseudowires": list(wires), **FAST, **changes}


def _why(namespace, daemon, peer, verdict, seconds=60):
    """Waits until `why` says this, of what failed or of what runs; returns its text."""
    def seen():
        status, text = _ctl(namespace, daemon, "-j", "why", "--all", peer)
        if status != 0:
            return []
        told = json.loads(text)
        return [each["verdict"] for each in told["failures"]] + [
            each["verdict"] for running in told["running"] for each in running["verdicts"]]

    wait_until(lambda: verdict in seen(), seconds, lambda: f"why {peer}: {verdict} among {seen()}")
    status, text = _ctl(namespace, daemon, "why", peer)
    check(status == 0 and "do: " in text, f"why {peer}: {status}: {text}")
    return text


def _property(daemon, path, interface, name):
    done = daemon.namespace.run(["busctl", f"--address={daemon.bus}", "get-property",
                                 "org.L2tpManager1", path, interface, name])
    return done.strip()


@scenario("ctl/l2tpv3", smoke=True)
def l2tpv3(lab):
    """A pseudowire over IP with a rollover of secrets: what all faces say of it, and that none says a
    cookie but the kernel's own."""
    lns, host, _ = pair(lab)
    for namespace in (lns, host):
        namespace.ip("link add br0 type bridge")
    host.ip("link add lan type dummy")
    host.ip("link set lan up")
    server = Daemon(lns, {"office": _listener(
        _wire(bridge={"name": "br0"}, mtu=1400), **{"export-sessions": True},
        tunnel={"secret": "new", "second-secret": "old", "digest": "sha1"})}, name="lnsd")
    dialer = Daemon(host, {"work": _client(
        _wire(bridge={"name": "br0"}, mtu=1400, circuit="lan", interface="wire"), transport="ip",
        tunnel={"secret": "old", "digest": "md5"}, autostart=False)}, name="clientd")
    monitor = host.spawn("monitor", [BUILD / "src" / "l2tpctl", "--bus", dialer.bus, "monitor"])
    capture = lab.directory / "trace.pcap"
    trace = host.spawn("trace", [BUILD / "src" / "l2tpctl", "--bus", dialer.bus, "trace", "work",
                                 "--pcap", capture])
    wait_until(lambda: capture.exists() and capture.stat().st_size >= 24, 20, "trace has begun")
    status, text = _ctl(host, dialer, "up", "work")
    check(status == 0 and text.startswith("work: up on wire"), f"up: {status}: {text}")

    # status
    status, text = _ctl(host, dialer, "status", "work")
    check("L2TPv3 over IP (protocol 115)" in text and "digest: md5 with the secret" in text, text)
    check("ethernet" in text, text)
    name = server.tunnels()[0]["name"]
    status, text = _ctl(lns, server, "status", name)
    check("digest: sha1 with the secret; the peer still uses the second secret" in text, text)
    check("v3/ip" in _ctl(host, dialer, "status")[1], "the overview")

    # session show, tunnel show; as their schema says
    row = dialer.wait_session()
    session = dialer.session(row)
    ethernet = session["ethernet"]
    check((ethernet["cookie"], ethernet["peer_cookie"]) == (8, 8), f"{ethernet}")
    check(ethernet["attached_to"] == "bridge br0" and ethernet["circuit"] == "lan", f"{ethernet}")
    check(ethernet["circuit_active"] and ethernet["peer_circuit_active"], f"{ethernet}")
    tunnel = dialer.tunnel("work")
    check(tunnel["version"] == 3 and tunnel["encapsulation"] == "ip", f"{tunnel}")
    check(tunnel["version3"]["router_id"] == CLIENT or tunnel["version3"]["router_id"], f"{tunnel}")
    check("ethernet" in tunnel["version3"]["peer_pseudowires"], f"{tunnel}")
    outputs = [("status", dialer.ctl("status")), ("status", tunnel), ("tunnel show", tunnel),
               ("session show", session), ("session list", dialer.ctl("session", "list")),
               ("tunnel list", server.ctl("tunnel", "list")), ("why", dialer.ctl("why", "work"))]
    for daemon in (dialer, server):
        for kind in ("state", "sessions", "statistics", "config", "failures"):
            status, text = daemon.ctl_text("dump", kind)
            outputs += [("dump", json.loads(line)) for line in text.splitlines()]
    lines = "".join(json.dumps({"command": command, "output": output}) + "\n"
                    for command, output in outputs)
    (lab.directory / "outputs").write_text(lines)
    status, text = host.run(["sh", "-c", f"{VALIDATE} {SCHEMA} < {lab.directory}/outputs"],
                            check_status=False)
    check(status in (0, 77), f"as the schema says: {text}")

    # kernel show has the cookies, nobody else
    (shown,) = _json(host, dialer, "kernel", "show")
    (inside,) = shown["sessions"]
    check(shown["owner"]["whose"] == "ours" and shown["encapsulation"] == "ip", f"{shown}")
    check(len(inside["cookie"]) == len(inside["peer_cookie"]) == 16, f"{inside}")
    check(inside["link"]["master"] == "br0", f"{inside}")
    for cookie in (inside["cookie"], inside["peer_cookie"]):
        check(cookie not in lines, "no cookie in what the daemon says")

    # D-Bus
    path = f"/org/L2tpManager1/tunnel/work/session/{row['id']}"
    ethernet = "org.L2tpManager1.Ethernet"
    check(_property(dialer, path, ethernet, "CookieLengths") == "(uu) 8 8", "lengths of cookies")
    check(_property(dialer, path, ethernet, "Attachment") == '(ss) "bridge" "br0"', "bridge")
    mac = host.ip_json("link show wire")[0]["address"]
    check(_property(dialer, path, ethernet, "MacAddress") == f's "{mac}"', f"MAC {mac}")
    tunnel_path = "/org/L2tpManager1/tunnel/work"
    check(_property(dialer, tunnel_path, "org.L2tpManager1.Tunnel", "Digest") == 's "md5"', "digest")
    check(_property(dialer, tunnel_path, "org.L2tpManager1.Tunnel", "Encapsulation") == 's "ip"', "ip")

    # the circuit
    check(dialer.ctl("why", "work")["works"], "it works")
    host.ip("link set lan down")
    text = _why(lns, server, name, "peer-circuit-down")
    check("no carrier" in text, text)
    check("lan" in _why(host, dialer, "work", "circuit-down"), "and here it is named")
    check(_property(dialer, path, ethernet, "CircuitActive") == "b false", "on the bus, too")
    wait_until(lambda: "circuit down here" in monitor.log(), 20, "monitor tells it")
    host.ip("link set lan up")
    wait_until(lambda: _property(dialer, path, ethernet, "CircuitActive") == "b true", 20, "up again")

    trace.terminate()
    seen = tshark(capture, "l2tp", "ip.proto")
    check(len(seen) >= 6 and all(fields == ["115"] for fields in seen), f"IP's own protocol: {seen}")
    check("ICRQ v3 connection" in trace.log(), trace.log())
    monitor.terminate()
    for daemon in (dialer, server):
        daemon.terminate()
    for namespace in (lns, host):
        namespace.wait_clean()


@scenario("ctl/l2tpv3-why")
def l2tpv3_why(lab):
    """What does not fit is named at the end that it is refused to."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": _listener(
        _wire("lan", interface="lan"), _wire("port", interface="port"),
        _wire("big", interface="big", mtu=1500), tunnel={"secret": "right"})}, name="lnsd")
    right = {"secret": "right"}
    fast = {"retransmit": {"initial": "200ms", "max-interval": "400ms", "count": 3}}
    dialer = Daemon(host, {
        "good": _client(_wire("lan", interface="good"), tunnel=right),
        "secret": _client(_wire("x1"), tunnel={"secret": "wrong", **fast}),
        "bare": _client(_wire("x2"), tunnel=fast),
        "end-id": _client(_wire("nowhere"), tunnel=right),
        "kind": _client({"name": "port", "type": "ethernet-vlan", "vlan": 7}, tunnel=right),
        "mtu": _client(_wire("big", mtu=1400), tunnel=right),
        "bridge": _client(_wire("x3", **{"remote-end-id": "port"}, bridge={"name": "nobridge"}),
                          tunnel=right)}, name="clientd")
    dialer.wait_sessions(1, tunnel="good")
    check(dialer.ctl("why", "good")["works"], "good works")
    # Who cannot be believed is not answered; the end that has heard it knows why.
    _why(host, dialer, "secret", "no-answer-digest")
    _why(lns, server, CLIENT, "digest-secret-wrong")
    _why(host, dialer, "bare", "digest-missing-here")
    check("nowhere" in _why(host, dialer, "end-id", "unknown-end-id"), "the end id is named")
    _why(host, dialer, "kind", "wrong-pseudowire-type")
    text = _why(host, dialer, "mtu", "mtu-mismatch")
    check("1400" in text and "1500" in text, f"both are named: {text}")
    _why(host, dialer, "bridge", "no-such-bridge")
    lab.note(_ctl(host, dialer, "status")[1])
    for daemon in (dialer, server):
        daemon.terminate()
    for namespace in (lns, host):
        namespace.wait_clean()


@scenario("ctl/l2tpv3-static")
def l2tpv3_static(lab):
    """A static tunnel in somebody else's place says so, takes it when it is free, and `why` knows what
    the kernel drops when the ends' cookies differ."""
    lns, host, _ = pair(lab)
    ends = f"encap udp local {LNS} remote {CLIENT} udp_sport 5000 udp_dport 5001"
    lns.ip(f"l2tp add tunnel tunnel_id 901 peer_tunnel_id 900 {ends}")
    lns.ip("l2tp add session name far tunnel_id 901 session_id 2 peer_session_id 1 "
           "cookie 0102030405060708 peer_cookie 1112131415161718")
    lns.ip("link set far up mtu 1400")
    lns.ip("addr add 10.9.0.1/24 dev far")
    host.ip(f"l2tp add tunnel tunnel_id 900 peer_tunnel_id 77 encap udp local {CLIENT} remote {LNS} "
            "udp_sport 6000 udp_dport 6001")
    static = {"kind": "static", "tunnel-id": 900, "peer-tunnel-id": 901,
              "local": {"address": CLIENT, "port": 5001}, "peer": {"address": LNS, "port": 5000},
              "sessions": [{"session-id": 1, "peer-session-id": 2, "interface": "near", "mtu": 1400,
                            "send-cookie": {"$secret": "send"},
                            "receive-cookie": {"$secret": "receive"}}]}
    # What we want to see is not what the other end sends.
    daemon = Daemon(host, {"attic": static}, name="clientd", secrets={
        "attic": {"send": "1112131415161718", "receive": "ffffffffffffffff"}})
    text = _why(host, daemon, "attic", "static-conflict")
    check("kernel show --foreign" in text, text)
    status, text = _ctl(host, daemon, "status", "attic")
    check("without a control connection: conflict" in text, text)
    tunnel = "/org/L2tpManager1/tunnel/attic"
    check(_property(daemon, tunnel, "org.L2tpManager1.Tunnel", "Convergence") == 's "conflict"', "")
    host.ip("l2tp del tunnel tunnel_id 900")
    wait_until(lambda: daemon.tunnel("attic")["convergence"] == "converged", 60, "it converges")
    check(_property(daemon, tunnel, "org.L2tpManager1.Tunnel", "Role") == 's "static"', "its role")
    check(_property(daemon, f"{tunnel}/session/1", "org.L2tpManager1.Ethernet", "CookieLengths")
          == "(uu) 8 8", "its cookies")
    host.ip("addr add 10.9.0.2/24 dev near")
    check(not lns.ping("10.9.0.2", count=3), "nothing gets through")
    _why(host, daemon, "attic", "cookie-mismatch")
    daemon.terminate()
    check(host.tunnels(), "the tunnel outlives the daemon")
