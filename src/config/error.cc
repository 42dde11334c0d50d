#include "config/error.h"

#include <fmt/core.h>

namespace l2tpm::config {

std::string_view name(Severity severity) {
  switch (severity) {
    case Severity::error:
      return "error";
    case Severity::warning:
      return "warning";
  }
  return "?";
}

std::string ConfigError::to_string() const {
  std::string out = file;
  if (line != 0) out += fmt::format(":{}:{}", line, column);
  if (!out.empty()) out += ": ";
  if (severity == Severity::warning) out += "warning: ";
  if (!pointer.empty()) out += pointer + ": ";
  return out + message;
}

}  // namespace l2tpm::config
