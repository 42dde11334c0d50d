// A peer's fragments, any bytes: the first octet says which header, then each fragment has a length
// octet and an octet that moves the clock. What comes out is no larger than was offered, and what
// our own fragmenter makes afterwards still comes through.
#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <memory>

#include "relay/multilink.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using namespace l2tpm;
  using namespace l2tpm::relay;
  ByteReader reader({data, size});
  const std::uint8_t kind = reader.u8();
  const bool short_sequence = (kind & 1) != 0;
  const std::size_t mrru = 64 + (kind & 0xfe) * std::size_t{4};
  Reassembler reassembler(short_sequence, mrru);
  const auto out = std::make_unique<std::uint8_t[]>(reassembler.largest_frame());
  TimePoint now{1000s};
  while (!reader.at_end()) {
    const std::size_t length = reader.u8();
    now += reader.u8() * 10ms;
    const ByteView part = reader.take(std::min(length, reader.remaining()));
    const auto exact = std::make_unique<std::uint8_t[]>(part.size());
    if (!part.empty()) std::memcpy(exact.get(), part.data(), part.size());
    const std::size_t whole = reassembler.accept({exact.get(), part.size()},
                                                 {out.get(), reassembler.largest_frame()}, now);
    if (whole > reassembler.largest_frame()) __builtin_trap();
  }

  // Enough for the window to find the new numbers, then one that must come out.
  Fragmenter fragmenter(short_sequence, 40);
  const Bytes frame(50, 0x5a);
  std::size_t whole = 0;
  for (std::size_t round = 0; round < 2 * Reassembler::kWindow; ++round) {
    for (std::size_t at = 0; at < frame.size(); at += fragmenter.room()) {
      std::array<std::uint8_t, kFragmentHeaderSize> header;
      const std::size_t count = std::min(fragmenter.room(), frame.size() - at);
      const std::size_t used = fragmenter.write_header(header, at == 0, at + count == frame.size());
      Bytes fragment(header.begin() + 2, header.begin() + static_cast<std::ptrdiff_t>(used));
      fragment.insert(fragment.end(), frame.begin() + static_cast<std::ptrdiff_t>(at),
                      frame.begin() + static_cast<std::ptrdiff_t>(at + count));
      whole = reassembler.accept(fragment, {out.get(), reassembler.largest_frame()}, now);
    }
  }
  if (whole != frame.size()) __builtin_trap();
  return 0;
}
