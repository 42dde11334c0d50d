// connect: a tunnel that is in no file and ends with Ctrl-C.
#include <ostream>

#include "ctl/ask.h"
#include "ctl/handlers.h"
#include "ctl/interrupt.h"
#include "ctl/lines.h"
#include "ctl/pointer.h"
#include "ctl/watch.h"

namespace l2tpm::ctl {
namespace {

using Clock = std::chrono::steady_clock;
// How long the goodbye may take: it is sent again until the peer has acknowledged it.
constexpr std::chrono::seconds kGoodbye{10};

Json secret_reference(const char* name) {
  return {
      {"$secret", name}
  };
}

// "[2001:db8::1]:1701", "lns.example.net:1702" or a bare host.
Json peer_of(const std::string& word) {
  const auto colon = word.rfind(':');
  const bool is_bracketed = !word.empty() && word.front() == '[';
  const bool has_port = colon != std::string::npos &&
                        (is_bracketed ? word[colon - 1] == ']' : word.find(':') == colon);
  std::string host = has_port ? word.substr(0, colon) : word;
  if (is_bracketed && host.size() > 2) host = host.substr(1, host.size() - 2);
  if (!has_port) return host;
  const Json port = Json::parse(word.substr(colon + 1), nullptr, false);
  return {
      {"host", host                                                           },
      {"port", port.is_discarded() ? Json(word.substr(colon + 1)) : Json(port)}
  };
}

Result<Done, std::string> read_into(Transient& transient, const char* name,
                                    const std::string& path) {
  auto secret = read_secret(path);
  if (!secret) return Unexpected(secret.error());
  transient.secrets.emplace(name, std::move(*secret));
  return Done{};
}

// The profile that the options describe. The daemon checks it; here only what it cannot know.
Result<Transient, std::string> profile_of(const Options& options) {
  Transient transient;
  Json profile{
      {"kind", "client"                      },
      {"peer", peer_of(options.words.front())}
  };
  Json ppp = Json::object();
  if (options.has("user")) ppp["user"] = options.value("user");
  if (options.has("password-file")) {
    const auto done = read_into(transient, "password", options.value("password-file"));
    if (!done) return Unexpected(done.error());
  } else if (options.has("ask")) {
    auto secret = ask_secret("password for " + options.words.front() + ": ");
    if (!secret) return Unexpected(secret.error());
    transient.secrets.emplace("password", std::move(*secret));
  }
  if (transient.secrets.count("password") != 0) ppp["password"] = secret_reference("password");
  if (options.has("mppe")) ppp["mppe"] = options.value("mppe");
  if (!ppp.empty()) profile["ppp"] = std::move(ppp);
  if (options.has("secret-file")) {
    const auto done = read_into(transient, "tunnel", options.value("secret-file"));
    if (!done) return Unexpected(done.error());
    profile["tunnel"] = Json::object();
    profile["tunnel"]["secret"] = secret_reference("tunnel");
  }
  if (options.has("default-route")) profile["routes"]["default"] = true;
  for (const std::string& route : options.all("route")) profile["routes"]["add"].push_back(route);
  if (options.has("interface")) profile["interface"] = options.value("interface");
  if (options.has("once")) profile["redial"]["enabled"] = false;
  Json ignored = Json::object();
  for (const std::string& word : options.all("set")) {
    const auto equals = word.find('=');
    if (equals == std::string::npos)
      return Unexpected("\"" + word + "\" is not /json/pointer=VALUE");
    const std::string pointer = word.substr(0, equals);
    const auto done =
        set_at(profile, ignored, pointer, value_of(profile, pointer, word.substr(equals + 1)));
    if (!done) return Unexpected(done.error());
  }
  transient.name_hint = options.has("name") ? options.value("name") : "connect";
  transient.profile = one_line(profile);
  return transient;
}

// What is told while it runs: lines for people, or JSON lines.
class Teller {
 public:
  explicit Teller(Context& context) : context_(context), progress_(context) {}

