"""L2TPv3 pseudowires in every form that two of our daemons can agree on, and what they cannot.

The hosts of topology.py are the ends of the pseudowires themselves: 10.2.N.1 and 10.2.N.2.
"""

import json

from daemon import Daemon, client, listener as ppp_listener
from lab import check, wait_until
from registry import scenario
from scenario_l2tpv3 import dialer, finish, listener
from topology import CLIENT, CLIENT6, INNER, LNS, LNS6, carries, pair

COOKIES = (0, 4, 8)
FRAMINGS = ({}, {"sublayer": "default"}, {"sequencing": "send"}, {"sequencing": "require"})
# Control messages over UDP and IP, whose session id is zero.
CONTROL = ("(udp and udp[8] & 0x80 != 0) or (ip proto 115 and ip[20:4] = 0) or "
           "(ip6 proto 17 and ip6[48] & 0x80 != 0) or (ip6 proto 115 and ip6[40:4] = 0)")


def forms():
    """Both ends' pseudowires: every pair of cookies and every pair of framings at least once."""
    for number in range(18):
        theirs, ours = COOKIES[number % 3], COOKIES[number // 3 % 3]
        left, right = FRAMINGS[number % 4], FRAMINGS[number // 4 % 4]
        wire = {"name": f"w{number}", "interface": f"wire{number}"}
        yield {**wire, "cookie": theirs, **left}, {**wire, "cookie": ours, **right}


def wants(wire, key):
    numbers = wire.get("sequencing")
    return {"sublayer": bool(numbers) or "sublayer" in wire, "send": bool(numbers),
            "receive": numbers == "require"}[key]


def check_form(session, mine, other, asks):
    """What one end says of a pseudowire that both have agreed on. Who answers takes the sublayer
    that was asked for, unless it needs numbers."""
    ethernet = session["ethernet"]
    sublayer = wants(asks, "sublayer") or wants(mine, "receive") or wants(other, "receive")
    expected = {
        "cookie": mine["cookie"], "peer_cookie": other["cookie"], "sublayer": sublayer,
        "send_sequence": sublayer and (wants(mine, "send") or wants(other, "receive")),
        "receive_sequence": wants(mine, "receive")}
    seen = {key: ethernet[key] for key in expected}
    check(seen == expected, f"{mine} with {other} became {seen}, not {expected}")


def all_forms(lab, peer, transport, server_tunnel, dialer_tunnel):
    lns, host, _ = pair(lab)
    both = list(forms())
    capture = lns.capture("outer", CONTROL) if "secret" not in server_tunnel else None
    server = Daemon(lns, {"office": listener(*(left for left, _ in both), transport=transport,
                                             tunnel=server_tunnel)}, name="lnsd")
    dialing = Daemon(host, {"work": dialer(peer, *(right for _, right in both),
                                           transport=transport, tunnel=dialer_tunnel)},
                     name="clientd")
    ours = {row["interface"]: row for row in dialing.wait_sessions(len(both), seconds=90)}
    theirs = {row["interface"]: row for row in server.wait_sessions(len(both))}
    for number, (left, right) in enumerate(both):
        name = f"wire{number}"
        check_form(server.session(theirs[name]), left, right, right)
        check_form(dialing.session(ours[name]), right, left, right)
        lns.ip(f"addr add 10.2.{number}.1/24 dev {name}")
        host.ip(f"addr add 10.2.{number}.2/24 dev {name}")
        host.can_ping(f"10.2.{number}.1")
    for number in range(len(both)):
        check(host.ping(f"10.2.{number}.1"), f"wire{number}: {both[number]}")
    finish(dialing, server)
    if capture:
        capture.assert_clean(*((LNS6, CLIENT6) if ":" in peer else (LNS, CLIENT)))


@scenario("l2tpv3/forms-udp")
def forms_udp(lab):
    all_forms(lab, LNS, "udp", {}, {})


@scenario("l2tpv3/forms-udp6")
def forms_udp6(lab):
    all_forms(lab, LNS6, "udp", {"secret": "s3cret", "digest": "md5"},
              {"secret": "s3cret", "digest": "sha1"})


@scenario("l2tpv3/forms-ip", smoke=True)
def forms_ip(lab):
    all_forms(lab, LNS, "ip", {}, {})


@scenario("l2tpv3/forms-ip6")
def forms_ip6(lab):
    all_forms(lab, LNS6, "ip", {"secret": "s3cret", "hide-avps": True},
              {"secret": "s3cret", "hide-avps": True})


@scenario("l2tpv3/digests")
def digests(lab):
    """Every kind of Message Digest, and a secret that is being replaced."""
    lns, host, _ = pair(lab)
    lns.ip("addr add 192.0.2.11/24 dev outer")
    open_ones = {"none": {}, "md5": {"digest": "md5"}, "sha1": {"digest": "sha1"}}
    locked = {"hmac-md5": {"secret": "new", "digest": "md5"}, "hmac-sha1": {"secret": "new"},
              "hidden": {"secret": "new", "hide-avps": True}, "old": {"secret": "old"}}

    def wires(names):
        return [{"name": name} for name in names]

    office = listener(*wires(open_ones))
    office["listen"]["addresses"] = [LNS]
    vault = listener(*wires(locked), tunnel={"secret": "new", "second-secret": "old"})
    vault["listen"]["addresses"] = ["192.0.2.11"]
    server = Daemon(lns, {"office": office, "vault": vault}, name="lnsd")
    profiles = {name: dialer(LNS, {"name": name}, tunnel=tunnel)
                for name, tunnel in open_ones.items()}
    profiles |= {name: dialer("192.0.2.11", {"name": name}, tunnel=tunnel)
                 for name, tunnel in locked.items()}
    dialing = Daemon(host, profiles, name="clientd")
    dialing.wait_sessions(len(profiles), seconds=60)
    server.wait_sessions(len(profiles))
    seen = {row["name"]: dialing.tunnel(row["name"])["control"] for row in dialing.tunnels()}
    for name in profiles:
        check(seen[name]["digests_wrong"] == 0 and seen[name]["peer_authenticated"] ==
              (name in locked), f"{name}: {seen[name]}")
    finish(dialing, server)


def failures(daemon):
    status, text = daemon.ctl_text("dump", "failures")
    check(status == 0, f"dump failures: {text}")
    return [json.loads(line) for line in text.splitlines()]


@scenario("l2tpv3/mismatches")
def mismatches(lab):
    """What does not fit is refused with the result code of RFC 3931 or 4667 and a text that names
    it, which both ends know afterwards."""
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(
        {"name": "vlan", "type": "ethernet-vlan", "vlan": 7}, {"name": "mtu", "mtu": 1400},
        {"name": "theirs", "peer": "other"}, {"name": "good"},
        peers=[{"name": "other", "match": {"host-name": "other"}}])}, name="lnsd")
    dialing = Daemon(host, {"work": dialer(
        LNS, {"name": "vlan"}, {"name": "mtu", "mtu": 1500}, {"name": "theirs"},
        {"name": "unknown"}, {"name": "good"}),
        "again": dialer(LNS, {"name": "good", "interface": "again0"}, autostart=False)},
        name="clientd")
    dialing.wait_sessions()
    dialing.up("again")
    expected = {"vlan": (14, "pseudowire type"), "mtu": (23, "MTU 1400 there, 1500 here"),
                "theirs": (25, '"theirs"'), "unknown": (24, '"unknown"'), "good": (4, '"good"')}

    def told():
        found = set()
        for failure in failures(dialing):
            wire, cause = failure["details"].get("pseudowire"), failure["cause"]
            code, text = expected.get(wire, (0, ""))
            # Who asked sees the other's MTU first.
            if cause["result"] == code and text in cause["message"] and \
                    cause["by_peer"] == (wire != "mtu"):
                found.add(wire)
        return found

    wait_until(lambda: told() == set(expected), 60, lambda: f"the reasons are known here: {told()}")
    for _, text in expected.values():
        check(text in server.log(), f"{text} is in the log there")
    status, text = dialing.ctl_text("why", LNS)
    check(status == 0, f"why: {text}")
    check(len(host.l2tp_sessions()) == 1, "only what fits is there")
    finish(dialing, server)


