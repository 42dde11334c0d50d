// Profiles as the daemon has them: looking at them, and changing them by value.
#include <algorithm>

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "ctl/pointer.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {
namespace {

Writing writing(const Options& options) {
  return {options.has("runtime"), !options.has("no-apply"), false};
}

ExitCode patch(Context& context, Client& client, const std::string& name, const Json& patch) {
  const auto diagnostics = client.patch_profile(
      name, patch.dump(-1, ' ', false, Json::error_handler_t::replace), writing(context.options));
  if (!diagnostics) return report(context, diagnostics.error());
  return report(context, name, *diagnostics);
}

ExitCode set_autostart(Context& context, Client& client, bool on) {
  return for_each(context.options.words, [&](const std::string& name) {
    return patch(context, client, name,
                 {
                     {"autostart", on}
    });
  });
}

}  // namespace

ExitCode profile_list(Context& context, Client& client) {
  const auto profiles = client.profiles();
  if (!profiles) return report(context, profiles.error());
  auto array = Json::array();
  std::vector<std::vector<Cell>> rows;
  for (const ProfileRow& profile : *profiles) {
    rows.push_back({profile.name, profile.kind,
                    std::string(profile.enabled ? "enabled" : "disabled"),
                    profile.path.empty() ? std::string("(transient)") : profile.path});
    array.push_back({
        {"name",    profile.name   },
        {"kind",    profile.kind   },
        {"enabled", profile.enabled},
        {"path",    profile.path   }
    });
  }
  if (is_json(context)) {
    print_json(context, array);
    return ExitCode::ok;
  }
  return print_table(
      context,
      {
          {"name",    "NAME"   },
          {"kind",    "KIND"   },
          {"enabled", "ENABLED"},
          {"path",    "FILE"   }
  },
      rows);
}

// As text, too, a profile is JSON: that is what its file looks like.
ExitCode profile_show(Context& context, Client& client) {
  const auto text = client.profile(context.options.words.front());
  if (!text) return report(context, text.error());
  print_json(context, parse_json(*text));
  return ExitCode::ok;
}

ExitCode profile_set(Context& context, Client& client) {
  const std::vector<std::string>& words = context.options.words;
  const std::string& name = words.front();
  const std::vector<std::string>& asked = context.options.all("ask");
  if (words.size() == 1 && asked.empty())
    return usage(context, "set what? For example: l2tpctl profile set " + name + " /ppp/mru=1400");
  const auto text = client.profile(name);
  if (!text) return report(context, text.error());
  Json profile = parse_json(*text);
  Json merge = Json::object();
  const auto set = [&](const std::string& pointer, Json value) -> Result<Done, std::string> {
    return set_at(profile, merge, pointer, std::move(value));
  };
  for (auto word = words.begin() + 1; word != words.end(); ++word) {
    const auto equals = word->find('=');
    if (equals == std::string::npos)
      return usage(context, "\"" + *word + "\" is not /json/pointer=VALUE");
    const std::string pointer = word->substr(0, equals);
    const auto done = set(pointer, value_of(profile, pointer, word->substr(equals + 1)));
    if (!done) return usage(context, done.error());
  }
  for (const std::string& pointer : asked) {
    auto secret = ask_secret(name + " " + pointer + ": ");
    if (!secret) return fail(context, secret.error());
    const auto octets = secret->octets();
    const auto done = set(pointer, std::string(octets.begin(), octets.end()));
    if (!done) return usage(context, done.error());
  }
  return patch(context, client, name, merge);
}

ExitCode profile_enable(Context& context, Client& client) {
  return set_autostart(context, client, true);
}

ExitCode profile_disable(Context& context, Client& client) {
  return set_autostart(context, client, false);
}

ExitCode profile_rm(Context& context, Client& client) {
  return for_each(context.options.words, [&](const std::string& name) {
    const auto diagnostics = client.remove_profile(name, context.options.has("stop"));
    if (!diagnostics) return report(context, diagnostics.error());
    return report(context, name, *diagnostics);
  });
}

}  // namespace l2tpm::ctl
