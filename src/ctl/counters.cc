#include "ctl/counters.h"

#include "ctl/lines.h"

namespace l2tpm::ctl {

std::uint64_t ObjectCounters::get(const std::string& counter) const {
  const auto found = counters.find(counter);
  return found == counters.end() ? 0 : found->second;
}

std::string ObjectCounters::title() const {
  if (object == "manager") return "(daemon)";
  return object == "session" ? name + "/" + std::to_string(session) : name;
}

const ObjectCounters* Sample::find(const ObjectCounters& same) const {
  const auto found = index_.find({same.object, same.name, same.session});
  return found == index_.end() ? nullptr : &objects[found->second];
}

void Sample::add(ObjectCounters object) {
  index_[{object.object, object.name, object.session}] = objects.size();
  objects.push_back(std::move(object));
}

ObjectCounters counters_of(const Json& line) {
  ObjectCounters result{
      text_of(line, "object"), text_of(line, "name"), number_of(line, "session"), {}};
  for (const auto& [key, value] : member_of(line, "counters").items())
    if (value.is_number_unsigned()) result.counters.emplace(key, value.get<std::uint64_t>());
  return result;
}

Answer<Sample> take_sample(Client& client) {
  const auto lines = dump(client, "statistics");
  if (!lines) return Unexpected(lines.error());
  Sample sample;
  sample.at = std::chrono::steady_clock::now();
  for (const Json& line : *lines)
    if (text_of(line, "kind") == "statistics") sample.add(counters_of(line));
  return sample;
}

Rates rates_between(const Sample& before, const Sample& after, const ObjectCounters& object) {
  const ObjectCounters* old = before.find(object);
  const double seconds = std::chrono::duration<double>(after.at - before.at).count();
  if (!old || seconds <= 0) return {};
  const auto rate = [&](const char* counter) {
    const auto now = object.get(counter);
    const auto then = old->get(counter);
    return now < then ? 0.0 : static_cast<double>(now - then) / seconds;
  };
  return {rate("rx_bytes") * 8, rate("tx_bytes") * 8, rate("rx_packets"), rate("tx_packets")};
}

}  // namespace l2tpm::ctl
