"""A small L2TPv2 and PPP peer in userspace that can be told to misbehave at any step.

It plays the client (LAC) or the LNS of one tunnel with any number of sessions, knows PAP and
CHAP-MD5, IPCP and IPV6CP, and answers and sends pings itself. It runs in a thread of its own:

    peer = FakePeer(namespace, "192.0.2.2", "192.0.2.1")
    peer.on("send ICCN", "silent")          # after sending ICCN, nothing more is sent
    peer.on("recv CDN", lambda peer, session: ...)
    peer.dial()
    peer.wait("IPCP opened")

Events are "send X" and "recv X", X a message's name (SCCRQ ... SLI, ZLB) or a PPP packet's
("LCP ConfReq", "PAP Req", "CHAP Response", "IPCP ConfAck", ...), and "X opened" for LCP, AUTH,
IPCP, IPV6CP. Actions happen after a send and before the answer to a receive: "silent", "stopccn",
"cdn", "terminate", "drop" (only this answer) or a function, which returns True to suppress it.
"""

import hashlib
import os
import select
import socket
import struct
import threading
import time

from lab import check, wait_until
from octets import (AUTH_CODES, CODES, MESSAGES, NUMBERS, PROTOCOL_NUMBERS, PROTOCOLS, avp, checksum,
                    control, ipv4_udp, message, options, parse_avps, parse_options, sccrq, u16, u32)


