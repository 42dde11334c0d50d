// nm-l2tp-manager-service from its privileges to its end.
#pragma once

#include <string>

#include "nm/names.h"

namespace l2tpm::nm_bus {

struct ServiceOptions {
  std::string bus_name;
  nm::ServiceType type = nm::ServiceType::own;
  std::string bus;  // an address; empty: the system bus
};

// Gives up every capability: what is left is root's say on the bus. False: that failed.
bool drop_privileges();

// Serves one connection and returns the exit status. SIGTERM and SIGINT disconnect.
int serve(const ServiceOptions& options);

}  // namespace l2tpm::nm_bus
