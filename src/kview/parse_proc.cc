// The texts of /proc/net: read field by field, a line that does not fit is skipped.
#include <algorithm>
#include <array>
#include <charconv>
#include <cstring>

#include "kview/parse.h"

namespace l2tpm::kview {
namespace {

constexpr std::string_view kBlank = " \t";

std::string_view next_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

std::string_view next_word(std::string_view& line) {
  const auto start = line.find_first_not_of(kBlank);
  if (start == std::string_view::npos) {
    line = {};
    return {};
  }
  line.remove_prefix(start);
  const std::string_view word = line.substr(0, line.find_first_of(kBlank));
  line.remove_prefix(word.size());
  return word;
}

template <typename T>
bool number(std::string_view word, T& out, int base) {
  const char* end = word.data() + word.size();
  const auto [stop, error] = std::from_chars(word.data(), end, out, base);
  return !word.empty() && error == std::errc() && stop == end;
}

// "%04X/%04X"
bool id_pair(std::string_view word, std::uint32_t& first, std::uint32_t& second) {
  const auto slash = word.find('/');
  return slash != std::string_view::npos && number(word.substr(0, slash), first, 16) &&
         number(word.substr(slash + 1), second, 16);
}

// "tx packets/bytes/errors rx packets/bytes/errors", signed as the kernel prints them
bool triple(std::string_view word, std::uint64_t& packets, std::uint64_t& bytes,
            std::uint64_t& errors) {
  for (std::uint64_t* out : {&packets, &bytes, &errors}) {
    const auto slash = word.find('/');
    std::int64_t value = 0;
    if (!number(word.substr(0, slash), value, 10)) return false;
    *out = static_cast<std::uint64_t>(value);
    word.remove_prefix(slash == std::string_view::npos ? word.size() : slash + 1);
  }
  return true;
}

// "  SESSION 'NAME' ADDRESS/PORT TUNNEL/SESSION -> PEER TUNNEL/PEER SESSION STATE OK"
std::optional<Session> session_line(std::string_view line) {
  if (next_word(line) != "SESSION") return std::nullopt;
  const auto arrow = line.rfind(" -> ");  // the name comes before and may hold anything
  if (arrow == std::string_view::npos) return std::nullopt;
  std::string_view before = line.substr(0, arrow);
  const auto blank = before.rfind(' ');
  if (blank == std::string_view::npos) return std::nullopt;
  std::string_view after = line.substr(arrow + 4);
  Session session;
  session.pseudowire = kPpp;
  if (!id_pair(before.substr(blank + 1), session.tunnel, session.id)) return std::nullopt;
  if (!id_pair(next_word(after), session.peer_tunnel, session.peer_id)) return std::nullopt;
  next_word(after);  // the socket's state
  session.has_socket = next_word(after) == "Y";
  return session;
}

// "   mtu/mru/R or -/S or -/LNS or LAC DEBUG TIMEOUT"
bool mode_line(std::string_view word, Session& session) {
  std::array<std::string_view, 5> parts;
  for (std::string_view& part : parts) {
    const auto slash = word.find('/');
    part = word.substr(0, slash);
    word.remove_prefix(slash == std::string_view::npos ? word.size() : slash + 1);
  }
  if (parts[4] != "LNS" && parts[4] != "LAC") return false;
  session.receive_sequence = parts[2] == "R";
  session.send_sequence = parts[3] == "S";
  session.lns_mode = parts[4] == "LNS";
  return true;
}

// "0100007F:06A5": an address as 32-bit words in the machine's order, and a port.
std::optional<Endpoint> endpoint(std::string_view word) {
  const auto colon = word.find(':');
  if (colon != 8 && colon != 32) return std::nullopt;
  std::array<std::uint8_t, 16> octets{};
  for (std::size_t i = 0; i < colon / 8; ++i) {
    std::uint32_t part = 0;
    if (!number(word.substr(i * 8, 8), part, 16)) return std::nullopt;
    std::memcpy(octets.data() + i * 4, &part, sizeof part);
  }
  Endpoint result;
  if (!number(word.substr(colon + 1), result.port, 16)) return std::nullopt;
  result.address =
      colon == 32 ? IpAddress::v6(octets)
                  : IpAddress::v4(std::uint32_t{octets[0]} << 24 | std::uint32_t{octets[1]} << 16 |
                                  std::uint32_t{octets[2]} << 8 | octets[3]);
  return result;
}

}  // namespace

std::vector<Session> parse_pppol2tp(std::string_view text) {
  std::vector<Session> sessions;
  bool in_session = false;  // a tunnel's lines follow another pattern
  while (!text.empty()) {
    std::string_view line = next_line(text);
    std::string_view rest = line;
    const std::string_view first = next_word(rest);
    if (first == "SESSION") {
      auto session = session_line(line);
      in_session = session.has_value();
      if (session) sessions.push_back(std::move(*session));
    } else if (first == "TUNNEL") {
      in_session = false;
    } else if (in_session) {
      Session& session = sessions.back();
      if (first == "interface") {
        // What the kernel prints for a channel without unit.
        if (const auto name = next_word(rest); name != "(null)") session.interface = name;
        continue;
      }
      if (mode_line(first, session)) continue;
      // "   nr/ns tx rx"
      Counters counters;
      if (triple(next_word(rest), counters.tx_packets, counters.tx_bytes, counters.tx_errors) &&
          triple(next_word(rest), counters.rx_packets, counters.rx_bytes, counters.rx_errors))
        session.counters = counters;
    }
  }
  return sessions;
}

std::vector<UdpSocket> parse_udp_table(std::string_view text) {
  std::vector<UdpSocket> sockets;
  next_line(text);  // the header
  while (!text.empty()) {
    std::string_view line = next_line(text);
    next_word(line);  // "123:"
    const auto local = endpoint(next_word(line));
    const auto remote = endpoint(next_word(line));
    for (int i = 0; i < 6; ++i) next_word(line);  // st, queues, tr:when, retrnsmt, uid, timeout
    UdpSocket socket;
    if (!local || !remote || !number(next_word(line), socket.inode, 10)) continue;
    socket.local = *local;
    socket.remote = *remote;
    sockets.push_back(socket);
  }
  return sockets;
}

}  // namespace l2tpm::kview
