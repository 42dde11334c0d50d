// Values of a profile by JSON pointer (RFC 6901), and the merge patch (RFC 7386) that sets them.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "ctl/json.h"

namespace l2tpm::ctl {

// What a word of the command line means at this place of the profile: JSON if it is JSON, else
// text; and text where text is now, so that a user called 4711 needs no quotes.
Json value_of(const Json& profile, const std::string& pointer, const std::string& word);

// Sets it in `profile` and adds to `merge` what makes the same change elsewhere; null removes.
// Where the pointer leads through a list, the patch has the whole list: RFC 7386 knows nothing
// smaller.
// "-" is behind a list's last element. The error is a sentence.
Result<Done, std::string> set_at(Json& profile, Json& merge, const std::string& pointer,
                                 Json value);

// The merge patch that makes `after` of `before`.
Json merge_patch(const Json& before, const Json& after);

// One line per difference, "-/ppp/mru: 1400" and "+/ppp/mru: 1300"; secrets that are masked on one
// side are no difference.
std::vector<std::string> differences(const Json& before, const Json& after);

}  // namespace l2tpm::ctl
