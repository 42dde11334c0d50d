#include "crypto/digest.h"

#include <nettle/hmac.h>
#include <nettle/md4.h>
#include <nettle/md5.h>
#include <nettle/sha1.h>

#include "base/secret.h"

namespace l2tpm::crypto {
namespace {

template <typename Context>
void wipe_context(Context& context) {
  wipe({reinterpret_cast<std::uint8_t*>(&context), sizeof(context)});
}

template <typename Context, typename Digest>
Digest hash(void (*init)(Context*), void (*update)(Context*, std::size_t, const std::uint8_t*),
            void (*digest)(Context*, std::size_t, std::uint8_t*),
            std::initializer_list<ByteView> parts) {
  Context context;
  init(&context);
  for (const ByteView part : parts) update(&context, part.size(), part.data());
  Digest out;
  digest(&context, out.size(), out.data());
  wipe_context(context);
  return out;
}

template <typename Context, typename Digest>
Digest keyed_hash(void (*set_key)(Context*, std::size_t, const std::uint8_t*),
                  void (*update)(Context*, std::size_t, const std::uint8_t*),
                  void (*digest)(Context*, std::size_t, std::uint8_t*), ByteView key,
                  std::initializer_list<ByteView> parts) {
  Context context;
  set_key(&context, key.size(), key.data());
  for (const ByteView part : parts) update(&context, part.size(), part.data());
  Digest out;
  digest(&context, out.size(), out.data());
  wipe_context(context);
  return out;
}

}  // namespace

Md4Digest md4(std::initializer_list<ByteView> parts) {
  return hash<md4_ctx, Md4Digest>(nettle_md4_init, nettle_md4_update, nettle_md4_digest, parts);
}

Md5Digest md5(std::initializer_list<ByteView> parts) {
  return hash<md5_ctx, Md5Digest>(nettle_md5_init, nettle_md5_update, nettle_md5_digest, parts);
}

Sha1Digest sha1(std::initializer_list<ByteView> parts) {
  return hash<sha1_ctx, Sha1Digest>(nettle_sha1_init, nettle_sha1_update, nettle_sha1_digest,
                                    parts);
}

Md5Digest hmac_md5(ByteView key, std::initializer_list<ByteView> parts) {
  return keyed_hash<hmac_md5_ctx, Md5Digest>(nettle_hmac_md5_set_key, nettle_hmac_md5_update,
                                             nettle_hmac_md5_digest, key, parts);
}

Sha1Digest hmac_sha1(ByteView key, std::initializer_list<ByteView> parts) {
  return keyed_hash<hmac_sha1_ctx, Sha1Digest>(nettle_hmac_sha1_set_key, nettle_hmac_sha1_update,
                                               nettle_hmac_sha1_digest, key, parts);
}

}  // namespace l2tpm::crypto
