// top: the sessions that move most, looked at again and again.
#include <sys/ioctl.h>
#include <termios.h>
#include <unistd.h>

#include <algorithm>
#include <ostream>
#include <sstream>

#include "ctl/counters.h"
#include "ctl/handlers.h"
#include "ctl/interrupt.h"
#include "ctl/rows.h"

namespace l2tpm::ctl {
namespace {

struct Mover {
  const ObjectCounters* object;
  Rates rates;
};

// Lines and columns; of a terminal that does not say, the usual ones.
winsize window() {
  winsize size{};
  if (::ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) != 0 || size.ws_row < 3 || size.ws_col < 20)
    size.ws_row = 24, size.ws_col = 80;
  return size;
}

// The other screen without a cursor, and keys one by one without echo; all put back at the end.
class Screen {
 public:
  explicit Screen(std::ostream& out) : out_(out) {
    is_raw_ = ::tcgetattr(STDIN_FILENO, &before_) == 0;
    if (is_raw_) {
      termios raw = before_;
      raw.c_lflag &= ~static_cast<tcflag_t>(ECHO | ICANON);
      ::tcsetattr(STDIN_FILENO, TCSANOW, &raw);
    }
    out_ << "\x1b[?1049h\x1b[?25l" << std::flush;
  }
  ~Screen() {
    out_ << "\x1b[?25h\x1b[?1049l" << std::flush;
    if (is_raw_) ::tcsetattr(STDIN_FILENO, TCSANOW, &before_);
  }
  Screen(const Screen&) = delete;
  Screen& operator=(const Screen&) = delete;

  // Over what is there: no flicker. Lines and columns that do not fit are cut.
  void draw(const std::string& text) {
    const winsize size = window();
    out_ << "\x1b[H";
    std::istringstream lines(text);
    std::string line;
    for (unsigned row = 0; row + 1 < size.ws_row && std::getline(lines, line); ++row)
      out_ << cut(line, size.ws_col) << "\x1b[K\r\n";
    out_ << "\x1b[J" << std::flush;
  }

 private:
  // Characters, not octets; what is drawn has no colour.
  static std::string cut(const std::string& line, std::size_t width) {
    std::size_t characters = 0;
    for (std::size_t i = 0; i < line.size(); ++i)
      if ((static_cast<unsigned char>(line[i]) & 0xC0) != 0x80 && ++characters > width)
        return line.substr(0, i);
    return line;
  }

  std::ostream& out_;
  termios before_ = {};
  bool is_raw_ = false;
};

std::vector<Mover> movers(const Sample& before, const Sample& after) {
  std::vector<Mover> all;
  for (const ObjectCounters& object : after.objects)
    if (object.object == "session") all.push_back({&object, rates_between(before, after, object)});
  const auto total = [](const Mover& mover) { return mover.rates.rx_bits + mover.rates.tx_bits; };
  std::stable_sort(all.begin(), all.end(),
                   [&](const Mover& a, const Mover& b) { return total(a) > total(b); });
  return all;
}

ExitCode print_movers(Context& context, const std::vector<Mover>& all,
                      const std::vector<SessionRow>& sessions, std::size_t limit) {
  std::map<std::pair<std::string, std::uint64_t>, const SessionRow*> known;
  for (const SessionRow& session : sessions) known[{session.tunnel, session.id}] = &session;
  std::vector<std::vector<Cell>> rows;
  auto array = Json::array();
  for (const Mover& mover : all) {
    if (rows.size() == limit) break;
    const ObjectCounters& object = *mover.object;
    const auto found = known.find({object.name, object.session});
    const SessionRow session = found == known.end() ? SessionRow{} : *found->second;
    rows.push_back({object.title(), session.interface, session.user, session.address,
                    amount(mover.rates.rx_bits), amount(mover.rates.tx_bits),
                    amount(mover.rates.rx_packets), amount(mover.rates.tx_packets),
                    since(session.up_since)});
    array.push_back({
        {"tunnel",    object.name                },
        {"session",   object.session             },
        {"interface", session.interface          },
        {"user",      session.user               },
        {"address",   session.address            },
        {"rates",
         {{"rx_bits", mover.rates.rx_bits},
          {"tx_bits", mover.rates.tx_bits},
          {"rx_packets", mover.rates.rx_packets},
          {"tx_packets", mover.rates.tx_packets}}}
    });
  }
  if (is_json(context)) {
    print_json(context, array);
    return ExitCode::ok;
  }
  return print_table(context,
                     {
                         {"session",   "SESSION"    },
                         {"interface", "INTERFACE"  },
                         {"user",      "USER"       },
                         {"address",   "ADDRESS"    },
                         {"rx-rate",   "RX-BIT/S"   },
                         {"tx-rate",   "TX-BIT/S"   },
                         {"rx-pps",    "RX-PACKET/S"},
                         {"tx-pps",    "TX-PACKET/S"},
                         {"up",        "UP"         }
  },
                     rows);
}

}  // namespace

ExitCode top(Context& context, Client& client) {
  const std::chrono::seconds interval(context.options.number("interval").value_or(2));
  const auto limit = static_cast<std::size_t>(context.options.number("count").value_or(1000));
  // Once where nobody looks at a screen: for a pipe, a file, a script.
  const bool is_live =
      context.terminal.in && context.terminal.out && !is_json(context) && !context.options.terse;
  std::optional<Screen> screen;
  auto before = take_sample(client);
  if (!before) return report(context, before.error());
  const Interrupt interrupt(context.terminal);
  if (is_live) screen.emplace(context.out);
  for (;;) {
    switch (interrupt.wait(is_live ? STDIN_FILENO : -1, interval)) {
      case Interrupt::Woken::interrupted:
        return ExitCode::ok;
      case Interrupt::Woken::ready: {
        char key = 0;
        if (::read(STDIN_FILENO, &key, 1) != 1 || key == 'q' || key == 'Q') return ExitCode::ok;
        break;  // any other key looks again at once
      }
      case Interrupt::Woken::timeout:
        break;
    }
    auto after = take_sample(client);
    std::uint32_t total = 0;
    const auto sessions = client.sessions({}, kAll, total);
    if (!after || !sessions) {
      screen.reset();
      return report(context, after ? sessions.error() : after.error());
    }
    const auto all = movers(*before, *after);
    if (!is_live) return print_movers(context, all, *sessions, limit);
    std::ostringstream text;
    Context drawn{context.options,      text, context.err, context.terminal,
                  Printer(text, false), false};
    Rates sum;
    for (const Mover& mover : all) {
      sum.rx_bits += mover.rates.rx_bits;
      sum.tx_bits += mover.rates.tx_bits;
    }
    text << "l2tp-manager: " << all.size() << " sessions, in " << amount(sum.rx_bits)
         << "bit/s, out " << amount(sum.tx_bits) << "bit/s; every " << interval.count()
         << " s, q quits\n";
    const ExitCode code = print_movers(drawn, all, *sessions, std::min<std::size_t>(limit, 500));
    if (code != ExitCode::ok) return code;
    screen->draw(text.str());
    before = std::move(after);
  }
}

}  // namespace l2tpm::ctl
