// IPCP driven by bytes: see support/automaton_driver.h.
#include "ppp/ipcp.h"
#include "support/automaton_driver.h"
#include "support/fuzzed_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm::ppp;  // NOLINT
  Ipv4Settings settings;
  settings.local = *l2tpm::IpAddress::parse("10.0.0.1");
  settings.peer = *l2tpm::IpAddress::parse("10.0.0.7");
  settings.dns[0] = *l2tpm::IpAddress::parse("9.9.9.9");
  settings.request_nbns = true;
  const FsmTimers timers;
  Ipcp machine(settings, timers);
  l2tpm::test::drive(machine, {data, size});
  return 0;
}
