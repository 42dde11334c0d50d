// Moves the frames of many sessions between their lines and LANs, on threads of its own. Nothing
// here waits for one session: a batch of one descriptor, then the next; what does not fit where it
// goes is dropped and counted.
//
// All functions may be called from any thread, none blocks on a session's descriptors.
#pragma once

#include <pthread.h>

#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "base/ids.h"
#include "base/result.h"
#include "relay/counters.h"
#include "relay/session.h"

namespace l2tpm::relay {

class Relay {
 public:
  // Threads are started with the first session.
  explicit Relay(unsigned threads = 1);
  // Ends the threads; sessions still there are let go.
  ~Relay();
  Relay(const Relay&) = delete;
  Relay& operator=(const Relay&) = delete;

  // The descriptors are borrowed until remove() has come to its end; they are made non-blocking,
  // and sockets get room for a burst. Error: errno; EEXIST when the session is there already.
  Result<Done, int> add(SessionKey key, const Descriptors& descriptors, const Settings& settings);

  // `done` runs on a thread of the relay when no thread touches the descriptors any more, or at
  // once when there is no such session. It must not block, or call the relay.
  void remove(SessionKey key, std::function<void()> done);
  // The same, waiting: for a worker. As long as the frames at hand take, some milliseconds.
  void remove(SessionKey key);

  std::optional<Counters> counters(SessionKey key) const;

 private:
  class Thread;
  struct Entry;

  bool start_threads();

  const unsigned thread_count_;
  mutable std::mutex mutex_;
  std::vector<std::unique_ptr<Thread>> threads_;
  std::unordered_map<SessionKey, std::shared_ptr<Entry>> entries_;
};

}  // namespace l2tpm::relay
