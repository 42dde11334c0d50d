#include "wire/control_digest.h"

#include <algorithm>
#include <array>
#include <cassert>

#include "base/secret.h"
#include "wire/avp.h"
#include "wire/hidden_avp.h"
#include "wire/l2tp_header.h"

namespace l2tpm::wire {
namespace {

constexpr std::size_t kMessageTypeAvpSize = kAvpHeaderSize + 2;
constexpr std::size_t kMaxDigests = 2;
constexpr std::uint16_t kHidden = 0x4000;
constexpr std::uint16_t kLengthMask = 0x03ff;

// Where the digest's own octets lie in the message.
struct Place {
  std::size_t at = 0;
  DigestType type = DigestType::hmac_md5;
};
struct Places {
  std::array<Place, kMaxDigests> list;
  std::size_t count = 0;
  bool any = false;  // an AVP is there, usable or not
};

// A fixed offset: behind the header and Message Type.
Places find_digests(ByteView message) {
  Places places;
  std::size_t at = kControlHeaderSize + kMessageTypeAvpSize;
  while (places.count < kMaxDigests && at < message.size()) {
    ByteReader reader(message.subspan(at));
    const std::uint16_t flags = reader.u16();
    const AvpKey key{reader.u16(), reader.u16()};
    const std::size_t size = flags & kLengthMask;
    const std::uint8_t type = reader.u8();
    if (!reader.ok() || key != ietf(AvpType::message_digest) || size > message.size() - at) break;
    places.any = true;
    const bool known = type <= static_cast<std::uint8_t>(DigestType::hmac_sha1);
    const auto digest = static_cast<DigestType>(type);
    if (!known || (flags & kHidden) != 0 || size != kAvpHeaderSize + 1 + digest_size(digest)) break;
    places.list[places.count++] = {at + kAvpHeaderSize + 1, digest};
    at += size;
  }
  return places;
}

SharedKey derive(ByteView secret, std::uint8_t purpose) {
  const std::uint8_t octet[] = {purpose};
  return crypto::hmac_md5(secret, {ByteView(octet)});
}

// Of a message whose digests are zeros. HMAC-MD5 is the first 16 octets.
crypto::Sha1Digest compute(DigestType type, const SharedKey& key, const Nonces& nonces,
                           ByteView message) {
  crypto::Sha1Digest out{};
  if (type == DigestType::hmac_sha1)
    return crypto::hmac_sha1(key, {nonces.sender, nonces.receiver, message});
  const auto digest = crypto::hmac_md5(key, {nonces.sender, nonces.receiver, message});
  std::copy(digest.begin(), digest.end(), out.begin());
  return out;
}

void zero(Bytes& message, const Places& places) {
  for (std::size_t i = 0; i < places.count; ++i) {
    const auto begin = message.begin() + static_cast<std::ptrdiff_t>(places.list[i].at);
    std::fill_n(begin, digest_size(places.list[i].type), std::uint8_t{0});
  }
}

}  // namespace

SharedKey digest_key(ByteView secret) { return derive(secret, 2); }
SharedKey hiding_key(ByteView secret) { return derive(secret, 1); }

std::size_t digest_size(DigestType type) { return type == DigestType::hmac_sha1 ? 20 : 16; }

std::string_view name(DigestType type) {
  return type == DigestType::hmac_sha1 ? "HMAC-SHA-1" : "HMAC-MD5";
}

void sign(Bytes& message, std::span<const SharedKey> keys, const Nonces& nonces) {
  assert(!keys.empty());
  const Places places = find_digests(message);
  zero(message, places);
  const Bytes zeroed = message;
  const Nonces used = is_sccrq(message) ? Nonces{} : nonces;
  for (std::size_t i = 0; i < places.count; ++i) {
    const Place& place = places.list[i];
    const auto digest = compute(place.type, keys[std::min(i, keys.size() - 1)], used, zeroed);
    std::copy_n(digest.begin(), digest_size(place.type),
                message.begin() + static_cast<std::ptrdiff_t>(place.at));
  }
}

DigestCheck check_digest(ByteView message, std::span<const SharedKey> keys, const Nonces& nonces) {
  DigestCheck check;
  const Places places = find_digests(message);
  if (!places.any) return check;
  check.verdict = DigestCheck::Verdict::wrong;
  Bytes zeroed(message.begin(), message.end());
  zero(zeroed, places);
  const Nonces used = is_sccrq(message) ? Nonces{} : nonces;
  for (std::size_t i = 0; i < places.count; ++i) {
    const Place& place = places.list[i];
    const ByteView theirs = message.subspan(place.at, digest_size(place.type));
    for (std::size_t key = 0; key < keys.size(); ++key) {
      const auto ours = compute(place.type, keys[key], used, zeroed);
      if (!equal_in_constant_time(ByteView(ours).first(theirs.size()), theirs)) continue;
      return {DigestCheck::Verdict::valid, key, place.type};
    }
  }
  return check;
}

bool is_sccrq(ByteView message) {
  if (message.size() < kControlHeaderSize) return false;
  ByteReader reader(message.subspan(kControlHeaderSize));
  const std::uint16_t flags = reader.u16();
  const AvpKey key{reader.u16(), reader.u16()};
  const std::uint16_t type = reader.u16();
  return reader.ok() && (flags & kLengthMask) == kMessageTypeAvpSize &&
         key == ietf(AvpType::message_type) &&
         type == static_cast<std::uint16_t>(MessageType::sccrq);
}

}  // namespace l2tpm::wire
