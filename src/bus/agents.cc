#include "bus/agents.h"

#include <algorithm>
#include <utility>

#include "bus/arguments.h"
#include "bus/paths.h"

namespace l2tpm::bus {
namespace {

// People look for their phones.
constexpr auto kAnswerTimeout = std::chrono::minutes(2);

bool can_supply(const std::vector<std::string>& capabilities,
                const std::vector<std::string>& names) {
  return capabilities.empty() ||
         std::all_of(names.begin(), names.end(), [&](const std::string& name) {
           return std::find(capabilities.begin(), capabilities.end(), name) != capabilities.end();
         });
}

}  // namespace

Agents::Agents(daemon::ServiceApi& service, sdbus::IConnection& connection)
    : service_(service), connection_(connection) {
  service_.set_secret_asker(this);
}

Agents::~Agents() {
  service_.set_secret_asker(nullptr);
  for (Agent& agent : agents_) tell(agent, "Release", nullptr);
}

std::optional<Refusal> Agents::add(const std::string& client, const std::string& path,
                                   std::vector<std::string> capabilities, bool trusted) {
  std::size_t of_one = 0;
  for (const Agent& agent : agents_) {
    if (agent.client != client) continue;
    if (agent.path == path)
      return Refusal{error_name(daemon::ApiErrorCode::already_exists), "the agent is registered"};
    ++of_one;
  }
  if (agents_.size() >= kMostAgents || of_one >= kMostOfOne)
    return Refusal{kLimitExceeded, "too many agents are registered"};
  agents_.push_front(
      {next_++, client, path, std::move(capabilities), trusted,
       sdbus::createProxy(connection_, dbus::ServiceName(client), dbus::ObjectPath(path))});
  return std::nullopt;
}

bool Agents::remove(const std::string& client, const std::string& path) {
  const auto found = std::find_if(agents_.begin(), agents_.end(), [&](const Agent& agent) {
    return agent.client == client && agent.path == path;
  });
  if (found == agents_.end()) return false;
  const std::uint64_t id = found->id;
  agents_.erase(found);
  removed(id);
  return true;
}

void Agents::client_left(const std::string& client) {
  for (auto row = agents_.begin(); row != agents_.end();) {
    if (row->client != client) {
      ++row;
      continue;
    }
    const std::uint64_t id = row->id;
    row = agents_.erase(row);
    removed(id);
  }
}

// Whoever waits for its answer asks the next.
void Agents::removed(std::uint64_t agent) {
  std::vector<std::uint64_t> waiting;
  for (const auto& [id, question] : questions_)
    if (!question.asked.empty() && question.asked.back() == agent) waiting.push_back(id);
  std::map<std::string, std::string> none;
  for (const std::uint64_t id : waiting) answered(id, agent, true, none);
}

// One that does not answer is asked no more. It is in the middle of a call back to us: its proxy
// goes later.
void Agents::retire(std::uint64_t id) {
  const auto found = std::find_if(agents_.begin(), agents_.end(),
                                  [id](const Agent& agent) { return agent.id == id; });
  if (found == agents_.end()) return;
  tell(*found, "Release", nullptr);
  retired_.splice(retired_.end(), agents_, found);
}

Agents::Agent* Agents::find(std::uint64_t id) {
  for (Agent& agent : agents_)
    if (agent.id == id) return &agent;
  return nullptr;
}

Agents::Agent* Agents::next_for(const Question& question) {
  const auto may_be_asked = [&](const Agent& agent) {
    return std::find(question.asked.begin(), question.asked.end(), agent.id) ==
               question.asked.end() &&
           can_supply(agent.capabilities, question.what.names);
  };
  const auto is_owners = [&](const Agent& agent) {
    return !question.what.owner.empty() && agent.client == question.what.owner;
  };
  for (Agent& agent : agents_)
    if (is_owners(agent) && may_be_asked(agent)) return &agent;
  for (Agent& agent : agents_)
    if (agent.trusted && may_be_asked(agent)) return &agent;
  return nullptr;
}

bool Agents::ask(const daemon::SecretQuestion& question) {
  Question row{question};
  if (!ask_next(row)) return false;
  questions_.insert_or_assign(question.id, std::move(row));
  return true;
}

bool Agents::ask_next(Question& question) {
  while (Agent* agent = next_for(question)) {
    question.asked.push_back(agent->id);
    try {
      agent->proxy->callMethodAsync("RequestSecrets")
          .onInterface(dbus::kAgentInterface)
          .withTimeout(kAnswerTimeout)
          .withArguments(tunnel_path(question.what.tunnel), question.what.names,
                         question.what.message)
          .uponReplyInvoke(
              [this, id = question.what.id, of = agent->id](
                  dbus::AsyncError failed, const std::map<std::string, std::string>& secrets) {
                // sdbus-c++'s own copy, which nobody reads again: it is wiped where it lies.
                answered(id, of, static_cast<bool>(failed),
                         const_cast<std::map<std::string, std::string>&>(secrets));
                if (failed && failed->getName() == "org.freedesktop.DBus.Error.NoReply") retire(of);
              });
      return true;
    } catch (const sdbus::Error&) {
      // The next one, then.
    }
  }
  return false;
}

void Agents::answered(std::uint64_t id, std::uint64_t agent, bool failed,
                      std::map<std::string, std::string>& secrets) {
  const auto found = questions_.find(id);
  // Cancelled, or somebody else is asked by now.
  if (found == questions_.end() || found->second.asked.back() != agent) {
    for (auto& [name, text] : secrets) wipe(text);
    return;
  }
  std::map<std::string, Secret> answer;
  for (const std::string& name : found->second.what.names) {
    const auto given = secrets.find(name);
    if (given != secrets.end() && given->second.size() <= kLongestSecret)
      answer.emplace(name, Secret(given->second));
  }
  for (auto& [name, text] : secrets) wipe(text);
  if (failed || answer.empty()) {
    if (ask_next(found->second)) return;
    questions_.erase(found);
    service_.answer_secrets(id, Unexpected(daemon::ApiError{daemon::ApiErrorCode::no_secrets,
                                                            "no agent had the secret"}));
    return;
  }
  questions_.erase(found);
  service_.answer_secrets(id, std::move(answer));
}

void Agents::cancel(std::uint64_t id, const std::string& reason) {
  const auto found = questions_.find(id);
  if (found == questions_.end()) return;
  Agent* const agent = find(found->second.asked.back());
  questions_.erase(found);
  if (agent != nullptr) tell(*agent, "Cancel", &reason);
}

void Agents::tell(Agent& agent, const char* method, const std::string* reason) {
  try {
    const std::string name = method;  // sdbus-c++ keeps a reference to it
    auto call = agent.proxy->callMethod(name);
    call.onInterface(dbus::kAgentInterface);
    if (reason != nullptr)
      call.withArguments(*reason).dontExpectReply();
    else
      call.dontExpectReply();
  } catch (const sdbus::Error&) {
    // It has gone, which is what it would have been told.
  }
}

}  // namespace l2tpm::bus
