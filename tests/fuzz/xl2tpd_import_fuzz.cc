// Any text as xl2tpd.conf, as pppd's options and as secrets: profiles and notices, never anything
// else, and what was made does not upset the checker.
#include <cstdint>
#include <string>

#include "convert/xl2tpd.h"
#include "convert/xl2tpd_export.h"
#include "support/imported.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  // Up to four files, divided by NUL; every path leads to one of them.
  std::string files[4];
  std::size_t file = 0;
  for (std::size_t i = 0; i < size; ++i) {
    if (data[i] == 0 && file < 3)
      ++file;
    else
      files[file] += static_cast<char>(data[i]);
  }
  const convert::ReadFile read = [&](const std::string& path) -> std::optional<std::string> {
    if (path == "config") return files[0];
    if (path == "/etc/ppp/chap-secrets" || path == "/etc/ppp/pap-secrets") return files[2];
    if (path == "/etc/xl2tpd/l2tp-secrets") return files[3];
    return files[1];
  };
  convert::Xl2tpdFiles paths;
  paths.config = "config";
  const convert::Import import = convert::import_xl2tpd(paths, read);
  for (const auto& imported : import.profiles) {
    if (const auto profile = test::checked(imported); profile)
      convert::export_xl2tpd(*profile, "/tmp");
  }
  return 0;
}
