// What profiles may ask for that this daemon cannot do yet. When it can, this goes.
#pragma once

#include <string>

#include "config/load.h"

namespace l2tpm::daemon {

// "": it can be run.
std::string unsupported(const config::Profile& profile);
// config::load(), with such profiles refused.
config::Loaded load_supported(const config::Places& places);

}  // namespace l2tpm::daemon
