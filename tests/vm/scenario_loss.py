"""Bad networks: netem on everything between client and LNS. See topology.py."""

from registry import scenario
from topology import *

COUNT = 50


def _fifty(lab, rule, captured=False):
    lns, host, link = pair(lab)
    capture = lns.capture("outer") if captured else None
    link.netem_both(rule)
    users = {f"u{n}": "pw" for n in range(COUNT)}
    server = Daemon(lns, {"office": listener(users=users, limits={"sccrq-per-source": 1000})},
                    name="lnsd", log_level="info")
    dialer = Daemon(host, {f"p{n}": client(LNS, f"u{n}", "pw") for n in range(COUNT)},
                    name="clientd", log_level="info")
    up = dialer.wait_sessions(COUNT, seconds=200)
    lab.note(f"{COUNT} sessions with {rule}")
    link.netem_both("")
    server.wait_sessions(COUNT, seconds=60)
    for session in up[::10]:
        # Up is what IPv6 alone is, too: IPCP's next retransmission gets through.
        host.can_ping(INNER, extra=("-I", session["interface"]))
    # Tunnels of attempts that were lost may still linger at the LNS; they go.
    gone(lns, host, server, dialer)
    if capture:
        capture.assert_clean(LNS, CLIENT)


for loss in (5, 20, 30):
    scenario(f"loss/{loss}-percent", seconds=300, captures=loss == 20)(
        lambda lab, loss=loss: _fifty(lab, f"loss {loss}% delay 10ms", loss == 20))
scenario("loss/reordered", seconds=300)(
    lambda lab: _fifty(lab, "delay 30ms 20ms reorder 30% 50%"))
scenario("loss/duplicated", seconds=300)(
    lambda lab: _fifty(lab, "duplicate 40% delay 5ms"))
