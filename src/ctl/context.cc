#include "ctl/context.h"

#include <algorithm>
#include <ostream>

namespace l2tpm::ctl {
namespace {

std::chrono::seconds distance(std::uint64_t microseconds) {
  const std::chrono::system_clock::time_point when{std::chrono::microseconds(microseconds)};
  return std::chrono::round<std::chrono::seconds>(std::chrono::system_clock::now() - when);
}

}  // namespace

ExitCode report(Context& context, const ClientError& error) {
  context.err << "l2tpctl: " << clean(error.message.empty() ? error.name : error.message) << '\n';
  if (error.code == ExitCode::not_running) context.err << "  hint: systemctl start l2tp-manager\n";
  if (error.code == ExitCode::refused)
    context.err << "  hint: root may, and whoever polkit lets; try it with sudo\n";
  return error.code;
}

ExitCode report(Context& context, const std::string& profile,
                const std::vector<Diagnostic>& diagnostics) {
  for (const Diagnostic& each : diagnostics) {
    context.err << clean(each.severity) << ": ";
    if (!profile.empty()) context.err << clean(profile) << ": ";
    if (!each.pointer.empty()) context.err << clean(each.pointer) << ": ";
    context.err << clean(each.text) << '\n';
  }
  return has_error(diagnostics) ? ExitCode::failure : ExitCode::ok;
}

bool has_error(const std::vector<Diagnostic>& diagnostics) {
  return std::any_of(diagnostics.begin(), diagnostics.end(),
                     [](const Diagnostic& each) { return each.severity == "error"; });
}

Json diagnostics_json(const std::vector<Diagnostic>& diagnostics) {
  auto array = Json::array();
  for (const Diagnostic& each : diagnostics)
    array.push_back({
        {"severity", each.severity},
        {"pointer",  each.pointer },
        {"text",     each.text    }
    });
  return array;
}

ExitCode usage(Context& context, const std::string& text) {
  context.err << "l2tpctl: " << clean(text) << '\n';
  return ExitCode::usage;
}

ExitCode fail(Context& context, const std::string& text) {
  context.err << "l2tpctl: " << clean(text) << '\n';
  return ExitCode::failure;
}

void print_json(Context& context, const Json& json) {
  const int indent = context.options.json == JsonStyle::one_line ? -1 : 2;
  context.out << json.dump(indent, ' ', false, Json::error_handler_t::replace) << '\n';
}

ExitCode show_object(Context& context, const Answer<std::string>& text) {
  if (!text) return report(context, text.error());
  const Json json = parse_json(*text);
  if (is_json(context))
    print_json(context, json);
  else
    context.print.object(json);
  return ExitCode::ok;
}

ExitCode print_table(Context& context, const std::vector<Column>& columns,
                     const std::vector<std::vector<Cell>>& rows) {
  std::vector<std::size_t> chosen;
  for (const std::string& field : context.options.fields) {
    const auto found = std::find_if(columns.begin(), columns.end(),
                                    [&](const Column& column) { return column.name == field; });
    if (found == columns.end()) {
      std::string text = "there is no column \"" + field + "\", these are:";
      for (const Column& column : columns) text += " " + std::string(column.name);
      return usage(context, text);
    }
    chosen.push_back(static_cast<std::size_t>(found - columns.begin()));
  }
  const auto stays = [&](std::size_t column) {
    return !columns[column].rare || context.options.terse ||
           std::any_of(rows.begin(), rows.end(),
                       [&](const auto& row) { return !row[column].text.empty(); });
  };
  if (context.options.fields.empty())
    for (std::size_t i = 0; i < columns.size(); ++i)
      if (stays(i)) chosen.push_back(i);
  std::vector<std::string> header;
  for (const std::size_t column : chosen) header.emplace_back(columns[column].header);
  std::vector<std::vector<Cell>> shown;
  for (const auto& row : rows) {
    shown.emplace_back();
    for (const std::size_t column : chosen) shown.back().push_back(row[column]);
  }
  if (context.options.terse)
    context.print.terse(shown);
  else
    context.print.table(header, shown);
  return ExitCode::ok;
}

std::string since(std::uint64_t microseconds) {
  return microseconds == 0 ? "" : duration(distance(microseconds));
}
std::string until(std::uint64_t microseconds) {
  return microseconds == 0 ? "" : duration(-distance(microseconds));
}

}  // namespace l2tpm::ctl
