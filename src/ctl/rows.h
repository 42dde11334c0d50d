// Tunnels and sessions as rows of tables and as JSON.
#pragma once

#include <limits>
#include <vector>

#include "ctl/context.h"

namespace l2tpm::ctl {

inline constexpr auto kAll = std::numeric_limits<std::uint32_t>::max();

// Whether `name` is this "address:port" or its address, with or without brackets.
bool is_endpoint(const std::string& endpoint, const std::string& name);

Cell state_cell(const std::string& state);
Json session_json(const SessionRow& session);
ExitCode session_table(Context& context, const std::vector<SessionRow>& sessions);

}  // namespace l2tpm::ctl
