#include "relay/multilink.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "base/random.h"
#include "relay/ppp_frame.h"

namespace l2tpm::relay {
namespace {

constexpr TimePoint kStart{1000s};

Bytes numbered(std::size_t size, std::uint8_t first) {
  Bytes frame(size);
  for (std::size_t i = 0; i < size; ++i) frame[i] = static_cast<std::uint8_t>(first + i);
  return frame;
}

// Fragments as information fields (the protocol taken off).
std::vector<Bytes> cut(Fragmenter& fragmenter, ByteView frame) {
  std::vector<Bytes> fragments;
  for (std::size_t at = 0; at < frame.size(); at += fragmenter.room()) {
    const auto part = frame.subspan(at, std::min(fragmenter.room(), frame.size() - at));
    std::array<std::uint8_t, kFragmentHeaderSize> header;
    const auto size = fragmenter.write_header(header, at == 0, at + part.size() == frame.size());
    EXPECT_EQ(header[0] << 8 | header[1], kMultilink);
    Bytes fragment(header.begin() + 2, header.begin() + static_cast<std::ptrdiff_t>(size));
    fragment.insert(fragment.end(), part.begin(), part.end());
    fragments.push_back(std::move(fragment));
  }
  return fragments;
}

class Receiver {
 public:
  Receiver(bool short_sequence, std::size_t mrru) : reassembler_(short_sequence, mrru) {}
  Bytes accept(ByteView fragment, TimePoint now = kStart) {
    Bytes out(reassembler_.largest_frame());
    out.resize(reassembler_.accept(fragment, out, now));
    return out;
  }
  const Reassembler::Statistics& statistics() const { return reassembler_.statistics(); }

