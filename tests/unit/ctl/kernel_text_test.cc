#include "ctl/kernel_text.h"

#include <gtest/gtest.h>

#include <fstream>

#include "support/source_dir.h"

namespace l2tpm::ctl {
namespace {

using kview::Owner;

kview::Snapshot sample() {
  kview::Tunnel ours;
  ours.id = 7;
  ours.peer_id = 42;
  ours.version = 2;
  ours.encapsulation = kview::Encapsulation::udp;
  ours.local = Endpoint{*IpAddress::parse("192.0.2.2"), 1701, 0};
  ours.remote = Endpoint{*IpAddress::parse("192.0.2.1"), 1701, 0};
  ours.owner.whose = Owner::Whose::ours;
  ours.owner.evidence = Owner::Evidence::daemon;
  ours.owner.tunnel_name = "work";
  kview::Session session;
  session.tunnel = 7;
  session.id = 5;
  session.pseudowire = kview::kPpp;
  session.interface = "l2tp-work";
  session.counters.rx_bytes = 1234567;
  ours.sessions = {session};
  kview::Tunnel foreign;
  foreign.id = 9;
  foreign.version = 3;
  foreign.encapsulation = kview::Encapsulation::ip;
  foreign.remote = Endpoint{*IpAddress::parse("2001:db8::1"), 0, 0};
  foreign.owner.whose = Owner::Whose::foreign;
  foreign.owner.processes = {
      {512, "xl2tpd"}
  };
  kview::Tunnel unknown;
  unknown.id = 10;
  return {ours, foreign, unknown};
}

KernelFilter with(std::string KernelFilter::*member, std::string value) {
  KernelFilter filter;
  filter.*member = std::move(value);
  return filter;
}
KernelFilter whose(bool ours, bool foreign) {
  KernelFilter filter;
  filter.ours = ours;
  filter.foreign = foreign;
  return filter;
}

std::vector<std::uint32_t> ids(const KernelFilter& filter) {
  std::vector<std::uint32_t> result;
  for (const kview::Tunnel& tunnel : select(sample(), filter)) result.push_back(tunnel.id);
  return result;
}

TEST(KernelText, Filters) {
  using Ids = std::vector<std::uint32_t>;
  EXPECT_EQ(ids({}), (Ids{7, 9, 10}));
  EXPECT_EQ(ids(whose(true, false)), Ids{7});
  EXPECT_EQ(ids(whose(false, true)), Ids{9});
  EXPECT_EQ(ids(whose(true, true)), (Ids{7, 9, 10}));
  EXPECT_EQ(ids(with(&KernelFilter::tunnel, "work")), Ids{7});
  EXPECT_EQ(ids(with(&KernelFilter::tunnel, "10")), Ids{10});
  EXPECT_EQ(ids(with(&KernelFilter::interface, "l2tp-work")), Ids{7});
  EXPECT_EQ(ids(with(&KernelFilter::peer, "192.0.2.1")), Ids{7});
  EXPECT_EQ(ids(with(&KernelFilter::peer, "192.0.2.1:1701")), Ids{7});
  EXPECT_EQ(ids(with(&KernelFilter::peer, "2001:db8::1")), Ids{9});
  EXPECT_EQ(ids(with(&KernelFilter::peer, "192.0.2.9")), Ids{});
}

TEST(KernelText, Owners) {
  const kview::Snapshot snapshot = sample();
  EXPECT_EQ(owner_text(snapshot[0].owner), "l2tp-manager: work");
  EXPECT_EQ(owner_text(snapshot[1].owner), "xl2tpd (512)");
  EXPECT_EQ(owner_text(snapshot[2].owner), "unknown");
  Owner owner;
  owner.whose = Owner::Whose::ours;
  owner.instance = 3;
  EXPECT_EQ(owner_text(owner), "l2tp-manager (instance 3)");
  owner = {};
  owner.whose = Owner::Whose::foreign;
  EXPECT_EQ(owner_text(owner), "foreign");
  owner.of_kernel = true;
  EXPECT_EQ(owner_text(owner), "the kernel's own");
}

TEST(KernelText, EveryRowHasEveryColumn) {
  for (const bool statistics : {false, true})
    for (const auto& row : kernel_rows(sample(), statistics))
      EXPECT_EQ(row.size(), kernel_columns(statistics).size());
  EXPECT_EQ(kernel_rows(sample(), true)[0][12].text, "1.2M");
}

TEST(KernelText, Json) {
  const Json json = kernel_json(sample(), true);
  EXPECT_EQ(json[0]["sessions"][0]["interface"], "l2tp-work");
  EXPECT_EQ(json[0]["sessions"][0]["statistics"]["rx_bytes"], 1234567);
  EXPECT_EQ(json[0]["owner"]["whose"], "ours");
  EXPECT_EQ(json[1]["remote"], "2001:db8::1");
  EXPECT_EQ(json[1]["owner"]["processes"][0]["name"], "xl2tpd");
  EXPECT_FALSE(kernel_json(sample(), false)[0].contains("statistics"));
}

// Every member of `json` is in the published schema, at every depth.
void expect_published(const Json& definitions, const Json& schema, const Json& json) {
  if (schema.contains("$ref")) {
    const std::string name = schema["$ref"].get<std::string>().substr(14);
    return expect_published(definitions, definitions.at(name), json);
  }
  if (schema.contains("anyOf")) return expect_published(definitions, schema["anyOf"][0], json);
  if (json.is_array())
    for (const Json& item : json) expect_published(definitions, schema.at("items"), item);
  if (!json.is_object() || !schema.contains("properties")) return;
  for (const auto& [key, value] : json.items()) {
    ASSERT_TRUE(schema["properties"].contains(key)) << key;
    expect_published(definitions, schema["properties"][key], value);
  }
}

TEST(KernelText, IsAsPublished) {
  std::ifstream file(test::in_source_tree("docs/l2tpctl.schema.json"));
  const Json schema = Json::parse(file);
  kview::Snapshot snapshot = sample();
  snapshot[0].sessions[0].link.emplace();
  expect_published(schema["definitions"], schema["commands"]["kernel show"],
                   kernel_json(snapshot, true));
}

TEST(KernelText, CookiesOfVersion3) {
  kview::Snapshot snapshot = sample();
  kview::Session session;
  session.pseudowire = kview::kEthernet;
  session.interface = "wire";
  session.cookie = {1, 2, 3, 0xff};
  snapshot[1].sessions = {session};
  const Json json = kernel_json(snapshot, false);
  EXPECT_EQ(json[1]["sessions"][0]["cookie"], "010203ff");
  EXPECT_EQ(json[1]["sessions"][0]["peer_cookie"], "");
  EXPECT_EQ(json[1]["encapsulation"], "ip");
  EXPECT_EQ(kernel_rows(snapshot, false)[1][9].text, "010203ff");
}

// A process may call itself anything.
TEST(KernelText, NamesDoNotSteerTheTerminal) {
  kview::Change change;
  change.tunnel = sample()[1];
  change.tunnel.owner.processes[0].name = "x\x1b[2J";
  EXPECT_EQ(change_text(change).find('\x1b'), std::string::npos);
}

TEST(KernelText, Changes) {
  kview::Change change;
  change.what = kview::Change::What::appeared;
  change.tunnel = sample()[0];
  EXPECT_EQ(change_text(change),
            "appeared  tunnel 7 (peer 42)  v2/udp  192.0.2.2:1701 - 192.0.2.1:1701  "
            "l2tp-manager: work");
  change.session = sample()[0].sessions[0];
  EXPECT_EQ(change_text(change),
            "appeared  session 7/5 (peer 0)  ppp  l2tp-work  l2tp-manager: work");
  EXPECT_EQ(change_json(change, 99)["event"], "kernel-session");
  EXPECT_TRUE(selects(change, with(&KernelFilter::interface, "l2tp-work")));
  EXPECT_FALSE(selects(change, with(&KernelFilter::interface, "ppp0")));
}

}  // namespace
}  // namespace l2tpm::ctl
