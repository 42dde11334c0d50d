// stats: counters of the daemon, its listeners, tunnels and sessions, and their rates.
#include <algorithm>

#include "ctl/counters.h"
#include "ctl/handlers.h"
#include "ctl/interrupt.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {
namespace {

Json rates_json(const Rates& rates) {
  return {
      {"rx_bits",    rates.rx_bits   },
      {"tx_bits",    rates.tx_bits   },
      {"rx_packets", rates.rx_packets},
      {"tx_packets", rates.tx_packets}
  };
}

// Everything for a name; without one sessions only where asked for: an LNS has thousands.
bool is_wanted(const ObjectCounters& object, const Options& options) {
  if (options.words.empty()) return object.object != "session" || options.has("sessions");
  const std::string& name = options.words.front();
  return object.object != "manager" && (object.name == name || object.title() == name);
}

ExitCode as_json(Context& context, const std::vector<const ObjectCounters*>& wanted,
                 const Sample* before, const Sample& after) {
  auto array = Json::array();
  for (const ObjectCounters* object : wanted) {
    Json entry{
        {"object", object->object},
        {"name",   object->name  }
    };
    if (object->object == "session") entry["session"] = object->session;
    entry["counters"] = object->counters;
    if (before) entry["rates"] = rates_json(rates_between(*before, after, *object));
    array.push_back(std::move(entry));
  }
  print_json(context, array);
  return ExitCode::ok;
}

ExitCode as_table(Context& context, const std::vector<const ObjectCounters*>& wanted,
                  const Sample* before, const Sample& after) {
  std::vector<Column> columns{
      {"object",     "OBJECT"    },
      {"name",       "NAME"      },
      {"rx",         "RX"        },
      {"tx",         "TX"        },
      {"rx-packets", "RX-PACKETS"},
      {"tx-packets", "TX-PACKETS"},
      {"errors",     "ERRORS"    }
  };
  if (before)
    columns.insert(columns.end(), {
                                      {"rx-rate", "RX-BIT/S"   },
                                      {"tx-rate", "TX-BIT/S"   },
                                      {"rx-pps",  "RX-PACKET/S"},
                                      {"tx-pps",  "TX-PACKET/S"}
    });
  std::vector<std::vector<Cell>> rows;
  const auto number = [](const ObjectCounters& object, const char* counter) {
    return amount(static_cast<double>(object.get(counter)));
  };
  for (const ObjectCounters* object : wanted) {
    rows.push_back({object->object, object->title(), number(*object, "rx_bytes"),
                    number(*object, "tx_bytes"), number(*object, "rx_packets"),
                    number(*object, "tx_packets"),
                    std::to_string(object->get("rx_errors") + object->get("tx_errors"))});
    if (!before) continue;
    const Rates rates = rates_between(*before, after, *object);
    for (const double rate : {rates.rx_bits, rates.tx_bits, rates.rx_packets, rates.tx_packets})
      rows.back().emplace_back(amount(rate));
  }
  return print_table(context, columns, rows);
}

}  // namespace

ExitCode stats(Context& context, Client& client) {
  const Options& options = context.options;
  std::optional<Sample> before;
  if (const auto seconds = options.number("rates")) {
    auto first = take_sample(client);
    if (!first) return report(context, first.error());
    before = std::move(*first);
    const Interrupt interrupt(context.terminal);
    if (interrupt.wait(-1, std::chrono::seconds(*seconds)) == Interrupt::Woken::interrupted)
      return ExitCode::failure;
  }
  const auto after = take_sample(client);
  if (!after) return report(context, after.error());
  std::vector<const ObjectCounters*> wanted;
  for (const ObjectCounters& object : after->objects)
    if (is_wanted(object, options)) wanted.push_back(&object);
  if (wanted.empty() && !options.words.empty())
    return report(context,
                  {ExitCode::no_such_object, "",
                   "no listener, tunnel or session is named \"" + options.words.front() + "\""});
  const Sample* first = before ? &*before : nullptr;
  if (is_json(context)) return as_json(context, wanted, first, *after);
  // One object is worth all its counters, one to a line.
  if (wanted.size() == 1 && !before && !options.terse) {
    Json counters = wanted.front()->counters;
    context.print.object(counters);
    return ExitCode::ok;
  }
  return as_table(context, wanted, first, *after);
}

}  // namespace l2tpm::ctl
