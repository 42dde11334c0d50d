// OpenEventStream: JSON lines on pipes. Each reader has a bounded buffer; what does not fit is
// counted and told as {"event":"lost"} when there is room again. A stream ends when its reader
// closes it or leaves the bus.
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <string>

#include "base/fd.h"
#include "base/result.h"
#include "bus/errors.h"
#include "daemon/service_api.h"

namespace l2tpm::bus {

class Streams {
 public:
  // Borrowed.
  explicit Streams(daemon::ServiceApi& service);
  ~Streams();
  Streams(const Streams&) = delete;
  Streams& operator=(const Streams&) = delete;

  // The reader's end. `names`: with the names of users.
  Result<UniqueFd, Refusal> open(const std::string& client, const daemon::EventFilter& filter,
                                 bool names);
  void client_left(const std::string& client);

  // To be polled for input; flush() when it is ready.
  int fd() const { return epoll_.get(); }
  // Something is to be written.
  bool pending() const { return pending_; }
  void flush();
  std::size_t size() const { return streams_.size(); }

  static constexpr std::size_t kMostStreams = 64;
  static constexpr std::size_t kMostOfOne = 4;
  static constexpr std::size_t kMostBuffered = 256 * 1024;  // octets of one stream, beside the pipe

 private:
  struct Stream {
    std::string client;
    daemon::EventFilter filter;
    bool names;
    UniqueFd pipe;                   // its writing end
    std::uint64_t subscription = 0;  // for packets only, which are many
    std::string buffer = {};
    std::uint64_t lost = 0;
    bool gone = false;
  };
  void on_event(const daemon::Event& event);
  void on_packet(std::uint64_t id, const daemon::Event& event);
  void push(Stream& stream, const std::string& line);
  void write(Stream& stream);
  void subscribe();
  void remove_gone();

  daemon::ServiceApi& service_;
  UniqueFd epoll_;
  std::map<std::uint64_t, Stream> streams_;
  std::uint64_t next_ = 1;
  std::uint64_t subscription_ = 0;  // one for all streams and everything but packets
  std::uint32_t subscribed_kinds_ = 0;
  bool pending_ = false;
};

}  // namespace l2tpm::bus
