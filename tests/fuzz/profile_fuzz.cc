// Any text as a profile, as a set of defaults under a profile, and as the daemon's file: errors or
// a profile, never anything else; what is accepted is the same when read again.
#include <cstdint>
#include <cstdlib>
#include <string>

#include "support/config_text.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto once = test::read_text(text);
  const auto again = test::read_text(text);
  if (once.profile.has_value() != once.errors.empty()) std::abort();
  if (once.profile != again.profile || once.errors != again.errors) std::abort();
  // Reading it twice compares equal, so a reload of an unchanged file changes nothing.
  const auto daemon = config::read_daemon_config(text, "fuzz");
  if (daemon) test::read_text(R"({"kind": "client", "peer": "lns"})", *daemon);
  return 0;
}
