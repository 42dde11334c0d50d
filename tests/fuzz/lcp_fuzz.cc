// LCP driven by bytes: see support/automaton_driver.h.
#include "base/random.h"
#include "ppp/lcp.h"
#include "support/automaton_driver.h"
#include "support/fuzzed_log.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm::ppp;  // NOLINT
  l2tpm::SeededRandom random(1);
  LinkSettings settings;
  settings.authenticate_peer = {AuthMethod::mschapv2, AuthMethod::pap};
  settings.answer = {AuthMethod::chap_md5};
  Lcp machine(settings, random);
  l2tpm::test::drive(machine, {data, size});
  return 0;
}
