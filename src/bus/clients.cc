#include "bus/clients.h"

#include <algorithm>
#include <array>
#include <string_view>

namespace l2tpm::bus {
namespace {

struct Cost {
  std::string_view member;
  unsigned tokens;
};
// What walks over all tunnels, reads files, or leaves work behind. A client that pages through
// 50,000 sessions by the thousand is within its means.
constexpr std::array kCosts{
    Cost{"ListSessions",    4 },
    Cost{"ListTunnels",     4 },
    Cost{"ListProfiles",    8 },
    Cost{"Describe",        8 },
    Cost{"Get",             4 },
    Cost{"OpenEventStream", 20},
    Cost{"Dump",            20},
    Cost{"CheckConfig",     40},
    Cost{"PutProfile",      40},
    Cost{"PatchProfile",    40},
    Cost{"RemoveProfile",   40},
    Cost{"Reload",          40},
    Cost{"CreateTransient", 20},
};
// An object takes some 60 us of a GetManagedObjects.
constexpr std::size_t kObjectsPerToken = 4;

}  // namespace

unsigned Clients::cost(const char* interface, const char* member, std::size_t objects) {
  const std::string_view name = member == nullptr ? "" : member;
  const std::string_view of = interface == nullptr ? "" : interface;
  if (name == "GetManagedObjects")
    return static_cast<unsigned>(
        std::min<std::size_t>(20 + objects / kObjectsPerToken, kCapacity / 2));
  if (of == "org.freedesktop.DBus.Properties") return 1;
  for (const Cost& cost : kCosts)
    if (cost.member == name) return cost.tokens;
  return 1;
}

Clients::Verdict Clients::take(const std::string& client, unsigned cost, TimePoint now) {
  static const std::string kOthers;
  const bool full = clients_.size() >= kMostClients && !clients_.contains(client);
  auto [row, fresh] = clients_.try_emplace(full ? kOthers : client);
  Client& bucket = row->second;
  if (fresh) bucket.filled = now;
  const double since = std::chrono::duration<double>(now - bucket.filled).count();
  bucket.filled = now;
  bucket.tokens = std::min<double>(kCapacity, bucket.tokens + since * kRefill);
  if (bucket.tokens >= cost) {
    bucket.tokens -= cost;
    return Verdict::serve;
  }
  if (bucket.tokens <= -static_cast<double>(kPatience)) return Verdict::ignore;
  bucket.tokens -= 1;
  return Verdict::refuse;
}

std::optional<uid_t> Clients::user(const std::string& client) const {
  const auto found = clients_.find(client);
  return found == clients_.end() ? std::nullopt : found->second.user;
}

void Clients::set_user(const std::string& client, uid_t user) {
  if (const auto found = clients_.find(client); found != clients_.end() && !client.empty())
    found->second.user = user;
}

}  // namespace l2tpm::bus
