// Counters of the daemon's objects, and what they did between two looks.
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <string>
#include <tuple>
#include <vector>

#include "ctl/client.h"
#include "ctl/json.h"

namespace l2tpm::ctl {

struct ObjectCounters {
  std::string object;  // manager, listener, tunnel or session
  std::string name;    // of a session its tunnel's
  std::uint64_t session = 0;
  std::map<std::string, std::uint64_t> counters;

  std::uint64_t get(const std::string& counter) const;
  // "work", "work/4711", "(daemon)".
  std::string title() const;
};

// All objects at one moment.
struct Sample {
  std::chrono::steady_clock::time_point at;
  std::vector<ObjectCounters> objects;

  // nullptr: it was not there.
  const ObjectCounters* find(const ObjectCounters& same) const;
  void add(ObjectCounters object);

 private:
  std::map<std::tuple<std::string, std::string, std::uint64_t>, std::size_t> index_;
};

Answer<Sample> take_sample(Client& client);
// For tests, and for whoever has the dump already.
ObjectCounters counters_of(const Json& line);

// Per second. 0 for what was not there before, and for a counter that went back: another object
// with the same name.
struct Rates {
  double rx_bits = 0, tx_bits = 0, rx_packets = 0, tx_packets = 0;
};
Rates rates_between(const Sample& before, const Sample& after, const ObjectCounters& object);

}  // namespace l2tpm::ctl
