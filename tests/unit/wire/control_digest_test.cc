// Message Digests against messages that tests/vectors/make_l2tpv3.py computed from RFC 3931's text.
#include "wire/control_digest.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace l2tpm::wire {
namespace {

using testing::vector_file;
using Verdict = DigestCheck::Verdict;

const Bytes kInitiator(16, 0x11);
const Bytes kResponder(16, 0x22);
const Nonces kFromInitiator{kInitiator, kResponder};
const Nonces kFromResponder{kResponder, kInitiator};
constexpr DigestType kMd5[] = {DigestType::hmac_md5};
constexpr DigestType kSha1[] = {DigestType::hmac_sha1};
constexpr DigestType kTwoSha1[] = {DigestType::hmac_sha1, DigestType::hmac_sha1};

SharedKey key(std::string_view secret) { return digest_key(as_bytes(secret)); }

Bytes signed_message(const ControlMessage& message, std::span<const DigestType> types,
                     const std::vector<SharedKey>& keys, const Nonces& nonces) {
  EncodeOptions options;
  options.digests = types;
  Bytes out = encode(message, options);
  sign(out, keys, nonces);
  return out;
}

ControlMessage introduction(MessageType type) {
  ControlMessage m;
  m.version = 3;
  m.type = type;
  const bool asks = type == MessageType::sccrq;
  m.host_name = asks ? "pe1" : "pe2";
  m.receive_window_size = std::uint16_t{128};
  m.router_id = asks ? 0xc0000201 : 0xc0000202;
  m.assigned_tunnel_id = TunnelId(asks ? 0x12345678 : 0x9abcdef0);
  m.pseudowire_capabilities = {5, 4};
  m.authentication_nonce = asks ? kInitiator : kResponder;
  if (!asks) {
    m.tunnel_id = TunnelId(0x12345678);
    m.nr = 1;
  }
  return m;
}

ControlMessage to_responder(MessageType type, std::uint16_t ns, std::uint16_t nr) {
  ControlMessage m;
  m.version = 3;
  m.type = type;
  m.tunnel_id = TunnelId(0x9abcdef0);
  m.ns = ns;
  m.nr = nr;
  return m;
}

TEST(ControlDigest, VectorsAreEncodedOctetForOctet) {
  const std::vector<SharedKey> secret{key("secret")};
  EXPECT_EQ(signed_message(introduction(MessageType::sccrq), kMd5, secret, {}),
            vector_file("l2tpv3_sccrq_md5"));
  EXPECT_EQ(signed_message(introduction(MessageType::sccrq), kSha1, secret, {}),
            vector_file("l2tpv3_sccrq_sha1"));
  EXPECT_EQ(signed_message(introduction(MessageType::sccrp), kMd5, secret, kFromResponder),
            vector_file("l2tpv3_sccrp_md5"));
  EXPECT_EQ(signed_message(to_responder(MessageType::scccn, 1, 1), kMd5, secret, kFromInitiator),
            vector_file("l2tpv3_scccn_md5"));
  ControlMessage ack = to_responder(MessageType::ack, 1, 2);
  ack.tunnel_id = TunnelId(0x12345678);
  EXPECT_EQ(signed_message(ack, kMd5, secret, kFromResponder), vector_file("l2tpv3_ack_md5"));
  EXPECT_EQ(signed_message(to_responder(MessageType::hello, 7, 9), kMd5, {key("")}, {}),
            vector_file("l2tpv3_hello_integrity"));
}

TEST(ControlDigest, TwoSecretsOfARollover) {
  ControlMessage m = to_responder(MessageType::icrq, 2, 1);
  m.tie_breaker = std::uint64_t{0x0123456789abcdef};
  m.call_serial_number = 1;
  m.assigned_session_id = SessionId(0x11223344);
  m.assigned_cookie = testing::from_hex("a0a1a2a3a4a5a6a7");
  m.remote_end_id = Bytes{'1', '2', '3', '4'};
  m.pseudowire_type = kPseudowireEthernet;
  m.l2_sublayer = kSublayerDefault;
  m.data_sequencing = kSequencingAll;
  m.circuit_status = std::uint16_t{kCircuitActive | kCircuitNew};
  m.tx_connect_speed_v3 = std::uint64_t{10'000'000'000};
  m.rx_connect_speed_v3 = std::uint64_t{1'000'000'000};
  EXPECT_EQ(signed_message(m, kSha1, {key("secret")}, kFromInitiator),
            vector_file("l2tpv3_icrq_sha1"));
  const Bytes vector = vector_file("l2tpv3_icrq_sha1_two");
  EXPECT_EQ(signed_message(m, kTwoSha1, {key("secret"), key("older")}, kFromInitiator), vector);

  // Whoever has one of the two believes it; whoever has both is told which one it was.
  for (const std::string_view secret : {"secret", "older"}) {
    const SharedKey keys[] = {key("something else"), key(secret)};
    const DigestCheck check = check_digest(vector, keys, kFromInitiator);
    EXPECT_EQ(check.verdict, Verdict::valid) << secret;
    EXPECT_EQ(check.key, 1u);
    EXPECT_EQ(check.type, DigestType::hmac_sha1);
  }
  const SharedKey neither[] = {key("something else"), key("")};
  EXPECT_EQ(check_digest(vector, neither, kFromInitiator).verdict, Verdict::wrong);
}

TEST(ControlDigest, EveryOctetCounts) {
  const SharedKey keys[] = {key("secret")};
  const Bytes vector = vector_file("l2tpv3_scccn_md5");
  ASSERT_EQ(check_digest(vector, keys, kFromInitiator).verdict, Verdict::valid);
  for (std::size_t i = 0; i < vector.size(); ++i) {
    Bytes changed = vector;
    changed[i] ^= 1;
    EXPECT_NE(check_digest(changed, keys, kFromInitiator).verdict, Verdict::valid) << i;
  }
  for (std::size_t size = 0; size < vector.size(); ++size)
    EXPECT_NE(check_digest(ByteView(vector).first(size), keys, kFromInitiator).verdict,
              Verdict::valid)
        << size;
}

TEST(ControlDigest, NoncesAreTheSendersFirst) {
  const SharedKey keys[] = {key("secret")};
  const Bytes sccrp = vector_file("l2tpv3_sccrp_md5");
  EXPECT_EQ(check_digest(sccrp, keys, kFromResponder).verdict, Verdict::valid);
  EXPECT_EQ(check_digest(sccrp, keys, kFromInitiator).verdict, Verdict::wrong);
  EXPECT_EQ(check_digest(sccrp, keys, {kResponder, {}}).verdict, Verdict::wrong);
  // SCCRQ is what it is whatever has been said before.
  EXPECT_EQ(check_digest(vector_file("l2tpv3_sccrq_md5"), keys, kFromInitiator).verdict,
            Verdict::valid);
}

TEST(ControlDigest, OneElsewhereOrOfAnotherKindIsNotBelieved) {
  const SharedKey keys[] = {key("secret")};
  EXPECT_EQ(check_digest(encode(to_responder(MessageType::hello, 1, 1)), keys, {}).verdict,
            Verdict::absent);
  // Behind another AVP.
  Bytes moved = vector_file("l2tpv3_scccn_md5");
  const Bytes vendor = testing::from_hex("0006 0000 0008");
  moved.insert(moved.begin() + 20, vendor.begin(), vendor.end());
  EXPECT_EQ(check_digest(moved, keys, kFromInitiator).verdict, Verdict::absent);
  // An algorithm that nobody knows, and the right size for none.
  Bytes unknown = vector_file("l2tpv3_scccn_md5");
  unknown[26] = 2;
  EXPECT_EQ(check_digest(unknown, keys, kFromInitiator).verdict, Verdict::wrong);
  unknown[26] = 1;
  EXPECT_EQ(check_digest(unknown, keys, kFromInitiator).verdict, Verdict::wrong);
  // Hidden, or a vendor's.
  Bytes hidden = vector_file("l2tpv3_scccn_md5");
  hidden[20] |= 0x40;
  EXPECT_EQ(check_digest(hidden, keys, kFromInitiator).verdict, Verdict::wrong);
  Bytes foreign = vector_file("l2tpv3_scccn_md5");
  foreign[23] = 9;
  EXPECT_EQ(check_digest(foreign, keys, kFromInitiator).verdict, Verdict::absent);
}

TEST(ControlDigest, IsMadeAnewWhenNrChanges) {
  const SharedKey keys[] = {key("secret")};
  Bytes message = vector_file("l2tpv3_scccn_md5");
  patch_nr(message, 9);
  EXPECT_EQ(check_digest(message, keys, kFromInitiator).verdict, Verdict::wrong);
  sign(message, keys, kFromInitiator);
  EXPECT_EQ(check_digest(message, keys, kFromInitiator).verdict, Verdict::valid);
  patch_nr(message, 1);
  sign(message, keys, kFromInitiator);
  EXPECT_EQ(message, vector_file("l2tpv3_scccn_md5"));
}

TEST(ControlDigest, HiddenAvpsHaveAKeyOfTheirOwn) {
  const Bytes vector = vector_file("l2tpv3_icrp_hidden");
  const SharedKey keys[] = {key("secret")};
  EXPECT_EQ(check_digest(vector, keys, kFromResponder).verdict, Verdict::valid);
  const SharedKey hiding = hiding_key(as_bytes("secret"));
  const auto message = decode_control(vector, {.secret = hiding});
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->problem) << message->problem->to_string();
  EXPECT_EQ(message->assigned_session_id, SessionId(0x55667788));
  EXPECT_EQ(message->session_id, SessionId(0x11223344));
  EXPECT_EQ(message->assigned_cookie, testing::from_hex("b0b1b2b3b4b5b6b7"));
  EXPECT_EQ(message->circuit_status, 3);

  ControlMessage again = *message;
  again.others.clear();
  EncodeOptions options;
  options.secret = hiding;
  const Bytes random = testing::from_hex("000102030405060708090a0b0c0d0e0f");
  options.random_vector = random;
  options.digests = kMd5;
  Bytes encoded = encode(again, options);
  sign(encoded, keys, kFromResponder);
  EXPECT_EQ(encoded, vector);

  // With the secret itself, as in L2TPv2, it is gibberish.
  const auto wrong = decode_control(vector, {.secret = as_bytes("secret")});
  EXPECT_TRUE(wrong->problem);
}

// RFC 3931 §4.7.3.
TEST(ControlDigest, SccrqOfVersion2ThatOffersVersion3) {
  const Bytes vector = vector_file("l2tpv3_sccrq_v2");
  const SharedKey keys[] = {key("secret")};
  EXPECT_EQ(check_digest(vector, keys, {}).verdict, Verdict::valid);
  auto message = decode_control(vector, {});
  ASSERT_TRUE(message);
  EXPECT_FALSE(message->problem);
  EXPECT_EQ(message->version, 2);
  EXPECT_EQ(message->assigned_tunnel_id, TunnelId(0x1234));
  EXPECT_EQ(message->v3_connection_id, TunnelId(0x1234));
  EXPECT_EQ(message->router_id, 0xc0000201);
  EXPECT_EQ(message->pseudowire_capabilities, (std::vector<std::uint16_t>{5, 7}));
  EXPECT_EQ(message->authentication_nonce, kInitiator);
  message->others.clear();
  EXPECT_EQ(signed_message(*message, kMd5, {key("secret")}, {}), vector);
}

}  // namespace
}  // namespace l2tpm::wire
