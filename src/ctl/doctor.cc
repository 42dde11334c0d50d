// `l2tpctl doctor`.
#include "doctor/doctor.h"

#include <algorithm>
#include <ostream>

#include "ctl/local.h"

namespace l2tpm::ctl {
namespace {

using doctor::Finding;

Colour colour_of(Finding::Level level) {
  switch (level) {
    case Finding::Level::ok:
      return Colour::green;
    case Finding::Level::warning:
      return Colour::yellow;
    case Finding::Level::failure:
      return Colour::red;
  }
  return Colour::none;
}

// Its answers, or why there are none.
void ask_daemon(Context& context, doctor::Machine& machine) {
  auto client = Client::connect(context.options.bus);
  if (!client) {
    machine.bus_error = client.error().message;
    return;
  }
  const auto version = client->version();
  const auto state = client->state();
  if (version && state)
    machine.daemon = {*version, *state};
  else
    machine.bus_error = (version ? state : version).error().message;
}

}  // namespace

ExitCode run_doctor(Context& context) {
  doctor::Machine machine = doctor::this_machine();
  if (context.options.has("config")) machine.config_directory = context.options.value("config");
  ask_daemon(context, machine);
  const doctor::Findings findings = doctor::examine(machine);
  const bool failed = std::any_of(findings.begin(), findings.end(), [](const Finding& finding) {
    return finding.level == Finding::Level::failure;
  });
  if (context.options.json != JsonStyle::off) {
    Json list = Json::array();
    for (const Finding& finding : findings)
      list.push_back({
          {"level",  finding.level == Finding::Level::failure ? "fail" : name(finding.level)},
          {"check",  finding.check                                                          },
          {"text",   finding.text                                                           },
          {"advice", finding.advice                                                         }
      });
    print_json(context, list);
  } else {
    for (const Finding& finding : findings) {
      std::string label(name(finding.level));
      label.resize(4, ' ');
      context.out << context.print.paint(label, colour_of(finding.level)) << "  "
                  << clean(finding.text) << '\n';
      if (!finding.advice.empty()) context.out << "      -> " << clean(finding.advice) << '\n';
    }
  }
  return failed ? ExitCode::failure : ExitCode::ok;
}

}  // namespace l2tpm::ctl
