#!/usr/bin/env python3
"""Computes the L2TPv3 vectors beside it from RFC 3931's text, with Python's hmac and hashlib and none of
our code: make_l2tpv3.py [--check]

Writes l2tpv3_NAME.hex; with --check it only compares. Secrets are "secret" and "older", nonces 16 octets
of 0x11 (who sends SCCRQ) and 0x22 (who answers).
"""

import hashlib
import hmac
import struct
import sys
from pathlib import Path

HERE = Path(__file__).resolve().parent
MD5, SHA1 = 0, 1
ALGORITHM = {MD5: ("md5", 16), SHA1: ("sha1", 20)}
INITIATOR, RESPONDER = b"\x11" * 16, b"\x22" * 16


def avp(number, value, mandatory=True, hidden=False, vendor=0):
    flags = (0x8000 if mandatory else 0) | (0x4000 if hidden else 0)
    return struct.pack("!HHH", flags | (6 + len(value)), vendor, number) + value


def u16(value):
    return struct.pack("!H", value)


def u32(value):
    return struct.pack("!I", value)


def u64(value):
    return struct.pack("!Q", value)


def shared_key(secret, purpose):
    """5.4.1 (purpose 2) and 5.3 (purpose 1): HMAC_MD5 (shared_secret, purpose), one octet."""
    return hmac.new(secret, bytes([purpose]), hashlib.md5).digest()


def message(kind, connection, ns, nr, avps, digests=(), nonces=(b"", b""), version=3):
    """digests: (type, secret) each; nonces: the sender's, then the receiver's, none for SCCRQ."""
    def build(values):
        body = avp(0, u16(kind))
        for value in values:
            body += avp(59, value, mandatory=version == 3)
        body += b"".join(avps)
        return struct.pack("!HHIHH", 0xC800 | version, 12 + len(body), connection, ns, nr) + body

    zeroed = build([bytes([kind_]) + bytes(ALGORITHM[kind_][1]) for kind_, _ in digests])
    covered = (b"" if kind == 1 else nonces[0] + nonces[1]) + zeroed
    values = []
    for kind_, secret in digests:
        name, size = ALGORITHM[kind_]
        digest = hmac.new(shared_key(secret, 2), covered, getattr(hashlib, name)).digest()
        assert len(digest) == size
        values.append(bytes([kind_]) + digest)
    return build(values)


def hide(number, value, secret, vector):
    """5.3, without padding."""
    key = shared_key(secret, 1)
    clear = u16(len(value)) + value
    out, block = b"", hashlib.md5(u16(number) + key + vector).digest()
    for at in range(0, len(clear), 16):
        chunk = bytes(a ^ b for a, b in zip(clear[at:at + 16], block))
        out += chunk
        block = hashlib.md5(key + chunk).digest()
    return avp(number, out, hidden=True)


def introduction(host, router, connection, nonce, mandatory=True):
    return [avp(7, host), avp(10, u16(128)), avp(60, u32(router), mandatory),
            avp(61, u32(connection), mandatory), avp(62, u16(5) + u16(4), mandatory),
            avp(73, nonce, mandatory)]


VECTOR = bytes(range(16))
ICRQ = [avp(5, u64(0x0123456789ABCDEF)), avp(15, u32(1), False), avp(63, u32(0x11223344)), avp(64, u32(0)),
        avp(65, bytes(range(0xA0, 0xA8))), avp(66, b"1234"), avp(68, u16(5)), avp(69, u16(1)), avp(70, u16(2)),
        avp(71, u16(3)), avp(74, u64(10**10), False), avp(75, u64(10**9), False)]
MESSAGES = {
    "sccrq_md5": ("SCCRQ, HMAC-MD5 with \"secret\", no nonces in the digest",
                  message(1, 0, 0, 0, introduction(b"pe1", 0xC0000201, 0x12345678, INITIATOR), [(MD5, b"secret")])),
    "sccrq_sha1": ("the same with HMAC-SHA-1",
                   message(1, 0, 0, 0, introduction(b"pe1", 0xC0000201, 0x12345678, INITIATOR), [(SHA1, b"secret")])),
    "sccrp_md5": ("its SCCRP: the responder's nonce, then the initiator's",
                  message(2, 0x12345678, 0, 1, introduction(b"pe2", 0xC0000202, 0x9ABCDEF0, RESPONDER),
                          [(MD5, b"secret")], (RESPONDER, INITIATOR))),
    "scccn_md5": ("SCCCN: the initiator's nonce, then the responder's",
                  message(3, 0x9ABCDEF0, 1, 1, [], [(MD5, b"secret")], (INITIATOR, RESPONDER))),
    "ack_md5": ("explicit acknowledgement from the responder",
                message(20, 0x12345678, 1, 2, [], [(MD5, b"secret")], (RESPONDER, INITIATOR))),
    "icrq_sha1": ("ICRQ from the initiator, HMAC-SHA-1",
                  message(10, 0x9ABCDEF0, 2, 1, ICRQ, [(SHA1, b"secret")], (INITIATOR, RESPONDER))),
    "icrq_sha1_two": ("the same during a rollover: two digests, of \"secret\" and of \"older\"",
                      message(10, 0x9ABCDEF0, 2, 1, ICRQ, [(SHA1, b"secret"), (SHA1, b"older")],
                              (INITIATOR, RESPONDER))),
    "icrp_hidden": ("ICRP from the responder, all that may be is hidden under the key of \"secret\", Random Vector 00..0f",
                    message(11, 0x12345678, 1, 3,
                            [avp(36, VECTOR), hide(63, u32(0x55667788), b"secret", VECTOR),
                             hide(64, u32(0x11223344), b"secret", VECTOR),
                             hide(65, bytes(range(0xB0, 0xB8)), b"secret", VECTOR), hide(71, u16(3), b"secret", VECTOR)],
                            [(MD5, b"secret")], (RESPONDER, INITIATOR))),
    "hello_integrity": ("HELLO with nothing but the integrity check of 4.3: empty secret, empty nonces",
                        message(6, 0x9ABCDEF0, 7, 9, [], [(MD5, b"")])),
    "sccrq_v2": ("SCCRQ of version 2 that offers version 3 (4.7.3); Protocol Version, Framing Capabilities and "
                 "Assigned Tunnel ID are L2TPv2's",
                 message(1, 0, 0, 0,
                         [avp(2, b"\x01\x00"), avp(3, u32(3)), avp(7, b"pe1"), avp(9, u16(0x1234)), avp(10, u16(128)),
                          avp(60, u32(0xC0000201), False), avp(61, u32(0x1234), False),
                          avp(62, u16(5) + u16(7), False), avp(73, INITIATOR, False)],
                         [(MD5, b"secret")], version=2)),
}


def text(comment, octets):
    lines = [f"# RFC 3931: {comment}.", "# Computed by make_l2tpv3.py, independently of the code."]
    lines += [octets[at:at + 16].hex(" ") for at in range(0, len(octets), 16)]
    return "\n".join(lines) + "\n"


def keep(files):
    """files: path to text. Writes what differs, or with --check only says so; the exit status."""
    changed = [path for path, wanted in files.items() if not path.exists() or path.read_text() != wanted]
    for path in changed:
        print("changed:", path.name)
        if "--check" not in sys.argv:
            path.write_text(files[path])
    return 1 if changed and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(keep({HERE / f"l2tpv3_{name}.hex": text(comment, octets) for name, (comment, octets) in MESSAGES.items()}))
