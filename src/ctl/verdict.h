// Why something did not work, in plain words: from a failure as the daemon's history has it to a
// verdict. No bus in here; every row of the table has a test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "ctl/json.h"
#include "kview/view.h"

namespace l2tpm::ctl {

struct Verdict {
  std::string id;                     // stable: "wrong-tunnel-secret"
  std::string text;                   // one sentence without a full stop
  std::vector<std::string> evidence;  // what was seen
  std::string advice;                 // what to do; "" when there is nothing
};

// Of a line of Dump("failures"). A cause that only a newer daemon knows is told as it says it.
Verdict judge(const Json& failure);

// Of a tunnel as described, with its sessions (Describe objects): what is wrong although it is up.
// Empty when nothing is.
std::vector<Verdict> judge_running(const Json& tunnel, const std::vector<Json>& sessions);

// Of a session as the kernel counts it: what is dropped without anybody saying so.
std::vector<Verdict> judge_counters(const std::string& interface, const kview::Counters& counters);

// Of the "daemon" line of Dump("state"): what the kernel lacks. Empty when nothing that is
// required.
std::vector<Verdict> judge_kernel(const Json& daemon);

// All ids that judge() can give, for the schema and the tests.
std::vector<std::string_view> verdict_ids();

}  // namespace l2tpm::ctl
