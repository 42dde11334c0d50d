#include "kernel/ppp_unit.h"

#include <fcntl.h>
#include <linux/ppp-comp.h>
#include <linux/ppp-ioctl.h>
#include <linux/ppp_defs.h>
#include <sys/ioctl.h>

#include <algorithm>
#include <array>
#include <cerrno>

namespace l2tpm::kernel {

namespace {

// RFC 3078 §2.1: supported bits, most significant octet first.
constexpr std::uint8_t kStatelessOctet = 0x01;  // H, in the first
constexpr std::uint8_t kBits128 = 0x40;         // S, in the last
constexpr std::uint8_t kBits40 = 0x20;          // L, in the last

Result<Done, KernelError> done_or(int outcome, const char* doing) {
  if (outcome == 0) return Done{};
  return Unexpected(KernelError{errno, doing, {}});
}

}  // namespace

std::mutex& ppp_lock() {
  static std::mutex mutex;
  return mutex;
}

Result<UniqueFd, KernelError> open_ppp() {
  UniqueFd fd(open("/dev/ppp", O_RDWR | O_CLOEXEC | O_NONBLOCK));
  if (fd) return fd;
  KernelError error{errno, "opening /dev/ppp", {}};
  if (error.error == EACCES)
    error.detail = "the udev rule that gives it to the daemon's group is missing";
  if (error.error == EPERM) error.detail = "CAP_NET_ADMIN is missing";
  if (error.error == ENOENT || error.error == ENXIO || error.error == ENODEV)
    error.detail = "the kernel module ppp_generic is not there";
  return Unexpected(std::move(error));
}

Result<Done, KernelError> attach_channel(int fd, int channel) {
  return done_or(ioctl(fd, PPPIOCATTCHAN, &channel), "attaching to the PPP channel");
}

Result<Done, KernelError> connect_channel(int channel_fd, int unit) {
  return done_or(ioctl(channel_fd, PPPIOCCONNECT, &unit),
                 "connecting the PPP channel to its interface");
}

Result<Done, KernelError> bridge_channel(int channel_fd, int other) {
  return done_or(ioctl(channel_fd, PPPIOCBRIDGECHAN, &other), "tying two PPP channels together");
}

Result<int, KernelError> unit_number(int unit_fd) {
  int unit = 0;
  if (ioctl(unit_fd, PPPIOCGUNIT, &unit) != 0)
    return Unexpected(KernelError{errno, "asking for the PPP unit's number", {}});
  return unit;
}

Result<Done, KernelError> set_unit_mru(int unit_fd, std::uint32_t mru) {
  int value = static_cast<int>(mru);
  return done_or(ioctl(unit_fd, PPPIOCSMRU, &value), "setting the MRU");
}

Result<Done, KernelError> set_multilink(int unit_fd, const SessionSpec& spec) {
  int mrru = static_cast<int>(spec.mrru);
  if (auto set = done_or(ioctl(unit_fd, PPPIOCSMRRU, &mrru), "setting the MRRU"); !set) return set;
  int flags = 0;
  if (ioctl(unit_fd, PPPIOCGFLAGS, &flags) != 0)
    return Unexpected(KernelError{errno, "reading the PPP unit's flags", {}});
  if (spec.send_multilink) flags |= SC_MULTILINK | (spec.short_sequence ? SC_MP_XSHORTSEQ : 0);
  return done_or(ioctl(unit_fd, PPPIOCSFLAGS, &flags), "setting the PPP unit's flags");
}

Result<Done, KernelError> set_network_modes(int unit_fd, bool ipv4, bool ipv6) {
  npioctl four{PPP_IP, ipv4 ? NPMODE_PASS : NPMODE_DROP};
  npioctl six{PPP_IPV6, ipv6 ? NPMODE_PASS : NPMODE_DROP};
  if (auto set = done_or(ioctl(unit_fd, PPPIOCSNPMODE, &four), "switching IPv4 on the PPP unit");
      !set)
    return set;
  return done_or(ioctl(unit_fd, PPPIOCSNPMODE, &six), "switching IPv6 on the PPP unit");
}

Result<Done, KernelError> set_compressor(int unit_fd, const MppeSpec& spec) {
  if ((spec.bits != 128 && spec.bits != 40) ||
      spec.key.octets().size() < (spec.bits == 128 ? 16u : 8u))
    return Unexpected(KernelError{EINVAL, "setting the MPPE key",
                                  "Linux has 40 bits (8 octets of key) and 128 (16)"});
  // The Configure-Option as it was negotiated, and behind it 16 octets of key.
  std::array<std::uint8_t, CILEN_MPPE + 16> option{};
  option[0] = CI_MPPE;
  option[1] = CILEN_MPPE;
  option[2] = spec.stateless ? kStatelessOctet : 0;
  option[5] = spec.bits == 128 ? kBits128 : kBits40;
  const auto key = spec.key.octets();
  std::copy_n(key.begin(), std::min<std::size_t>(key.size(), 16), option.begin() + CILEN_MPPE);

  ppp_option_data data{};
  data.ptr = option.data();
  data.length = static_cast<__u32>(option.size());
  data.transmit = spec.direction == MppeDirection::send ? 1 : 0;
  auto set = done_or(ioctl(unit_fd, PPPIOCSCOMPRESS, &data), "setting the MPPE key");
  wipe(option);
  if (!set && set.error().error == EINVAL)
    set.error().detail = "the kernel module ppp_mppe is not there, or the machine is in FIPS mode";
  return set;
}

Result<Done, KernelError> set_ccp(int unit_fd, const CcpFlags& flags) {
  int value = 0;
  if (ioctl(unit_fd, PPPIOCGFLAGS, &value) != 0)
    return Unexpected(KernelError{errno, "reading the PPP unit's flags", {}});
  const auto assign = [&value](int bit, bool on) { value = on ? value | bit : value & ~bit; };
  assign(SC_CCP_OPEN, flags.open);
  assign(SC_CCP_UP, flags.up);
  assign(SC_MUST_COMP, flags.must);
  return done_or(ioctl(unit_fd, PPPIOCSFLAGS, &value), "setting the PPP unit's flags");
}

}  // namespace l2tpm::kernel
