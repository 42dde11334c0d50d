// Netlink messages put together by hand, as the kernel sends them.
#pragma once

#include <linux/genetlink.h>
#include <linux/netlink.h>

#include <cstring>
#include <string_view>

#include "base/bytes.h"

namespace l2tpm::test {

class NetlinkBuild {
 public:
  explicit NetlinkBuild(std::uint16_t type) : bytes_(sizeof(nlmsghdr)) {
    header_.nlmsg_type = type;
    finish();
  }
  static NetlinkBuild genl(std::uint8_t command) {
    NetlinkBuild message(0x1c);
    message.raw(genlmsghdr{command, 1, 0});
    return message;
  }

  template <typename T>
  NetlinkBuild& raw(const T& value) {
    return append(&value, sizeof value);
  }
  template <typename T>
  NetlinkBuild& put(std::uint16_t type, const T& value) {
    return attribute(type, {reinterpret_cast<const std::uint8_t*>(&value), sizeof value});
  }
  NetlinkBuild& text(std::uint16_t type, std::string_view value) {
    Bytes bytes(value.begin(), value.end());
    bytes.push_back(0);
    return attribute(type, bytes);
  }
  NetlinkBuild& nest(std::uint16_t type, const NetlinkBuild& inner) {
    return attribute(type, ByteView(inner.bytes_).subspan(sizeof(nlmsghdr)));
  }
  NetlinkBuild& attribute(std::uint16_t type, ByteView payload) {
    nlattr head{};
    head.nla_len = static_cast<std::uint16_t>(sizeof head + payload.size());
    head.nla_type = type;
    raw(head);
    return append(payload.data(), payload.size());
  }
  // Aligned for nlmsghdr, as memory from the allocator is.
  const Bytes& bytes() const { return bytes_; }
  const nlmsghdr& message() const { return *reinterpret_cast<const nlmsghdr*>(bytes_.data()); }

 private:
  NetlinkBuild& append(const void* data, std::size_t size) {
    const auto* octets = static_cast<const std::uint8_t*>(data);
    bytes_.insert(bytes_.end(), octets, octets + size);
    bytes_.resize((bytes_.size() + 3) / 4 * 4);
    finish();
    return *this;
  }
  void finish() {
    header_.nlmsg_len = static_cast<std::uint32_t>(bytes_.size());
    std::memcpy(bytes_.data(), &header_, sizeof header_);
  }
  nlmsghdr header_{};
  Bytes bytes_;
};

}  // namespace l2tpm::test
