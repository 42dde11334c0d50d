#include "nm/names.h"

namespace l2tpm::nm {

std::optional<ServiceType> service_type_of(std::string_view bus_name) {
  const auto serves = [bus_name](std::string_view service) {
    return bus_name.starts_with(service) &&
           (bus_name.size() == service.size() || bus_name[service.size()] == '.');
  };
  if (serves(kOwnService)) return ServiceType::own;
  if (serves(kStockService)) return ServiceType::drop_in;
  return std::nullopt;
}

std::string_view name(ServiceState state) {
  switch (state) {
    case ServiceState::unknown:
      return "unknown";
    case ServiceState::init:
      return "init";
    case ServiceState::shutdown:
      return "shutdown";
    case ServiceState::starting:
      return "starting";
    case ServiceState::started:
      return "started";
    case ServiceState::stopping:
      return "stopping";
    case ServiceState::stopped:
      return "stopped";
  }
  return "invalid";
}

std::string_view name(Failure failure) {
  switch (failure) {
    case Failure::login_failed:
      return "login-failed";
    case Failure::connect_failed:
      return "connect-failed";
    case Failure::bad_ip_config:
      return "bad-ip-config";
  }
  return "invalid";
}

}  // namespace l2tpm::nm
