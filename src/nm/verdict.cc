#include "nm/verdict.h"

#include <fmt/core.h>

#include <algorithm>
#include <iterator>

namespace l2tpm::nm {
namespace {

struct Known {
  std::string_view code;  // name(CauseCode)
  Failure failure;
  std::string_view sentence;
};
constexpr Known kKnown[] = {
    {"name-resolution",       Failure::connect_failed, "the server's name could not be resolved"           },
    {"no-answer",             Failure::connect_failed,
     "the server does not answer L2TP; many do so only inside IPsec, which l2tp-manager does not "
     "support yet"                                                                                         },
    {"peer-silent",           Failure::connect_failed, "the server stopped answering"                      },
    {"echo-timeout",          Failure::connect_failed, "the server stopped answering PPP echo requests"    },
    {"setup-timeout",         Failure::connect_failed, "the server did not finish the set-up in time"      },
    {"tunnel-auth-failed",    Failure::connect_failed,
     "the server wants a tunnel secret, which NetworkManager profiles do not have"                         },
    {"auth-failed",           Failure::login_failed,   "the server refused the user name or password"      },
    {"auth-unacceptable",     Failure::connect_failed,
     "there is no way to authenticate that both the server and this connection accept"                     },
    {"peer-not-authentic",    Failure::connect_failed,
     "the server did not prove that it knows the password"                                                 },
    {"network-failed",        Failure::bad_ip_config,  "the server gave no addresses"                      },
    {"encryption-required",   Failure::connect_failed,
     "the server does not offer the encryption (MPPE) that this connection requires"                       },
    {"refused",               Failure::connect_failed, "the server refuses the call"                       },
    {"peer-closed",           Failure::connect_failed, "the server closed the connection"                  },
    {"kernel-failed",         Failure::connect_failed, "the kernel could not set the session up"           },
    {"interface-gone",        Failure::connect_failed, "somebody removed the network interface"            },
    {"session-timeout",       Failure::connect_failed, "the longest time for a session is over"            },
    {"idle-timeout",          Failure::connect_failed, "nobody used the session for too long"              },
    {"admin-close",           Failure::connect_failed, "somebody stopped the tunnel"                       },
    {"shutdown",              Failure::connect_failed, "l2tp-manager is stopping"                          },
    {"protocol-error",        Failure::connect_failed,
     "the server and this connection do not understand one another"                                        },
    {"unknown-mandatory-avp", Failure::connect_failed,
     "one side insists on an L2TP attribute that the other does not know"                                  },
    {"not-supported",         Failure::connect_failed, "one side wants what the other cannot do"           },
    {"lcp-failed",            Failure::connect_failed,
     "there are no PPP settings that both the server and this connection accept"                           },
    {"loopback",              Failure::connect_failed,
     "what is sent comes back: there is a loop on the way to the server"                                   },
    {"user-changed",          Failure::connect_failed, "the user's name changed while the session was up"  },
    {"no-secrets",            Failure::login_failed,   "a password is needed, and nobody gave one"         },
    {"no-resources",          Failure::connect_failed, "this computer has no room for another connection"  },
    {"replaced",              Failure::connect_failed, "a newer connection of the same peer took its place"},
    {"tie-lost",              Failure::connect_failed,
     "the server dialled at the same moment, and its connection was kept"                                  },
};

}  // namespace

Verdict judge(const Problem& problem, std::string_view server) {
  const auto found = std::find_if(std::begin(kKnown), std::end(kKnown),
                                  [&](const Known& known) { return known.code == problem.code; });
  Verdict verdict;
  if (found == std::end(kKnown)) {
    verdict.text = fmt::format("{}: {}", server, problem.code.empty() ? "failed" : problem.code);
  } else {
    verdict.failure = found->failure;
    verdict.text = fmt::format("{}: {}", server, found->sentence);
  }
  if (!problem.message.empty())
    verdict.text += fmt::format(" ({}{})", problem.by_peer ? "it says: " : "", problem.message);
  return verdict;
}

Verdict judge_refusal(std::string_view error_name, std::string_view message) {
  constexpr std::string_view kErrors = "org.L2tpManager1.Error.";
  constexpr std::string_view kBus = "org.freedesktop.DBus.Error.";
  if (error_name == "org.L2tpManager1.Error.AuthFailed" ||
      error_name == "org.L2tpManager1.Error.NoSecrets")
    return {Failure::login_failed, std::string(message)};
  if (error_name == "org.L2tpManager1.Error.InvalidProfile")
    return {Failure::connect_failed,
            fmt::format("l2tp-manager refuses the connection's settings: {}", message)};
  if (error_name.starts_with(kErrors))
    return {Failure::connect_failed, fmt::format("l2tp-manager: {}", message)};
  if (error_name == "org.freedesktop.DBus.Error.ServiceUnknown" ||
      error_name == "org.freedesktop.DBus.Error.NameHasNoOwner" ||
      error_name.starts_with("org.freedesktop.DBus.Error.Spawn") ||
      error_name.starts_with("org.freedesktop.systemd1."))
    return {Failure::connect_failed,
            fmt::format("l2tp-manager is not running and could not be started: {}", message)};
  if (error_name.starts_with(kBus)) error_name.remove_prefix(kBus.size());
  return {Failure::connect_failed,
          fmt::format("l2tp-manager does not answer: {}: {}", error_name, message)};
}

bool is_silence(const Problem& problem) {
  return problem.code == "no-answer" || problem.code == "setup-timeout" ||
         problem.code == "peer-silent";
}

}  // namespace l2tpm::nm
