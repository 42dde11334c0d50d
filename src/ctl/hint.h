// What to do about an error, by the cause's stable name.
#pragma once

#include <string>
#include <string_view>

#include "base/cause.h"
#include "ctl/json.h"

namespace l2tpm::ctl {

// One line, or "" where there is nothing to advise.
std::string_view hint(CauseCode code);

// The code that `cause_name` names; `none` for one that this version does not know.
CauseCode cause_from_name(std::string_view cause_name);

// True when trying again unchanged cannot help: "up" need not wait for it.
bool is_definite(CauseCode code);

// A cause as the daemon sends it: "auth-failed by peer: E=691", with its hint. Both empty when
// there is none.
struct Explained {
  std::string text;
  std::string hint;
  bool is_definite = false;
};
Explained explain(const Json& cause);
// Of the "last_error" of a described tunnel.
Explained last_error(const Json& tunnel);

}  // namespace l2tpm::ctl
