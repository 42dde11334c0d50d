#include "ppp/mppe_keys.h"

#include <algorithm>

#include "crypto/digest.h"

namespace l2tpm::ppp {
namespace {

constexpr std::size_t kShortKeySize = 8;  // 40 bit: 8 octets, of which the kernel fixes three

// RFC 3079 §3.4.
constexpr std::string_view kMagic1 = "This is the MPPE Master Key";
constexpr std::string_view kMagic2 =
    "On the client side, this is the send key; on the server side, it is the receive key.";
constexpr std::string_view kMagic3 =
    "On the client side, this is the receive key; on the server side, it is the send key.";

Secret first_octets(crypto::Sha1Digest& digest, std::size_t count) {
  Secret secret(ByteView(digest).first(count));
  wipe(digest);
  return secret;
}

// GetAsymmetricStartKey (RFC 3079 §3.4) at 128 bit; the shorter keys are its beginning.
Secret asymmetric_start_key(const Secret& master, std::string_view magic) {
  std::array<std::uint8_t, 40> pad1{};
  std::array<std::uint8_t, 40> pad2{};
  pad2.fill(0xf2);
  auto digest = crypto::sha1({master.octets(), pad1, as_bytes(magic), pad2});
  return first_octets(digest, kMppeKeySize);
}

}  // namespace

std::string_view name(MppeStrength strength) {
  switch (strength) {
    case MppeStrength::bits_40:
      return "40";
    case MppeStrength::bits_128:
      return "128";
  }
  return "?";
}

std::string_view name(MppeDirection direction) {
  switch (direction) {
    case MppeDirection::receive:
      return "receive";
    case MppeDirection::transmit:
      return "transmit";
  }
  return "?";
}

bool MppeKeys::has(MppeStrength strength) const {
  switch (strength) {
    case MppeStrength::bits_40:
      return is_v1
                 ? lan_manager.octets().size() == kShortKeySize
                 : send.octets().size() == kMppeKeySize && receive.octets().size() == kMppeKeySize;
    case MppeStrength::bits_128:
      return send.octets().size() == kMppeKeySize && receive.octets().size() == kMppeKeySize;
  }
  return false;
}

Secret MppeKeys::start_key(MppeDirection direction, MppeStrength strength) const {
  if (!has(strength)) return {};
  const Secret& full = direction == MppeDirection::receive ? receive : send;
  if (strength == MppeStrength::bits_128) return full;
  std::array<std::uint8_t, kMppeKeySize> padded{};
  const ByteView source = is_v1 ? lan_manager.octets() : full.octets();
  std::copy_n(source.begin(), kShortKeySize, padded.begin());
  Secret key{ByteView(padded)};
  wipe(padded);
  return key;
}

MppeKeys mschap_keys(ByteView nt_password_hash_hash, ByteView challenge,
                     ByteView lm_password_hash) {
  MppeKeys keys;
  keys.is_v1 = true;
  // GetStartKey (RFC 3079 §2.4): the hash twice, then the challenge; both directions the same.
  auto digest = crypto::sha1({nt_password_hash_hash, nt_password_hash_hash, challenge});
  keys.send = first_octets(digest, kMppeKeySize);
  keys.receive = keys.send;
  if (lm_password_hash.size() >= kShortKeySize)
    keys.lan_manager = Secret(lm_password_hash.first(kShortKeySize));
  return keys;
}

MppeKeys mschapv2_keys(ByteView nt_password_hash_hash, ByteView nt_response,
                       bool is_authenticator) {
  auto digest = crypto::sha1({nt_password_hash_hash, nt_response, as_bytes(kMagic1)});
  const Secret master = first_octets(digest, kMppeKeySize);
  const Secret client_sends = asymmetric_start_key(master, kMagic2);
  const Secret server_sends = asymmetric_start_key(master, kMagic3);
  MppeKeys keys;
  keys.send = is_authenticator ? server_sends : client_sends;
  keys.receive = is_authenticator ? client_sends : server_sends;
  return keys;
}

}  // namespace l2tpm::ppp