@scenario("l2tpv3/secrets-differ")
def secrets_differ(lab):
    """A wrong secret, none at all where one is wanted, and one where none is known."""
    lns, host, _ = pair(lab)
    lns.ip("addr add 192.0.2.11/24 dev outer")
    fast = {"setup-timeout": "4s", "retransmit": {"initial": "300ms", "count": 3}}
    office = listener({"name": "site"})
    office["listen"]["addresses"] = [LNS]
    vault = listener({"name": "site"}, tunnel={"secret": "right"})
    vault["listen"]["addresses"] = ["192.0.2.11"]
    server = Daemon(lns, {"office": office, "vault": vault}, name="lnsd")
    wire = {"name": "site"}
    dialing = Daemon(host, {
        "wrong": dialer("192.0.2.11", wire, tunnel={"secret": "wrong", **fast}),
        "none": dialer("192.0.2.11", wire, tunnel=fast),
        "unasked": dialer(LNS, wire, tunnel={"secret": "right", **fast})}, name="clientd")

    def error(name):
        return (dialing.tunnel(name).get("last_error") or {})

    for name in ("wrong", "none", "unasked"):
        wait_until(lambda: error(name).get("message"), 60, f"{name} fails with a text")
        lab.note(f"{name}: {error(name)}")
    check(error("none")["result"] == 4 and error("none")["by_peer"], f"none: {error('none')}")
    check(not lns.tunnels() and not host.tunnels(), "no kernel tunnel for strangers")
    finish(dialing, server)


