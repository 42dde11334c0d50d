#include "ppp/credentials.h"

#include <gtest/gtest.h>

#include "support/hex.h"

namespace l2tpm::ppp {
namespace {

using testing::operator""_hex;

const Secret kRight{std::string_view("clientPass")};
const Secret kWrong{std::string_view("clientpass")};

AuthRequest sample_request(AuthMethod method) {
  AuthRequest request;
  request.method = method;
  request.user = "User";
  request.identifier = 7;
  switch (method) {
    case AuthMethod::pap:
      request.pap_password = kRight;
      break;
    case AuthMethod::chap_md5:
      // MD5 of 07, "clientPass", 00 01 .. 0f.
      request.challenge = "000102030405060708090A0B0C0D0E0F"_hex;
      request.response = "7be366c6c674e0bfcf9e8f4b9ef7e82a"_hex;
      break;
    case AuthMethod::mschap:
      request.challenge = "102DB5DF085D3041"_hex;
      request.response = "4E9D3C8F9CFD385D5BF4D3246791956CA4C351AB409A3D61"_hex;
      request.lm_response = Bytes(24);
      request.use_nt_response = 1;
      break;
    case AuthMethod::mschapv2:
      request.challenge = "5B5D7C7D7B3F2F3E3C2C602132262628"_hex;
      request.peer_challenge = "21402324255E262A28295F2B3A337C7E"_hex;
      request.response = "82309ECD8D708B5EA08FAA3981CD83544233114A3D85D6DF"_hex;
      break;
  }
  return request;
}

// RFC 2433's sample has a password of its own.
Secret right_password(AuthMethod method) {
  return method == AuthMethod::mschap ? Secret(std::string_view("MyPw")) : kRight;
}

constexpr AuthMethod kMethods[] = {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap,
                                   AuthMethod::mschapv2};

TEST(Credentials, RightPasswordPassesAndWrongDoesNot) {
  for (const AuthMethod method : kMethods) {
    SCOPED_TRACE(name(method));
    const AuthRequest request = sample_request(method);
    const AuthVerdict right = check_password(request, right_password(method));
    EXPECT_TRUE(right.ok);
    EXPECT_EQ(right.keys.empty(), method == AuthMethod::pap || method == AuthMethod::chap_md5);
    for (const Secret& password : {kWrong, Secret()}) {
      const AuthVerdict wrong = check_password(request, password);
      EXPECT_FALSE(wrong.ok);
      EXPECT_EQ(wrong.error, MsChapError::authentication_failure);
      EXPECT_TRUE(wrong.keys.empty());
      EXPECT_EQ(wrong.authenticator_response, "");
    }
  }
}

TEST(Credentials, ShortAndLongFieldsAreRefused) {
  for (const AuthMethod method : kMethods) {
    if (method == AuthMethod::pap) continue;
    for (const std::size_t size :
         {std::size_t{0}, std::size_t{1}, std::size_t{15}, std::size_t{25}, std::size_t{255}}) {
      AuthRequest request = sample_request(method);
      request.response.resize(size);
      EXPECT_FALSE(check_password(request, right_password(method)).ok) << name(method) << size;
      request = sample_request(method);
      request.challenge.resize(size);
      EXPECT_FALSE(check_password(request, right_password(method)).ok) << name(method) << size;
    }
  }
}

TEST(Credentials, MsChapV2ProvesUsToThePeer) {
  const AuthVerdict verdict = check_password(sample_request(AuthMethod::mschapv2), kRight);
  EXPECT_EQ(verdict.authenticator_response, "S=407A5589115FD0D6209F510FE9C04566932CDA56");
}

TEST(Credentials, LanManagerResponseAloneIsRefused) {
  AuthRequest request = sample_request(AuthMethod::mschap);
  request.use_nt_response = 0;
  EXPECT_FALSE(check_password(request, right_password(AuthMethod::mschap)).ok);
}

TEST(Credentials, OptionValues) {
  EXPECT_EQ(encode_auth_option(AuthMethod::pap), "c023"_hex);
  EXPECT_EQ(encode_auth_option(AuthMethod::chap_md5), "c22305"_hex);
  EXPECT_EQ(encode_auth_option(AuthMethod::mschap), "c22380"_hex);
  EXPECT_EQ(encode_auth_option(AuthMethod::mschapv2), "c22381"_hex);
  for (const AuthMethod method : kMethods)
    EXPECT_EQ(decode_auth_option(encode_auth_option(method)), method);
  for (const Bytes& value : {""_hex, "c0"_hex, "c223"_hex, "c22306"_hex, "c2230500"_hex,
                             "c02305"_hex, "c227"_hex, "c025"_hex})
    EXPECT_FALSE(decode_auth_option(value)) << to_hex(value);
}

TEST(Credentials, Domain) {
  EXPECT_EQ(without_domain("user"), "user");
  EXPECT_EQ(without_domain("BIGCO\\user"), "user");
  EXPECT_EQ(without_domain("a\\b\\user"), "user");
  EXPECT_EQ(without_domain("BIGCO\\"), "");
  EXPECT_EQ(without_domain("user@bigco"), "user@bigco");
}

}  // namespace
}  // namespace l2tpm::ppp
