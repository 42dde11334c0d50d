#include "daemon/address_pool.h"

#include <algorithm>
#include <utility>

#include "config/parse_value.h"

namespace l2tpm::daemon {
namespace {

std::uint64_t size_of(const config::AddressRange& range) {
  return std::uint64_t{range.last.v4_value()} - range.first.v4_value() + 1;
}

bool in_any(const std::vector<config::AddressRange>& ranges, const IpAddress& address) {
  return std::any_of(ranges.begin(), ranges.end(),
                     [&](const auto& range) { return config::contains(range, address); });
}

}  // namespace

AddressPool::AddressPool(std::vector<config::AddressRange> ranges,
                         std::vector<config::AddressRange> exclude,
                         const std::vector<IpAddress>& fixed) {
  reconfigure(std::move(ranges), std::move(exclude), fixed);
}

void AddressPool::reconfigure(std::vector<config::AddressRange> ranges,
                              std::vector<config::AddressRange> exclude,
                              const std::vector<IpAddress>& fixed) {
  ranges_ = std::move(ranges);
  exclude_ = std::move(exclude);
  fixed_.clear();
  for (const auto& address : fixed)
    if (address.is_v4()) fixed_.insert(address.v4_value());
  size_ = 0;
  for (const auto& range : ranges_) size_ += size_of(range);
  range_ = 0;
  offset_ = 0;
  for (auto free = free_.begin(); free != free_.end();) {
    const std::uint32_t address = *free++;
    if (!usable(address)) forget(address);
  }
}

bool AddressPool::usable(std::uint32_t address) const {
  const IpAddress ip = IpAddress::v4(address);
  return fixed_.count(address) == 0 && in_any(ranges_, ip) && !in_any(exclude_, ip);
}

bool AddressPool::contains(const IpAddress& address) const {
  return address.is_v4() && usable(address.v4_value());
}

// The next address that has no slot. Each address is passed once, exclusions in one step.
std::optional<std::uint32_t> AddressPool::next_unused() {
  while (range_ < ranges_.size()) {
    if (offset_ >= size_of(ranges_[range_])) {
      ++range_;
      offset_ = 0;
      continue;
    }
    const auto address = static_cast<std::uint32_t>(ranges_[range_].first.v4_value() + offset_);
    const auto excluded =
        std::find_if(exclude_.begin(), exclude_.end(), [&](const config::AddressRange& range) {
          return config::contains(range, IpAddress::v4(address));
        });
    if (excluded != exclude_.end()) {
      offset_ += std::uint64_t{excluded->last.v4_value()} - address + 1;
      continue;
    }
    ++offset_;
    if (fixed_.count(address) == 0 && slots_.count(address) == 0) return address;
  }
  return std::nullopt;
}

void AddressPool::remember(std::uint32_t address, Slot& slot, std::string_view user) {
  if (slot.user != user) {
    if (const auto last = last_of_user_.find(slot.user);
        last != last_of_user_.end() && last->second == address)
      last_of_user_.erase(last);
    slot.user = user;
  }
  if (!slot.user.empty()) last_of_user_[slot.user] = address;
}

// REQUIRES: the address is free.
void AddressPool::forget(std::uint32_t address) {
  const auto slot = slots_.find(address);
  free_.erase(slot->second.free);
  remember(address, slot->second, {});
  slots_.erase(slot);
}

std::optional<IpAddress> AddressPool::allocate(std::string_view user) {
  std::optional<std::uint32_t> address;
  if (const auto last = last_of_user_.find(std::string(user));
      !user.empty() && last != last_of_user_.end() && !slots_.at(last->second).taken)
    address = last->second;
  if (!address) address = next_unused();
  if (!address && !free_.empty()) address = free_.front();
  if (!address) return std::nullopt;

  const auto [slot, is_new] = slots_.try_emplace(*address);
  if (!is_new) free_.erase(slot->second.free);
  slot->second.taken = true;
  remember(*address, slot->second, user);
  ++in_use_;
  return IpAddress::v4(*address);
}

bool AddressPool::take(const IpAddress& address) {
  if (!address.is_v4()) return false;
  const auto [slot, is_new] = slots_.try_emplace(address.v4_value());
  if (slot->second.taken) return false;
  if (!is_new) free_.erase(slot->second.free);
  slot->second.taken = true;
  ++in_use_;
  return true;
}

void AddressPool::release(const IpAddress& address) {
  const auto slot = slots_.find(address.v4_value());
  if (slot == slots_.end() || !slot->second.taken) return;
  slot->second.taken = false;
  --in_use_;
  slot->second.free = free_.insert(free_.end(), address.v4_value());
  if (!usable(address.v4_value())) forget(address.v4_value());
}

void InterfaceIdPool::reconfigure(std::optional<config::InterfaceIdRange> range,
                                  const std::vector<std::uint64_t>& fixed) {
  range_ = range;
  fixed_ = {fixed.begin(), fixed.end()};
}

std::optional<std::uint64_t> InterfaceIdPool::allocate(RandomSource& random) {
  // RFC 4291 appendix A: this bit says "globally unique", which a random number is not.
  constexpr std::uint64_t kUniversal = 0x0200'0000'0000'0000;
  if (!range_) {
    for (;;) {
      const std::uint64_t id = random.u64() & ~kUniversal;
      if (take_unless_fixed(id)) return id;
    }
  }
  const std::uint64_t count = range_->last - range_->first + 1;  // 0: all of them
  // From a random place on. Of so many steps one is free, or all of the range have been tried.
  const std::uint64_t start = count == 0 ? random.u64() : random.u64() % count;
  for (std::uint64_t step = 0; step <= taken_.size() + fixed_.size(); ++step) {
    const std::uint64_t at = count == 0 ? start + step : (start + step) % count;
    if (take_unless_fixed(range_->first + at)) return range_->first + at;
  }
  return std::nullopt;
}

}  // namespace l2tpm::daemon
