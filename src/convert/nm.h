// NetworkManager's profiles of L2TP connections (.nmconnection files and the files that nm-l2tp's
// editors export) to and from client profiles. What their vpn.data means is the nm module's.
#pragma once

#include <string>
#include <vector>

#include "config/profile.h"
#include "convert/result.h"

namespace l2tpm::convert {

struct NmOptions {
  std::string file = "<text>";  // for notices
  // A connection that asks for IPsec is refused, unless this says to make a profile without it.
  bool without_ipsec = false;
};
Import import_nm(std::string text, const NmOptions& options);

// A text to be written somewhere, and what could not be put into it.
struct Exported {
  std::string text;
  std::vector<std::string> warnings;
};
// For the service type of our plugin. With `secrets` the password is in it (the file must be
// 0600 then); else NetworkManager asks for it when it connects.
Exported export_nm(const config::ClientProfile& profile, const std::string& uuid, bool secrets);

}  // namespace l2tpm::convert
