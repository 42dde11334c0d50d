"""A peer in userspace that bridges Ethernet over PPP (BCP, RFC 3518), and says and sends what it is told:

    peer = BridgingPeer(namespace, "192.0.2.2", "192.0.2.1", asks=[[(3, b"\\x01")], []])
    peer.dial()                          # a session for each list of options
    session = peer.bridged()[0]          # BCP is open
    session.bridge(frame)                # 00 31 00 01 and the frame
    session.frames, session.fragments    # what came: information fields of 0x0031 and 0x003D
"""

import struct

from fakepeer import FakePeer, Session
from octets import options, parse_options

ETHERNET = b"\x00\x01"  # no flags, MAC type 1


class BridgingSession(Session):
    def __init__(self, peer, number):
        super().__init__(peer, number)
        sets = peer.asks
        self.wanted = list(sets[len(peer.sessions) % len(sets)])  # of our next Configure-Request
        self.mru = peer.mru
        self.answers = []   # to ours: (code, options)
        self.theirs = []    # the options of each of theirs
        self.frames = []
        self.fragments = []
        self.sequence = 0
        if peer.mrru:
            self.lcp_options = (*self.lcp_options, 17, 19)

    def asked(self, protocol):
        if protocol == "BCP":
            return self.wanted
        if protocol == "LCP" and self.peer.mrru:
            return super().asked(protocol) + [(17, struct.pack("!H", self.peer.mrru))]
        return super().asked(protocol)

    def receive(self, protocol, payload):
        if protocol == "Bridged":
            self.frames.append(payload)
        elif protocol == "Multilink":
            self.fragments.append(payload)
        elif protocol == "BCP":
            self.receive_bcp(payload)
        else:
            super().receive(protocol, payload)

    def receive_bcp(self, payload):
        code, identifier, length = struct.unpack_from("!BBH", payload)
        asked = parse_options(payload[4:length])
        if code == 1:
            self.theirs.append(asked)
            refused = [each for each in asked if each[0] in self.peer.rejects]
            self.send_ppp("BCP", self.packet(4 if refused else 2, options(*(refused or asked)), identifier))
            if not refused:
                self.half_open("BCP", "theirs")
        elif code in (2, 3, 4) and identifier == self.requests.get("BCP", [b"\0\0"])[0][1]:
            self.answers.append((code, asked))
            if code == 2:
                self.requests.pop("BCP")
                self.half_open("BCP", "ours")
                return
            answered = {kind for kind, _ in asked}
            self.wanted = [each for each in self.wanted if each[0] not in answered]
            if code == 3:
                self.wanted += asked
            self.request("BCP")

    def bridge(self, frame, header=ETHERNET, tail=b""):
        self.send_ppp("Bridged", header + frame + tail)

    def bridge_in_fragments(self, frame, *sizes):
        """As RFC 1990 has it, long sequence numbers; the last fragment takes what is left."""
        rest = b"\x00\x31" + ETHERNET + frame
        for number, size in enumerate((*sizes, None)):
            part, rest = rest[:size], rest[size:] if size else b""
            bits = (0x80 if number == 0 else 0) | (0 if rest else 0x40)
            self.send_ppp("Multilink", struct.pack("!I", bits << 24 | self.sequence) + part)
            self.sequence = (self.sequence + 1) & 0xFFFFFF

    def echo(self):
        self.send_ppp("LCP", self.packet(9, b"\0\0\0\0"))


class BridgingPeer(FakePeer):
    """`asks`: what each session in turn asks of BCP; `rejects`: the numbers of BCP's options that it does not know."""
    session_class = BridgingSession

    def __init__(self, *arguments, asks=((),), rejects=(), mru=1600, mrru=None, **changes):
        self.asks, self.rejects, self.mru, self.mrru = asks, rejects, mru, mrru
        super().__init__(*arguments, network=("BCP",), sessions=len(asks), **changes)

    def bridged(self, seconds=60):
        self.wait("BCP opened", seconds, self.wanted_sessions)
        return list(self.sessions.values())
