"""L2TPv3 between two of our daemons: Ethernet pseudowires over UDP and IP, and static tunnels.

    host-a 10.1.0.1 -- br0 (lns) ======= br0 (client) -- host-b 10.1.0.2
"""

from daemon import Daemon
from lab import check, wait_until
from registry import scenario
from topology import LNS, LNS6, pair

WIRE = {"name": "site", "bridge": {"name": "br0"}, "mtu": 1500}


def wire(**changes):
    return {**WIRE, **changes}


def site(lab, gateway, name, address):
    """A host behind a bridge of the gateway's."""
    host = lab.namespace(name)
    lab.link(gateway, "", host, f"{address}/24", "lan", "lan")
    gateway.ip("link add br0 type bridge")
    gateway.ip("link set lan master br0")
    gateway.ip("link set br0 up")
    return host


def sites(lab):
    lns, client, _ = pair(lab)
    return lns, client, site(lab, lns, "hosta", "10.1.0.1"), site(lab, client, "hostb", "10.1.0.2")


def listener(*wires, transport="udp", **changes):
    return {"kind": "listener", "versions": [3], "listen": {"transports": [transport]},
            "pseudowires": list(wires), **changes}


def dialer(peer, *wires, transport="udp", **changes):
    return {"kind": "client", "autostart": True, "version": 3, "transport": transport,
            "peer": peer, "redial": {"initial": "1s", "max": "2s"}, "pseudowires": list(wires),
            **changes}


def bridged(host, address="10.1.0.2"):
    host.can_ping(address)
    check(host.ping(address, count=3, size=1472, extra=("-M", "do")),
          "frames of 1500 octets come through whole")


def finish(*daemons):
    for daemon in daemons:
        daemon.terminate()
        namespace = daemon.namespace
        wait_until(lambda: not namespace.tunnels() and not namespace.l2tp_sessions(), 20,
                   f"{daemon.name} leaves nothing in the kernel")


def end_to_end(lab, peer, transport, **changes):
    lns, client, host, _ = sites(lab)
    server = Daemon(lns, {"office": listener(wire(), transport=transport, **changes)}, name="lnsd")
    dialing = Daemon(client, {"work": dialer(peer, wire(), transport=transport, **changes)},
                     name="clientd")
    session = dialing.wait_session()
    server.wait_sessions()
    check(session["pseudowire"] == "ethernet" and session["mtu"] == 1500, f"session: {session}")
    tunnel = dialing.tunnels()[0]
    check(tunnel["version"] == 3 and tunnel["encapsulation"] == transport, f"tunnel: {tunnel}")
    bridged(host)
    return lns, client, host, server, dialing, session


@scenario("l2tpv3/udp")
def udp(lab):
    *_, server, dialing, session = end_to_end(lab, LNS, "udp")
    ethernet = session["ethernet"]
    check(ethernet["cookie"] == 8 and ethernet["peer_cookie"] == 8, f"cookies: {ethernet}")
    finish(dialing, server)


@scenario("l2tpv3/ip")
def ip(lab):
    *_, server, dialing, _ = end_to_end(lab, LNS, "ip", tunnel={"secret": "s3cret"})
    finish(dialing, server)


@scenario("l2tpv3/udp6")
def udp6(lab):
    *_, server, dialing, _ = end_to_end(lab, LNS6, "udp", tunnel={"secret": "s", "digest": "md5"})
    finish(dialing, server)


@scenario("l2tpv3/ip6")
def ip6(lab):
    *_, server, dialing, _ = end_to_end(lab, LNS6, "ip")
    finish(dialing, server)


def strangers(lab, office, work):
    lns, client, _ = pair(lab)
    server = Daemon(lns, {"office": office}, name="lnsd")
    return lns, client, server, Daemon(client, {"work": work}, name="clientd")


@scenario("l2tpv3/secret-wrong")
def secret_wrong(lab):
    lns, client, server, dialing = strangers(lab, listener(WIRE, tunnel={"secret": "right"}),
                                             dialer(LNS, WIRE, tunnel={"secret": "wrong"}))
    server.wait_log("wrong")
    check(not lns.tunnels() and not client.tunnels(), "no kernel tunnel for a stranger")
    finish(dialing, server)


@scenario("l2tpv3/unknown-end-id")
def unknown_end_id(lab):
    _, client, server, dialing = strangers(lab, listener(WIRE), dialer(LNS, {"name": "other"}))
    dialing.wait_log('"other"')
    check(not client.l2tp_sessions(), "no session")
    finish(dialing, server)


@scenario("l2tpv3/circuit")
def circuit(lab):
    lns, client, host, _ = sites(lab)
    server = Daemon(lns, {"office": listener(wire(interface="l2a"))}, name="lnsd")
    dialing = Daemon(client, {"work": dialer(LNS, wire(circuit="lan"))}, name="clientd")
    dialing.wait_session()
    bridged(host)
    client.ip("link set lan down")

    def peers_circuit():
        return server.session(server.wait_sessions()[0])["ethernet"]["peer_circuit_active"]

    wait_until(lambda: not peers_circuit(), 20, "the circuit is down at the other end")
    wait_until(lambda: lns.ip_json("link show l2a")[0]["operstate"] == "DORMANT", 20,
               "and the interface is dormant")
    client.ip("link set lan up")
    wait_until(peers_circuit, 20, "it is up again")
    bridged(host)
    finish(dialing, server)


@scenario("l2tpv3/restart")
def restart(lab):
    *_, host, server, dialing, _ = end_to_end(lab, LNS, "udp", tunnel={"hello": "2s"})
    server.terminate()
    server.start()
    wait_until(lambda: dialing.sessions(state="up") and server.sessions(state="up"), 60,
               "the pseudowire is back")
    bridged(host)
    finish(dialing, server)
