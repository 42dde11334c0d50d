#include "daemon/failure_log.h"

#include <algorithm>
#include <map>

#include "daemon/realtime.h"

namespace l2tpm::daemon {
namespace {

constexpr std::size_t kLongestText = 256;
constexpr std::size_t kMostTried = 8;
constexpr std::size_t kMostDetails = 32;

std::size_t size_of(const Failure& failure) {
  std::size_t size = sizeof(Failure) + failure.object.size() + failure.tunnel.size() +
                     failure.profile.size() + failure.role.size() + failure.peer.size() +
                     failure.peer_host_name.size() + failure.user.size() +
                     failure.cause.message.size();
  for (const auto& each : failure.tried) size += sizeof each + each.address.size();
  for (const auto& [key, value] : failure.details)
    size += 2 * sizeof(std::string) + key.size() + value.size();
  return size;
}

void cut(std::string& text) {
  if (text.size() > kLongestText) text.resize(kLongestText);
}

void bound(Failure& failure) {
  for (std::string* text : {&failure.tunnel, &failure.profile, &failure.peer,
                            &failure.peer_host_name, &failure.user, &failure.cause.message})
    cut(*text);
  if (failure.tried.size() > kMostTried) failure.tried.resize(kMostTried);
  if (failure.details.size() > kMostDetails) failure.details.resize(kMostDetails);
  for (auto& [key, value] : failure.details) cut(value);
}

bool is_same(const Failure& a, const Failure& b) {
  return a.profile == b.profile && a.object == b.object && a.role == b.role && a.user == b.user &&
         a.cause.code == b.cause.code && a.cause.by_peer == b.cause.by_peer &&
         a.cause.result_code == b.cause.result_code && a.cause.error_code == b.cause.error_code &&
         a.cause.disconnect_code == b.cause.disconnect_code && a.cause.message == b.cause.message &&
         // A client may have several LNSs to try; strangers are told apart by their address alone,
         // their ports are fresh each time.
         (a.role == "lac" ||
          a.peer.substr(0, a.peer.rfind(':')) == b.peer.substr(0, b.peer.rfind(':')));
}

// What was tried before and now, an address once.
void merge_tried(std::vector<Failure::Tried>& now, const std::vector<Failure::Tried>& before) {
  for (const auto& old : before) {
    const auto same = std::find_if(now.begin(), now.end(),
                                   [&](const auto& each) { return each.address == old.address; });
    if (same == now.end()) {
      if (now.size() < kMostTried) now.push_back(old);
      continue;
    }
    same->sent += old.sent;
    same->for_ms += old.for_ms;
    if (same->icmp.empty()) same->icmp = old.icmp;
  }
}

}  // namespace

bool is_asked_for(const Cause& cause) {
  if (cause.by_peer) return false;
  switch (cause.code) {
    case CauseCode::none:
    case CauseCode::admin_close:
    case CauseCode::shutdown:
    case CauseCode::idle_timeout:
    case CauseCode::session_timeout:
    case CauseCode::replaced:
      return true;
    default:
      return false;
  }
}

void FailureLog::add(Failure failure) {
  bound(failure);
  if (failure.time == 0) failure.time = realtime_usec();
  failure.first_time = failure.time;
  const auto last = std::find_if(entries_.rbegin(), entries_.rend(), [&](const Failure& each) {
    return each.profile == failure.profile;
  });
  // The last one of that profile and role, or for strangers any: they take turns.
  const auto same = failure.role == "lns"
                        ? std::find_if(entries_.rbegin(), entries_.rend(),
                                       [&](const Failure& each) { return is_same(each, failure); })
                    : last != entries_.rend() && is_same(*last, failure) ? last
                                                                         : entries_.rend();
  if (same != entries_.rend()) {
    failure.repeated = same->repeated + 1;
    failure.first_time = same->first_time;
    merge_tried(failure.tried, same->tried);
    bytes_ -= size_of(*same);
    entries_.erase(std::next(same).base());
  }
  bytes_ += size_of(failure);
  entries_.push_back(std::move(failure));
  while (entries_.size() > kMost || bytes_ > kMostBytes) drop_one();
}

void FailureLog::drop_one() {
  std::map<std::string, std::size_t> count;
  for (const Failure& each : entries_) ++count[each.profile];
  const auto most = std::max_element(
      count.begin(), count.end(), [](const auto& a, const auto& b) { return a.second < b.second; });
  const auto victim = std::find_if(entries_.begin(), entries_.end(), [&](const Failure& each) {
    return each.profile == most->first;
  });
  bytes_ -= size_of(*victim);
  entries_.erase(victim);
}

bool concerns(const Failure& failure, const std::string& peer) {
  if (peer.empty() || failure.profile == peer || failure.tunnel == peer ||
      failure.peer_host_name == peer || failure.user == peer || failure.peer == peer)
    return true;
  const auto is_address = [&](const std::string& endpoint) {
    std::string address = endpoint.substr(0, endpoint.rfind(':'));
    if (address.size() > 2 && address.front() == '[')
      address = address.substr(1, address.size() - 2);
    return endpoint == peer || address == peer;
  };
  return is_address(failure.peer) ||
         std::any_of(failure.tried.begin(), failure.tried.end(),
                     [&](const auto& each) { return is_address(each.address); });
}

}  // namespace l2tpm::daemon
