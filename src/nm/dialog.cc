#include "nm/dialog.h"

#include <fmt/core.h>

#include <algorithm>
#include <optional>

#include "nm/connection.h"
#include "nm/names.h"
#include "nm/translate.h"

namespace l2tpm::nm {
namespace {

constexpr std::string_view kMessageHint = "x-vpn-message:";

// What GLib's key files ask for; the rest of a value stands for itself.
std::string escaped(std::string_view text) {
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    switch (text[i]) {
      case '\\':
        out += "\\\\";
        break;
      case '\n':
        out += "\\n";
        break;
      case '\r':
        out += "\\r";
        break;
      case '\t':
        out += "\\t";
        break;
      case ' ':  // white space in front would be lost
        out += i == 0 ? "\\s" : " ";
        break;
      default:
        if (static_cast<unsigned char>(text[i]) >= 0x20) out += text[i];
    }
  }
  return out;
}

// The next line without its '\n', taken off `text`.
std::string_view take_line(std::string_view& text) {
  const auto end = text.find('\n');
  const std::string_view line = text.substr(0, end);
  text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
  return line;
}

}  // namespace

Result<DialogOptions, std::string> parse_dialog_options(const std::vector<std::string>& arguments) {
  struct Known {
    std::string_view brief, full;
    bool has_value;
  };
  constexpr Known kKnown[] = {
      {"-u", "--uuid",              true },
      {"-n", "--name",              true },
      {"-s", "--service",           true },
      {"-t", "--hint",              true },
      {"-i", "--allow-interaction", false},
      {"-r", "--reprompt",          false},
      {"",   "--external-ui-mode",  false},
  };
  DialogOptions options;
  for (std::size_t i = 0; i < arguments.size(); ++i) {
    std::string_view name = arguments[i];
    std::optional<std::string> value;
    if (const auto equals = name.find('='); name.starts_with("--") && equals != name.npos) {
      value = name.substr(equals + 1);
      name = name.substr(0, equals);
    }
    const auto known =
        std::find_if(std::begin(kKnown), std::end(kKnown), [name](const Known& each) {
          return name == each.full || (!each.brief.empty() && name == each.brief);
        });
    if (known == std::end(kKnown)) return Unexpected(fmt::format("unknown option {}", name));
    if (!known->has_value && value) return Unexpected(fmt::format("{} takes no value", name));
    if (known->has_value && !value) {
      if (++i == arguments.size()) return Unexpected(fmt::format("{} needs a value", name));
      value = arguments[i];
    }
    if (known->full == "--uuid") options.uuid = *value;
    if (known->full == "--name") options.name = *value;
    if (known->full == "--service") options.service = *value;
    if (known->full == "--reprompt") options.reprompt = true;
    if (known->full == "--external-ui-mode") options.external_ui = true;
    if (known->full == "--hint") {
      if (value->starts_with(kMessageHint)) {
        options.message = value->substr(kMessageHint.size());
      } else {
        options.secret_hints.push_back(*value);
      }
    }
  }
  if (options.uuid.empty() || options.name.empty() || options.service.empty())
    return Unexpected(std::string("--uuid, --name and --service are needed"));
  if (!service_type_of(options.service))
    return Unexpected(fmt::format("this is not the dialog of {}", options.service));
  return options;
}

DialogInput parse_dialog_input(std::string_view text) {
  DialogInput input;
  text = text.substr(0, kMaxDialogInput);
  std::optional<std::string> data_key, secret_key;
  while (!text.empty()) {
    std::string_view line = take_line(text);
    if (line == "DONE") break;
    std::string item(line);
    while (text.starts_with('=')) {
      item += '\n';
      item += take_line(text).substr(1);
    }
    const auto equals = item.find('=');
    if (equals != std::string::npos) {
      const std::string_view what = std::string_view(item).substr(0, equals);
      const std::string_view value = std::string_view(item).substr(equals + 1);
      if (what == "DATA_KEY") {
        data_key = value;
      } else if (what == "DATA_VAL" && data_key) {
        input.data[*data_key] = value;
        data_key.reset();
      } else if (what == "SECRET_KEY") {
        secret_key = value;
      } else if (what == "SECRET_VAL" && secret_key) {
        input.secrets[*secret_key] = Secret(value);
        secret_key.reset();
      }
    }
    wipe(item);
  }
  return input;
}

std::string dialog_answer(const DialogOptions& options, const DialogInput& input) {
  const std::string description =
      options.message.empty()
          ? fmt::format("You need to authenticate to access “{}”.", options.name)
          : options.message;
  std::string answer =
      fmt::format("[VPN Plugin UI]\nVersion=2\nTitle=Authenticate VPN {}\nDescription={}\n",
                  escaped(options.name), escaped(description));
  Connection connection;
  connection.data = input.data;
  const bool hinted =
      std::ranges::find(options.secret_hints, "password") != options.secret_hints.end();
  if (!takes_password(connection) && !hinted) return answer;
  const auto have = input.secrets.find("password");
  // One that was refused is no answer.
  const bool usable =
      have != input.secrets.end() && !have->second.empty() && !hinted && !options.reprompt;
  answer += fmt::format("[password]\nValue={}\nLabel=Password\nIsSecret=true\nShouldAsk={}\n",
                        usable ? escaped(as_text(have->second.octets())) : std::string(), !usable);
  return answer;
}

}  // namespace l2tpm::nm
