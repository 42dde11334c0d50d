// BCP driven by bytes: see support/automaton_driver.h.
#include "base/random.h"
#include "ppp/bcp.h"
#include "support/automaton_driver.h"
#include "support/fuzzed_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm::ppp;  // NOLINT
  l2tpm::SeededRandom random(1);
  const FsmTimers timers;
  const BridgeSettings settings{.mac = l2tpm::MacAddress({2, 0, 0, 0, 0, 9})};
  Bcp machine(settings, random, timers);
  l2tpm::test::drive(machine, {data, size});
  return 0;
}
