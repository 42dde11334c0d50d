// Who may do what: root and the daemon's own user everything, others what polkit says. Every
// question is asynchronous, so a polkit that hangs, or a user who looks for his password, holds up
// nobody but the caller.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>

#include "bus/clients.h"
#include "bus/errors.h"

namespace l2tpm::bus {

// Who sent the message that is being handled.
struct Caller {
  std::string name;          // unique bus name
  bool interactive = false;  // ALLOW_INTERACTIVE_AUTHORIZATION: polkit's agent may ask the user
};

namespace action {
inline constexpr const char* kControl = "org.L2tpManager1.control";
inline constexpr const char* kTransient = "org.L2tpManager1.transient";
inline constexpr const char* kConfigure = "org.L2tpManager1.configure";
inline constexpr const char* kReload = "org.L2tpManager1.reload";
inline constexpr const char* kManageSessions = "org.L2tpManager1.manage-sessions";
inline constexpr const char* kViewSessions = "org.L2tpManager1.view-sessions";
inline constexpr const char* kReadSecrets = "org.L2tpManager1.read-secrets";
inline constexpr const char* kDebug = "org.L2tpManager1.debug";
}  // namespace action

class Authority {
 public:
  // nullptr: granted.
  using Decision = std::function<void(const Refusal*)>;

  // Borrows both.
  Authority(sdbus::IConnection& connection, Clients& clients);

  // Decides now or later, or never when the caller leaves the bus first. `subject`: the profile or
  // tunnel, which polkit's rules see as action.lookup("subject"); "" for none.
  void check(const Caller& caller, const char* action, const std::string& subject,
             Decision decision);
  // Its questions are dropped, and polkit's dialogs closed.
  void client_left(const std::string& client);

  static constexpr std::size_t kMostQuestions = 128;
  static constexpr std::size_t kMostQuestionsOfOne = 8;

 private:
  struct Question {
    Caller caller;
    const char* action;
    std::string subject;
    Decision decision;
    bool at_polkit = false;
  };
  template <typename Send>
  void sending(std::uint64_t id, Send send);
  void ask_bus(std::uint64_t id);
  void know_user(std::uint64_t id, uid_t user);
  void ask_polkit(std::uint64_t id);
  void decide(std::uint64_t id, const Refusal* refusal);
  void cancel_at_polkit(std::uint64_t id);

  Clients& clients_;
  std::unique_ptr<sdbus::IProxy> bus_driver_;
  std::unique_ptr<sdbus::IProxy> polkit_;
  std::map<std::uint64_t, Question> questions_;
  std::uint64_t next_ = 1;
};

}  // namespace l2tpm::bus
