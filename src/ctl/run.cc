#include "ctl/run.h"

#include <cstdlib>
#include <ostream>

#include "ctl/context.h"

namespace l2tpm::ctl {
namespace {

bool colour_wanted() {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  return no_color == nullptr || *no_color == '\0';
}

// Works without a daemon, and says which of both it is.
ExitCode version(Context& context) {
  std::string daemon;
  if (auto client = Client::connect(context.options.bus); client)
    if (const auto answer = client->version(); answer) daemon = *answer;
  if (context.options.json) {
    nlohmann::json json{
        {"l2tpctl", L2TPM_VERSION}
    };
    if (daemon.empty())
      json["l2tp-manager"] = nullptr;
    else
      json["l2tp-manager"] = daemon;
    print_json(context, json);
  } else {
    context.print.line("l2tpctl " L2TPM_VERSION);
    context.print.line("l2tp-manager " + (daemon.empty() ? "is not running" : clean(daemon)));
  }
  return ExitCode::ok;
}

ExitCode dispatch(Context& context, Client& client) {
  switch (context.options.command) {
    case Command::status:
      return status(context, client);
    case Command::tunnel_list:
      return tunnel_list(context, client);
    case Command::tunnel_show:
      return tunnel_show(context, client);
    case Command::session_list:
      return session_list(context, client);
    case Command::session_show:
      return session_show(context, client);
    case Command::session_close:
      return session_close(context, client);
    case Command::up:
      return up(context, client);
    case Command::down:
      return down(context, client);
    case Command::reload:
      return reload(context, client);
    case Command::version:
      return version(context);
  }
  return ExitCode::failure;
}

}  // namespace

int run(const std::vector<std::string>& args, std::ostream& out, std::ostream& err,
        Terminal terminal) {
  const auto options = parse(args);
  if (!options) {
    (options.error().is_help ? out : err) << options.error().text;
    return static_cast<int>(options.error().is_help ? ExitCode::ok : ExitCode::usage);
  }
  const bool colour = colour_wanted() && !options->no_color;
  Context context{*options, out, err, Printer(out, colour && terminal.out),
                  terminal.err && !options->json};
  if (options->command == Command::version) return static_cast<int>(version(context));
  auto client = Client::connect(options->bus);
  if (!client) return static_cast<int>(report(context, client.error()));
  return static_cast<int>(dispatch(context, *client));
}

}  // namespace l2tpm::ctl
