// A profile as xl2tpd and pppd would have it.
#pragma once

#include <string>
#include <vector>

#include "config/profile.h"

namespace l2tpm::convert {

struct ExportedFile {
  std::string name;  // "xl2tpd.conf", "options.work", "chap-secrets", "l2tp-secrets"
  std::string text;
  bool secret = false;  // to be written 0600
};
struct ExportedFiles {
  std::vector<ExportedFile> files;
  std::vector<std::string> warnings;
};
// `directory`: where the files will be, for what they say of one another.
ExportedFiles export_xl2tpd(const config::Profile& profile, const std::string& directory);

}  // namespace l2tpm::convert
