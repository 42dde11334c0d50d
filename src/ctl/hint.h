// What to do about an error, by the cause's stable name.
#pragma once

#include <string_view>

#include "base/cause.h"

namespace l2tpm::ctl {

// One line, or "" where there is nothing to advise.
std::string_view hint(CauseCode code);

// The code that `cause_name` names; `none` for one that this version does not know.
CauseCode cause_from_name(std::string_view cause_name);

// True when trying again unchanged cannot help: "up" need not wait for it.
bool is_definite(CauseCode code);

}  // namespace l2tpm::ctl
