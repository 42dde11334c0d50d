// Watching a profile come up: "up", "tunnel restart" and "connect" do.
#pragma once

#include <optional>
#include <string>

#include "ctl/agent.h"
#include "ctl/context.h"
#include "ctl/hint.h"

namespace l2tpm::ctl {

// One line on the terminal, rewritten in place. Nothing where no terminal is.
class Progress {
 public:
  explicit Progress(Context& context) : context_(context) {}
  ~Progress() { clear(); }
  Progress(const Progress&) = delete;
  Progress& operator=(const Progress&) = delete;
  void show(const std::string& text);
  void clear();

 private:
  Context& context_;
  std::string shown_;
};

// What a look at a profile finds.
struct Look {
  enum class Found {
    up,          // it carries a session
    started,     // a listener: there is nothing to wait for
    gone,        // nothing of it runs
    failed,      // it has given up
    refused,     // the daemon keeps trying, but trying again unchanged cannot help
    on_its_way,  // wait
  };
  Found found = Found::on_its_way;
  std::string state;   // of the tunnel
  SessionRow session;  // when up
  Explained error;
};
Answer<Look> look_at(Client& client, const std::string& profile);

// Says what the look found wrong, as "work: failed: auth-failed by peer: ...", and returns `code`.
ExitCode complain(Context& context, const std::string& profile, const std::string& what,
                  const Explained& error, ExitCode code);

// "work: up on l2tp-work, 10.77.0.10"
std::string up_text(const std::string& profile, const SessionRow& session);

}  // namespace l2tpm::ctl
