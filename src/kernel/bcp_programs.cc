#include "kernel/bcp_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>

#include "bcp.skel.h"
#include "kernel/bcp_abi.h"

namespace l2tpm::kernel {

namespace {

constexpr unsigned kPuntsAtOnce = 256;
// What may come at once: a quarter of a second's worth, and in any case an ARP or neighbour
// discovery exchange with the repetitions of a few hosts.
constexpr std::uint32_t kLeastBurst = 8;
// Of bridges' own protocols (01-80-C2-00-00-0X) where multicast is limited: a storm must not stop
// the spanning tree that would end it.
constexpr std::uint32_t kReservedPerSecond = 100;

bcp_rate rate(std::uint32_t per_second) {
  if (per_second == 0) return {};
  bcp_rate out{};
  out.interval = std::max<std::uint64_t>(1'000'000'000 / per_second, 1);
  out.tolerance = out.interval * (std::max(per_second / 4, kLeastBurst) - 1);
  return out;
}

KernelError failed(int error, const char* doing) {
  KernelError out{error, doing, {}};
  if (error == EPERM || error == EACCES)
    out.detail = "CAP_BPF is missing, or bpf() is forbidden to the daemon (drop-in bcp)";
  if (error == ENOSYS) out.detail = "the kernel has no BPF";
  return out;
}

}  // namespace

BcpPrograms::~BcpPrograms() {
  if (ring_ != nullptr) ring_buffer__free(ring_);
  if (programs_ != nullptr) bcp__destroy(programs_);
}

Result<Done, KernelError> BcpPrograms::load() {
  const std::lock_guard lock(mutex_);
  if (fd_ >= 0) return Done{};
  constexpr const char* kDoing = "loading the XDP programs";
  libbpf_set_strict_mode(LIBBPF_STRICT_ALL);
  libbpf_set_print(nullptr);
  bcp* const programs = bcp__open_and_load();
  if (programs == nullptr) return Unexpected(failed(errno, kDoing));
  ring_ = ring_buffer__new(bpf_map__fd(programs->maps.punts), on_punt, this, nullptr);
  if (ring_ == nullptr) {
    const int error = errno;
    bcp__destroy(programs);
    return Unexpected(failed(error, "mapping the ring of the XDP programs"));
  }
  programs_ = programs;
  fd_ = ring_buffer__epoll_fd(ring_);
  return Done{};
}

Result<Done, KernelError> BcpPrograms::attach(int outer, int inner, SharedFd channel,
                                              const BcpSpec& spec) {
  const std::lock_guard lock(mutex_);
  bcp_counts counts{};
  counts.broadcast = rate(spec.limits.broadcast_per_second);
  counts.multicast = rate(spec.limits.multicast_per_second);
  if (spec.limits.multicast_per_second != 0) counts.reserved = rate(kReservedPerSecond);
  counts.macs = spec.limits.macs;
  counts.no_tags = spec.send_tagged ? 0 : 1;
  counts.no_bpdus = spec.send_bpdus ? 0 : 1;
  ports_[outer] = {std::move(channel), inner, 0};
  for (const int ifindex : {outer, inner}) {
    const auto key = static_cast<__u32>(ifindex);
    if (bpf_map_update_elem(bpf_map__fd(programs_->maps.counts), &key, &counts, BPF_ANY) != 0)
      return Unexpected(failed(errno, "counting the frames of a BCP session"));
  }
  const auto put = [](int ifindex, const bpf_program* program) {
    return bpf_xdp_attach(ifindex, bpf_program__fd(program),
                          XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr);
  };
  const auto& programs = programs_->progs;
  const bool limited = spec.limits != BcpLimits{};
  int error = put(outer, limited ? programs.bcp_to_lan_limited : programs.bcp_to_lan);
  const bool choosy = limited || !spec.send_tagged || !spec.send_bpdus;
  if (error == 0) error = put(inner, choosy ? programs.bcp_to_line_limited : programs.bcp_to_line);
  if (error != 0) return Unexpected(failed(-error, "attaching the XDP programs"));
  return Done{};
}

void BcpPrograms::forget(int outer) {
  const std::lock_guard lock(mutex_);
  const auto port = ports_.find(outer);
  if (port == ports_.end()) return;
  for (const int ifindex : {outer, port->second.inner}) {
    const auto key = static_cast<__u32>(ifindex);
    (void)bpf_map_delete_elem(bpf_map__fd(programs_->maps.counts), &key);
  }
  ports_.erase(port);
}

Result<BcpCounters, KernelError> BcpPrograms::read(int outer) {
  const std::lock_guard lock(mutex_);
  const auto port = ports_.find(outer);
  const auto get = [&](int ifindex, bcp_counts& counts) {
    const auto key = static_cast<__u32>(ifindex);
    return bpf_map_lookup_elem(bpf_map__fd(programs_->maps.counts), &key, &counts) == 0;
  };
  bcp_counts from{}, to{};
  if (port == ports_.end() || !get(outer, from) || !get(port->second.inner, to))
    return Unexpected(KernelError{ENOENT, "reading the counters of a BCP session", {}});
  BcpCounters counters;
  counters.control = from.control;
  counters.flagged = from.flagged;
  counters.dropped = from.dropped + port->second.dropped;
  counters.mac_type = from.mac_type;
  counters.malformed = from.malformed;
  counters.fcs = from.fcs;
  counters.padded = from.padded;
  counters.storm = from.storm + to.storm;
  counters.strangers = from.strangers;
  counters.stations = from.stations;
  counters.tagged = to.tagged;
  counters.bpdus = to.bpdus;
  return counters;
}

void BcpPrograms::read_punts() {
  if (fd_ < 0) return;
  turn_ = kPuntsAtOnce;
  (void)ring_buffer__consume(ring_);
}

int BcpPrograms::on_punt(void* self, void* data, std::size_t size) {
  auto* const programs = static_cast<BcpPrograms*>(self);
  programs->deliver(data, size);
  return --programs->turn_ == 0 ? -EAGAIN : 0;  // this one is taken in either case
}

void BcpPrograms::deliver(const void* data, std::size_t size) {
  constexpr std::size_t kHeader = offsetof(bcp_punt, frame);
  __u32 header[2];  // ifindex, size
  static_assert(sizeof header == kHeader);
  if (size < kHeader) return;
  std::memcpy(header, data, sizeof header);
  if (header[1] > size - kHeader) return;
  const std::lock_guard lock(mutex_);
  const auto port = ports_.find(static_cast<int>(header[0]));
  if (port == ports_.end()) return;
  const auto* frame = static_cast<const std::uint8_t*>(data) + kHeader;
  if (send(port->second.channel->get(), frame, header[1], MSG_DONTWAIT | MSG_NOSIGNAL) < 0)
    ++port->second.dropped;
}

}  // namespace l2tpm::kernel
