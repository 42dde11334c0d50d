#include "bus/face.h"

namespace l2tpm::bus {

void Face::statistics(daemon::StatisticsOf of, const std::string& name, std::uint32_t session,
                      sdbus::Result<std::map<std::string, std::uint64_t>>&& result) {
  const auto reply = shared(std::move(result));
  service.refresh_counters(later([this, of, name, session, reply] {
    answer(*reply, [&] { reply->returnResults(value_of(service.statistics(of, name, session))); });
  }));
}

Caller caller_of(const sdbus::IObject& object) {
  sd_bus_message* const message = dbus::current_message(object);
  const char* const sender = message == nullptr ? nullptr : sd_bus_message_get_sender(message);
  if (sender == nullptr) return {};
  return {sender, sd_bus_message_get_allow_interactive_authorization(message) > 0};
}

}  // namespace l2tpm::bus
