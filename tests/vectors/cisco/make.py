#!/usr/bin/env python3
"""Writes the exchanges with Cisco IOS beside it, both directions, octet for octet: make.py [--check]

README.md says what of them is known and from where. Digests, responses and hidden values are computed here and in
make_l2tpv3.py from the RFCs' text, with none of our code. In NAME.txt "router:" and "us:" begin a message,
"do:" is what our owner does; secrets are "secret"; all that we draw at random is 0x22 (a session id then is 0x44444445).
"""

import hashlib
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent))
from make_l2tpv3 import MD5, SHA1, VECTOR, avp, hide, keep, message, u16, u32, u64  # noqa: E402

SCCRQ, SCCRP, SCCCN, STOPCCN, HELLO, ICRQ, ICRP, ICCN, CDN, SLI, ACK = 1, 2, 3, 4, 6, 10, 11, 12, 14, 16, 20
NAMES = {1: "SCCRQ", 2: "SCCRP", 3: "SCCCN", 4: "StopCCN", 6: "HELLO", 10: "ICRQ", 11: "ICRP", 12: "ICCN", 14: "CDN",
         16: "SLI", 20: "ACK"}
SECRET = b"secret"
OUR_ID, OUR_ROUTER_ID, OUR_SESSION, OUR_NONCE = 0x01020304, 0x0A000002, 0x44444445, b"\x22" * 16
OUR_COOKIE, OUR_TIE = b"\x22" * 8, b"\x22" * 8
IOS_ID, IOS_SESSION, IOS_NONCE, IOS_TIE = 0xA6EF0776, 0x5A1B2C3D, b"\x11" * 16, bytes.fromhex("3c1a508b77f271de")
END_ID = b"1234"

# Sent by a router with "encapsulation l2tpv3", without the four zero octets that come first over IP.
OBSERVED_SCCRQ = bytes.fromhex(
    "c80300d90000000000000000"
    "80080000000000018008000000020100800a0000000300000000000e000000053c"
    "1a508b77f271de0008000000061130800e000000076172312e6272753100190000"
    "0008436973636f2053797374656d732c20496e632e80080000000a040000060000"
    "0038000600000039000a0000003c5e8ca002000a0000003da6ef07760018000000"
    "3e000500040006000700010003000a0009000b800a00090001a6ef077680180009"
    "0002000500040006000700010003000a0009000b80080009000a00010006000900"
    "6e00060009006f")
IOS_PSEUDOWIRES = b"".join(u16(kind) for kind in (5, 4, 6, 7, 1, 3, 10, 9, 11))


def cisco(number, value, mandatory=True):
    return avp(number, value, mandatory, vendor=9)


def ios_introduction(draft, tie=False, nonce=None):
    """What the observed SCCRQ says, in its order and with its M bits; without the draft's, M as RFC 3931 wants it."""
    ours = not draft
    out = [avp(2, u16(0x0100)), avp(3, u32(0))]
    out += [avp(5, IOS_TIE, ours)] if tie else []
    out += [avp(6, u16(0x1130), False), avp(7, b"ar1.bru1"), avp(8, b"Cisco Systems, Inc.", False), avp(10, u16(1024))]
    out += [avp(73, nonce)] if nonce else []
    out += [avp(56, b"", False), avp(57, b"", False), avp(60, u32(0x5E8CA002), ours), avp(61, u32(IOS_ID), ours),
            avp(62, IOS_PSEUDOWIRES, ours)]
    if draft:
        out += [cisco(1, u32(IOS_ID)), cisco(2, IOS_PSEUDOWIRES), cisco(10, u16(1)), cisco(110, b"", False),
                cisco(111, b"", False)]
    return out


def our_introduction(draft, nonce=b"", challenge=b"", response=b""):
    types = u16(5) + u16(4)
    out = [avp(7, b"linux"), avp(10, u16(128))]
    out += [avp(11, challenge)] if challenge else []
    out += [avp(13, response)] if response else []
    out += [avp(60, u32(OUR_ROUTER_ID)), avp(61, u32(OUR_ID)), avp(62, types)]
    out += [avp(73, nonce)] if nonce else []
    if draft:
        out += [avp(2, u16(0x0100)), cisco(1, u32(OUR_ID)), cisco(2, types), cisco(10, u16(1))]
    return out


def our_session(draft, remote, cookie=b"", sublayer=None, sequencing=0, circuit=3, before=(), after=(), twins=()):
    out = [*before, avp(63, u32(OUR_SESSION)), avp(64, u32(remote))]
    out += [avp(65, cookie)] if cookie else []
    out += after
    out += [avp(69, u16(sublayer))] if sublayer is not None else []
    out += [avp(70, u16(sequencing))] if sequencing else []
    out += [avp(71, u16(circuit))] if circuit is not None else []
    if draft:
        out += [cisco(3, u32(OUR_SESSION)), cisco(4, u32(remote))]
        out += [cisco(5, cookie)] if cookie else []
        out += twins[:2]
        out += [cisco(8, u16(circuit))] if circuit is not None else []
        out += twins[2:]
    return out