class Session:
    lcp_options = (1, 2, 3, 5)  # taken from the peer

    def __init__(self, peer, number):
        self.peer = peer
        self.id = number
        self.peer_id = 0
        self.opened = set()
        self.acked = {}       # protocol -> {"ours", "theirs"}
        self.address = b"\0" * 4
        self.peer_address = b"\0" * 4
        self.interface_id = struct.pack("!Q", number)
        self.identifier = 0
        self.auth = None      # what the peer asked us for
        self.requests = {}    # protocol -> (octets, when): resent until acknowledged
        self.pings = set()
        self.closed = None    # "CDN", "StopCCN"
        self.mru = 1460
        self.terminating = False
        self.challenge = b""

    # --- sending ---------------------------------------------------------------------------------

    def send_ppp(self, protocol, payload):
        frame = struct.pack("!HHHH", 0x0002, self.peer.peer_tunnel, self.peer_id, 0xFF03)
        self.peer.transmit(frame + struct.pack("!H", PROTOCOL_NUMBERS[protocol]) + payload,
                           self.name_of(protocol, payload), self)

    @staticmethod
    def name_of(protocol, payload):
        if PROTOCOL_NUMBERS[protocol] < 0x8000 or not payload:
            return protocol
        table = AUTH_CODES.get(protocol, CODES)
        return f"{protocol} {table.get(payload[0], payload[0])}"

    def packet(self, code, body, identifier=None):
        if identifier is None:
            self.identifier = identifier = (self.identifier + 1) & 0xFF
        return struct.pack("!BBH", code, identifier, 4 + len(body)) + body

    def request(self, protocol):
        """Sends a Configure-Request, again every second until it is answered."""
        if self.terminating:
            return
        packet = self.packet(1, options(*self.asked(protocol)))
        self.requests[protocol] = [packet, time.monotonic()]
        self.send_ppp(protocol, packet)

    def asked(self, protocol):
        if protocol == "IPCP":
            return [(3, self.address)]
        if protocol == "IPV6CP":
            return [(1, self.interface_id)]
        wanted = [(1, struct.pack("!H", self.mru)), (5, os.urandom(4))]
        if self.peer.ask_auth:
            wanted.insert(1, (3, {"pap": b"\xc0\x23", "chap-md5": b"\xc2\x23\x05"}[
                self.peer.ask_auth]))
        return wanted

    def restart_lcp(self):
        self.opened.clear()
        self.acked.clear()
        self.requests.clear()
        self.request("LCP")

    def terminate(self):
        """From here on it is closing: RFC 1661 section 4.1 has it answer Terminate-Requests only."""
        self.terminating = True
        self.requests.clear()
        self.send_ppp("LCP", self.packet(5, b"bye"))

    def authenticate(self):
        user, password = self.peer.user.encode(), self.peer.password.encode()
        if self.auth == "pap":
            body = bytes([len(user)]) + user + bytes([len(password)]) + password
            packet = self.packet(1, body)
            self.requests["PAP"] = [packet, time.monotonic()]
            self.send_ppp("PAP", packet)

    def send_challenge(self):
        self.challenge = os.urandom(16)
        packet = self.packet(1, b"\x10" + self.challenge + b"fake")
        self.requests["CHAP"] = [packet, time.monotonic()]
        self.send_ppp("CHAP", packet)

    # --- receiving -------------------------------------------------------------------------------

    def receive(self, protocol, payload):
        if self.terminating and not (protocol == "LCP" and payload[0] == 5):
            return None
        if protocol in ("IPv4",):
            return self.receive_ipv4(payload)
        if protocol in ("PAP", "CHAP"):
            return self.receive_auth(protocol, payload)
        if protocol not in ("LCP", "IPCP", "IPV6CP"):
            if PROTOCOL_NUMBERS.get(protocol, 0) >= 0x8000:
                reject = struct.pack("!H", PROTOCOL_NUMBERS[protocol]) + payload
                self.send_ppp("LCP", self.packet(8, reject))
            return None
        code, identifier = payload[0], payload[1]
        body = payload[4:struct.unpack_from("!H", payload, 2)[0]]
        if code == 1:
            self.receive_request(protocol, identifier, body)
        elif code == 2:
            if protocol in self.requests and self.requests[protocol][0][1] == identifier:
                self.requests.pop(protocol)
                self.half_open(protocol, "ours")
        elif code in (3, 4) and protocol == "IPCP":
            for kind, value in parse_options(body):
                if kind == 3:
                    self.address = value if code == 3 else self.address
            self.request("IPCP")
        elif code == 3 and protocol == "IPV6CP":
            self.interface_id = next((value for kind, value in parse_options(body) if kind == 1),
                                     self.interface_id)
            self.request("IPV6CP")
        elif code == 4:
            self.requests.pop(protocol, None)
        elif code == 5:
            self.send_ppp(protocol, self.packet(6, b"", identifier))
        elif code == 9:
            self.send_ppp(protocol, self.packet(10, b"\0\0\0\0" + body[4:], identifier))
        return None

    def receive_request(self, protocol, identifier, body):
        asked = parse_options(body)
        if protocol == "LCP" and "LCP" in self.opened:  # the peer renegotiates
            self.opened.clear()
            self.acked.clear()
        if protocol == "LCP" and "LCP" not in self.requests and "ours" not in self.acked.get(
                "LCP", ()):
            self.request("LCP")
        refused = [(kind, value) for kind, value in asked
                   if protocol == "IPCP" and kind not in (3,) or
                   protocol == "LCP" and kind not in self.lcp_options]
        if refused:
            self.send_ppp(protocol, self.packet(4, options(*refused), identifier))
            return
        for kind, value in asked:
            if protocol == "LCP" and kind == 3:
                method = {b"\xc0\x23": "pap", b"\xc2\x23\x05": "chap-md5"}.get(value)
                if method is None or method not in self.peer.accept_auth:
                    wanted = {"pap": b"\xc0\x23", "chap-md5": b"\xc2\x23\x05"}
                    suggestion = options((3, wanted[self.peer.accept_auth[0]]))
                    self.send_ppp("LCP", self.packet(3, suggestion, identifier))
                    return
                self.auth = method
            if protocol == "IPCP" and kind == 3:
                given = self.peer.give_address(self)
                if given and value != given:
                    self.send_ppp("IPCP", self.packet(3, options((3, given)), identifier))
                    return
                self.peer_address = value
        self.send_ppp(protocol, self.packet(2, body, identifier))
        self.half_open(protocol, "theirs")
        if protocol in ("IPCP", "IPV6CP") and protocol not in self.requests and "ours" not in \
                self.acked[protocol]:
            self.request(protocol)

    def half_open(self, protocol, side):
        sides = self.acked.setdefault(protocol, set())
        sides.add(side)
        if len(sides) == 2 and protocol not in self.opened:
            self.opened.add(protocol)
            self.peer.happened(f"{protocol} opened", self)
            if protocol == "LCP":
                if self.auth == "pap":
                    self.authenticate()
                if self.peer.ask_auth == "chap-md5":
                    self.send_challenge()
                if not self.auth and not self.peer.ask_auth:
                    self.authenticated()

    def authenticated(self):
        if "AUTH" in self.opened:
            return
        self.opened.add("AUTH")
        self.peer.happened("AUTH opened", self)
        for protocol in self.peer.network:
            self.request(protocol)

    def receive_auth(self, protocol, payload):
        code, identifier = payload[0], payload[1]
        body = payload[4:struct.unpack_from("!H", payload, 2)[0]]
        if protocol == "CHAP" and code == 1:
            value = body[1:1 + body[0]]
            digest = hashlib.md5(bytes([identifier]) + self.peer.password.encode() + value).digest()
            self.send_ppp("CHAP", self.packet(2, b"\x10" + digest + self.peer.user.encode(),
                                              identifier))
        elif protocol == "CHAP" and code == 2:
            self.requests.pop("CHAP", None)
            right = hashlib.md5(bytes([identifier]) + self.peer.password.encode() +
                                self.challenge).digest() == body[1:17]
            self.send_ppp("CHAP", self.packet(3 if right else 4, b"", identifier))
            if right:
                self.authenticated()
        elif protocol == "PAP" and code == 1:
            self.send_ppp("PAP", self.packet(2, b"\0", identifier))
            self.authenticated()
        elif (protocol, code) in (("CHAP", 3), ("PAP", 2)):
            self.requests.pop("PAP", None)
            self.authenticated()
        elif (protocol, code) in (("CHAP", 4), ("PAP", 3)):
            self.requests.pop("PAP", None)

    # --- data ------------------------------------------------------------------------------------

    def receive_ipv4(self, packet):
        if len(packet) < 28 or packet[9] != 1:
            return
        kind, body = packet[20], packet[20:]
        if kind == 8:
            reply = b"\0\0\0\0" + body[4:]
            reply = reply[:2] + struct.pack("!H", checksum(reply)) + reply[4:]
            self.send_ipv4(packet[16:20], packet[12:16], reply)
        elif kind == 0:
            self.pings.add(struct.unpack_from("!H", body, 6)[0])

    def send_ipv4(self, source, destination, icmp):
        header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(icmp), 0, 0, 64, 1, 0, source,
                             destination)
        self.send_ppp("IPv4", header[:10] + struct.pack("!H", checksum(header)) + header[12:] + icmp)

    def ping(self, destination, seconds=15):
        """Pings through the session until an answer comes, every 200 ms."""
        sequence, sent = 0, 0.0

        def answered():
            nonlocal sequence, sent
            if not self.pings and time.monotonic() - sent > 0.2:
                sequence, sent = sequence + 1, time.monotonic()
                body = struct.pack("!BBHHH", 8, 0, 0, self.id, sequence) + b"l2tp" * 8
                body = body[:2] + struct.pack("!H", checksum(body)) + body[4:]
                self.send_ipv4(self.address, socket.inet_aton(destination), body)
            return self.pings
        wait_until(answered, seconds, f"session {self.id} of {self.peer.name} pings {destination}")


