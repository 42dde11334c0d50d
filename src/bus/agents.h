// Agents: clients of the bus that can ask people for secrets. The daemon asks through
// daemon::SecretAsker; here one agent after the other is called until one has an answer.
#pragma once

#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "bus/errors.h"
#include "daemon/service_api.h"

namespace l2tpm::bus {

class Agents final : public daemon::SecretAsker {
 public:
  // Borrows both; the service asks from here on.
  Agents(daemon::ServiceApi& service, sdbus::IConnection& connection);
  ~Agents() override;
  Agents(const Agents&) = delete;
  Agents& operator=(const Agents&) = delete;

  // `trusted`: asked about everything, not only about the client's own transient tunnels.
  std::optional<Refusal> add(const std::string& client, const std::string& path,
                             std::vector<std::string> capabilities, bool trusted);
  bool remove(const std::string& client, const std::string& path);
  void client_left(const std::string& client);

  // Outside of all handlers.
  void clean_up() { retired_.clear(); }

  bool ask(const daemon::SecretQuestion& question) override;
  void cancel(std::uint64_t question, const std::string& reason) override;

  static constexpr std::size_t kMostAgents = 64;
  static constexpr std::size_t kMostOfOne = 4;

 private:
  struct Agent {
    std::uint64_t id;
    std::string client;
    std::string path;
    std::vector<std::string> capabilities;
    bool trusted;
    std::unique_ptr<sdbus::IProxy> proxy;
  };
  struct Question {
    daemon::SecretQuestion what;
    std::vector<std::uint64_t> asked = {};  // agents, the last of them is thinking
  };
  Agent* find(std::uint64_t id);
  Agent* next_for(const Question& question);
  // False: nobody is left to ask.
  bool ask_next(Question& question);
  void answered(std::uint64_t question, std::uint64_t agent, bool failed,
                std::map<std::string, std::string>& secrets);
  void tell(Agent& agent, const char* method, const std::string* reason);
  void removed(std::uint64_t agent);
  void retire(std::uint64_t agent);

  daemon::ServiceApi& service_;
  sdbus::IConnection& connection_;
  std::list<Agent> agents_;  // youngest first
  std::list<Agent> retired_;
  std::map<std::uint64_t, Question> questions_;
  std::uint64_t next_ = 1;
};

}  // namespace l2tpm::bus
