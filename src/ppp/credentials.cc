#include "ppp/credentials.h"

#include <fmt/core.h>

#include <algorithm>
#include <array>

#include "crypto/digest.h"
#include "ppp/mschap_hash.h"
#include "wire/ppp_options.h"

namespace l2tpm::ppp {
namespace {

constexpr std::uint8_t kUseNtResponse = 1;

AuthVerdict accepted() {
  AuthVerdict verdict;
  verdict.ok = true;
  return verdict;
}

AuthVerdict check_mschap(const AuthRequest& request, const Secret& password) {
  // "the flag ... indicates that the NT-Response is provided and should be used in preference to
  // the LAN Manager one" (RFC 2433 §5); the other one is too weak to count.
  if ((request.use_nt_response & kUseNtResponse) == 0) return AuthVerdict::refused();
  if (request.challenge.size() != kMsChapChallengeSize) return AuthVerdict::refused();
  const Secret hash = nt_password_hash(password);
  const NtResponse expected = challenge_response(request.challenge, hash);
  if (!equal_in_constant_time(expected, request.response)) return AuthVerdict::refused();
  AuthVerdict verdict = accepted();
  verdict.keys = mschap_keys(hash_of_hash(hash).octets(), request.challenge,
                             lm_password_hash(password).octets());
  return verdict;
}

AuthVerdict check_mschapv2(const AuthRequest& request, const Secret& password) {
  if (request.challenge.size() != kMsChapV2ChallengeSize ||
      request.peer_challenge.size() != kMsChapV2ChallengeSize)
    return AuthVerdict::refused();
  const Secret hash = nt_password_hash(password);
  const NtResponse expected =
      mschapv2_response(request.challenge, request.peer_challenge, request.user, hash);
  if (!equal_in_constant_time(expected, request.response)) return AuthVerdict::refused();
  AuthVerdict verdict = accepted();
  verdict.authenticator_response = mschapv2_authenticator_response(
      hash, request.response, request.peer_challenge, request.challenge, request.user);
  verdict.keys = mschapv2_keys(hash_of_hash(hash).octets(), request.response, true);
  return verdict;
}

}  // namespace

std::string_view name(AuthMethod method) {
  switch (method) {
    case AuthMethod::pap:
      return "pap";
    case AuthMethod::chap_md5:
      return "chap-md5";
    case AuthMethod::mschap:
      return "mschap";
    case AuthMethod::mschapv2:
      return "mschapv2";
  }
  return "?";
}

wire::PppProtocol protocol(AuthMethod method) {
  return method == AuthMethod::pap ? wire::PppProtocol::pap : wire::PppProtocol::chap;
}

Bytes encode_auth_option(AuthMethod method) {
  Bytes value;
  ByteWriter writer(value);
  writer.u16(static_cast<std::uint16_t>(protocol(method)));
  switch (method) {
    case AuthMethod::pap:
      break;
    case AuthMethod::chap_md5:
      writer.u8(wire::kChapMd5);
      break;
    case AuthMethod::mschap:
      writer.u8(wire::kMsChapV1);
      break;
    case AuthMethod::mschapv2:
      writer.u8(wire::kMsChapV2);
      break;
  }
  return value;
}

std::optional<AuthMethod> decode_auth_option(ByteView value) {
  constexpr std::array kMethods = {AuthMethod::pap, AuthMethod::chap_md5, AuthMethod::mschap,
                                   AuthMethod::mschapv2};
  for (const AuthMethod method : kMethods)
    if (std::ranges::equal(encode_auth_option(method), value)) return method;
  return std::nullopt;
}

std::string describe_mschap_error(std::uint32_t error) {
  switch (error) {
    case static_cast<std::uint32_t>(MsChapError::restricted_logon_hours):
      return "not allowed to log on at this hour";
    case static_cast<std::uint32_t>(MsChapError::account_disabled):
      return "the account is disabled";
    case static_cast<std::uint32_t>(MsChapError::password_expired):
      return "the password has expired";
    case static_cast<std::uint32_t>(MsChapError::no_dialin_permission):
      return "no permission to dial in";
    case static_cast<std::uint32_t>(MsChapError::authentication_failure):
      return "user name or password wrong";
    case static_cast<std::uint32_t>(MsChapError::changing_password):
      return "the password could not be changed";
  }
  return fmt::format("error {}", error);
}

AuthVerdict AuthVerdict::refused(MsChapError error, std::string message) {
  AuthVerdict verdict;
  verdict.error = error;
  verdict.message = std::move(message);
  return verdict;
}

AuthVerdict check_password(const AuthRequest& request, const Secret& password) {
  switch (request.method) {
    case AuthMethod::pap:
      return request.pap_password == password ? accepted() : AuthVerdict::refused();
    case AuthMethod::chap_md5: {
      const std::array<std::uint8_t, 1> identifier = {request.identifier};
      const auto expected = crypto::md5({identifier, password.octets(), request.challenge});
      return equal_in_constant_time(expected, request.response) ? accepted()
                                                                : AuthVerdict::refused();
    }
    case AuthMethod::mschap:
      return check_mschap(request, password);
    case AuthMethod::mschapv2:
      return check_mschapv2(request, password);
  }
  return AuthVerdict::refused();
}

std::string_view without_domain(std::string_view user) {
  const std::size_t backslash = user.rfind('\\');
  return backslash == std::string_view::npos ? user : user.substr(backslash + 1);
}

}  // namespace l2tpm::ppp
