#include "ctl/run.h"

#include <cstdlib>
#include <ostream>

#include "ctl/completion.h"
#include "ctl/context.h"

namespace l2tpm::ctl {
namespace {

bool colour_wanted() {
  const char* no_color = std::getenv("NO_COLOR");  // https://no-color.org: set and not empty
  return no_color == nullptr || *no_color == '\0';
}

ExitCode execute(Context& context) {
  const Handler& handler = context.options.command->handler;
  if (handler.local) return handler.local(context);
  auto client = Client::connect(context.options.bus);
  if (!client) return report(context, client.error());
  return handler.with_daemon(context, *client);
}

}  // namespace

int run(const std::vector<std::string>& args, std::ostream& out, std::ostream& err,
        Terminal terminal) {
  if (!args.empty() && args.front() == "__complete")  // for the shells' completion
    return run_complete({args.begin() + 1, args.end()}, out);
  if (args.size() == 1 && args.front() == "--version") return run({"version"}, out, err, terminal);
  const auto options = parse(args);
  if (!options) {
    (options.error().is_help ? out : err) << options.error().text;
    return static_cast<int>(options.error().is_help ? ExitCode::ok : ExitCode::usage);
  }
  const bool colour = colour_wanted() && !options->no_color && !options->terse;
  Context context{*options,
                  out,
                  err,
                  terminal,
                  Printer(out, colour && terminal.out),
                  terminal.err && options->json == JsonStyle::off};
  return static_cast<int>(execute(context));
}

}  // namespace l2tpm::ctl
