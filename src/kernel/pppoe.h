// PPPoE sockets, as a channel to tie another one to: no discovery, nobody at the other end.
#pragma once

#include <cstdint>
#include <string>

#include "base/fd.h"
#include "base/mac_address.h"
#include "base/result.h"
#include "kernel/error.h"

namespace l2tpm::kernel {

// The interface is up. Session id 1..0xfffe; id, address and interface together are nobody else's.
// Closing it ends the channel; so does, without a word, a change of the interface's MTU or address.
Result<UniqueFd, KernelError> connect_pppoe(const std::string& interface, std::uint16_t session,
                                            const MacAddress& peer);

// Whether the channel is still there.
bool is_pppoe_alive(int fd);

}  // namespace l2tpm::kernel
