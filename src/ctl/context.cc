#include "ctl/context.h"

#include <ostream>

#include "ctl/hint.h"

namespace l2tpm::ctl {
namespace {

std::chrono::seconds distance(std::uint64_t microseconds) {
  const std::chrono::system_clock::time_point when{std::chrono::microseconds(microseconds)};
  return std::chrono::round<std::chrono::seconds>(std::chrono::system_clock::now() - when);
}

template <typename T>
T value_or(const nlohmann::json& object, const char* key, T otherwise) {
  const auto found = object.find(key);
  if (found == object.end()) return otherwise;
  try {
    return found->template get<T>();
  } catch (const nlohmann::json::exception&) {
    return otherwise;  // a newer daemon may say more than we understand
  }
}

}  // namespace

ExitCode report(Context& context, const ClientError& error) {
  context.err << "l2tpctl: " << clean(error.message.empty() ? error.name : error.message) << '\n';
  if (error.code == ExitCode::not_running) context.err << "  hint: systemctl start l2tp-manager\n";
  if (error.code == ExitCode::refused) context.err << "  hint: try it with sudo\n";
  return error.code;
}

void print_json(Context& context, const nlohmann::json& json) {
  context.out << json.dump(2, ' ', false, nlohmann::json::error_handler_t::replace) << '\n';
}

nlohmann::json parse_json(const std::string& text) {
  auto json = nlohmann::json::parse(text, nullptr, false);
  return json.is_object() ? json : nlohmann::json::object();
}

std::string since(std::uint64_t microseconds) {
  return microseconds == 0 ? "" : duration(distance(microseconds));
}
std::string until(std::uint64_t microseconds) {
  return microseconds == 0 ? "" : duration(-distance(microseconds));
}

LastError last_error(const nlohmann::json& tunnel) {
  const auto found = tunnel.find("last_error");
  if (found == tunnel.end() || !found->is_object()) return {};
  const auto code = value_or<std::string>(*found, "code", "");
  if (code.empty() || code == name(CauseCode::none)) return {};
  // Put together from the texts: a code that only a newer daemon knows is still shown.
  LastError result;
  result.text = code;
  if (value_or(*found, "by_peer", false)) result.text += " by peer";
  if (const int number = value_or(*found, "result", 0); number != 0) {
    result.text += " (result " + std::to_string(number);
    if (const int error = value_or(*found, "error", 0); error != 0)
      result.text += " error " + std::to_string(error);
    result.text += ")";
  }
  if (const auto message = value_or<std::string>(*found, "message", ""); !message.empty())
    result.text += ": " + clean(message);
  result.hint = std::string(hint(cause_from_name(code)));
  result.is_definite = is_definite(cause_from_name(code));
  return result;
}

}  // namespace l2tpm::ctl
