"""Each direction with each authentication, MPPE, tunnel secret, hidden AVPs and passwords, pairwise.

    client 192.0.2.2 -------- 192.0.2.1 lns       (either end is ours or xl2tpd with pppd)
"""

from itertools import product

from registry import scenario
from topology import *
from xl2tpd import Xl2tpdLac, Xl2tpdLns

# authentication, MPPE, tunnel secret, hidden AVPs, password: every pair of values that can occur
# together is in some row. Hiding needs a secret, MPPE needs MS-CHAP.
ROWS = [
    ("pap", None, None, False, "right"),
    ("pap", None, "right", True, "right"),
    ("pap", None, None, False, "wrong"),
    ("pap", None, "wrong", False, "right"),
    ("chap-md5", None, "right", False, "right"),
    ("chap-md5", None, "right", True, "wrong"),
    ("chap-md5", None, None, False, "right"),
    ("mschap", None, None, False, "wrong"),
    ("mschap", "128", "right", False, "right"),
    ("mschap", "40", None, False, "right"),
    ("mschapv2", None, "right", True, "right"),
    ("mschapv2", None, None, False, "right"),
    ("mschapv2", "128", None, False, "right"),
    ("mschapv2", "128", "right", True, "right"),
    ("mschapv2", "40", "right", False, "right"),
    ("mschapv2", "128-stateful", None, False, "right"),
    ("mschapv2", "40-stateful", "right", True, "right"),
    ("mschapv2", "128", "wrong", True, "right"),
    ("mschapv2", "128", None, False, "wrong"),
]
DIRECTIONS = ["ours-ours", "ours-xl2tpd", "xl2tpd-ours"]
SMOKE = {("mschapv2", "128", None, False, "right"), ("chap-md5", None, "right", False, "right"),
         ("pap", None, None, False, "right")}


def _case(lab, direction, auth, mppe, secret, hidden, password):
    lns, host, _ = pair(lab)
    capture = lns.capture("outer")
    dialling, answering = direction.split("-")
    lns_secret = "s3cret" if secret else None
    client_secret = {"right": "s3cret", "wrong": "other"}.get(secret)
    given = "wonderland" if password == "right" else "looking-glass"

    if answering == "ours":
        server = Daemon(lns, {"office": listener(auth=auth, mppe=mppe, tunnel_secret=lns_secret,
                                                 hidden=hidden)}, name="lnsd")
    else:
        server = Xl2tpdLns(lns, auth=auth, mppe=mppe, tunnel_secret=lns_secret, hidden=hidden)
    if dialling == "ours":
        dialer = Daemon(host, {"work": client(LNS, auth=auth, mppe=mppe, password=given,
                                              tunnel_secret=client_secret, hidden=hidden)},
                        name="clientd")
    else:
        # With two wrong secrets xl2tpd, which sees our proof first, ends it: let both judge once.
        dialer = Xl2tpdLac(host, LNS, mppe=mppe, password=given, tunnel_secret=client_secret,
                           hidden=hidden, challenge=secret != "wrong" or hidden)

    if secret == "wrong":
        if dialling == "ours":
            dialer.wait_error("tunnel-auth-failed")
        else:
            server.wait_log("by peer .*Invalid challenge authentication" if hidden else
                            "ended: tunnel-auth-failed")
    elif password == "wrong":
        if dialling == "ours":
            dialer.wait_error("auth-failed")
        else:
            server.wait_log("ended: auth-failed")
            dialer.wait_log("authentication failed")
    if secret == "wrong" or password == "wrong":
        for end, space in ((server, lns), (dialer, host)):
            if isinstance(end, Daemon):
                check(not [s for s in end.sessions() if s["state"] == "up"], "no session is up")
                check(not space.l2tp_sessions() and not space.ppp_interfaces(),
                      f"{space.short}: nothing in the kernel for a stranger")
    else:
        for end in (dialer, server):
            if isinstance(end, Daemon):
                session = end.wait_session()
                check(all(bool(state) == bool(mppe) for state in session["mppe"].values()),
                      f"mppe: {session['mppe']}")
            else:
                end.wait_session()
        in_kernel(lns, host)
        carries(host, INNER)
        tcp_both_ways(host, lns, INNER)
        carries(host, INNER)
    for end, space in ((dialer, host), (server, lns)):
        if isinstance(end, Daemon):
            end.terminate()
            wait_until(lambda: not space.ppp_interfaces(), 15, "no interface is left")
    capture.assert_clean(*([CLIENT] if dialling == "ours" else []),
                         *([LNS] if answering == "ours" else []))


def _register(direction, row):
    words = [row[0], row[1] and f"mppe{row[1]}", row[2] and f"secret-{row[2]}", row[3] and "hidden",
             row[4] == "wrong" and "password-wrong"]
    name = f"interop/{direction}/" + "+".join(word for word in words if word)

    @scenario(name, smoke=row in SMOKE, captures=True)
    def case(lab):
        _case(lab, direction, *row)


for direction, row in product(DIRECTIONS, ROWS):
    # pppd has no 40-bit MPPE with MS-CHAP v1 ("MS-CHAP LM not supported").
    if direction == "ours-ours" or row[:2] != ("mschap", "40"):
        _register(direction, row)


def _lossy(lab, direction, mppe):
    """MPPE under loss and reordering: a stateless key survives, a stateful one is resynchronised."""
    lns, host, link = pair(lab)
    if direction == "xl2tpd-ours":
        server = Daemon(lns, {"office": listener(auth="mschapv2", mppe=mppe)}, name="lnsd")
        Xl2tpdLac(host, LNS, mppe=mppe).wait_session()
        server.wait_session()
    else:
        if direction == "ours-ours":
            Daemon(lns, {"office": listener(auth="mschapv2", mppe=mppe)}, name="lnsd")
        else:
            Xl2tpdLns(lns, auth="mschapv2", mppe=mppe)
        Daemon(host, {"work": client(LNS, auth="mschapv2", mppe=mppe)},
               name="clientd").wait_session()
    carries(host, INNER)
    link.netem_both("loss 1% delay 3ms reorder 2% 25%")
    # Until a stateful key is resynchronised everything is lost, and TCP, too, needs its time then.
    rates = tcp_both_ways(host, lns, INNER, seconds=6, longest_pause=mppe.count("stateful"))
    lab.note(f"{rates} bit/s")
    link.netem_both("")
    host.can_ping(INNER, 20)


for direction, mppe in product(DIRECTIONS, ("128", "128-stateful")):
    scenario(f"interop/{direction}/mppe{mppe}-lossy")(
        lambda lab, direction=direction, mppe=mppe: _lossy(lab, direction, mppe))
