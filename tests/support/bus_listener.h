// Hears what matches a rule on a connection whose messages somebody processes. sdbus-c++ 1 and 2
// have different words for that, sd-bus has one.
#pragma once

#include <l2tpm_dbus/compat.h>
#include <systemd/sd-bus.h>

#include <functional>
#include <string>
#include <vector>

namespace l2tpm::test {

class BusListener {
 public:
  BusListener(sdbus::IConnection& connection, const std::string& rule) {
    sd_bus_add_match(dbus::raw_bus(connection), &slot_, rule.c_str(), on_message, this);
  }
  ~BusListener() { sd_bus_slot_unref(slot_); }
  BusListener(const BusListener&) = delete;
  BusListener& operator=(const BusListener&) = delete;

  std::vector<std::string> members;
  std::vector<std::string> paths;
  // What a PropertiesChanged says has changed, or the words of a StateChanged, one line each.
  std::vector<std::string> words;

 private:
  static int on_message(sd_bus_message* message, void* self, sd_bus_error*) {
    auto& listener = *static_cast<BusListener*>(self);
    const std::string member = sd_bus_message_get_member(message);
    listener.members.push_back(member);
    listener.paths.emplace_back(sd_bus_message_get_path(message));
    if (member == "PropertiesChanged") listener.read_properties(message);
    if (member == "StateChanged") {
      const char *fresh = "", *old = "", *error = "", *text = "";
      sd_bus_message_read(message, "ssss", &fresh, &old, &error, &text);
      listener.words.push_back(std::string(old) + ">" + fresh + " " + error + " " + text);
    }
    return 0;
  }
  void read_properties(sd_bus_message* message) {
    const char* interface = nullptr;
    const char* name = nullptr;
    sd_bus_message_read(message, "s", &interface);
    sd_bus_message_enter_container(message, 'a', "{sv}");
    while (sd_bus_message_enter_container(message, 'e', "sv") > 0) {
      sd_bus_message_read(message, "s", &name);
      words.emplace_back(name);
      sd_bus_message_skip(message, "v");
      sd_bus_message_exit_container(message);
    }
  }

  sd_bus_slot* slot_ = nullptr;
};

}  // namespace l2tpm::test
