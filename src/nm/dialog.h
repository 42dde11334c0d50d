// The auth dialog without a window: what nmcli, nm-applet and GNOME Shell say on its standard
// input, and the key file that it answers with in "external UI mode", in which they ask the user
// themselves. Pure functions; nm-l2tp-manager-auth-dialog reads and writes.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/secret.h"

namespace l2tpm::nm {

struct DialogOptions {
  std::string uuid, name, service;
  bool reprompt = false;  // -r: the secret that is there was refused
  bool external_ui = false;
  std::vector<std::string> secret_hints;  // -t: names of secrets that are wanted; empty: any
  std::string message;                    // -t x-vpn-message:TEXT
};
// Without argv[0]. The error is a sentence. Unknown options are an error; -i (interaction is
// allowed) is accepted, since whoever asks the user decides about that.
Result<DialogOptions, std::string> parse_dialog_options(const std::vector<std::string>& arguments);

struct DialogInput {
  std::map<std::string, std::string> data;
  std::map<std::string, Secret> secrets;
  friend bool operator==(const DialogInput&, const DialogInput&) = default;
};
inline constexpr std::size_t kMaxDialogInput = 1u << 20;

// DATA_KEY=, DATA_VAL=, SECRET_KEY= and SECRET_VAL= lines up to DONE; a line that begins with '='
// continues the one before. Whatever is not understood is skipped, as libnm does; anything beyond
// kMaxDialogInput is not looked at.
DialogInput parse_dialog_input(std::string_view text);

// The key file. Secrets are in it: wipe it.
std::string dialog_answer(const DialogOptions& options, const DialogInput& input);

}  // namespace l2tpm::nm
