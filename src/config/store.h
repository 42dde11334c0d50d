// Profiles as documents: shown, replaced, patched, removed. Nothing here changes a file but
// carry_out(), which blocks; the rest says what is to be written, or why not.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "config/load.h"

namespace l2tpm::config {

// The profile with its drop-ins, as JSON, without "defaults". Every secret written into it is
// {"$secret":"***"} unless `with_secrets`, and so is whatever stands under a key that no reader
// knows; references stay references. The error: there is no such profile, or it is no JSON.
Result<std::string, ConfigErrors> show_profile(const Places& places, const std::string& profile,
                                               bool with_secrets);

// What one change writes and takes away.
struct Edit {
  std::string path;
  std::string text;  // holds secrets; an empty one masks
  bool writes = false;
  std::vector<std::string> removes;  // files; what is not there is no error
  ConfigErrors notes;                // warnings for whoever asked
  ~Edit() { wipe(text); }
  Edit() = default;
  Edit(Edit&&) = default;
  Edit& operator=(Edit&&) = default;
  Edit(const Edit&) = default;
  Edit& operator=(const Edit&) = default;
};

// The longest text that put and patch take.
inline constexpr std::size_t kMaxEditText = 1u << 20;

// `layer`: state or runtime. `current`: what is loaded; profiles in it must not clash with this
// one.
// {"$secret":"***"} stands for what the profile has there now; in lists, for that of the entry of
// the same "name".
Result<Edit, ConfigErrors> plan_put(const Places& places, Layer layer, const std::string& profile,
                                    const std::string& json, const Config& current);
// A merge patch on the profile as it is. One that lives in `layer` itself is written anew; one of
// another layer gets a drop-in, which later patches are added to.
Result<Edit, ConfigErrors> plan_patch(const Places& places, Layer layer, const std::string& profile,
                                      const std::string& merge_patch, const Config& current);
// What state and runtime layer have of it goes; what comes to light then, or was all there is, is
// an administrator's or a package's: that is masked when there was nothing else to take away.
Result<Edit, ConfigErrors> plan_remove(const Places& places, const std::string& profile);

// Blocks: files are written beside their place, synchronised and moved into it, mode 0600.
Result<Done, std::string> carry_out(const Edit& edit);

// A text of somebody who may not learn what is in which file: secrets that it refers to are taken
// for granted, users files are not read. Errors and warnings, by severity.
ConfigErrors check_text(const std::string& profile, const std::string& json, const Config& current);

}  // namespace l2tpm::config
