#include "ctl/trace.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <charconv>
#include <cstring>

namespace l2tpm::ctl {
namespace {

constexpr std::size_t kLongestPacket = 65535;
constexpr std::uint8_t kUdp = 17;
constexpr std::uint8_t kL2tp = 115;
constexpr unsigned kLongestCookie = 8;

std::optional<Bytes> from_hex(const std::string& text) {
  if (text.size() % 2 != 0 || text.size() / 2 > kLongestPacket) return std::nullopt;
  Bytes octets;
  octets.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    std::uint8_t octet = 0;
    const char* end = text.data() + i + 2;
    const auto [stop, error] = std::from_chars(text.data() + i, end, octet, 16);
    if (error != std::errc() || stop != end) return std::nullopt;
    octets.push_back(octet);
  }
  return octets;
}

void put16(Bytes& out, std::size_t value) {
  out.push_back(static_cast<std::uint8_t>(value >> 8));
  out.push_back(static_cast<std::uint8_t>(value));
}

void put(Bytes& out, ByteView octets) { out.insert(out.end(), octets.begin(), octets.end()); }

// RFC 1071.
std::uint32_t sum(std::uint32_t start, ByteView octets) {
  for (std::size_t i = 0; i < octets.size(); ++i)
    start += i % 2 == 0 ? static_cast<std::uint32_t>(octets[i]) << 8 : octets[i];
  return start;
}
std::uint16_t folded(std::uint32_t total) {
  while (total > 0xFFFF) total = (total >> 16) + (total & 0xFFFF);
  return static_cast<std::uint16_t>(~total);
}

bool is_outgoing(const Json& event) { return text_of(event, "direction") == "out"; }

std::uint16_t low16(std::uint64_t number) { return static_cast<std::uint16_t>(number); }

Bytes ip_packet(const Endpoint& from, const Endpoint& to, std::uint8_t protocol, ByteView payload) {
  Bytes packet;
  if (from.address.is_v4()) {
    packet = {0x45, 0};
    put16(packet, 20 + payload.size());
    put(packet, std::array<std::uint8_t, 8>{0, 0, 0, 0, 64, protocol, 0, 0});
    put(packet, from.address.octets());
    put(packet, to.address.octets());
    const std::uint16_t header = folded(sum(0, packet));
    packet[10] = static_cast<std::uint8_t>(header >> 8);
    packet[11] = static_cast<std::uint8_t>(header);
  } else {
    packet = {0x60, 0, 0, 0};
    put16(packet, payload.size());
    put(packet, std::array<std::uint8_t, 2>{protocol, 64});
    put(packet, from.address.octets());
    put(packet, to.address.octets());
  }
  put(packet, payload);
  return packet;
}

// A PPP frame as a data message: RFC 2661 section 3.1 without any option; RFC 3931 sections 4.1.1.1
// and 4.1.2.1, where PPP has neither address nor control octet.
Bytes data_message(const WireIds& ids, bool over_ip, ByteView frame) {
  Bytes message;
  if (ids.version == 3) {
    if (!over_ip) {
      put16(message, 0x0003);
      put16(message, 0);
    }
    put16(message, ids.session >> 16);
    put16(message, ids.session & 0xFFFF);
    message.resize(message.size() + std::min(ids.cookie, kLongestCookie) + (ids.sublayer ? 4 : 0));
  } else {
    put16(message, 0x0002);
    put16(message, ids.tunnel);
    put16(message, ids.session & 0xFFFF);
    put16(message, 0xFF03);
  }
  put(message, frame);
  return message;
}

}  // namespace

std::string packet_text(const Printer& print, const Json& event) {
  std::string name = clean(text_of(event, "tunnel"));
  if (name.empty()) name = clean(text_of(event, "remote"));
  if (const auto session = number_of(event, "session"); session != 0)
    name += "/" + std::to_string(session);
  const bool outgoing = is_outgoing(event);
  return print.paint(outgoing ? "→" : "←", outgoing ? Colour::green : Colour::yellow) + " " + name +
         "  " + clean(text_of(event, "summary"));
}

std::optional<Endpoint> parse_endpoint(const std::string& text) {
  const auto colon = text.rfind(':');
  if (colon == std::string::npos || colon == 0) return std::nullopt;
  std::string host = text.substr(0, colon);
  if (host.front() == '[' && host.back() == ']') host = host.substr(1, host.size() - 2);
  Endpoint endpoint;
  const auto address = IpAddress::parse(host.substr(0, host.find('%')));
  const char* end = text.data() + text.size();
  const auto [stop, error] = std::from_chars(text.data() + colon + 1, end, endpoint.port);
  if (!address || error != std::errc() || stop != end) return std::nullopt;
  endpoint.address = *address;
  return endpoint;
}

