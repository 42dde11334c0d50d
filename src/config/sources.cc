#include "config/sources.h"

#include <sys/stat.h>

#include <array>
#include <set>

#include "config/files.h"

namespace l2tpm::config {
namespace {

constexpr std::array kLayers = {Layer::vendor, Layer::administrator, Layer::state, Layer::runtime};
constexpr std::string_view kEnding = ".json";
// What the daemon's own drop-ins are called; whatever sorts behind one changes it once more. Two
// names, since the runtime layer's is to be merged into the other, not to take its place.
constexpr std::string_view kDropIn = "50-daemon.json";
constexpr std::string_view kRuntimeDropIn = "60-daemon-runtime.json";

bool exists(const std::string& path, bool& is_empty) {
  struct stat status {};
  if (::stat(path.c_str(), &status) < 0) {
    // A link that leads nowhere is a mistake that reading the file tells of.
    is_empty = false;
    return ::lstat(path.c_str(), &status) == 0;
  }
  is_empty = S_ISCHR(status.st_mode) || (S_ISREG(status.st_mode) && status.st_size == 0);
  return true;
}

}  // namespace

std::string_view name(Layer layer) {
  switch (layer) {
    case Layer::vendor:
      return "vendor";
    case Layer::administrator:
      return "administrator";
    case Layer::state:
      return "state";
    case Layer::runtime:
      return "runtime";
  }
  return "?";
}

const std::string& Places::directory(Layer layer) const {
  switch (layer) {
    case Layer::vendor:
      return vendor;
    case Layer::administrator:
      return administrator;
    case Layer::state:
      return state;
    case Layer::runtime:
      break;
  }
  return runtime;
}

std::string profile_path(const Places& places, Layer layer, const std::string& profile) {
  return places.directory(layer) + "/profiles.d/" + profile + std::string(kEnding);
}

std::string drop_in_path(const Places& places, Layer layer, const std::string& profile) {
  return profile_path(places, layer, profile) + ".d/" +
         std::string(layer == Layer::runtime ? kRuntimeDropIn : kDropIn);
}

ProfileSource find_profile(const Places& places, const std::string& profile, ConfigErrors& errors) {
  ProfileSource source;
  source.name = profile;
  struct Found {
    std::string file;
    ProfileSource::DropIn drop_in;
  };
  std::vector<Found> found;
  for (const Layer layer : kLayers) {
    if (places.directory(layer).empty()) continue;
    const std::string path = profile_path(places, layer, profile);
    bool is_empty = false;
    if (exists(path, is_empty)) {
      source.path = path;
      source.layer = layer;
      source.masked = is_empty;
      found.clear();
    }
    const auto files = json_files(path + ".d");
    if (!files) {
      errors.push_back(file_error(path + ".d", files.error()));
      errors.back().profile = profile;
      continue;
    }
    for (const std::string& file : *files) {
      std::erase_if(found, [&](const Found& each) { return each.file == file; });
      found.push_back({
          file, {path + ".d/" + file, layer}
      });
    }
  }
  for (Found& each : found) source.drop_ins.push_back(std::move(each.drop_in));
  return source;
}

std::map<std::string, ProfileSource> find_profiles(const Places& places, ConfigErrors& errors) {
  std::set<std::string> names;
  for (const Layer layer : kLayers) {
    if (places.directory(layer).empty()) continue;
    const std::string directory = places.directory(layer) + "/profiles.d";
    const auto files = json_files(directory);
    if (!files) {
      errors.push_back(file_error(directory, files.error()));
      continue;
    }
    for (const std::string& file : *files)
      names.insert(file.substr(0, file.size() - kEnding.size()));
  }
  std::map<std::string, ProfileSource> sources;
  for (const std::string& each : names) sources.emplace(each, find_profile(places, each, errors));
  return sources;
}

}  // namespace l2tpm::config
