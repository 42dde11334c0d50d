"""Octets of L2TPv2 and PPP: their numbers, and messages built and taken apart, right or wrong."""

import socket
import struct

MESSAGES = {1: "SCCRQ", 2: "SCCRP", 3: "SCCCN", 4: "StopCCN", 6: "HELLO", 7: "OCRQ", 8: "OCRP",
            9: "OCCN", 10: "ICRQ", 11: "ICRP", 12: "ICCN", 14: "CDN", 15: "WEN", 16: "SLI"}
NUMBERS = {name: number for number, name in MESSAGES.items()}
PROTOCOLS = {0xC021: "LCP", 0xC023: "PAP", 0xC223: "CHAP", 0x8021: "IPCP", 0x8057: "IPV6CP",
             0x80FD: "CCP", 0x8031: "BCP", 0x0021: "IPv4", 0x0057: "IPv6", 0x00FD: "Compressed",
             0x0031: "Bridged", 0x003D: "Multilink"}
PROTOCOL_NUMBERS = {name: number for number, name in PROTOCOLS.items()}
CODES = {1: "ConfReq", 2: "ConfAck", 3: "ConfNak", 4: "ConfRej", 5: "TermReq", 6: "TermAck",
         7: "CodeRej", 8: "ProtRej", 9: "EchoReq", 10: "EchoRep", 11: "DiscReq"}
AUTH_CODES = {"PAP": {1: "Req", 2: "Ack", 3: "Nak"},
              "CHAP": {1: "Challenge", 2: "Response", 3: "Success", 4: "Failure"}}


def avp(number, value, mandatory=True, vendor=0):
    return struct.pack("!HHH", (0x8000 if mandatory else 0) | (6 + len(value)), vendor, number) + value


def u16(number, value, mandatory=True):
    return avp(number, struct.pack("!H", value), mandatory)


def u32(number, value, mandatory=True):
    return avp(number, struct.pack("!I", value), mandatory)


def control(tunnel, session, ns, nr, body=b""):
    return struct.pack("!HHHHHH", 0xC802, 12 + len(body), tunnel, session, ns, nr) + body


def message(name, *avps):
    return u16(0, NUMBERS[name]) + b"".join(avps)


def sccrq(tunnel, host=b"fake", extra=b""):
    return message("SCCRQ", u16(2, 0x0100), avp(7, host), u32(3, 3), u32(4, 0, False),
                   avp(8, b"fakepeer", False), u16(9, tunnel), u16(10, 16)) + extra


def ipv4_udp(source, destination, payload):
    """A whole IPv4 datagram for a raw socket, from any source (address, port)."""
    udp = struct.pack("!HHHH", source[1], destination[1], 8 + len(payload), 0) + payload
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(udp), 0, 0, 64, 17, 0,
                         socket.inet_aton(source[0]), socket.inet_aton(destination[0]))
    return header[:10] + struct.pack("!H", checksum(header)) + header[12:] + udp


def checksum(data):
    data += b"\0" * (len(data) % 2)
    total = sum(struct.unpack(f"!{len(data) // 2}H", data))
    while total >> 16:
        total = (total & 0xFFFF) + (total >> 16)
    return ~total & 0xFFFF


def parse_avps(body):
    found, at = {}, 0
    while at + 6 <= len(body):
        flags, vendor, number = struct.unpack_from("!HHH", body, at)
        length = flags & 0x3FF
        if length < 6 or at + length > len(body):
            break
        found.setdefault((vendor, number), body[at + 6:at + length])
        at += length
    return found


def parse_options(data):
    found, at = [], 0
    while at + 2 <= len(data) and data[at + 1] >= 2:
        found.append((data[at], data[at + 2:at + data[at + 1]]))
        at += data[at + 1]
    return found


def options(*pairs):
    return b"".join(bytes([kind, 2 + len(value)]) + value for kind, value in pairs)
