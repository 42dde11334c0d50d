// Any bytes as netlink datagrams and as /proc's tables: values or nothing, a snapshot of whatever
// came out, and static profiles of that.
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>

#include "convert/ip_l2tp.h"
#include "kview/parse.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  using namespace l2tpm::kview;
  // The allocator aligns; a buffer of just this size shows what reads past it.
  const auto bytes = std::make_unique<std::uint8_t[]>(size);
  if (size != 0) std::memcpy(bytes.get(), data, size);

  Material material;
  for_each_message({bytes.get(), size}, [&](const nlmsghdr& message) {
    if (auto tunnel = parse_tunnel(message)) material.tunnels.push_back(std::move(*tunnel));
    if (auto session = parse_session(message)) material.sessions.push_back(std::move(*session));
    if (auto link = parse_link(message)) material.links.push_back(std::move(*link));
    parse_family(message);
    parse_end(message);
  });
  const std::string text(reinterpret_cast<const char*>(bytes.get()), size);
  material.ppp = parse_pppol2tp(text);
  material.udp_sockets = parse_udp_table(text);
  const Snapshot snapshot = merge(std::move(material));
  changes({}, snapshot);
  changes(snapshot, {});
  if (!changes(snapshot, snapshot).empty()) __builtin_trap();
  convert::import_ip_l2tp(snapshot, {});
  return 0;
}
