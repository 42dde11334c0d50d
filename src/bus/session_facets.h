// What a session carries, as an interface of its object: PPP, or an Ethernet pseudowire.
#pragma once

#include <l2tpm_dbus/adaptor.h>
#include <l2tpm_dbus/compat.h>

#include <memory>
#include <string>
#include <vector>

#include "bus/face.h"

namespace l2tpm::bus {

using PppAddresses = sdbus::Struct<std::string, std::string, std::vector<std::string>>;
using PppMru = sdbus::Struct<std::uint32_t, std::uint32_t>;

// A session as the service has it now; what it was when there is nothing any more.
class SessionLook {
 public:
  SessionLook(Face& face, daemon::SessionDetailsView view)
      : face_(face), current_(std::move(view)), looked_at_(face.message) {}
  const daemon::SessionDetailsView& view();
  void know(const daemon::SessionDetailsView& fresh);

 private:
  Face& face_;
  daemon::SessionDetailsView current_;
  std::uint64_t looked_at_;
};

class SessionFacet {
 public:
  virtual ~SessionFacet() = default;
  virtual const char* interface() const = 0;
  // The properties that differ.
  virtual std::vector<std::string> changed(const daemon::SessionDetailsView& old,
                                           const daemon::SessionDetailsView& fresh) const = 0;
};

// The one that the session's pseudowire has. `object` and `look` are borrowed. `of_client`: its
// user is who we are, which is no secret.
std::unique_ptr<SessionFacet> make_facet(sdbus::IObject& object, SessionLook& look, bool of_client);

}  // namespace l2tpm::bus
