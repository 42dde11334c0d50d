// What Linux refused: errno, what was being done, and the kernel's own words (extended
// acknowledgement) when it sent some.
#pragma once

#include <string>

namespace l2tpm::kernel {

struct KernelError {
  int error = 0;       // a positive errno
  std::string doing;   // "creating interface ppp0", without a full stop
  std::string detail;  // netlink's extack text, or advice of ours; often empty

  // "creating interface ppp0: File exists (EEXIST): detail"
  std::string to_string() const;
};

}  // namespace l2tpm::kernel
