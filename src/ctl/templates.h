// What `profile new` starts from: profiles with comments, sound as they are once their secrets are
// there (tests/unit/ctl/templates_test.cc).
#pragma once

#include <string_view>
#include <vector>

namespace l2tpm::ctl {

struct Template {
  std::string_view name;
  std::string_view help;                  // a line
  std::string_view text;                  // JSON with comments
  std::vector<std::string_view> secrets;  // the keys of its secrets file
};

const std::vector<Template>& templates();
// nullptr: there is none of that name.
const Template* find_template(std::string_view name);

}  // namespace l2tpm::ctl
