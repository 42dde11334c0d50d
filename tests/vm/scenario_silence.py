"""A peer that falls silent at every step: the state goes within its budget, and leaves nothing.

All steps run side by side, each peer with an address of its own:

    client 192.0.2.101, 102, ... -------- 192.0.2.1 lns
"""

from fakepeer import FakePeer
from registry import scenario
from topology import *

TUNNEL = {"hello": "5s", "retransmit": {"initial": "500ms", "max-interval": "2s", "count": 4},
          "setup-timeout": "15s"}
PPP = {"echo": {"interval": "3s", "failures": 2}}
# hello + all retransmissions (0.5 + 1 + 2 + 2 + 2), or setup, LCP's and authentication's own
# (RFC 1661: 10 times 3 s), and room for an emulated machine.
BUDGET = 60

# After these a dialling peer is not heard of any more.
CLIENT_STEPS = ["send SCCRQ", "recv SCCRP", "send SCCCN", "send ICRQ", "recv ICRP", "send ICCN",
                "recv LCP ConfReq", "send LCP ConfReq", "send LCP ConfAck", "LCP opened",
                "recv CHAP Challenge", "send CHAP Response", "AUTH opened", "send IPCP ConfReq",
                "recv IPCP ConfReq", "send IPCP ConfAck", "IPCP opened", "recv LCP EchoReq"]
LNS_STEPS = ["recv SCCRQ", "send SCCRP", "recv SCCCN", "recv ICRQ", "send ICRP", "recv ICCN",
             "recv LCP ConfReq", "send LCP ConfReq", "send LCP ConfAck", "LCP opened",
             "send CHAP Challenge", "recv CHAP Response", "AUTH opened", "recv IPCP ConfReq",
             "send IPCP ConfNak", "send IPCP ConfAck", "IPCP opened", "recv LCP EchoReq"]


@scenario("silence/of-a-client", seconds=200)
def of_a_client(lab):
    lns, host, _ = pair(lab)
    server = Daemon(lns, {"office": listener(auth="chap-md5", tunnel=TUNNEL, ppp=PPP)}, name="lnsd")
    peers = []
    for number, step in enumerate(CLIENT_STEPS):
        address = f"192.0.2.{101 + number}"
        host.ip(f"addr add {address}/24 dev outer")
        peer = FakePeer(host, address, LNS, name=step)
        peer.on(step, "silent")
        peers.append(peer.dial())
    for peer in peers:
        wait_until(lambda: peer.silent, 30, lambda: f"{peer.name} is reached, not only {peer.events}")
    wait_until(lambda: not server.tunnels() and not server.sessions(), BUDGET,
               lambda: f"all state is gone, but {server.tunnels()}")
    lns.wait_clean(ignore=("nft tables", "udp sockets"))
    check(len(lns.objects()["udp sockets"]) <= 2, "only the listener's sockets are left")
    for peer in peers:
        peer.stop()
    gone(lns, host, server)


@scenario("silence/of-an-lns", seconds=200)
def of_an_lns(lab):
    lns, host, _ = pair(lab)
    peers, profiles = [], {}
    for number, step in enumerate(LNS_STEPS):
        address = f"192.0.2.{101 + number}"
        lns.ip(f"addr add {address}/24 dev outer")
        peer = FakePeer(lns, address, CLIENT, role="lns", ask_auth="chap-md5", name=step,
                        pool=f"10.{70 + number}.0.", address=f"10.{70 + number}.0.1")
        peer.on(step, "silent")
        peers.append(peer)
        profiles[f"p{number}"] = client(address, auth=["chap-md5"], tunnel=TUNNEL, ppp=PPP,
                                        redial={"enabled": False})
    dialer = Daemon(host, profiles, name="clientd")
    for peer in peers:
        wait_until(lambda: peer.silent, 30, lambda: f"{peer.name} is reached, not only {peer.events}")
    wait_until(lambda: all(t["state"] in ("failed", "idle") for t in dialer.tunnels()), BUDGET,
               lambda: f"all have failed: {[(t['name'], t['state']) for t in dialer.tunnels()]}")
    for tunnel in dialer.tunnels():
        check((tunnel["last_error"] or {}).get("code") in (
            "no-answer", "peer-silent", "setup-timeout", "echo-timeout", "auth-failed",
            "lcp-failed", "network-failed"), f"{tunnel['name']} says why: {tunnel['last_error']}")
    host.wait_clean(ignore=("nft tables", "udp sockets"))
    for peer in peers:
        peer.stop()
    gone(lns, host, None, dialer)
