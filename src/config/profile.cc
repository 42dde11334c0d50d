#include "config/profile.h"

namespace l2tpm::config {

std::string_view name(AuthMethod method) {
  switch (method) {
    case AuthMethod::pap:
      return "pap";
    case AuthMethod::chap_md5:
      return "chap-md5";
    case AuthMethod::mschap_v1:
      return "mschap";
    case AuthMethod::mschap_v2:
      return "mschapv2";
  }
  return "?";
}

std::string_view name(MppeMode mode) {
  switch (mode) {
    case MppeMode::off:
      return "off";
    case MppeMode::prefer:
      return "prefer";
    case MppeMode::require:
      return "require";
  }
  return "?";
}

std::string_view name(DataSequencing sequencing) {
  switch (sequencing) {
    case DataSequencing::none:
      return "none";
    case DataSequencing::want:
      return "want";
    case DataSequencing::require:
      return "require";
  }
  return "?";
}

std::string_view name(PortFloat policy) {
  switch (policy) {
    case PortFloat::accept_theirs:
      return "accept-theirs";
    case PortFloat::never:
      return "never";
    case PortFloat::ours:
      return "ours";
  }
  return "?";
}

std::string_view name(InstallPoint point) {
  switch (point) {
    case InstallPoint::before_first_ncp_ack:
      return "before-first-ncp-ack";
    case InstallPoint::after_authentication:
      return "after-authentication";
    case InstallPoint::at_call_established:
      return "at-call-established";
  }
  return "?";
}

std::string_view name(Version version) {
  switch (version) {
    case Version::two:
      return "2";
    case Version::three:
      return "3";
    case Version::three_then_two:
      return "3-then-2";
  }
  return "?";
}

std::string_view name(Transport transport) {
  switch (transport) {
    case Transport::udp:
      return "udp";
    case Transport::ip:
      return "ip";
  }
  return "?";
}

std::string_view name(MessageDigest digest) {
  switch (digest) {
    case MessageDigest::none:
      return "none";
    case MessageDigest::md5:
      return "md5";
    case MessageDigest::sha1:
      return "sha1";
  }
  return "?";
}

std::string_view name(BcpPath path) {
  switch (path) {
    case BcpPath::automatic:
      return "auto";
    case BcpPath::kernel:
      return "kernel";
    case BcpPath::relay:
      return "relay";
  }
  return "?";
}

std::string_view name(BcpSend send) {
  switch (send) {
    case BcpSend::agreed:
      return "agreed";
    case BcpSend::always:
      return "always";
    case BcpSend::never:
      return "never";
  }
  return "?";
}

std::string_view name(PseudowireType type) {
  switch (type) {
    case PseudowireType::ethernet:
      return "ethernet";
    case PseudowireType::ethernet_vlan:
      return "ethernet-vlan";
    case PseudowireType::ppp:
      return "ppp";
  }
  return "?";
}

// Greedy with one point of return, so it is linear in practice and quadratic at worst.
bool glob_match(std::string_view pattern, std::string_view text) {
  const auto fold = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c + 32) : c; };
  std::size_t p = 0;
  std::size_t t = 0;
  std::size_t star = std::string_view::npos;
  std::size_t resume = 0;
  while (t < text.size()) {
    if (p < pattern.size() && pattern[p] == '*') {
      star = p++;
      resume = t;
    } else if (p < pattern.size() && fold(pattern[p]) == fold(text[t])) {
      ++p;
      ++t;
    } else if (star != std::string_view::npos) {
      p = star + 1;
      t = ++resume;
    } else {
      return false;
    }
  }
  while (p < pattern.size() && pattern[p] == '*') ++p;
  return p == pattern.size();
}

bool OutgoingAnswer::matches(std::string_view number) const {
  return enabled && (called_number.empty() || glob_match(called_number, number));
}

bool PeerRule::matches(std::string_view peer_host_name, const IpAddress& peer) const {
  if (!host_name.empty() && !glob_match(host_name, peer_host_name)) return false;
  return !address || address->contains(peer);
}

bool ListenerProfile::bridges() const {
  return ppp.bcp || std::any_of(users.begin(), users.end(),
                                [](const User& user) { return user.bcp.has_value(); });
}

const Tunnel* ListenerProfile::tunnel_for(std::string_view peer_host_name,
                                          const IpAddress& peer) const {
  for (const auto& rule : peers)
    if (rule.matches(peer_host_name, peer)) return rule.allow ? &rule.tunnel : nullptr;
  return allow_unknown_peers ? &tunnel : nullptr;
}

std::string AddressRange::to_string() const {
  return first == last ? first.to_string() : first.to_string() + "-" + last.to_string();
}

std::string_view needs_version3(const Profile& profile) {
  if (std::holds_alternative<StaticProfile>(profile)) return "\"kind\": \"static\"";
  if (const auto* client = std::get_if<ClientProfile>(&profile))
    return client->version == Version::two ? "" : "\"version\": 3";
  return std::get<ListenerProfile>(profile).accepts_three ? "\"versions\": 3" : "";
}

const std::string& profile_name(const Profile& profile) {
  return std::visit([](const auto& each) -> const std::string& { return each.name; }, profile);
}

}  // namespace l2tpm::config
