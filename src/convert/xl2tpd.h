// xl2tpd.conf with the files it leads to becomes profiles: [lac NAME] a client each, the [lns] a
// listener. Pure: files come from a function.
//
// Nothing is dropped silently. A line without a counterpart is a note or a warning with its place.
#pragma once

#include <string>

#include "convert/result.h"

namespace l2tpm::convert {

struct Xl2tpdFiles {
  std::string config = "/etc/xl2tpd/xl2tpd.conf";
  // Instead of what the sections' pppoptfile, pppd's defaults and "auth file" name; "": as they
  // say.
  std::string ppp_options;
  std::string ppp_secrets;
  std::string tunnel_secrets;
};

Import import_xl2tpd(const Xl2tpdFiles& files, const ReadFile& read);

}  // namespace l2tpm::convert