def response(kind, challenge):
    """RFC 2661, 4.2: of the message that carries it."""
    return hashlib.md5(bytes([kind]) + SECRET + challenge).digest()


class Exchange:
    def __init__(self, comment, digest=None):
        self.lines = [f"# {line}" for line in comment.splitlines()] + ["# Written by make.py; see README.md."]
        self.digests = [] if digest is None else [(digest, SECRET)]
        self.sent = {"router": 0, "us": 0}

    def add(self, side, kind, avps=(), note="", raw=None):
        other = "us" if side == "router" else "router"
        to = 0 if kind == SCCRQ else {"router": OUR_ID, "us": IOS_ID}[side]
        nonces = (IOS_NONCE, OUR_NONCE) if side == "router" else (OUR_NONCE, IOS_NONCE)
        octets = raw or message(kind, to, self.sent[side], self.sent[other], avps, self.digests, nonces)
        self.sent[side] += kind != ACK
        self.block(f"{side}: {NAMES[kind]}{', ' if note else ''}{note}", octets)

    def block(self, head, octets):
        self.lines += ["", head] + [octets[at:at + 16].hex(" ") for at in range(0, len(octets), 16)]

    def router(self, kind, *avps, note="", raw=None):
        self.add("router", kind, avps, note, raw)

    def us(self, kind, *avps, note=""):
        self.add("us", kind, avps, note)

    def acknowledge(self, side):
        """A ZLB; with digests RFC 3931 has ACK in its place."""
        if self.digests:
            return self.add(side, ACK)
        other = "us" if side == "router" else "router"
        to = {"router": OUR_ID, "us": IOS_ID}[side]
        octets = b"\xc8\x03" + u16(12) + u32(to) + u16(self.sent[side]) + u16(self.sent[other])
        self.block(f"{side}: ZLB", octets)

    def do(self, what):
        self.lines += ["", f"do: {what}"]

    def text(self):
        return "\n".join(self.lines) + "\n"


def ids(draft, ours=OUR_SESSION):
    """As IOS says them."""
    if draft:
        return [cisco(3, u32(IOS_SESSION)), cisco(4, u32(ours))]
    return [avp(63, u32(IOS_SESSION)), avp(64, u32(ours))]


def end_of_all(x, draft):
    """The port goes down and comes back, "no xconnect", and the tunnel without sessions goes."""
    status = (lambda value: cisco(8, u16(value))) if draft else (lambda value: avp(71, u16(value)))
    x.router(HELLO, note="after \"hello 60\"")
    x.acknowledge("us")
    x.router(SLI, *ids(draft), status(0), note="its port is down")
    x.router(SLI, *ids(draft), status(1), note="and up")
    x.acknowledge("us")
    x.do("circuit down")
    x.us(SLI, *our_session(draft, IOS_SESSION, circuit=0))
    x.do("circuit up")
    x.us(SLI, *our_session(draft, IOS_SESSION, circuit=1))
    x.acknowledge("router")
    x.router(CDN, avp(1, u16(3) + u16(0)), *ids(draft), note="\"no xconnect\"")
    x.router(STOPCCN, *([cisco(1, u32(IOS_ID))] if draft else [avp(61, u32(IOS_ID))]), avp(1, u16(1) + u16(0)))
    x.acknowledge("us")


def dials_us(draft, kind, digest=None, challenge=b""):
    """xconnect 10.0.0.2 1234, where the router is first."""
    x = Exchange(f"IOS dials us: xconnect 10.0.0.2 1234 encapsulation l2tpv3, Ethernet{' VLAN' if kind == 4 else ''}; "
                 f"{'the default protocol' if draft else 'protocol l2tpv3ietf'}"
                 + (f"\nl2tp-class: digest secret secret hash {'md5' if digest == MD5 else 'sha'}" if digest is not None else "")
                 + ("\nl2tp-class: authentication, password secret" if challenge else ""), digest)
    if draft and not challenge:
        x.router(SCCRQ, raw=OBSERVED_SCCRQ, note="observed")
    else:
        extra = [avp(11, challenge)] if challenge else []
        x.router(SCCRQ, *ios_introduction(draft, True, IOS_NONCE if x.digests else None), *extra)
    x.us(SCCRP, *our_introduction(draft, OUR_NONCE if x.digests else b"", OUR_NONCE if challenge else b"",
                                  response(SCCRP, challenge) if challenge else b""))
    x.router(SCCCN, *([avp(13, response(SCCCN, OUR_NONCE))] if challenge else []))
    x.acknowledge("us")
    if draft:
        x.router(ICRQ, avp(15, u32(0xC35F0001)), cisco(3, u32(IOS_SESSION)), cisco(4, u32(0)), cisco(7, u16(kind)),
                 cisco(6, END_ID), cisco(9, IOS_TIE), cisco(14, u16(1500), False))
    else:
        x.router(ICRQ, avp(15, u32(0xC35F0001)), *ids(False, 0), avp(68, u16(kind)), avp(66, END_ID), avp(5, IOS_TIE),
                 avp(71, u16(3)), cisco(14, u16(1500), False))
    x.do("accept, no cookie")
    x.us(ICRP, *our_session(draft, IOS_SESSION))
    x.router(ICCN, *ids(draft))
    end_of_all(x, draft)
    return x


