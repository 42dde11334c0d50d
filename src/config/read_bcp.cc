// "bcp": of clients, listeners and users.
#include <fmt/core.h>

#include "config/readers.h"

namespace l2tpm::config {

std::optional<Bcp> read_bcp(ObjectReader& parent, std::string_view with) {
  const bool there = parent.find("bcp") != nullptr;
  ObjectReader reader = parent.object("bcp");
  Bcp bcp;
  read_bridge_key(reader, bcp.bridge);
  if (there && !reader.has("bridge")) reader.error("", "needs a \"bridge\": where the frames go");
  reader.number("mtu", bcp.mtu, 576, 3000);
  read_mac(reader, bcp.mac);
  reader.choice("path", bcp.path, {BcpPath::automatic, BcpPath::kernel, BcpPath::relay});
  reader.number("mrru", bcp.mrru, 576, 16384);
  reader.choice("send-tagged", bcp.send_tagged, {BcpSend::agreed, BcpSend::always, BcpSend::never});
  reader.choice("send-bpdus", bcp.send_bpdus, {BcpSend::agreed, BcpSend::always, BcpSend::never});
  reader.number("mac-limit", bcp.mac_limit, 0, 65535);
  reader.number("broadcast-limit", bcp.broadcast_limit, 0, 10'000'000);
  reader.number("multicast-limit", bcp.multicast_limit, 0, 10'000'000);
  reader.finish();
  if (bcp.path == BcpPath::kernel && bcp.mrru != 0)
    reader.error("", "has \"path\": \"kernel\", which puts no fragments together: no \"mrru\"");
  if (bcp.path == BcpPath::kernel && !with.empty())
    reader.error("", fmt::format("has \"path\": \"kernel\", which does no \"{}\"", with));
  if (!there) return std::nullopt;
  return bcp;
}

}  // namespace l2tpm::config
