#include "ctl/local.h"

namespace l2tpm::ctl {

ExitCode version(Context& context) {
  std::string daemon;
  if (auto client = Client::connect(context.options.bus); client)
    if (const auto answer = client->version(); answer) daemon = *answer;
  if (context.options.json != JsonStyle::off) {
    Json json{
        {"l2tpctl", L2TPM_VERSION}
    };
    json["l2tp-manager"] = daemon.empty() ? Json() : Json(daemon);
    print_json(context, json);
  } else {
    context.print.line("l2tpctl " L2TPM_VERSION);
    context.print.line("l2tp-manager " + (daemon.empty() ? "is not running" : clean(daemon)));
  }
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
