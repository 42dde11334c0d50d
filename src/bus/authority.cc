#include "bus/authority.h"

#include <unistd.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "base/log.h"

namespace l2tpm::bus {
namespace {

constexpr const char* kPolkitName = "org.freedesktop.PolicyKit1";
constexpr const char* kPolkitPath = "/org/freedesktop/PolicyKit1/Authority";
constexpr const char* kPolkitInterface = "org.freedesktop.PolicyKit1.Authority";
// The bus answers in microseconds; one that does not is as good as gone. A user does not.
constexpr auto kBusTimeout = std::chrono::seconds(5);
constexpr auto kPolkitTimeout = std::chrono::minutes(3);
constexpr std::uint32_t kAllowUserInteraction = 1;

using Subject = sdbus::Struct<std::string, std::map<std::string, sdbus::Variant>>;
using Details = std::map<std::string, std::string>;
using Answer = sdbus::Struct<bool, bool, Details>;  // is_authorized, is_challenge, details

std::string cancellation(std::uint64_t id) { return "l2tp-manager-" + std::to_string(id); }

bool is_absent(const std::string& error) {
  return error == "org.freedesktop.DBus.Error.ServiceUnknown" ||
         error == "org.freedesktop.DBus.Error.NameHasNoOwner" ||
         error.rfind("org.freedesktop.DBus.Error.Spawn.", 0) == 0;
}

}  // namespace

Authority::Authority(sdbus::IConnection& connection, Clients& clients)
    : clients_(clients),
      bus_driver_(sdbus::createProxy(connection, dbus::ServiceName(dbus::kBusName),
                                     dbus::ObjectPath(dbus::kBusPath))),
      polkit_(sdbus::createProxy(connection, dbus::ServiceName(kPolkitName),
                                 dbus::ObjectPath(kPolkitPath))) {}

void Authority::check(const Caller& caller, const char* action, const std::string& subject,
                      Decision decision) {
  const auto of_one = std::count_if(questions_.begin(), questions_.end(), [&](const auto& row) {
    return row.second.caller.name == caller.name;
  });
  if (questions_.size() >= kMostQuestions ||
      static_cast<std::size_t>(of_one) >= kMostQuestionsOfOne) {
    const Refusal refusal{kLimitExceeded, "too many requests wait for authorization"};
    return decision(&refusal);
  }
  const std::uint64_t id = next_++;
  questions_.emplace(id, Question{caller, action, subject, std::move(decision)});
  if (const auto user = clients_.user(caller.name))
    know_user(id, *user);
  else
    ask_bus(id);
}

// Runs `send`, a call to somebody else on the bus; without a bus the question is refused.
template <typename Send>
void Authority::sending(std::uint64_t id, Send send) {
  try {
    send();
  } catch (const sdbus::Error& error) {
    const Refusal refusal{kInternal, error.getMessage()};
    decide(id, &refusal);
  }
}

void Authority::ask_bus(std::uint64_t id) {
  const std::string client = questions_.at(id).caller.name;
  sending(id, [&] {
    bus_driver_->callMethodAsync("GetConnectionUnixUser")
        .onInterface(dbus::kBusName)
        .withTimeout(kBusTimeout)
        .withArguments(client)
        .uponReplyInvoke([this, id, client](dbus::AsyncError unknown, const std::uint32_t& user) {
          if (unknown) {
            const Refusal refusal{kAccessDenied, "the bus does not say who is asking"};
            return decide(id, &refusal);
          }
          clients_.set_user(client, user);
          know_user(id, user);
        });
  });
}

void Authority::know_user(std::uint64_t id, uid_t user) {
  if (user == 0 || user == ::geteuid()) return decide(id, nullptr);
  if (questions_.contains(id)) ask_polkit(id);
}

void Authority::ask_polkit(std::uint64_t id) {
  Question& question = questions_.at(id);
  question.at_polkit = true;
  const Subject subject{"system-bus-name", {{"name", sdbus::Variant(question.caller.name)}}};
  Details details;
  if (!question.subject.empty()) details.emplace("subject", question.subject);
  sending(id, [&] {
    polkit_->callMethodAsync("CheckAuthorization")
        .onInterface(kPolkitInterface)
        .withTimeout(kPolkitTimeout)
        .withArguments(subject, std::string(question.action), details,
                       question.caller.interactive ? kAllowUserInteraction : std::uint32_t{0},
                       cancellation(id))
        .uponReplyInvoke([this, id](dbus::AsyncError failed, const Answer& answer) {
          const auto found = questions_.find(id);
          if (found == questions_.end()) return;  // the caller has left
          const std::string action = found->second.action;
          if (failed) {
            if (!is_absent(failed->getName())) cancel_at_polkit(id);
            log(LogLevel::info, {}, "bus: {} is refused: polkit: {}", action, failed->getMessage());
            const Refusal refusal{
                kAccessDenied,
                is_absent(failed->getName())
                    ? "without polkit only root and the daemon's own user may do this"
                    : "polkit could not be asked for " + action};
            return decide(id, &refusal);
          }
          if (std::get<0>(answer)) return decide(id, nullptr);
          const bool challenge = std::get<1>(answer) && !found->second.caller.interactive;
          const Refusal refusal{challenge ? kInteractiveRequired : kAccessDenied,
                                "not authorized for " + action};
          decide(id, &refusal);
        });
  });
}

void Authority::decide(std::uint64_t id, const Refusal* refusal) {
  const auto found = questions_.find(id);
  if (found == questions_.end()) return;
  const Decision decision = std::move(found->second.decision);
  questions_.erase(found);
  decision(refusal);
}

void Authority::cancel_at_polkit(std::uint64_t id) {
  try {
    polkit_->callMethodAsync("CancelCheckAuthorization")
        .onInterface(kPolkitInterface)
        .withTimeout(kBusTimeout)
        .withArguments(cancellation(id))
        .uponReplyInvoke([](dbus::AsyncError) {});
  } catch (const sdbus::Error&) {
    // Without a bus there is no dialog to close either.
  }
}

void Authority::client_left(const std::string& client) {
  std::vector<std::uint64_t> gone;
  for (const auto& [id, question] : questions_)
    if (question.caller.name == client) gone.push_back(id);
  for (const std::uint64_t id : gone) {
    if (questions_.at(id).at_polkit) cancel_at_polkit(id);
    questions_.erase(id);
  }
}

}  // namespace l2tpm::bus
