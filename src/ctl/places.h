// Where an installed daemon has its configuration.
#pragma once

#include "config/sources.h"

namespace l2tpm::ctl {

inline config::Places installed_places() {
  config::Places places;
  places.vendor = "/usr/lib/l2tp-manager";
  places.administrator = "/etc/l2tp-manager";
  places.state = "/var/lib/l2tp-manager";
  places.runtime = "/run/l2tp-manager";
  return places;
}

}  // namespace l2tpm::ctl