# --- PPP ------------------------------------------------------------------------------------------

def ppp_over(lab, peer, transport, **changes):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": {**ppp_listener(), "versions": [3],
                                     "listen": {"transports": [transport]}}}, name="lnsd")
    dialing = Daemon(host, {"work": client(peer, version=3, transport=transport, **changes)},
                     name="clientd")
    session = dialing.wait_session()
    server.wait_sessions()
    check(session["pseudowire"] == "ppp" and dialing.tunnels()[0]["version"] == 3,
          f"PPP in version 3: {session}")
    carries(host, INNER)
    finish(dialing, server)


@scenario("l2tpv3/ppp-udp")
def ppp_udp(lab):
    ppp_over(lab, LNS, "udp")


@scenario("l2tpv3/ppp-ip")
def ppp_ip(lab):
    ppp_over(lab, LNS, "ip", tunnel={"digest": "md5"})


@scenario("l2tpv3/ppp-ip6")
def ppp_ip6(lab):
    ppp_over(lab, LNS6, "ip", **{"data-sequencing": "want"})


@scenario("l2tpv3/versions")
def versions(lab):
    """Version 2, version 3 and who can do both on one port of one listener; and a listener that
    knows version 2 only."""
    lns, host, _ = pair(lab)
    lns.ip("addr add 192.0.2.11/24 dev outer")
    users = {name: "wonderland" for name in ("two", "three", "either", "fallback")}
    server = Daemon(lns, {
        "office": {**ppp_listener(LNS, users=users), "versions": [2, 3],
                   "pseudowires": [{"name": "site"}, {"name": "ppp", "type": "ppp"}]},
        "old": ppp_listener("192.0.2.11", users=users, pool="10.65.0.10-10.65.0.20",
                            local="10.65.0.1")}, name="lnsd")
    dialing = Daemon(host, {
        "two": client(LNS, user="two"),
        "three": client(LNS, user="three", version=3, pseudowires=[{"name": "ppp", "type": "ppp"}]),
        "either": client(LNS, user="either", version="3-then-2",
                         pseudowires=[{"name": "ppp", "type": "ppp"}]),
        "fallback": client("192.0.2.11", user="fallback", version="3-then-2"),
        "bridge": dialer(LNS, {"name": "site"})}, name="clientd")
    dialing.wait_sessions(5, seconds=60)
    server.wait_sessions(5)
    seen = {row["name"]: row["version"] for row in dialing.tunnels()}
    check(seen == {"two": 2, "three": 3, "either": 3, "fallback": 2, "bridge": 3},
          f"versions: {seen}")
    carries(host, INNER)
    finish(dialing, server)
