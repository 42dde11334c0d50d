#include "kernel/circuits.h"

#include <algorithm>

#include "kernel/link_group.h"

namespace l2tpm::kernel {

bool circuit_is_up(const std::string& interface, const std::vector<LinkInfo>& links,
                   std::uint32_t instance) {
  const auto found = std::find_if(links.begin(), links.end(),
                                  [&](const LinkInfo& link) { return link.name == interface; });
  if (found == links.end() || !found->up) return false;
  if (found->kind != "bridge") return found->running;
  bool has_others = false;
  for (const LinkInfo& link : links) {
    if (link.master != found->ifindex || is_of_instance(link.group, instance)) continue;
    if (link.running) return true;
    has_others = true;
  }
  return !has_others;
}

}  // namespace l2tpm::kernel
