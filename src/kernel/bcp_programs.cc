#include "kernel/bcp_programs.h"

#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <linux/if_link.h>
#include <sys/epoll.h>
#include <sys/socket.h>

#include <cerrno>
#include <cstddef>
#include <cstring>

#include "bcp.skel.h"
#include "kernel/bcp_abi.h"

namespace l2tpm::kernel {

namespace {

constexpr unsigned kPuntsAtOnce = 256;

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

Result<Done, KernelError> BcpPrograms::attach(int outer, int inner, SharedFd channel) {
  const std::lock_guard lock(mutex_);
  const bcp_counts zero{};
  const auto key = static_cast<__u32>(outer);
  if (bpf_map_update_elem(bpf_map__fd(programs_->maps.counts), &key, &zero, BPF_ANY) != 0)
    return Unexpected(failed(errno, "counting the frames of a BCP session"));
  ports_[outer] = {std::move(channel), 0};
  const auto put = [](int ifindex, const bpf_program* program) {
    return bpf_xdp_attach(ifindex, bpf_program__fd(program),
                          XDP_FLAGS_DRV_MODE | XDP_FLAGS_UPDATE_IF_NOEXIST, nullptr);
  };
  int error = put(outer, programs_->progs.bcp_to_lan);
  if (error == 0) error = put(inner, programs_->progs.bcp_to_line);
  if (error != 0) return Unexpected(failed(-error, "attaching the XDP programs"));
  return Done{};
}

void BcpPrograms::forget(int outer) {
  const std::lock_guard lock(mutex_);
  if (ports_.erase(outer) == 0) return;
  const auto key = static_cast<__u32>(outer);
  (void)bpf_map_delete_elem(bpf_map__fd(programs_->maps.counts), &key);
}

Result<BcpCounters, KernelError> BcpPrograms::read(int outer) {
  const std::lock_guard lock(mutex_);
  const auto port = ports_.find(outer);
  const auto key = static_cast<__u32>(outer);
  bcp_counts counts{};
  if (port == ports_.end() ||
      bpf_map_lookup_elem(bpf_map__fd(programs_->maps.counts), &key, &counts) != 0)
    return Unexpected(KernelError{ENOENT, "reading the counters of a BCP session", {}});
  return BcpCounters{counts.control,  counts.flagged,   counts.dropped + port->second.dropped,
                     counts.mac_type, counts.malformed, counts.fcs,
                     counts.padded};
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
