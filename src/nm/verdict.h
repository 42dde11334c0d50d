// What a problem of the daemon means to NetworkManager's user.
#pragma once

#include <string>
#include <string_view>

#include "nm/names.h"
#include "nm/observation.h"

namespace l2tpm::nm {

struct Verdict {
  Failure failure = Failure::connect_failed;
  std::string text;
};

// `server` is the gateway as the profile names it.
Verdict judge(const Problem& problem, std::string_view server);
// CreateTransient or Open said no: a D-Bus error.
Verdict judge_refusal(std::string_view error_name, std::string_view message);

// Nobody answered: with a name of several addresses the next one may.
bool is_silence(const Problem& problem);

}  // namespace l2tpm::nm
