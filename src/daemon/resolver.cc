#include "daemon/resolver.h"

#include <netdb.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <condition_variable>
#include <csignal>
#include <deque>
#include <mutex>
#include <thread>
#include <unordered_set>
#include <utility>

#include "base/fd.h"

namespace l2tpm::daemon {

// Owned by the Resolver and by each of its threads, which are detached: getaddrinfo cannot be
// interrupted, and a daemon that stops must not wait for a dead name server.
struct Resolver::Shared {
  struct Question {
    Token token;
    std::string host;
  };
  static constexpr std::size_t kMaxWaiting = 1024;

  std::mutex mutex;
  std::condition_variable asked;
  std::deque<Question> questions;
  std::unordered_set<Token> wanted;  // asked and neither answered nor cancelled
  std::vector<Answer> answers;
  bool stopping = false;
  UniqueFd event;
  Token next_token = 0;  // the loop's thread only

  // REQUIRES: the lock is held.
  void answer(Answer answer) {
    if (stopping || wanted.count(answer.token) == 0) return;
    answers.push_back(std::move(answer));
    const std::uint64_t one = 1;
    // It fails only when the counter is full, and then it is readable anyway.
    [[maybe_unused]] const auto written = ::write(event.get(), &one, sizeof one);
  }
};

namespace {

Resolver::Answer look_up(Resolver::Token token, const std::string& host) {
  Resolver::Answer answer;
  answer.token = token;
  addrinfo hints{};
  hints.ai_family = AF_UNSPEC;
  hints.ai_socktype = SOCK_DGRAM;
  hints.ai_flags = AI_ADDRCONFIG;
  addrinfo* list = nullptr;
  const int code = ::getaddrinfo(host.c_str(), nullptr, &hints, &list);
  if (code != 0) {
    answer.error = ::gai_strerror(code);
    return answer;
  }
  for (const addrinfo* entry = list; entry != nullptr; entry = entry->ai_next) {
    if (entry->ai_addrlen > sizeof(sockaddr_storage)) continue;
    sockaddr_storage storage{};
    std::copy_n(reinterpret_cast<const std::uint8_t*>(entry->ai_addr), entry->ai_addrlen,
                reinterpret_cast<std::uint8_t*>(&storage));
    const auto endpoint = Endpoint::from_sockaddr(storage);
    if (endpoint && std::find(answer.addresses.begin(), answer.addresses.end(),
                              endpoint->address) == answer.addresses.end())
      answer.addresses.push_back(endpoint->address);
  }
  ::freeaddrinfo(list);
  if (answer.addresses.empty()) answer.error = "the name has no address";
  return answer;
}

}  // namespace

Resolver::Resolver(unsigned threads) : shared_(std::make_shared<Shared>()) {
  shared_->event = UniqueFd(::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  // Signals are the loop's business: the threads inherit a mask that blocks them.
  sigset_t all;
  sigset_t before;
  sigfillset(&all);
  pthread_sigmask(SIG_SETMASK, &all, &before);
  for (unsigned i = 0; i < std::clamp(threads, 1u, 4u); ++i) {
    std::thread([shared = shared_] {
      std::unique_lock lock(shared->mutex);
      for (;;) {
        shared->asked.wait(lock, [&] { return shared->stopping || !shared->questions.empty(); });
        if (shared->stopping) return;
        const Shared::Question question = std::move(shared->questions.front());
        shared->questions.pop_front();
        if (shared->wanted.count(question.token) == 0) continue;
        lock.unlock();
        Answer answer = look_up(question.token, question.host);
        lock.lock();
        shared->answer(std::move(answer));
      }
    }).detach();
  }
  pthread_sigmask(SIG_SETMASK, &before, nullptr);
}

Resolver::~Resolver() {
  const std::lock_guard lock(shared_->mutex);
  shared_->stopping = true;
  shared_->questions.clear();
  shared_->asked.notify_all();
}

Resolver::Token Resolver::resolve(const std::string& host) {
  const std::lock_guard lock(shared_->mutex);
  const Token token = ++shared_->next_token;
  shared_->wanted.insert(token);
  if (const auto literal = IpAddress::parse(host)) {
    shared_->answer({token, {*literal}, {}});
  } else if (shared_->questions.size() >= Shared::kMaxWaiting) {
    shared_->answer({token, {}, "too many names are being resolved"});
  } else {
    shared_->questions.push_back({token, host});
    shared_->asked.notify_one();
  }
  return token;
}

void Resolver::cancel(Token token) {
  const std::lock_guard lock(shared_->mutex);
  shared_->wanted.erase(token);
}

int Resolver::completion_fd() const { return shared_->event.get(); }

std::vector<Resolver::Answer> Resolver::dispatch() {
  const std::lock_guard lock(shared_->mutex);
  std::uint64_t count = 0;
  [[maybe_unused]] const auto got = ::read(shared_->event.get(), &count, sizeof count);
  std::vector<Answer> out;
  for (auto& answer : std::exchange(shared_->answers, {}))
    if (shared_->wanted.erase(answer.token) > 0) out.push_back(std::move(answer));
  return out;
}

}  // namespace l2tpm::daemon