  void up(const std::string& tunnel, const SessionRow& session) {
    progress_.clear();
    if (is_json(context_))
      line({
          {"event",     "up"             },
          {"tunnel",    tunnel           },
          {"session",   session.id       },
          {"interface", session.interface},
          {"address",   session.address  }
      });
    else
      context_.print.line(up_text(tunnel, session) + "; Ctrl-C ends it");
    context_.out << std::flush;
  }
  void lost(const std::string& tunnel, const Look& look) {
    if (is_json(context_))
      line({
          {"event",  "lost"         },
          {"tunnel", tunnel         },
          {"state",  look.state     },
          {"error",  look.error.text}
      });
    else
      context_.print.line(clean(tunnel) + ": lost" +
                          (look.error.text.empty() ? "" : " (" + look.error.text + ")"));
    context_.out << std::flush;
  }
  void down(const std::string& tunnel) {
    progress_.clear();
    if (is_json(context_))
      line({
          {"event",  "down"},
          {"tunnel", tunnel}
      });
  }
  void progress(const std::string& tunnel, const Look& look) {
    progress_.show(clean(tunnel) + ": " + clean(look.state) +
                   (look.error.text.empty() ? "" : " (" + look.error.text + ")"));
  }
  void quiet() { progress_.clear(); }

 private:
  void line(const Json& json) { context_.out << one_line(json) << '\n'; }
  Context& context_;
  Progress progress_;
};

// Ends the tunnel and waits until nothing of it is left.
ExitCode close(Context& context, Client& client, const std::string& tunnel) {
  const auto done = client.close_tunnel(tunnel);
  if (!done)
    return done.error().code == ExitCode::no_such_object ? ExitCode::ok
                                                         : report(context, done.error());
  const auto deadline = Clock::now() + kGoodbye;
  const Interrupt interrupt(context.terminal);
  while (Clock::now() < deadline) {
    const auto look = look_at(client, tunnel);
    if (!look || look->found == Look::Found::gone || look->state == "idle") break;
    // A second Ctrl-C is for who cannot wait; the daemon goes on without us.
    if (interrupt.wait(-1, std::chrono::milliseconds(100)) == Interrupt::Woken::interrupted &&
        context.terminal.interrupt_fd < 0)
      break;
  }
  return ExitCode::ok;
}

ExitCode follow(Context& context, Client& client, const std::string& tunnel, Lines& events,
                const Interrupt& interrupt) {
  Teller tell(context);
  auto deadline = Clock::now() + context.options.wait;
  bool was_up = false;
  bool is_up = false;
  for (;;) {
    const auto look = look_at(client, tunnel);
    if (!look) {
      tell.quiet();
      return report(context, look.error());
    }
    switch (look->found) {
      case Look::Found::up:
        if (!is_up) tell.up(tunnel, look->session);
        is_up = was_up = true;
        break;
      case Look::Found::gone:
      case Look::Found::failed:
      case Look::Found::refused:
        tell.quiet();
        return complain(context, tunnel, was_up ? "ended" : "failed", look->error,
                        ExitCode::failure);
      case Look::Found::started:
      case Look::Found::on_its_way:
        if (is_up) tell.lost(tunnel, *look);
        if (is_up) deadline = Clock::time_point::max();  // the daemon dials again
        is_up = false;
        tell.progress(tunnel, *look);
        if (!was_up && Clock::now() >= deadline) {
          tell.quiet();
          return complain(context, tunnel, "still " + clean(look->state), look->error,
                          ExitCode::timeout);
        }
        break;
    }
    // Events wake us, and time does where they are not allowed to be seen.
    const auto woken =
        interrupt.wait(events.is_over() ? -1 : events.fd(), std::chrono::milliseconds(500));
    if (woken == Interrupt::Woken::interrupted) {
      tell.down(tunnel);
      return was_up ? ExitCode::ok : ExitCode::failure;
    }
    while (events.next()) {
    }
  }
}

}  // namespace

ExitCode connect(Context& context, Client& client) {
  const auto transient = profile_of(context.options);
  if (!transient) return fail(context, transient.error());
  ExitCode code = ExitCode::failure;
  std::string tunnel;
  {
    // From here on Ctrl-C is heard by follow(): nothing is left behind that was not closed.
    const Interrupt interrupt(context.terminal);
    const auto created = client.create_transient(*transient);
    if (!created) return report(context, created.error());
    tunnel = *created;
    EventQuery query;
    query.tunnel = tunnel;
    auto events = client.events(query);
    Lines lines(events ? std::move(*events) : UniqueFd());
    code = follow(context, client, tunnel, lines, interrupt);
  }
  const ExitCode closed = close(context, client, tunnel);
  return code != ExitCode::ok ? code : closed;
}

}  // namespace l2tpm::ctl