def is_dialled(draft, digest=None, challenge=b""):
    """Our SCCRQ is an RFC's: what the router speaks is known when it has answered."""
    x = Exchange("IOS is dialled by us, answers with \"cookie size 4\""
                 + ("" if draft else " and \"sequencing both\"") + "; "
                 + ("the default protocol" if draft else "protocol l2tpv3ietf")
                 + ("\nl2tp-class: digest secret secret hash sha, hidden" if digest is not None else "")
                 + ("\nl2tp-class: authentication, password secret" if challenge else ""), digest)
    x.do("dial" if draft else "dial with sequencing")
    x.us(SCCRQ, *our_introduction(False, OUR_NONCE if x.digests else b"", OUR_NONCE if challenge else b""))
    more = [avp(11, challenge), avp(13, response(SCCRP, OUR_NONCE))] if challenge else []
    x.router(SCCRP, *ios_introduction(draft, False, IOS_NONCE if x.digests else None), *more)
    x.us(SCCCN, *([avp(13, response(SCCCN, challenge))] if challenge else []))
    sublayer, sequencing = (None, 0) if draft else (1, 2)
    x.us(ICRQ, *our_session(draft, 0, OUR_COOKIE, sublayer, sequencing, 3,
                            before=[avp(5, OUR_TIE), avp(15, u32(1), False)],
                            after=[avp(66, END_ID), avp(68, u16(5))],
                            twins=[cisco(6, END_ID), cisco(7, u16(5)), cisco(9, OUR_TIE)]))
    x.acknowledge("router")
    if draft:
        x.router(ICRP, *ids(True), cisco(5, bytes.fromhex("c00c1e55")))
        x.us(ICCN, *our_session(True, IOS_SESSION, sublayer=0))
    elif digest is None:
        x.router(ICRP, *ids(False), avp(65, bytes.fromhex("c00c1e55")), avp(69, u16(1)), avp(70, u16(2)), avp(71, u16(3)))
        x.us(ICCN, *our_session(False, IOS_SESSION, sublayer=1, sequencing=2))
    else:
        x.router(ICRP, avp(36, VECTOR), hide(63, u32(IOS_SESSION), SECRET, VECTOR), hide(64, u32(OUR_SESSION), SECRET, VECTOR),
                 hide(65, bytes.fromhex("c00c1e55"), SECRET, VECTOR), hide(69, u16(1), SECRET, VECTOR),
                 hide(70, u16(2), SECRET, VECTOR), hide(71, u16(3), SECRET, VECTOR))
        x.us(ICCN, *our_session(False, IOS_SESSION, sublayer=1, sequencing=2))
    end_of_all(x, draft)
    return x


def refuses_our_request():
    """The text is the one that a Linux daemon was told (README.md); the ids in it are ours."""
    x = Exchange("IOS ends the tunnel over an ICRQ that it does not like; the text is as reported by others")
    x.do("dial")
    x.us(SCCRQ, *our_introduction(False))
    x.router(SCCRP, *ios_introduction(False))
    x.us(SCCCN)
    x.us(ICRQ, *our_session(False, 0, OUR_COOKIE, before=[avp(5, OUR_TIE), avp(15, u32(1), False)],
                            after=[avp(66, END_ID), avp(68, u16(5))]))
    x.router(STOPCCN, avp(61, u32(IOS_ID)), avp(1, u16(2) + u16(8) + b"unsupported mandatory vendor AVP"))
    x.acknowledge("us")
    return x


EXCHANGES = {
    "default_dials_us": dials_us(True, 5),
    "default_dials_us_vlan": dials_us(True, 4),
    "default_dials_us_authentication": dials_us(True, 5, challenge=b"\x33" * 16),
    "default_is_dialled": is_dialled(True),
    "default_is_dialled_authentication": is_dialled(True, challenge=b"\x33" * 16),
    "rfc_dials_us": dials_us(False, 5),
    "rfc_dials_us_digest_md5": dials_us(False, 5, MD5),
    "rfc_is_dialled": is_dialled(False),
    "rfc_is_dialled_digest_sha_hidden": is_dialled(False, SHA1),
    "rfc_refuses_our_request": refuses_our_request(),
}

if __name__ == "__main__":
    sys.exit(keep({HERE / f"{name}.txt": exchange.text() for name, exchange in EXCHANGES.items()}))
