// dump: the daemon's JSON lines as they are; and how much it logs.
#include <ostream>

#include "ctl/handlers.h"
#include "ctl/lines.h"

namespace l2tpm::ctl {

ExitCode dump_lines(Context& context, Client& client) {
  const Options& options = context.options;
  std::map<std::string, std::string> filter;
  for (const char* key : {"profile", "tunnel", "user", "peer", "limit"})
    if (options.has(key)) filter.emplace(key, options.value(key));
  auto fd = client.dump(options.words.front(), filter);
  if (!fd) return report(context, fd.error());
  Lines lines(std::move(*fd));
  while (const auto line = lines.next()) {
    const Json object = parse_json(*line);
    // One object to a line, whatever the style: that is what a dump is.
    if (!object.empty()) context.out << one_line(object) << '\n';
  }
  return ExitCode::ok;
}

ExitCode log_level(Context& context, Client& client) {
  if (!context.options.words.empty()) {
    const auto done = client.set_log_level(context.options.words.front());
    return done ? ExitCode::ok : report(context, done.error());
  }
  const auto level = client.log_level();
  if (!level) return report(context, level.error());
  if (is_json(context))
    print_json(context, {
                            {"log_level", *level}
    });
  else
    context.print.line(clean(*level));
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
