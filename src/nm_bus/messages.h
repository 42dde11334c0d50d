// Between D-Bus's containers and the values of src/nm. What is of another type than
// NetworkManager's documentation says counts as absent.
#pragma once

#include <sdbus-c++/sdbus-c++.h>

#include <map>
#include <string>

#include "nm/connection.h"
#include "nm/ip_config.h"

namespace l2tpm::nm_bus {

using Variants = std::map<std::string, sdbus::Variant>;
using Settings = std::map<std::string, Variants>;

nm::Connection connection_of(const Settings& settings);
Variants variants_of(const nm::Dictionary& dictionary);

}  // namespace l2tpm::nm_bus
