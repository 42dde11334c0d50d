// why: the last failures of a peer with a verdict in plain words, and what works now.
#include <algorithm>
#include <set>
#include <utility>

#include "ctl/handlers.h"
#include "ctl/lines.h"
#include "ctl/rows.h"
#include "ctl/verdict.h"
#include "kview/source.h"

namespace l2tpm::ctl {
namespace {

// Failures with one verdict, the youngest of them as the example.
struct Told {
  Verdict verdict;
  Json failure;
  std::uint64_t times = 0;
};

// What runs of the peer.
struct Running {
  std::string name, state;
  std::vector<Verdict> verdicts;
  bool is_up = false;
  std::uint64_t up_since = 0;
  std::string interface;
  std::uint64_t retry_at = 0;
  // Sessions of L2TPv3 by the ids that the kernel has: of the tunnel, of the session.
  std::set<std::pair<std::uint64_t, std::uint32_t>> pseudowires;
};

std::string who(const Json& failure) {
  std::string text = clean(text_of(failure, "tunnel"));
  if (text.empty()) text = clean(text_of(failure, "profile"));
  if (text.empty()) text = clean(text_of(failure, "peer"));
  if (const auto session = number_of(failure, "session"); session != 0)
    text += "/" + std::to_string(session);
  return text;
}

// Youngest first.
std::vector<Told> tell(const std::vector<Json>& failures) {
  std::vector<Told> all;
  for (auto failure = failures.rbegin(); failure != failures.rend(); ++failure) {
    Verdict verdict = judge(*failure);
    const auto same = std::find_if(all.begin(), all.end(), [&](const Told& told) {
      return told.verdict.id == verdict.id && told.verdict.text == verdict.text;
    });
    const auto times = std::max<std::uint64_t>(number_of(*failure, "repeated"), 1);
    if (same != all.end())
      same->times += times;
    else
      all.push_back({std::move(verdict), *failure, times});
  }
  return all;
}

bool is_about(const Json& tunnel, const std::string& peer) {
  return text_of(tunnel, "name") == peer || text_of(tunnel, "profile") == peer ||
         text_of(tunnel, "peer_host_name") == peer || is_endpoint(text_of(tunnel, "remote"), peer);
}

Running look(Client& client, const Json& tunnel) {
  Running running;
  running.name = text_of(tunnel, "name");
  running.state = text_of(tunnel, "state");
  running.retry_at = number_of(tunnel, "retry_at");
  std::uint32_t total = 0;
  constexpr std::uint32_t kEnough = 20;
  std::vector<Json> described;
  if (const auto sessions = client.sessions({running.name, "", "", "up"}, kEnough, total))
    for (const SessionRow& session : *sessions) {
      running.is_up = true;
      if (number_of(tunnel, "version") == 3)
        running.pseudowires.emplace(number_of(tunnel, "tunnel_id"), session.id);
      if (running.interface.empty()) running.interface = session.interface;
      if (running.up_since == 0) running.up_since = session.up_since;
      if (const auto text = client.describe_session(session.tunnel, session.id))
        described.push_back(parse_json(*text));
    }
  const auto text = client.describe_tunnel(running.name);
  running.verdicts = judge_running(parse_json(text ? *text : ""), described);
  return running;
}

// Who may not ask the kernel is not told what it counts.
void look_into_kernel(std::vector<Running>& running) {
  if (std::none_of(running.begin(), running.end(),
                   [](const Running& each) { return !each.pseudowires.empty(); }))
    return;
  auto source = kview::Source::open();
  if (!source) return;
  const auto snapshot = source->read(std::nullopt);
  if (!snapshot) return;
  for (Running& each : running) {
    for (const kview::Tunnel& tunnel : *snapshot) {
      for (const kview::Session& session : tunnel.sessions) {
        if (each.pseudowires.count({tunnel.id, session.id}) == 0) continue;
        for (Verdict& verdict : judge_counters(session.interface, session.counters))
          each.verdicts.push_back(std::move(verdict));
      }
    }
  }
}

Json json_of(const Verdict& verdict) {
  return {
      {"verdict",  verdict.id      },
      {"text",     verdict.text    },
      {"evidence", verdict.evidence},
      {"advice",   verdict.advice  }
  };
}

void print(Context& context, const Verdict& verdict) {
  for (const std::string& line : verdict.evidence) context.print.line("  " + line);
  if (!verdict.advice.empty()) context.print.line("  do: " + verdict.advice);
}

void print(Context& context, const Told& told) {
  std::string text =
      context.print.paint("✗", Colour::red) + " " + who(told.failure) + ": " + told.verdict.text;
  const std::string ago = since(number_of(told.failure, "time"));
  text += " (" + (ago.empty() ? "" : ago + " ago");
  if (told.times > 1) text += (ago.empty() ? "" : ", ") + std::to_string(told.times) + " times";
  context.print.line(text + ")");
  print(context, told.verdict);
}

void print(Context& context, const Running& running) {
  std::string text;
  if (running.is_up) {
    const bool is_fine = running.verdicts.empty();
    text = context.print.paint("●", is_fine ? Colour::green : Colour::yellow) + " " +
           clean(running.name) + (is_fine ? ": works" : ": is up, but not well");
    if (running.up_since != 0) text += ", up for " + since(running.up_since);
    if (!running.interface.empty()) text += " on " + clean(running.interface);
  } else if (running.state == "idle") {
    text = context.print.paint("○", colour_of_state(running.state)) + " " + clean(running.name) +
           " is not running: l2tpctl up " + clean(running.name);
  } else {
    text = context.print.paint("●", colour_of_state(running.state)) + " " + clean(running.name) +
           ": " + clean(running.state);
    if (running.retry_at != 0) text += ", next attempt in " + until(running.retry_at);
    if (running.state == "established") text += ", without a session";
  }
  context.print.line(text);
  for (const Verdict& verdict : running.verdicts) {
    context.print.line("  " + verdict.text);
    print(context, verdict);
  }
}

}  // namespace

ExitCode why(Context& context, Client& client) {
  const std::string& peer = context.options.words.front();
  const auto failures = dump(client, "failures",
                             {
                                 {"peer", peer}
  });
  if (!failures) return report(context, failures.error());
  const auto state = dump(client, "state");
  if (!state) return report(context, state.error());
  std::vector<Verdict> kernel;
  std::vector<Running> running;
  for (const Json& line : *state) {
    const std::string kind = text_of(line, "kind");
    if (kind == "daemon") kernel = judge_kernel(line);
    if (kind == "tunnel" && is_about(line, peer)) running.push_back(look(client, line));
  }
  look_into_kernel(running);
  std::vector<Told> told = tell(*failures);
  if (told.empty() && running.empty()) {
    const auto profiles = client.profiles();
    if (!profiles) return report(context, profiles.error());
    if (std::none_of(profiles->begin(), profiles->end(),
                     [&](const ProfileRow& profile) { return profile.name == peer; }))
      return report(context, {ExitCode::no_such_object, "",
                              "nothing is known of \"" + peer +
                                  "\": no profile, tunnel, address, host name or user has that "
                                  "name and failed lately"});
  }
  constexpr std::size_t kShown = 3;
  if (!context.options.has("all") && told.size() > kShown) told.resize(kShown);
  const bool works =
      !running.empty() &&
      std::all_of(running.begin(), running.end(), [](const Running& each) { return each.is_up; });
  if (is_json(context)) {
    Json json{
        {"peer",  peer },
        {"works", works}
    };
    json["running"] = Json::array();
    for (const Running& each : running) {
      Json entry{
          {"tunnel", each.name },
          {"state",  each.state},
          {"up",     each.is_up}
      };
      entry["verdicts"] = Json::array();
      for (const Verdict& verdict : each.verdicts) entry["verdicts"].push_back(json_of(verdict));
      json["running"].push_back(std::move(entry));
    }
    json["kernel"] = Json::array();
    for (const Verdict& verdict : kernel) json["kernel"].push_back(json_of(verdict));
    json["failures"] = Json::array();
    for (const Told& each : told) {
      Json entry = json_of(each.verdict);
      entry["time"] = number_of(each.failure, "time");
      entry["times"] = each.times;
      entry["failure"] = each.failure;
      json["failures"].push_back(std::move(entry));
    }
    print_json(context, json);
    return ExitCode::ok;
  }
  // A kernel that lacks something is not to blame for a wrong password.
  const bool blames_kernel =
      told.empty() || std::any_of(told.begin(), told.end(), [](const Told& each) {
        return each.verdict.id == "module-missing";
      });
  if (!blames_kernel) kernel.clear();
  for (const Verdict& verdict : kernel) {
    context.print.line(context.print.paint("✗", Colour::red) + " " + verdict.text);
    print(context, verdict);
  }
  for (const Running& each : running) print(context, each);
  if (running.empty() && told.empty())
    context.print.line(clean(peer) + " is not running, and nothing of it has failed: l2tpctl up " +
                       clean(peer));
  if (works && !told.empty()) context.print.line("before that:");
  for (const Told& each : told) print(context, each);
  return ExitCode::ok;
}

}  // namespace l2tpm::ctl
