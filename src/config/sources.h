// Where profiles are written: layers, the later of which win, each with `profiles.d/NAME.json` and
// drop-ins `profiles.d/NAME.json.d/*.json`.
//
// A file of a later layer replaces the whole profile of the earlier ones, their drop-ins included;
// drop-ins of its own layer and of later ones are merged into it (RFC 7386), by layer and then by
// name. A drop-in takes the place of one of the same name in an earlier layer. A file that is empty
// or a link to /dev/null masks what is below it.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "config/error.h"

namespace l2tpm::config {

enum class Layer : std::uint8_t { vendor, administrator, state, runtime };
std::string_view name(Layer layer);

// The layers' directories; empty: there is no such layer.
struct Places {
  std::string vendor;         // packages
  std::string administrator;  // l2tp-manager.json and secrets.d, too; the daemon never writes there
  std::string state;          // what the daemon was told to keep
  std::string runtime;        // what it was told to keep until the next boot
  const std::string& directory(Layer layer) const;
};

struct ProfileSource {
  std::string name;
  std::string path;  // of the file that counts
  Layer layer = Layer::administrator;
  bool masked = false;
  struct DropIn {
    std::string path;
    Layer layer = Layer::administrator;
  };
  std::vector<DropIn> drop_ins;  // in the order in which they are merged
};

// All profiles by name; a directory that cannot be read is among `errors`.
std::map<std::string, ProfileSource> find_profiles(const Places& places, ConfigErrors& errors);
// One of them, by the same rules. A path that is empty: there is none.
ProfileSource find_profile(const Places& places, const std::string& profile, ConfigErrors& errors);

// The names of files that the daemon writes.
std::string profile_path(const Places& places, Layer layer, const std::string& profile);
std::string drop_in_path(const Places& places, Layer layer, const std::string& profile);

}  // namespace l2tpm::config
