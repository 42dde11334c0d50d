// What `kernel show` and `kernel monitor` print, from kview's values.
#pragma once

#include <string>

#include "ctl/format.h"
#include "ctl/json.h"
#include "kview/view.h"

namespace l2tpm::ctl {

// Which tunnels and sessions are shown; empty: all.
struct KernelFilter {
  bool ours = false, foreign = false;  // both or none: whosever
  std::string tunnel;                  // the kernel's id, or the daemon's name
  std::string interface, peer;         // peer: an address, with or without a port
};
kview::Snapshot select(kview::Snapshot snapshot, const KernelFilter& filter);
bool selects(const kview::Change& change, const KernelFilter& filter);

// "l2tp-manager: work", "xl2tpd (512)", "the kernel's own", "unknown"
std::string owner_text(const kview::Owner& owner);

std::vector<Column> kernel_columns(bool statistics);
std::vector<std::vector<Cell>> kernel_rows(const kview::Snapshot& snapshot, bool statistics);

Json kernel_json(const kview::Snapshot& snapshot, bool statistics);
// `time`: CLOCK_REALTIME microseconds.
Json change_json(const kview::Change& change, std::uint64_t time);
std::string change_text(const kview::Change& change);

}  // namespace l2tpm::ctl
