#include "kernel/error.h"

#include <fmt/core.h>

#include <cstring>

namespace l2tpm::kernel {

std::string KernelError::to_string() const {
  const char* const symbol = strerrorname_np(error);
  const char* const text = strerrordesc_np(error);
  std::string out = fmt::format("{}: {}", doing, text != nullptr ? text : "unknown error");
  if (symbol != nullptr)
    out += fmt::format(" ({})", symbol);
  else
    out += fmt::format(" (errno {})", error);
  if (!detail.empty()) out += ": " + detail;
  return out;
}

}  // namespace l2tpm::kernel
