// What Result and Error Codes of StopCCN and CDN mean.
#pragma once

#include <cstdint>
#include <string>

namespace l2tpm::ctl {

// "CDN result 2 error 4: insufficient resources". `object` is "tunnel" for StopCCN (RFC 2661
// section 4.4.2), else CDN.
std::string result_text(const std::string& object, std::uint64_t result, std::uint64_t error);

}  // namespace l2tpm::ctl
