#include "daemon/credentials.h"

#include <utility>

namespace l2tpm::daemon {
namespace {

void fold(std::string& text, std::size_t from, std::size_t to) {
  for (std::size_t i = from; i < to; ++i)
    if (text[i] >= 'A' && text[i] <= 'Z') text[i] = static_cast<char>(text[i] + ('a' - 'A'));
}

// The domain before a backslash and the realm after the last @ in lower case.
std::string canonical(std::string_view name) {
  std::string out(name);
  const auto backslash = out.find('\\');
  if (backslash != std::string::npos) fold(out, 0, backslash);
  const auto at = out.rfind('@');
  if (at != std::string::npos) fold(out, at + 1, out.size());
  return out;
}

}  // namespace

const config::User* UserTable::find(std::string_view presented) const {
  auto found = by_name_.find(canonical(presented));
  if (found == by_name_.end()) {
    const auto bare = ppp::without_domain(presented);
    if (bare.size() != presented.size()) found = by_name_.find(canonical(bare));
  }
  return found == by_name_.end() ? nullptr : &users_[found->second];
}

ppp::AuthVerdict UserTable::check(const ppp::AuthRequest& request) const {
  const config::User* user = find(request.user);
  if (user != nullptr) return ppp::check_password(request, user->password);
  static const Secret nobodys(std::string_view("nobody's password"));
  // The same work as for a user, its result thrown away: a name cannot be probed by the clock.
  (void)ppp::check_password(request, nobodys);
  return ppp::AuthVerdict::refused();
}

bool UserTable::add_session(const std::string& user_name) {
  unsigned& sessions = sessions_[user_name];
  const auto found = by_name_.find(canonical(user_name));
  const unsigned most = found == by_name_.end() ? 0 : users_[found->second].max_sessions;
  if (most != 0 && sessions >= most) return false;
  ++sessions;
  return true;
}

void UserTable::remove_session(const std::string& user_name) {
  const auto found = sessions_.find(user_name);
  if (found != sessions_.end() && --found->second == 0) sessions_.erase(found);
}

unsigned UserTable::sessions_of(const std::string& user_name) const {
  const auto found = sessions_.find(user_name);
  return found == sessions_.end() ? 0 : found->second;
}

std::vector<IpAddress> UserTable::fixed_addresses() const {
  std::vector<IpAddress> out;
  for (const auto& user : users_)
    if (user.address) out.push_back(*user.address);
  return out;
}

std::vector<std::uint64_t> UserTable::fixed_interface_ids() const {
  std::vector<std::uint64_t> out;
  for (const auto& user : users_)
    if (user.interface_id) out.push_back(*user.interface_id);
  return out;
}

void UserTable::replace(std::vector<config::User> users) {
  users_ = std::move(users);
  by_name_.clear();
  for (std::size_t i = 0; i < users_.size(); ++i) by_name_.emplace(canonical(users_[i].name), i);
}

}  // namespace l2tpm::daemon
