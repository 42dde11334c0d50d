// Answers the daemon's questions for secrets on the terminal, while it exists.
#pragma once

#include <memory>
#include <string>

#include "ctl/client.h"

namespace sdbus {
class IConnection;
}

namespace l2tpm::ctl {

class Agent {
 public:
  // A connection to the bus of its own, so that a question can be taken back while it is asked.
  static Answer<std::unique_ptr<Agent>> offer(const std::string& bus);
  ~Agent();
  Agent(const Agent&) = delete;
  Agent& operator=(const Agent&) = delete;

  // Whether the daemon waits for an answer.
  bool has_question() const;
  // Asks the person on the terminal and answers the daemon. False: the person would not say.
  bool ask();

 private:
  class Served;
  explicit Agent(std::unique_ptr<sdbus::IConnection> connection);
  std::unique_ptr<sdbus::IConnection> connection_;
  std::unique_ptr<Served> served_;  // goes before the connection that it is on
};

}  // namespace l2tpm::ctl
