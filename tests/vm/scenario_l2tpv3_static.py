"""L2TPv3 tunnels without a control connection: ours at one end, `ip l2tp` at the other."""

from daemon import Daemon
from lab import check, wait_until
from registry import scenario
from scenario_l2tpv3 import bridged, sites
from topology import CLIENT, CLIENT6, LNS, LNS6

COOKIES = "0011223344556677", "8899aabb"


def by_hand(namespace, encapsulation, local, remote, cookies=True, sublayer=True):
    """The other end, as iproute2 makes it."""
    ports = "udp_sport 5000 udp_dport 5000" if encapsulation == "udp" else ""
    namespace.ip(f"l2tp add tunnel tunnel_id 8 peer_tunnel_id 7 encap {encapsulation} {ports} "
                 f"local {local} remote {remote}")
    # What is sent is called "cookie" there, what is expected "peer_cookie".
    secrets = f"cookie {COOKIES[0]} peer_cookie {COOKIES[1]}" if cookies else ""
    namespace.ip(f"l2tp add session name l2k0 tunnel_id 8 session_id 80 peer_session_id 70 "
                 f"{secrets} {'' if sublayer else 'l2spec_type none'}")
    namespace.ip("link set l2k0 mtu 1500 master br0 up")


def profile(transport, local, peer, cookies=True, **session):
    port = {"port": 5000} if transport == "udp" else {}
    return {
        "kind": "static", "transport": transport, "tunnel-id": 7, "peer-tunnel-id": 8,
        "local": {"address": local, **port}, "peer": {"address": peer, **port},
        "sessions": [{"session-id": 70, "peer-session-id": 80, "interface": "l2s0", "mtu": 1500,
                      **({"receive-cookie": COOKIES[0], "send-cookie": COOKIES[1]} if cookies else {}),
                      "bridge": {"name": "br0"}, **session}]}


def beside_iproute2(lab, transport, ours, theirs, sublayer=True):
    lns, client, host, _ = sites(lab)
    by_hand(lns, transport, theirs, ours, sublayer=sublayer)
    daemon = Daemon(client, {"fixed": profile(transport, ours, theirs,
                                              sublayer="default" if sublayer else "none")},
                    name="clientd")
    session = daemon.session(daemon.wait_sessions()[0])
    ethernet = session["ethernet"]
    check(ethernet["cookie"] == 8 and ethernet["peer_cookie"] == 4 and
          ethernet["sublayer"] == sublayer and session["mtu"] == 1500, f"session: {session}")
    bridged(host)
    return client, host, daemon


@scenario("l2tpv3/static", smoke=True)
def static(lab):
    """It outlives the daemon, however that ends, is put right, and goes with its profile."""
    client, host, ours = beside_iproute2(lab, "udp", CLIENT, LNS)

    def made():
        return client.ip_json("link show l2s0")[0]["ifindex"]

    before = made()
    for end in (ours.terminate, ours.kill9):
        end()
        check(client.tunnels(), "the tunnel outlives the daemon")
        bridged(host)
        ours.start()
        ours.wait_sessions()
        check(made() == before, "what is right is left alone")
    client.ip("l2tp del session tunnel_id 7 session_id 70")
    wait_until(lambda: client.l2tp_sessions() and made() != before, 20, "it is made again")
    bridged(host)
    # A foreign one is left alone.
    client.ip(f"l2tp add tunnel tunnel_id 9 peer_tunnel_id 9 encap ip local {CLIENT} remote {LNS}")
    ours.remove_profile("fixed")
    ours.reload()
    wait_until(lambda: [row["tunnel_id"] for row in client.tunnels()] == [9], 20,
               "it goes with its profile, and nothing else does")
    ours.terminate()


@scenario("l2tpv3/static-gone-meanwhile")
def gone_meanwhile(lab):
    """A profile that is taken away while no daemon runs takes its tunnel along at the next start."""
    client, _, ours = beside_iproute2(lab, "ip", CLIENT, LNS, sublayer=False)
    ours.kill9()
    ours.remove_profile("fixed")
    check(client.tunnels(), "the tunnel outlives the daemon")
    ours.start()
    wait_until(lambda: not client.tunnels(), 20, "it is gone")
    ours.terminate()


@scenario("l2tpv3/static-udp6")
def udp6(lab):
    *_, ours = beside_iproute2(lab, "udp", CLIENT6, LNS6, sublayer=False)
    ours.terminate()


@scenario("l2tpv3/static-ip6")
def ip6(lab):
    *_, ours = beside_iproute2(lab, "ip", CLIENT6, LNS6)
    ours.terminate()


@scenario("l2tpv3/static-late-bridge")
def late_bridge(lab):
    """What is missing is said, and tried again; a cookie that is wrong lets nothing through."""
    lns, client, host, _ = sites(lab)
    by_hand(lns, "udp", LNS, CLIENT)
    ours = Daemon(client, {"fixed": profile("udp", CLIENT, LNS, bridge={"name": "br7"},
                                            **{"receive-cookie": "0011223344556678"})},
                  name="clientd")
    wait_until(lambda: "br7" in str(ours.tunnel("fixed")["last_error"]), 20, "it is named")
    client.ip("link add br7 type bridge")
    client.ip("link set br7 up")
    client.ip("link set lan master br7")
    ours.wait_sessions()
    check(not host.ping("10.1.0.2", count=1, extra=("-W", "2")), "a wrong cookie is not believed")
    ours.write_profile("fixed", profile("udp", CLIENT, LNS, bridge={"name": "br7"}))
    ours.reload()
    bridged(host)
    ours.terminate()
