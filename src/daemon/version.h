#pragma once

namespace l2tpm::daemon {

inline constexpr const char* kVersion = "0.1.0";  // CMakeLists.txt says the same

}  // namespace l2tpm::daemon
