// The settings of one section of xl2tpd.conf, asked for one by one. Internal to convert.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/address.h"
#include "convert/result.h"
#include "convert/words.h"

namespace l2tpm::convert {

class Settings {
 public:
  // `defaults`: a section whose settings come first; nullptr: none.
  Settings(const Section* defaults, const Section& own, std::string file, Import& import);

  // The last setting of the key; nullopt when there is none or it is not such a value, which is
  // then said.
  std::optional<std::string> text(std::string_view key) { return take(key, nullptr); }
  std::optional<bool> boolean(std::string_view key);
  std::optional<unsigned> number(std::string_view key, unsigned most);
  std::optional<IpAddress> address(std::string_view key);
  // Each value of a key that repeats, cut at commas.
  void each(std::string_view key,
            const std::function<void(std::string_view value, unsigned line)>& visit);

  void warn(unsigned line, std::string text);
  unsigned line_of(std::string_view key) const;
  // Says what nobody asked for.
  void finish();

 private:
  std::optional<std::string> take(std::string_view key, unsigned* line);

  std::string file_;
  Import& import_;
  std::vector<Setting> settings_;
  std::vector<bool> used_;
};

// "lns", as a profile's "peers".
Json lns_list(Settings& settings);
// "ip range", "no ip range" and "assign ip", into a listener's ppp.ipv4.
void address_pools(Settings& settings, Json& ipv4);

}  // namespace l2tpm::convert