Bytes udp_packet(const Endpoint& from, const Endpoint& to, ByteView payload) {
  const bool is_v4 = from.address.is_v4();
  const std::size_t udp_length = payload.size() + 8;
  if (is_v4 != to.address.is_v4() || udp_length + 20 > kLongestPacket) return {};
  Bytes udp;
  put16(udp, from.port);
  put16(udp, to.port);
  put16(udp, udp_length);
  put16(udp, 0);
  put(udp, payload);
  Bytes pseudo;
  put(pseudo, from.address.octets());
  put(pseudo, to.address.octets());
  put16(pseudo, kUdp);
  put16(pseudo, udp_length);
  std::uint16_t checksum = folded(sum(sum(0, pseudo), udp));
  if (checksum == 0) checksum = 0xFFFF;
  udp[6] = static_cast<std::uint8_t>(checksum >> 8);
  udp[7] = static_cast<std::uint8_t>(checksum);

  return ip_packet(from, to, kUdp, udp);
}

Bytes l2tp_ip_packet(const Endpoint& from, const Endpoint& to, ByteView payload) {
  if (from.address.is_v4() != to.address.is_v4() || payload.size() + 20 > kLongestPacket) return {};
  return ip_packet(from, to, kL2tp, payload);
}

WireIds PeerIds::of(const Json& event) {
  if (text_of(event, "layer") != "ppp") return {};
  const auto key = std::pair(text_of(event, "tunnel"), number_of(event, "session"));
  auto found = known_.find(key);
  if (found == known_.end()) {
    const auto session_id = static_cast<std::uint32_t>(key.second);
    const auto tunnel = client_.describe_tunnel(key.first);
    const auto session = client_.describe_session(key.first, session_id);
    const Json about_tunnel = parse_json(tunnel ? *tunnel : "");
    const Json about_session = parse_json(session ? *session : "");
    const Json& framing = member_of(about_session, "framing");
    Pair pair;
    pair.ours.tunnel = low16(number_of(about_tunnel, "tunnel_id"));
    pair.ours.session = session_id;
    pair.ours.version = number_of(about_tunnel, "version") == 3 ? 3 : 2;
    pair.ours.sublayer = flag_of(framing, "sublayer");
    pair.peers = pair.ours;
    pair.ours.cookie = static_cast<unsigned>(number_of(framing, "cookie"));
    pair.peers.cookie = static_cast<unsigned>(number_of(framing, "peer_cookie"));
    pair.peers.tunnel = low16(number_of(about_tunnel, "peer_tunnel_id"));
    pair.peers.session = static_cast<std::uint32_t>(number_of(about_session, "peer_id"));
    if (!session) pair.peers = pair.ours;
    // Not kept while the peer's id is not known yet: the next frame asks again.
    if (pair.peers.session == 0) return is_outgoing(event) ? pair.peers : pair.ours;
    found = known_.emplace(key, pair).first;
  }
  return is_outgoing(event) ? found->second.peers : found->second.ours;
}

std::optional<Bytes> wire_packet(const Json& event, WireIds ids) {
  if (text_of(event, "event") != "packet") return std::nullopt;
  const auto local = parse_endpoint(text_of(event, "local"));
  const auto remote = parse_endpoint(text_of(event, "remote"));
  auto data = from_hex(text_of(event, "data"));
  if (!local || !remote || !data) return std::nullopt;
  const bool over_ip = local->port == 0 && remote->port == 0;
  const bool is_data = text_of(event, "layer") == "ppp";
  Bytes payload;
  if (is_data) {
    payload = data_message(ids, over_ip, *data);
  } else {
    if (over_ip) payload.resize(4);  // Session ID 0, which the kernel adds and takes away
    put(payload, *data);
  }
  const Endpoint& from = is_outgoing(event) ? *local : *remote;
  const Endpoint& to = is_outgoing(event) ? *remote : *local;
  const Bytes packet = over_ip ? l2tp_ip_packet(from, to, payload) : udp_packet(from, to, payload);
  if (packet.empty()) return std::nullopt;
  return packet;
}

Result<PcapFile, std::string> PcapFile::create(const std::string& path) {
  UniqueFd fd(path == "-" ? ::fcntl(STDOUT_FILENO, F_DUPFD_CLOEXEC, 0)
                          : ::open(path.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600));
  struct {
    std::uint32_t magic = 0xA1B2C3D4;  // in our byte order, which the reader learns from it
    std::uint16_t major = 2, minor = 4;
    std::uint32_t zone = 0, accuracy = 0;
    std::uint32_t longest = kLongestPacket;
    std::uint32_t link_type = 101;  // LINKTYPE_RAW: the packet begins with its IP header
  } const header;
  if (!fd || ::write(fd.get(), &header, sizeof header) != sizeof header)
    return Unexpected(path + ": " + std::strerror(errno));
  return PcapFile(std::move(fd));
}

bool PcapFile::write(const Json& event, PeerIds& ids) {
  if (text_of(event, "event") != "packet") return true;
  const auto packet = wire_packet(event, ids.of(event));
  if (!packet) return true;
  const std::uint64_t time = number_of(event, "time");
  const auto size = static_cast<std::uint32_t>(packet->size());
  const std::array<std::uint32_t, 4> header{static_cast<std::uint32_t>(time / 1'000'000),
                                            static_cast<std::uint32_t>(time % 1'000'000), size,
                                            size};
  Bytes record(sizeof header + packet->size());
  std::memcpy(record.data(), header.data(), sizeof header);
  std::memcpy(record.data() + sizeof header, packet->data(), packet->size());
  return ::write(fd_.get(), record.data(), record.size()) == static_cast<ssize_t>(record.size());
}

}  // namespace l2tpm::ctl