class FakePeer:
    session_class = Session

    def __init__(self, namespace, local, remote, role="lac", port=1701, remote_port=1701,
                 user="alice", password="wonderland", accept_auth=("chap-md5", "pap"), ask_auth=None,
                 network=("IPCP",), sessions=1, tunnel_secret=None, name="fake", sock=None,
                 address="10.64.0.1", pool="10.64.0.", host="fake", tunnel=None):
        self.name, self.role = name, role
        self.remote = (remote, remote_port)
        self.user, self.password = user, password
        self.accept_auth, self.ask_auth, self.network = accept_auth, ask_auth, network
        self.wanted_sessions = sessions
        self.secret = tunnel_secret
        self.local_address, self.pool = address, pool
        self.host = host
        self.socket = sock or namespace.udp_socket(local, port)
        self.shared = sock is not None
        self.tunnel = tunnel or int.from_bytes(os.urandom(2), "big") | 1
        self.peer_tunnel = 0
        self.ns = self.nr = 0
        self.unacked = []     # [ns, octets, sent at, tries]
        self.sessions = {}    # ours -> Session
        self.by_peer = {}
        self.silent = False
        self.established = False
        self.closed = None    # the StopCCN's AVPs
        self.actions = {}
        self.events = []
        self.retransmit = 1.0
        self._ticked = 0.0
        self._drop = False
        self._running = True
        self._lock = threading.RLock()
        namespace.lab.at_exit(self.stop)
        self._thread = threading.Thread(target=self._run, daemon=True)
        if not self.shared:
            self._thread.start()

    def stop(self):
        self._running = False
        if self._thread.is_alive():
            self._thread.join(2)
        if not self.shared:
            self.socket.close()

    # --- what the scenario says ------------------------------------------------------------------

    def on(self, event, action):
        self.actions.setdefault(event, []).append(action)

    def dial(self):
        with self._lock:
            self.send("SCCRQ", sccrq(self.tunnel, self.host.encode(), self._challenge_avp()))
        return self

    def wait(self, event, seconds=30, count=1):
        wait_until(lambda: self.events.count(event) >= count, seconds,
                   lambda: f"{self.name}: {event} (last events: {self.events[-12:]})")

    def wait_up(self, seconds=30):
        """Every session asked for has IPCP opened; returns them."""
        self.wait("IPCP opened", seconds, self.wanted_sessions)
        return list(self.sessions.values())

    def stopccn(self, result=1):
        with self._lock:
            self.send("StopCCN", message("StopCCN", u16(9, self.tunnel), u16(1, result)))

    def cdn(self, session, result=3):
        with self._lock:
            self.send("CDN", message("CDN", u16(14, session.id), u16(1, result)), session)

    def hello(self):
        with self._lock:
            self.send("HELLO", message("HELLO"))

    def happened(self, event, session=None):
        """True when the default answer is to be suppressed."""
        self.events.append(event)
        suppress = False
        for action in self.actions.get(event, ()):
            if action == "silent":
                self.silent = suppress = True
            elif action == "drop":
                suppress = True
            elif action == "stopccn":
                self.stopccn()
                suppress = True
            elif action == "cdn":
                self.cdn(session)
                suppress = True
            elif action == "terminate":
                session.terminate()
                suppress = True
            else:
                suppress = bool(action(self, session)) or suppress
        return suppress

    # --- octets ----------------------------------------------------------------------------------

    def transmit(self, octets, name, session=None):
        with self._lock:
            if not self.silent:
                self.transmit_raw(octets)
                self.happened(f"send {name}", session)

    def transmit_raw(self, octets):
        try:
            self.socket.sendto(octets, self.remote)
        except OSError:
            pass  # a refused datagram shows at the next one; UDP loses things

    def send(self, name, body, session=None):
        octets = control(self.peer_tunnel, session.peer_id if session else 0, self.ns, self.nr, body)
        self.unacked.append([self.ns, octets, time.monotonic(), 0])
        self.ns = (self.ns + 1) & 0xFFFF
        self.transmit(octets, name, session)

    def _challenge_avp(self):
        if not self.secret:
            return b""
        self.challenge = os.urandom(16)
        return avp(11, self.challenge)

    def _response_avp(self, avps, name):
        theirs = avps.get((0, 11))
        if not theirs or self.secret is None:
            return b""
        return avp(13, hashlib.md5(bytes([NUMBERS[name]]) + self.secret.encode() + theirs).digest())

    def _run(self):
        while self._running:
            ready, _, _ = select.select([self.socket], [], [], 0.05)
            if ready:
                try:
                    octets, source = self.socket.recvfrom(65536)
                except OSError:
                    continue
                self.receive(octets, source)
            # When nothing waits to be read, what is unanswered now really is; but under a flood
            # something always waits.
            if not ready or time.monotonic() - self._ticked > 10:
                self.tick()

    def tick(self):
        self._ticked = now = time.monotonic()
        with self._lock:
            if self.silent:
                return
            for entry in self.unacked:
                if now - entry[2] > self.retransmit * min(2 ** entry[3], 8):
                    entry[2], entry[3] = now, entry[3] + 1
                    # Nr is what it is now, as RFC 2661 section 5.8 wants.
                    self.transmit_raw(entry[1][:10] + struct.pack("!H", self.nr) + entry[1][12:])
                    break
            for session in list(self.sessions.values()):
                for protocol, entry in list(session.requests.items()):
                    if now - entry[1] > 1.0 * 3:
                        entry[1] = now
                        session.send_ppp(protocol, entry[0])

    def receive(self, octets, source):
        with self._lock:
            flags = struct.unpack_from("!H", octets)[0]
            if flags & 0x8000:
                self._receive_control(octets, source)
            else:
                self._receive_data(octets, flags)

    def _receive_data(self, octets, flags):
        at = 2 + (2 if flags & 0x4000 else 0)
        _, number = struct.unpack_from("!HH", octets, at)
        at += 4
        if flags & 0x0800:
            at += 4
        if flags & 0x0200:
            at += 2 + struct.unpack_from("!H", octets, at)[0]
        session = self.sessions.get(number)
        payload = octets[at:]
        if not session or len(payload) < 2:
            return
        if payload[:2] == b"\xff\x03":
            payload = payload[2:]
        number = struct.unpack_from("!H", payload)[0]
        protocol = PROTOCOLS.get(number)
        if protocol is None:
            return
        if not self.happened("recv " + session.name_of(protocol, payload[2:]), session):
            session.receive(protocol, payload[2:])

    def _acknowledge(self):
        self.transmit(control(self.peer_tunnel, 0, self.ns, self.nr), "ZLB")

    def _receive_control(self, octets, source):
        _, length, tunnel, number, ns, nr = struct.unpack_from("!HHHHHH", octets)
        self.unacked = [entry for entry in self.unacked if (entry[0] - nr) & 0xFFFF < 0x8000]
        body = octets[12:length]
        if not body:
            self.happened("recv ZLB")
            return
        if ns != self.nr:
            if (self.nr - ns) & 0xFFFF < 0x8000:
                self._acknowledge()  # a duplicate
            return
        self.nr = (self.nr + 1) & 0xFFFF
        avps = parse_avps(body)
        name = MESSAGES.get(struct.unpack("!H", avps.get((0, 0), b"\0\0"))[0], "?")
        session = self.sessions.get(number)
        if source[1] != self.remote[1] and name in ("SCCRP", "SCCRQ"):
            self.remote = source[:2]  # the peer is on, or has moved to, another port
        if (0, 9) in avps:
            self.peer_tunnel = struct.unpack("!H", avps[(0, 9)])[0]
        if session and (0, 14) in avps:
            session.peer_id = struct.unpack("!H", avps[(0, 14)])[0]
            self.by_peer[session.peer_id] = session
        sent = self.ns
        if not self.happened("recv " + name, session):
            self._answer(name, session, avps)
        if self.ns == sent:
            self._acknowledge()

    def _new_session(self):
        number = next(n for n in iter(lambda: int.from_bytes(os.urandom(2), "big"), None)
                      if n and n not in self.sessions)
        self.sessions[number] = self.session_class(self, number)
        return self.sessions[number]

    def call(self):
        """One more incoming call on an established tunnel."""
        with self._lock:
            session = self._new_session()
            self.send("ICRQ", message("ICRQ", u16(14, session.id), u32(15, len(self.sessions))),
                      session)
        return session

    def _answer(self, name, session, avps):
        if name == "SCCRQ":
            response = self._response_avp(avps, "SCCRP")
            self.send("SCCRP", message("SCCRP", u16(2, 0x0100), avp(7, self.host.encode()), u32(3, 3),
                                       u16(9, self.tunnel), u16(10, 16)) + response +
                      self._challenge_avp())
        elif name == "SCCRP":
            self.send("SCCCN", message("SCCCN") + self._response_avp(avps, "SCCCN"))
            self.established = True
            self.happened("tunnel opened")
            if self.role == "lac":
                for _ in range(self.wanted_sessions):
                    self.call()
        elif name == "SCCCN":
            self.established = True
            self.happened("tunnel opened")
        elif name == "ICRQ":
            session = self._new_session()
            session.peer_id = struct.unpack("!H", avps[(0, 14)])[0]
            self.send("ICRP", message("ICRP", u16(14, session.id)), session)
        elif name == "ICRP":
            self.send("ICCN", message("ICCN", u32(24, 100000000), u32(19, 1)), session)
            session.request("LCP")
        elif name == "ICCN":
            session.request("LCP")
        elif name == "StopCCN":
            self.closed = avps
            self.unacked.clear()
            for each in self.sessions.values():
                each.closed = "StopCCN"
        elif name == "CDN" and session:
            session.closed = "CDN"
            session.result = avps.get((0, 1), b"")
            session.disconnect = avps.get((0, 46), b"")
            session.requests.clear()
            self.sessions.pop(session.id)

    def give_address(self, session):
        """As an LNS: the address for the peer; as a client: nothing."""
        if self.role != "lns":
            return None
        if session.address == b"\0" * 4:
            session.address = socket.inet_aton(self.local_address)
        return socket.inet_aton(f"{self.pool}{10 + list(self.sessions).index(session.id) % 240}")


class SharedSocket:
    """Several FakePeers behind one UDP port: tunnels on one 4-tuple."""

    def __init__(self, namespace, local, port=1701):
        self.socket = namespace.udp_socket(local, port)
        self.peers = []
        self._running = True
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()
        namespace.lab.at_exit(self.stop)

    def add(self, peer):
        check(peer.shared, "a peer behind a shared socket has none of its own")
        self.peers.append(peer)
        return peer

    def stop(self):
        self._running = False
        self._thread.join(2)
        self.socket.close()

    def _run(self):
        while self._running:
            ready, _, _ = select.select([self.socket], [], [], 0.05)
            if ready:
                try:
                    octets, source = self.socket.recvfrom(65536)
                except OSError:
                    continue
                flags = struct.unpack_from("!H", octets)[0]
                tunnel = struct.unpack_from("!H", octets, 4 if flags & 0x4000 else 2)[0]
                for peer in self.peers:
                    if peer.tunnel == tunnel:
                        peer.receive(octets, source)
            for peer in self.peers:
                peer.tick()