 private:
  Reassembler reassembler_;
};

class Multilink : public testing::TestWithParam<bool> {};
INSTANTIATE_TEST_SUITE_P(Sequence, Multilink, testing::Bool(),
                         [](const auto& each) { return each.param ? "Short" : "Long"; });

TEST_P(Multilink, FragmentsFitAndComeBackWhole) {
  for (const std::size_t mru : {64u, 600u, 1450u}) {
    Fragmenter sender(GetParam(), mru);
    Receiver receiver(GetParam(), 1600);
    for (std::size_t size = 1; size <= 1602; size += 89) {
      const Bytes frame = numbered(size, 7);
      const auto fragments = cut(sender, frame);
      EXPECT_EQ(fragments.size(), (size + sender.room() - 1) / sender.room());
      for (std::size_t i = 0; i < fragments.size(); ++i) {
        EXPECT_LE(fragments[i].size(), mru);
        const Bytes out = receiver.accept(fragments[i]);
        EXPECT_EQ(out, i + 1 == fragments.size() ? frame : Bytes{});
      }
    }
    EXPECT_EQ(receiver.statistics().lost, 0u);
  }
}

TEST_P(Multilink, SequenceWraps) {
  Fragmenter sender(GetParam(), 100);
  Receiver receiver(GetParam(), 1600);
  const Bytes frame = numbered(150, 1);
  const int frames = GetParam() ? 5000 : 200;
  if (!GetParam()) {  // to the end of 24 bits
    std::array<std::uint8_t, kFragmentHeaderSize> header;
    for (std::uint32_t i = 0; i < 0xffffff - 100; ++i) sender.write_header(header, true, true);
  }
  for (int i = 0; i < frames; ++i) {
    const auto fragments = cut(sender, frame);
    EXPECT_EQ(receiver.accept(fragments[0]), Bytes{});
    EXPECT_EQ(receiver.accept(fragments[1]), frame) << i;
  }
}

TEST_P(Multilink, ALostFragmentCostsItsFrameAlone) {
  Fragmenter sender(GetParam(), 100);
  Receiver receiver(GetParam(), 1600);
  const Bytes frame = numbered(250, 1);
  for (std::size_t missing = 0; missing < 3; ++missing) {
    const auto hurt = cut(sender, frame);
    for (std::size_t i = 0; i < hurt.size(); ++i) {
      if (i == missing) continue;
      EXPECT_EQ(receiver.accept(hurt[i]), Bytes{});
    }
    Bytes out;
    for (const Bytes& fragment : cut(sender, frame)) out = receiver.accept(fragment);
    EXPECT_EQ(out, frame);
  }
}

TEST_P(Multilink, ReorderedFragmentsFindTheirPlace) {
  SeededRandom random(20261123);
  Fragmenter sender(GetParam(), 100);
  Receiver receiver(GetParam(), 1600);
  for (int round = 0; round < 200; ++round) {
    std::vector<Bytes> fragments;
    std::vector<Bytes> frames;
    for (std::uint8_t i = 0; i < 5; ++i) {
      frames.push_back(numbered(300 + i, static_cast<std::uint8_t>(round + i)));
      for (auto& fragment : cut(sender, frames.back())) fragments.push_back(std::move(fragment));
    }
    for (std::size_t i = fragments.size(); i > 1; --i) {
      std::swap(fragments[i - 1], fragments[random.below(static_cast<std::uint32_t>(i))]);
    }
    std::vector<Bytes> whole;
    for (const Bytes& fragment : fragments) {
      Bytes out = receiver.accept(fragment);
      if (!out.empty()) whole.push_back(std::move(out));
    }
    std::sort(whole.begin(), whole.end());
    std::sort(frames.begin(), frames.end());
    ASSERT_EQ(whole, frames) << "round " << round;
  }
}

TEST_P(Multilink, DuplicatesAreDropped) {
  Fragmenter sender(GetParam(), 100);
  Receiver receiver(GetParam(), 1600);
  const auto fragments = cut(sender, numbered(150, 1));
  receiver.accept(fragments[0]);
  EXPECT_EQ(receiver.accept(fragments[0]), Bytes{});
  EXPECT_NE(receiver.accept(fragments[1]), Bytes{});
  EXPECT_EQ(receiver.accept(fragments[0]), Bytes{});
  EXPECT_EQ(receiver.accept(fragments[1]), Bytes{});
  EXPECT_EQ(receiver.statistics().stale, 3u);
  const auto alone = cut(sender, numbered(50, 1));
  EXPECT_NE(receiver.accept(alone[0]), Bytes{});
  EXPECT_EQ(receiver.accept(alone[0]), Bytes{});
}

TEST_P(Multilink, FragmentsOfAnotherTimeAreNotJoined) {
  Fragmenter sender(GetParam(), 100);
  Receiver receiver(GetParam(), 1600);
  const auto fragments = cut(sender, numbered(150, 1));
  EXPECT_EQ(receiver.accept(fragments[0], kStart), Bytes{});
  EXPECT_EQ(receiver.accept(fragments[1], kStart + Reassembler::kLifetime + 1ms), Bytes{});
  EXPECT_EQ(receiver.statistics().lost, 1u);
}

TEST_P(Multilink, AJumpOfThePeerIsFollowed) {
  Fragmenter before(GetParam(), 100);
  std::array<std::uint8_t, kFragmentHeaderSize> header;
  for (int i = 0; i < 1000; ++i) before.write_header(header, true, true);
  Fragmenter anew(GetParam(), 100);
  Receiver receiver(GetParam(), 1600);
  const Bytes frame = numbered(50, 3);
  EXPECT_EQ(receiver.accept(cut(before, frame)[0]), frame);
  std::size_t refused = 0;
  while (receiver.accept(cut(anew, frame)[0]).empty()) ASSERT_LT(++refused, Reassembler::kWindow);
  EXPECT_EQ(receiver.accept(cut(anew, frame)[0]), frame);
}

TEST_P(Multilink, FramesAboveTheMrruAreRefused) {
  Fragmenter sender(GetParam(), 100);
  Receiver receiver(GetParam(), 200);
  for (const Bytes& fragment : cut(sender, numbered(203, 1))) {
    EXPECT_EQ(receiver.accept(fragment), Bytes{});
  }
  EXPECT_EQ(receiver.statistics().malformed, 1u);
  Bytes out;
  for (const Bytes& fragment : cut(sender, numbered(202, 1))) out = receiver.accept(fragment);
  EXPECT_EQ(out.size(), 202u);
  Bytes huge = cut(sender, numbered(50, 1))[0];
  huge.resize(400);
  EXPECT_EQ(receiver.accept(huge), Bytes{});
  EXPECT_EQ(receiver.statistics().malformed, 2u);
}

TEST_P(Multilink, ShortAndEmptyFragmentsAreMalformed) {
  Receiver receiver(GetParam(), 1600);
  const std::size_t header = GetParam() ? 2 : 4;
  for (std::size_t size = 0; size <= header; ++size) receiver.accept(Bytes(size, 0xc0));
  EXPECT_EQ(receiver.statistics().malformed, header + 1);
}

TEST_P(Multilink, AnEndlessFrameNeverComesOut) {
  Receiver receiver(GetParam(), 1600);
  Fragmenter sender(GetParam(), 100);
  std::array<std::uint8_t, kFragmentHeaderSize> header;
  for (int i = 0; i < 10000; ++i) {
    const auto size = sender.write_header(header, i == 0, false);
    Bytes fragment(header.begin() + 2, header.begin() + static_cast<std::ptrdiff_t>(size));
    fragment.push_back(1);
    ASSERT_EQ(receiver.accept(fragment), Bytes{});
  }
  EXPECT_EQ(receiver.statistics().lost, 10000 - Reassembler::kWindow);
}

}  // namespace
}  // namespace l2tpm::relay
