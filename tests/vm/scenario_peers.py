"""The real peers against one another: when these fail, the others' failures are not ours.

    lac 192.0.2.2 ------ 192.0.2.1 lns
"""

from fakepeer import FakePeer
from lab import check
from registry import scenario
from xl2tpd import Xl2tpdLac, Xl2tpdLns


def _peers(lab, auth, mppe, secret=None, hidden=False):
    lns, lac = lab.namespace("lns"), lab.namespace("lac")
    lab.link(lns, "192.0.2.1/24", lac, "192.0.2.2/24")
    server = Xl2tpdLns(lns, auth=auth, mppe=mppe, tunnel_secret=secret, hidden=hidden)
    client = Xl2tpdLac(lac, "192.0.2.1", mppe=mppe, tunnel_secret=secret, hidden=hidden)
    client.wait_session()
    server.wait_session()
    check(lac.ping("10.64.0.1"), "ping through the session")
    client.assert_kernel_mode()
    server.assert_kernel_mode()
    if mppe:
        client.wait_log(r"MPPE \d+-bit")


@scenario("peers/mschapv2-mppe", smoke=True)
def mschapv2_mppe(lab):
    _peers(lab, "mschapv2", "128")


@scenario("peers/chap-tunnel-secret", smoke=True)
def chap_secret(lab):
    _peers(lab, "chap-md5", None, secret="s3cret")


@scenario("peers/pap")
def pap(lab):
    _peers(lab, "pap", None)


@scenario("peers/fake-client")
def fake_client(lab):
    lns, lac = lab.namespace("lns"), lab.namespace("lac")
    lab.link(lns, "192.0.2.1/24", lac, "192.0.2.2/24")
    Xl2tpdLns(lns, auth="chap-md5", tunnel_secret="s3cret")
    peer = FakePeer(lac, "192.0.2.2", "192.0.2.1", tunnel_secret="s3cret").dial()
    peer.wait_up()[0].ping("10.64.0.1")


@scenario("peers/fake-lns")
def fake_lns(lab):
    lns, lac = lab.namespace("lns"), lab.namespace("lac")
    lab.link(lns, "192.0.2.1/24", lac, "192.0.2.2/24")
    peer = FakePeer(lns, "192.0.2.1", "192.0.2.2", role="lns", ask_auth="chap-md5")
    Xl2tpdLac(lac, "192.0.2.1").wait_session()
    peer.wait_up()
    check(lac.ping("10.64.0.1"), "ping")
