#include "ctl/agent.h"

#include <l2tpm_dbus/adaptor.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <mutex>
#include <optional>
#include <vector>

#include "ctl/ask.h"
#include "ctl/client_calls.h"
#include "ctl/format.h"

namespace l2tpm::ctl {
namespace {

constexpr const char* kAgentPath = "/org/L2tpManager1/Agent";
using Secrets = std::map<std::string, std::string>;

struct Question {
  sdbus::Result<Secrets> result;
  std::vector<std::string> names;
  std::string message;
};

}  // namespace

// The bus calls it on its own thread; the question is left here for the one that may prompt.
class Agent::Served final : public sdbus::AdaptorInterfaces<org::L2tpManager1::Agent_adaptor> {
 public:
  explicit Served(sdbus::IConnection& connection)
      : AdaptorInterfaces(connection, sdbus::ObjectPath(kAgentPath)) {
    registerAdaptor();
  }
  ~Served() { unregisterAdaptor(); }

  bool has_question() const {
    const std::lock_guard lock(mutex_);
    return question_.has_value();
  }
  std::optional<Question> take() {
    const std::lock_guard lock(mutex_);
    return std::exchange(question_, std::nullopt);
  }
  int cancel_fd() const { return cancel_.get(); }

 private:
  void RequestSecrets(sdbus::Result<Secrets>&& result, sdbus::ObjectPath,
                      std::vector<std::string> names, std::string message) override {
    const std::lock_guard lock(mutex_);
    std::uint64_t count = 0;  // of questions taken back earlier
    [[maybe_unused]] const auto drained = ::read(cancel_.get(), &count, sizeof count);
    question_.emplace(Question{std::move(result), std::move(names), std::move(message)});
  }
  void Cancel(const std::string&) override {
    const std::lock_guard lock(mutex_);
    question_.reset();
    const std::uint64_t one = 1;
    [[maybe_unused]] const auto written = ::write(cancel_.get(), &one, sizeof one);
  }
  void Release() override { Cancel(""); }

  UniqueFd cancel_{::eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK)};
  mutable std::mutex mutex_;
  std::optional<Question> question_;
};

Agent::Agent(std::unique_ptr<sdbus::IConnection> connection)
    : connection_(std::move(connection)), served_(std::make_unique<Served>(*connection_)) {
  ManagerProxy(*connection_).RegisterAgent(sdbus::ObjectPath(kAgentPath), {});
  connection_->enterEventLoopAsync();
}

Agent::~Agent() { connection_->leaveEventLoop(); }

Answer<std::unique_ptr<Agent>> Agent::offer(const std::string& bus) {
  return answer([&] { return std::unique_ptr<Agent>(new Agent(dbus::connect(bus))); });
}

bool Agent::has_question() const { return served_->has_question(); }

bool Agent::ask() {
  auto question = served_->take();
  if (!question) return true;  // taken back meanwhile
  Secrets secrets;
  std::optional<std::string> refusal;
  for (const std::string& name : question->names) {
    const std::string why = question->message.empty() ? "" : " (" + clean(question->message) + ")";
    auto secret = ask_secret(clean(name) + why + ": ", served_->cancel_fd());
    if (!secret) {
      refusal = secret.error();
      break;
    }
    const auto octets = secret->octets();
    secrets.emplace(name, std::string(octets.begin(), octets.end()));
  }
  if (refusal)
    question->result.returnError(
        dbus::make_error("org.L2tpManager1.Error.Canceled", "the question was not answered"));
  else
    question->result.returnResults(secrets);
  for (auto& [name, secret] : secrets) wipe(secret);
  return !refusal;
}

}  // namespace l2tpm::ctl
