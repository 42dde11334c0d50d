// Numbers that must not be mistaken for one another.
#pragma once

#include <compare>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace l2tpm {

template <typename Tag, typename T>
class Strong {
 public:
  constexpr Strong() = default;
  constexpr explicit Strong(T value) : value_(value) {}
  constexpr T value() const { return value_; }
  constexpr explicit operator bool() const { return value_ != 0; }
  friend constexpr auto operator<=>(Strong, Strong) = default;

 private:
  T value_ = 0;
};

// 16 bits in L2TPv2, 32 in L2TPv3; zero is "not assigned" in both.
using TunnelId = Strong<struct TunnelIdTag, std::uint32_t>;
using SessionId = Strong<struct SessionIdTag, std::uint32_t>;

// A session as the host knows it: ours on both counts.
struct SessionKey {
  TunnelId tunnel;
  SessionId session;
  friend constexpr auto operator<=>(const SessionKey&, const SessionKey&) = default;
};

}  // namespace l2tpm

template <typename Tag, typename T>
struct std::hash<l2tpm::Strong<Tag, T>> {
  std::size_t operator()(l2tpm::Strong<Tag, T> id) const noexcept {
    return std::hash<T>{}(id.value());
  }
};

template <>
struct std::hash<l2tpm::SessionKey> {
  std::size_t operator()(const l2tpm::SessionKey& key) const noexcept {
    return std::hash<std::uint64_t>{}((std::uint64_t{key.tunnel.value()} << 32) |
                                      key.session.value());
  }
};
