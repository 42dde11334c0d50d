// How links end and what the other end is told; what encryption does when it is lost.
#include <gtest/gtest.h>

#include "ppp/link.h"
#include "support/ppp_link_samples.h"

namespace l2tpm::ppp {
namespace {

using test::both_up;
using test::client;
using test::give;
using test::lns;
using test::Pair;
using test::sent;
using wire::PppProtocol;

// 0x00FD from the unit: the kernel has lost MPPE's key sequence.
TEST(Link, AnUndecryptableFrameAsksForAResetAndThenNegotiatesCcpAnew) {
  LinkSettings a = client(), z = lns();
  a.mppe = z.mppe = {.use = MppeUse::require};
  Pair pair(a, z);
  pair.open();
  pair.run(10s, [&] { return both_up(pair); });
  ASSERT_TRUE(both_up(pair));

  pair.z.frames.clear();
  pair.a.frames.clear();
  give(pair, pair.z, PppProtocol::compressed, "9001deadbeef");
  EXPECT_TRUE(sent(pair.z, "CCP Reset-Request"));
  pair.run(11s);
  EXPECT_TRUE(sent(pair.a, "CCP Reset-Ack"));
  EXPECT_FALSE(sent(pair.z, "Configure-Request"));
  EXPECT_TRUE(both_up(pair));

  // Nobody answers: the addresses go until CCP is open again, the NCPs and LCP stay.
  pair.swallow = {
      {"CCP Reset-Ack", 1000}
  };
  pair.z.trace.clear();
  give(pair, pair.z, PppProtocol::compressed, "9001deadbeef");
  pair.run(30s);
  EXPECT_TRUE(sent(pair.z, "CCP Configure-Request"));
  EXPECT_FALSE(sent(pair.z, "LCP Configure-Request"));
  EXPECT_FALSE(sent(pair.z, "IPCP"));
  EXPECT_EQ(pair.z.trace, "ipv4 down; ipv6 down; ipv4 10.0.0.1 > 10.0.0.7; ipv6");
  EXPECT_TRUE(both_up(pair)) << pair.a.trace;
  EXPECT_EQ(pair.a.keys[MppeDirection::transmit], pair.z.keys[MppeDirection::receive]);
}

// RFC 3145 §2.2.
int why_it_ended(const test::End& end) { return end.down ? end.down->disconnect_code : -1; }

TEST(Link, EveryEndHasItsCauseOfRfc3145) {
  const auto after = [](const LinkSettings& a, const LinkSettings& z, auto prepare) {
    auto pair = std::make_unique<Pair>(a, z);
    prepare(*pair);
    pair->open();
    pair->run(300s);
    return pair;
  };
  const auto nothing = [](Pair&) {};
  const auto lost = [](const char* what) {
    return [what](Pair& pair) {
      pair.swallow = {
          {what, 10000}
      };
    };
  };
  LinkSettings wrong = client();
  wrong.password = Secret("guess");
  auto pair = after(wrong, lns(), nothing);
  EXPECT_EQ(why_it_ended(pair->z), 16);
  EXPECT_EQ(why_it_ended(pair->a), 16);
  pair = after(wrong, lns({AuthMethod::pap}), nothing);
  EXPECT_EQ(why_it_ended(pair->z), 16);

  EXPECT_EQ(why_it_ended(after(client(), lns(), lost("CHAP Response"))->z), 13);
  EXPECT_EQ(why_it_ended(after(client(), lns(), lost("LCP"))->z), 6);
  EXPECT_EQ(why_it_ended(after(client(), lns(), lost("LCP Configure-Ack"))->z), 5);
  EXPECT_EQ(why_it_ended(after(client(), lns(), lost("IP"))->z), 17);
  EXPECT_EQ(why_it_ended(after(client(), lns(), lost("LCP Echo"))->z), 8);

  LinkSettings pap_only = client();
  pap_only.answer = {AuthMethod::pap};
  EXPECT_EQ(why_it_ended(after(pap_only, lns(), nothing)->z), 15);

  LinkSettings encrypted = lns();
  encrypted.mppe = {.use = MppeUse::require};
  EXPECT_EQ(why_it_ended(after(client(), encrypted, nothing)->z), 4);

  LinkSettings no_network = client();
  no_network.network.ipv4.enabled = no_network.network.ipv6.enabled = false;
  EXPECT_EQ(why_it_ended(after(no_network, lns(), nothing)->z), 18);

  for (const auto& [code, here, there] : {
           std::tuple{CauseCode::admin_close,   1, 3},
           std::tuple{CauseCode::idle_timeout,  3, 3},
           std::tuple{CauseCode::kernel_failed, 0, 3}
  }) {
    Pair up(client(), lns());
    up.open();
    up.run(5s, [&] { return both_up(up); });
    up.z.link->close({.code = code}, up.now);
    up.settle(up.z);
    up.run(20s);
    EXPECT_EQ(why_it_ended(up.z), here) << name(code);
    EXPECT_EQ(why_it_ended(up.a), there) << name(code);
  }
}

}  // namespace
}  // namespace l2tpm::ppp
