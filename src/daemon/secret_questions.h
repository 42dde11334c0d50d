// Passwords that nobody wrote down: questions to whoever can ask people, each answered once, taken
// back, or given up after a while.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>

#include "base/clock.h"
#include "daemon/service_api.h"

namespace l2tpm::daemon {

class SecretQuestions {
 public:
  using Answer = Result<std::map<std::string, Secret>, ApiError>;
  // A person reads, looks for a token, types.
  static constexpr Duration kPatience = 180s;
  static constexpr std::size_t kMost = 256;

  void set_asker(SecretAsker* asker) { asker_ = asker; }
  // `question.id` is filled in. nullopt: there is nobody to ask, or too much is being asked. `done`
  // is called once, later, unless the question is cancelled.
  std::optional<std::uint64_t> ask(SecretQuestion question, std::function<void(Answer)> done,
                                   TimePoint now);
  // The asker has gone or does not care: `done` is not called.
  void cancel(std::uint64_t question, const std::string& reason);
  void answer(std::uint64_t question, Answer answer);
  // Gives up what is overdue.
  void handle_timeout(TimePoint now);
  std::optional<TimePoint> next_deadline() const;

 private:
  struct Row {
    std::function<void(Answer)> done;
    TimePoint deadline;
  };
  SecretAsker* asker_ = nullptr;
  std::map<std::uint64_t, Row> rows_;  // deadlines grow with ids
  std::uint64_t next_ = 1;
};

}  // namespace l2tpm::daemon
