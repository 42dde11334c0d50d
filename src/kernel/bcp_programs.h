// The XDP programs of bcp.bpf.c, loaded once for all sessions, and what they hand up.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>

#include "base/fd.h"
#include "base/result.h"
#include "kernel/bcp.h"
#include "kernel/error.h"

struct bcp;
struct ring_buffer;

namespace l2tpm::kernel {

// Workers share this; read_punts() is the loop's.
class BcpPrograms {
 public:
  BcpPrograms() = default;
  ~BcpPrograms();
  BcpPrograms(const BcpPrograms&) = delete;
  BcpPrograms& operator=(const BcpPrograms&) = delete;

  // Loads the programs unless they are. EPERM: CAP_BPF is missing, or the system call is forbidden.
  Result<Done, KernelError> load();
  // Readable when read_punts() has something to do; -1 before load().
  int fd() const { return fd_; }
  // REQUIRES: load(). Both ends of a pair, before they are up; frames for the daemon go to
  // `channel`, a socket of records.
  Result<Done, KernelError> attach(int outer, int inner, SharedFd channel, const BcpSpec& spec);
  void forget(int outer);
  Result<BcpCounters, KernelError> read(int outer);
  // At most 256 frames; the descriptor stays readable when there are more.
  void read_punts();

 private:
  static int on_punt(void* self, void* data, std::size_t size);
  void deliver(const void* data, std::size_t size);

  struct Port {
    SharedFd channel;
    int inner = 0;
    std::uint64_t dropped = 0;  // the channel was full
  };
  std::mutex mutex_;
  std::atomic<int> fd_ = -1;
  struct bcp* programs_ = nullptr;
  ring_buffer* ring_ = nullptr;
  unsigned turn_ = 0;  // frames that this call may still take
  std::map<int, Port> ports_;
};

}  // namespace l2tpm::kernel
