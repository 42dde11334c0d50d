#include "daemon/secret_questions.h"

#include <utility>

namespace l2tpm::daemon {

std::optional<std::uint64_t> SecretQuestions::ask(SecretQuestion question,
                                                  std::function<void(Answer)> done, TimePoint now) {
  if (!asker_ || rows_.size() >= kMost) return std::nullopt;
  question.id = next_++;
  rows_.emplace(question.id, Row{std::move(done), now + kPatience});
  if (!asker_->ask(question)) {
    rows_.erase(question.id);
    return std::nullopt;
  }
  return question.id;
}

void SecretQuestions::cancel(std::uint64_t question, const std::string& reason) {
  if (rows_.erase(question) > 0 && asker_) asker_->cancel(question, reason);
}

void SecretQuestions::answer(std::uint64_t question, Answer answer) {
  const auto row = rows_.find(question);
  if (row == rows_.end()) return;
  const auto done = std::move(row->second.done);
  rows_.erase(row);
  done(std::move(answer));
}

void SecretQuestions::handle_timeout(TimePoint now) {
  while (!rows_.empty() && rows_.begin()->second.deadline <= now) {
    const std::uint64_t question = rows_.begin()->first;
    if (asker_) asker_->cancel(question, "nobody answered in time");
    answer(question, Unexpected(ApiError{ApiErrorCode::timeout, "nobody answered in time"}));
  }
}

std::optional<TimePoint> SecretQuestions::next_deadline() const {
  if (rows_.empty()) return std::nullopt;
  return rows_.begin()->second.deadline;
}

}  // namespace l2tpm::daemon
