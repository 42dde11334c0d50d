// Deviations of real peers that we live with, as a table: what to call it, who does it, what we do.
// Each is logged once per connection when it is met, shown in its status, and has a test.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>

namespace l2tpm::l2tp {

enum class Quirk : std::uint8_t {
  zero_tunnel_id,
  unanswered_hello,
  swapped_result_code,
  cdn_with_own_session_id,
  cisco_draft_avps,
};

struct QuirkRow {
  Quirk quirk;
  std::string_view name;   // stable, for status
  std::string_view peers;  // known to do it
  std::string_view what;   // what they do, and what we do about it
};
std::span<const QuirkRow> quirk_table();
std::string_view name(Quirk quirk);

}  // namespace l2tpm::l2tp
