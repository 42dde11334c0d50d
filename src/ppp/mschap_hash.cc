#include "ppp/mschap_hash.h"

#include <algorithm>
#include <charconv>

#include "crypto/cipher.h"
#include "crypto/digest.h"
#include "ppp/credentials.h"

namespace l2tpm::ppp {
namespace {

// Length and value of the UTF-8 sequence at the start of `text`; length 0 when it is none
// (RFC 3629 §4: no overlong forms, no surrogates, nothing past U+10FFFF).
struct CodePoint {
  std::size_t length = 0;
  std::uint32_t value = 0;
};

CodePoint decode_utf8(ByteView text) {
  const std::uint8_t first = text[0];
  if (first < 0x80) return {1, first};
  std::size_t length = 0;
  std::uint32_t value = 0;
  std::uint32_t smallest = 0;
  if ((first & 0xe0) == 0xc0) {
    length = 2, value = first & 0x1fu, smallest = 0x80;
  } else if ((first & 0xf0) == 0xe0) {
    length = 3, value = first & 0x0fu, smallest = 0x800;
  } else if ((first & 0xf8) == 0xf0) {
    length = 4, value = first & 0x07u, smallest = 0x10000;
  }
  if (length == 0 || text.size() < length) return {};
  for (std::size_t i = 1; i < length; ++i) {
    if ((text[i] & 0xc0) != 0x80) return {};
    value = (value << 6) | (text[i] & 0x3fu);
  }
  const bool is_surrogate = value >= 0xd800 && value <= 0xdfff;
  if (value < smallest || value > 0x10ffff || is_surrogate) return {};
  return {length, value};
}

// The caller wipes the result. It is reserved whole: growing would leave a copy behind.
Bytes utf16_le(ByteView text) {
  Bytes out;
  out.reserve(text.size() * 2);
  const auto put = [&out](std::uint32_t unit) {
    out.push_back(static_cast<std::uint8_t>(unit));
    out.push_back(static_cast<std::uint8_t>(unit >> 8));
  };
  while (!text.empty()) {
    CodePoint point = decode_utf8(text);
    if (point.length == 0) point = {1, text[0]};
    if (point.value >= 0x10000) {
      put(0xd800 + ((point.value - 0x10000) >> 10));
      put(0xdc00 + ((point.value - 0x10000) & 0x3ff));
    } else {
      put(point.value);
    }
    text = text.subspan(point.length);
  }
  return out;
}

template <std::size_t N>
Secret take_secret(std::array<std::uint8_t, N> octets) {
  Secret secret{ByteView(octets)};
  wipe(octets);
  return secret;
}

}  // namespace

Secret nt_password_hash(const Secret& password) {
  Bytes unicode = utf16_le(password.octets());
  Secret hash = take_secret(crypto::md4({unicode}));
  wipe(unicode);
  return hash;
}

Secret hash_of_hash(const Secret& nt_password_hash) {
  return take_secret(crypto::md4({nt_password_hash.octets()}));
}

Secret lm_password_hash(const Secret& password) {
  const ByteView octets = password.octets();
  std::array<std::uint8_t, 14> upper{};
  if (octets.size() > upper.size()) return {};
  for (std::size_t i = 0; i < octets.size(); ++i) {
    const std::uint8_t octet = octets[i];
    if (octet >= 0x80) {
      wipe(upper);
      return {};
    }
    upper[i] = octet >= 'a' && octet <= 'z' ? static_cast<std::uint8_t>(octet - 0x20) : octet;
  }
  constexpr crypto::DesBlock kStandardText = {'K', 'G', 'S', '!', '@', '#', '$', '%'};
  const std::span<const std::uint8_t, 14> keys(upper);
  const crypto::DesBlock first = crypto::des_ecb_encrypt(keys.first<7>(), kStandardText);
  const crypto::DesBlock second = crypto::des_ecb_encrypt(keys.last<7>(), kStandardText);
  std::array<std::uint8_t, 16> hash{};
  std::copy(first.begin(), first.end(), hash.begin());
  std::copy(second.begin(), second.end(), hash.begin() + 8);
  wipe(upper);
  return take_secret(hash);
}

NtResponse challenge_response(ByteView challenge, const Secret& nt_password_hash) {
  // "Set ZPasswordHash to PasswordHash zero-padded to 21 octets"
  std::array<std::uint8_t, 21> padded{};
  const ByteView hash = nt_password_hash.octets();
  std::copy_n(hash.begin(), std::min<std::size_t>(hash.size(), 16), padded.begin());
  crypto::DesBlock clear{};
  std::copy_n(challenge.begin(), std::min(challenge.size(), clear.size()), clear.begin());

  NtResponse response{};
  const std::span<const std::uint8_t, 21> keys(padded);
  const auto block = [&](std::span<const std::uint8_t, 7> key, std::size_t at) {
    const crypto::DesBlock encrypted = crypto::des_ecb_encrypt(key, clear);
    std::copy(encrypted.begin(), encrypted.end(),
              response.begin() + static_cast<std::ptrdiff_t>(at));
  };
  block(keys.subspan<0, 7>(), 0);
  block(keys.subspan<7, 7>(), 8);
  block(keys.subspan<14, 7>(), 16);
  wipe(padded);
  return response;
}

ChallengeHash challenge_hash(ByteView peer_challenge, ByteView authenticator_challenge,
                             std::string_view user) {
  const auto digest = crypto::sha1({peer_challenge, authenticator_challenge, as_bytes(user)});
  ChallengeHash hash{};
  std::copy_n(digest.begin(), hash.size(), hash.begin());
  return hash;
}

NtResponse mschapv2_response(ByteView authenticator_challenge, ByteView peer_challenge,
                             std::string_view user, const Secret& nt_password_hash) {
  const ChallengeHash challenge =
      challenge_hash(peer_challenge, authenticator_challenge, without_domain(user));
  return challenge_response(challenge, nt_password_hash);
}

std::string mschapv2_authenticator_response(const Secret& nt_password_hash, ByteView nt_response,
                                            ByteView peer_challenge,
                                            ByteView authenticator_challenge,
                                            std::string_view user) {
  constexpr std::string_view kMagic1 = "Magic server to client signing constant";
  constexpr std::string_view kMagic2 = "Pad to make it do more than one iteration";
  const Secret hash_hash = hash_of_hash(nt_password_hash);
  const auto digest = crypto::sha1({hash_hash.octets(), nt_response, as_bytes(kMagic1)});
  const ChallengeHash challenge =
      challenge_hash(peer_challenge, authenticator_challenge, without_domain(user));
  const auto response = crypto::sha1({digest, challenge, as_bytes(kMagic2)});
  // "the 40 hexadecimal digits ... A-F in uppercase" (RFC 2759 §5)
  std::string text = "S=" + to_hex(response);
  for (char& c : text)
    if (c >= 'a' && c <= 'f') c = static_cast<char>(c - 'a' + 'A');
  return text;
}

std::optional<MsChapFailure> parse_mschap_failure(std::string_view text) {
  MsChapFailure failure;
  bool has_error = false;
  while (!text.empty()) {
    if (text.front() == ' ') {
      text.remove_prefix(1);
      continue;
    }
    // The message is last and has spaces of its own.
    if (text.starts_with("M=")) {
      failure.message = printable(as_bytes(text.substr(2)));
      break;
    }
    const std::string_view word = text.substr(0, text.find(' '));
    text.remove_prefix(word.size());
    if (word.starts_with("E=")) {
      const std::string_view digits = word.substr(2);
      const auto result =
          std::from_chars(digits.data(), digits.data() + digits.size(), failure.error);
      has_error = result.ec == std::errc() && result.ptr == digits.data() + digits.size();
    } else if (word == "R=1") {
      failure.retry_allowed = true;
    }
  }
  if (!has_error) return std::nullopt;
  return failure;
}

}  // namespace l2tpm::ppp
