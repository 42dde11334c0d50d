// Verdicts of what runs: what is wrong although it is up, and what the kernel lacks or drops.
#include "ctl/format.h"
#include "ctl/verdict.h"

namespace l2tpm::ctl {
namespace {

// An Ethernet pseudowire that is up, and whose frames may still get nowhere.
void judge_ethernet(const Json& session, std::vector<Verdict>& verdicts) {
  const Json& ethernet = member_of(session, "ethernet");
  if (!ethernet.is_object() || text_of(session, "state") != "up") return;
  const std::string interface = clean(text_of(session, "interface"));
  if (!flag_of(ethernet, "peer_circuit_active"))
    verdicts.push_back(
        {"peer-circuit-down",
         "the circuit at the peer's end is down, so " + interface + " has no carrier",
         {"its last Circuit Status says inactive"},
         "look at the interface that the peer attached to it"});
  if (!flag_of(ethernet, "circuit_active"))
    verdicts.push_back({"circuit-down",
                        "the circuit here is down, and the peer was told so",
                        {"\"circuit\" of the pseudowire is " + clean(text_of(ethernet, "circuit"))},
                        "ip link show " + clean(text_of(ethernet, "circuit"))});
}

// A PPP session that bridges, and does less than was wanted.
void judge_bridging(const Json& session, std::vector<Verdict>& verdicts) {
  const Json& bridging = member_of(session, "bridging");
  if (!bridging.is_object() || text_of(session, "state") != "up") return;
  const std::string port = clean(text_of(bridging, "port"));
  const auto mtu = number_of(bridging, "mtu");
  const auto wanted = number_of(bridging, "wanted_mtu");
  if (mtu < wanted)
    verdicts.push_back({"bridging-small-frames",
                        "large frames to the peer are dropped: it takes none of that size",
                        {"it takes frames with a payload of " + std::to_string(mtu) +
                         ", the profile wants " + std::to_string(wanted)},
                        "let the peer offer an MRU of 1600, or an MRRU, and set \"mrru\" here"});
  const std::string reason = clean(text_of(bridging, "reason"));
  if (reason.find("CAP_BPF") != std::string::npos || reason.find("EPERM") != std::string::npos)
    verdicts.push_back({"bridging-by-relay",
                        "this program relays the frames of " + port + ", since it may not load XDP",
                        {"the daemon says: " + reason},
                        "install the drop-in \"bcp\" of the unit: l2tp-manager(8)"});
  // What a limit or an option keeps back is counted, and nobody hears of it otherwise.
  struct Kept {
    const char* counter;
    const char* id;
    const char* text;
    const char* advice;
  };
  static constexpr Kept kKept[] = {
      {"bcp.strangers", "bridging-mac-limit",
       "frames of some stations behind the peer are dropped: there are more than \"mac-limit\"",             "raise \"mac-limit\" of \"bcp\", or look for a loop or a flood behind the peer"},
      {"bcp.storm",     "bridging-storm",     "broadcast or multicast above the profile's limit is dropped",
       "look for a loop (\"stp\" of the bridge), or raise \"broadcast-limit\" and "
       "\"multicast-limit\""                                                                                                                                                                },
      {"bcp.tagged",    "bridging-no-tags",
       "frames with VLAN tags are not sent: the peer did not say that it takes them",                        "if it takes them all the same, set \"send-tagged\" of \"bcp\" to \"always\""  }
  };
  const Json& counters = member_of(session, "counters");
  for (const Kept& kept : kKept)
    if (const auto count = number_of(counters, kept.counter); count != 0)
      verdicts.push_back(
          {kept.id, kept.text, {std::to_string(count) + " frames of " + port}, kept.advice});
}

void judge_mtu(const Json& session, std::vector<Verdict>& verdicts) {
  // Bridged frames are fragmented outside on purpose.
  if (!flag_of(session, "mtu_exceeds_path") || member_of(session, "bridging").is_object()) return;
  Verdict& verdict = verdicts.emplace_back();
  verdict.id = "mtu-exceeds-path";
  verdict.text = "packets of full size are fragmented on the way, and lost where that is forbidden";
  verdict.evidence.push_back("the interface's MTU is " + std::to_string(number_of(session, "mtu")) +
                             ", the path carries " +
                             std::to_string(number_of(session, "path_mtu_limit")));
  verdict.advice =
      member_of(session, "ethernet").is_object()
          ? "set \"mtu\" of the pseudowire to \"auto\", or at most to what the path "
            "carries; a bridge takes the smallest MTU of its ports"
          : "set /ppp/mtu and /ppp/mru to \"auto\", or at most to what the path carries";
}

// A tunnel without a control connection has no failures in the daemon's history: it is kept trying.
void judge_static(const Json& tunnel, std::vector<Verdict>& verdicts) {
  const Json& error = member_of(tunnel, "last_error");
  if (text_of(tunnel, "role") != "static" || !error.is_object()) return;
  const bool is_conflict = text_of(tunnel, "convergence") == "conflict";
  verdicts.push_back({is_conflict ? "static-conflict" : "static-failed",
                      is_conflict ? "somebody else has what the profile wants, and is left alone"
                                  : "the kernel does not have what the profile says",
                      {"the daemon says: " + clean(text_of(error, "message"))},
                      is_conflict ? "see whose it is: l2tpctl kernel show --foreign; remove it, or "
                                    "take other ids"
                                  : "it is tried again; l2tpctl doctor may say more"});
}

}  // namespace

std::vector<Verdict> judge_running(const Json& tunnel, const std::vector<Json>& sessions) {
  std::vector<Verdict> verdicts;
  judge_static(tunnel, verdicts);
  for (const Json& session : sessions) {
    judge_ethernet(session, verdicts);
    judge_bridging(session, verdicts);
    judge_mtu(session, verdicts);
  }
  const Json& control = member_of(tunnel, "control");
  if (const auto wrong = number_of(control, "digests_wrong"); wrong > 0)
    verdicts.push_back(
        {"digests-wrong",
         "control messages with a wrong digest came and were dropped",
         {std::to_string(wrong) + " of them"},
         "somebody forges messages, or another tunnel's secret is used: l2tpctl trace "
         "NAME"});
  const auto sent = number_of(control, "messages_sent");
  const auto again = number_of(control, "retransmissions");
  if (again >= 10 && again * 4 > sent) {
    Verdict& verdict = verdicts.emplace_back();
    verdict.id = "lossy-path";
    verdict.text = "control messages are lost on the way";
    verdict.evidence.push_back(std::to_string(sent) + " control messages were sent, and " +
                               std::to_string(again) + " times one again");
    verdict.advice = "look for loss between both ends: mtr, or ping with the tunnel's size";
  }
  return verdicts;
}

std::vector<Verdict> judge_counters(const std::string& interface, const kview::Counters& counters) {
  std::vector<Verdict> verdicts;
  if (counters.rx_cookie_discards > 0)
    verdicts.push_back({"cookie-mismatch",
                        "frames come with a wrong cookie and are dropped",
                        {"the kernel dropped " + std::to_string(counters.rx_cookie_discards) +
                         " of them for " + clean(interface)},
                        "static tunnels: \"receive-cookie\" must be the other end's "
                        "\"send-cookie\", and \"sublayer\" the same; else somebody sends into the "
                        "session who does not know it"});
  if (counters.rx_sequence_discards > 0)
    verdicts.push_back(
        {"frames-out-of-sequence",
         "frames without a number, or out of their order, are dropped",
         {"the kernel dropped " + std::to_string(counters.rx_sequence_discards) + " of them for " +
          clean(interface)},
         "let the other end number its frames, and compare \"sublayer\"; a path that "
         "reorders needs \"reorder-timeout\" or no sequencing"});
  return verdicts;
}

std::vector<Verdict> judge_kernel(const Json& daemon) {
  std::vector<Verdict> verdicts;
  const Json& features = member_of(member_of(daemon, "kernel"), "features");
  if (!features.is_array()) return verdicts;
  for (const Json& feature : features) {
    const std::string state = text_of(feature, "state");
    if (!flag_of(feature, "required") || state != "no") continue;
    Verdict& verdict = verdicts.emplace_back();
    verdict.id = "module-missing";
    verdict.text = "the kernel lacks \"" + clean(text_of(feature, "id")) + "\"";
    verdict.evidence.push_back(clean(state) + ": " + clean(text_of(feature, "detail")));
    verdict.advice = clean(text_of(feature, "advice"));
  }
  return verdicts;
}

}  // namespace l2tpm::ctl
