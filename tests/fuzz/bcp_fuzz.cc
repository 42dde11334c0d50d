// BCP driven by bytes: see support/automaton_driver.h.
#include "base/random.h"
#include "ppp/bcp.h"
#include "support/automaton_driver.h"
#include "support/fuzzed_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm::ppp;  // NOLINT
  l2tpm::SeededRandom random(1);
  const FsmTimers timers;
  Bcp machine(
      {
          .mac = {2, 0, 0, 0, 0, 9},
            .tagged_frames = true
  },
      random, timers);
  l2tpm::test::drive(machine, {data, size});
  return 0;
}
