// Any text as a NetworkManager connection: a profile or notices. What asks for IPsec makes none.
#include <cstdint>
#include <string>

#include "convert/keyfile.h"
#include "convert/nm.h"
#include "support/imported.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  const std::string text(reinterpret_cast<const char*>(data), size);
  for (const bool without_ipsec : {false, true}) {
    convert::NmOptions options;
    options.without_ipsec = without_ipsec;
    const convert::Import import = convert::import_nm(text, options);
    const convert::KeyFile file = convert::parse_key_file(text);
    const auto* vpn = file.find("vpn");
    if (!without_ipsec && vpn != nullptr && vpn->text("ipsec-enabled") == "yes" &&
        !import.profiles.empty())
      __builtin_trap();
    for (const auto& imported : import.profiles) {
      const auto profile = test::checked(imported);
      if (!profile) continue;
      const auto* client = std::get_if<config::ClientProfile>(&*profile);
      if (client == nullptr) __builtin_trap();
      convert::export_nm(*client, "uuid", true);
    }
  }
  return 0;
}
