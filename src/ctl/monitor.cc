// monitor and trace: what happens, as it happens.
#include <ostream>

#include "ctl/handlers.h"
#include "ctl/hint.h"
#include "ctl/interrupt.h"
#include "ctl/lines.h"
#include "ctl/trace.h"

namespace l2tpm::ctl {
namespace {

std::string joined(const Json& list) {
  std::string text;
  if (!list.is_array()) return text;
  for (const Json& each : list)
    if (each.is_string()) text += (text.empty() ? "" : "; ") + each.get<std::string>();
  return text;
}

void append(std::string& text, const std::string& more) {
  if (more.empty()) return;
  if (!text.empty()) text += ", ";
  text += more;
}

// The part behind the time.
std::string event_text(const Printer& print, const Json& event) {
  const std::string kind = text_of(event, "event");
  const std::string tunnel = clean(text_of(event, "tunnel"));
  if (kind == "lost")
    return print.paint(std::to_string(number_of(event, "count")) + " events were missed",
                       Colour::yellow);
  if (kind == "reload") {
    std::string text = "reload";
    if (const auto changed = clean(joined(member_of(event, "changed"))); !changed.empty())
      text += "  " + changed;
    if (const auto errors = clean(joined(member_of(event, "errors"))); !errors.empty())
      text += "  " + print.paint("errors: " + errors, Colour::red);
    return text;
  }
  if (kind == "profile")
    return clean(text_of(event, "name")) + "  profile  " + clean(text_of(event, "change"));
  const bool is_session = kind == "session";
  std::string name = tunnel;
  if (is_session) name += "/" + std::to_string(number_of(event, "session"));
  if (kind == "listener") name = clean(text_of(event, "name"));
  const std::string before = clean(text_of(event, "old"));
  const std::string after = clean(text_of(event, "new"));
  std::string text = name + "  " + clean(kind);
  if (!before.empty() || !after.empty())
    text += "  " + (before.empty() ? "new" : before) + " → " +
            (after.empty() ? "gone" : print.paint(after, colour_of_state(after)));
  else if (const auto state = clean(text_of(event, "state")); !state.empty())
    text += "  " + state;
  std::string details;
  // On the way up the cause is that of the attempt before.
  if (colour_of_state(after) != Colour::green && after != "connecting" && after != "resolving")
    append(details, explain(member_of(event, "cause")).text);
  if (is_session) {
    append(details, clean(text_of(event, "interface")));
    append(details, clean(text_of(event, "address")));
    append(details, clean(text_of(event, "user")));
    if (text_of(event, "pseudowire").rfind("ethernet", 0) == 0 && !after.empty()) {
      const bool here = flag_of(event, "circuit_active");
      const bool there = flag_of(event, "peer_circuit_active");
      append(details, here && there ? "circuit up"
                      : here        ? "circuit down at the peer's end"
                      : there       ? "circuit down here"
                                    : "circuit down at both ends");
    }
  } else {
    append(details, clean(text_of(event, "remote")));
    append(details, clean(text_of(event, "peer_host_name")));
  }
  return details.empty() ? text : text + "  " + details;
}

void show(Context& context, const Json& event) {
  if (is_json(context)) {
    context.out << one_line(event) << '\n';
  } else {
    const std::string text = text_of(event, "event") == "packet" ? packet_text(context.print, event)
                                                                 : event_text(context.print, event);
    context.print.line(clock_time(number_of(event, "time")) + " " + text);
  }
}

std::vector<std::string> words_of(const std::vector<std::string>& lists) {
  std::vector<std::string> words;
  for (const std::string& list : lists) {
    std::size_t begin = 0;
    while (begin <= list.size()) {
      const auto end = std::min(list.find(',', begin), list.size());
      if (end > begin) words.push_back(list.substr(begin, end - begin));
      begin = end + 1;
    }
  }
  return words;
}

// Until Ctrl-C; the daemon's going is an end, too, and a failure. `handle` says whether to go on.
template <typename Handle>
ExitCode follow(Context& context, UniqueFd events, const Interrupt& interrupt, Handle handle) {
  Lines lines(std::move(events));
  std::uint64_t left =
      static_cast<std::uint64_t>(context.options.number("count").value_or(0));  // 0: no limit
  for (;;) {
    while (const auto line = lines.next()) {
      const Json event = parse_json(*line);
      if (event.empty()) continue;
      if (!handle(event)) return ExitCode::failure;
      if (left == 1) return ExitCode::ok;
      if (left > 0) --left;
    }
    context.out << std::flush;
    if (!context.out) return ExitCode::failure;  // nobody reads any more
    if (lines.is_over())
      return report(context, {ExitCode::not_running, "", "the daemon has ended the stream"});
    if (interrupt.wait(lines.fd(), std::nullopt) == Interrupt::Woken::interrupted)
      return ExitCode::ok;
  }
}

}  // namespace

ExitCode monitor(Context& context, Client& client) {
  EventQuery query;
  query.events = words_of(context.options.all("events"));
  query.packets = context.options.has("packets");
  if (!context.options.words.empty()) query.tunnel = context.options.words.front();
  const Interrupt interrupt(context.terminal);
  auto events = client.events(query);
  if (!events) return report(context, events.error());
  return follow(context, std::move(*events), interrupt, [&](const Json& event) {
    show(context, event);
    return true;
  });
}

ExitCode trace(Context& context, Client& client) {
  const std::string& name = context.options.words.front();
  EventQuery query;
  query.packets = true;
  query.tunnel = name;
  if (const auto session = session_name(name)) {
    query.tunnel = session->tunnel;
    query.session = session->id;
  }
  const Interrupt interrupt(context.terminal);
  auto events = client.events(query);
  if (!events) return report(context, events.error());
  // Made once nothing can be missed any more: whoever waits for the file may begin.
  std::optional<PcapFile> file;
  if (context.options.has("pcap")) {
    auto opened = PcapFile::create(context.options.value("pcap"));
    if (!opened) return fail(context, opened.error());
    file.emplace(std::move(*opened));
  }
  PeerIds ids(client);
  const bool to_stdout = context.options.value("pcap") == "-";
  return follow(context, std::move(*events), interrupt, [&](const Json& event) {
    if (file && !file->write(event, ids)) {
      fail(context, "the pcap file cannot be written");
      return false;
    }
    if (to_stdout) return true;
    show(context, event);
    if (context.options.has("details") && !is_json(context))
      for (const auto& [key, value] : member_of(event, "fields").items())
        context.print.line("    " + clean(key) + ": " +
                           clean(value.is_string() ? value.get<std::string>() : one_line(value)));
    return true;
  });
}

}  // namespace l2tpm::ctl
