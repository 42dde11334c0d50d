#include "ppp/option_judge.h"

#include <algorithm>
#include <utility>

namespace l2tpm::ppp {
namespace {
Bytes number(std::uint32_t value, std::size_t octets) {
  Bytes out;
  ByteWriter writer(out);
  if (octets == 2) {
    writer.u16(static_cast<std::uint16_t>(value));
  } else {
    writer.u32(value);
  }
  return out;
}
}  // namespace

std::optional<wire::PppOption> OptionJudge::next() {
  while (auto option = reader_.next()) {
    if (!seen_.test(option->type) || repeatable_.test(option->type)) {
      seen_.set(option->type);
      return option;
    }
    reject(*option);
  }
  return std::nullopt;
}

void OptionJudge::reject(const wire::PppOption& option) {
  rejects_.insert(rejects_.end(), option.whole.begin(), option.whole.end());
}

void OptionJudge::nak(const wire::PppOption& option, ByteView value) {
  if (may_nak_) {
    wire::put_ppp_option(naks_, option.type, value);
  } else {
    reject(option);
  }
}

void OptionJudge::nak_u16(const wire::PppOption& option, std::uint16_t value) {
  nak(option, number(value, 2));
}

void OptionJudge::nak_u32(const wire::PppOption& option, std::uint32_t value) {
  nak(option, number(value, 4));
}

void OptionJudge::ask_for(std::uint8_t type, ByteView value) {
  if (may_nak_) wire::put_ppp_option(naks_, type, value);
}

Judgement OptionJudge::verdict() {
  if (!reader_.ok()) return {Judgement::Kind::discard, {}};
  if (!rejects_.empty()) return {Judgement::Kind::reject, std::move(rejects_)};
  if (!naks_.empty()) return {Judgement::Kind::nak, std::move(naks_)};
  return {};
}

bool is_part_of_request(ByteView rejected, ByteView request) {
  wire::PppOptionReader ours(request);
  wire::PppOptionReader reader(rejected);
  while (const auto option = reader.next()) {
    auto mine = ours.next();
    while (mine && !std::equal(mine->whole.begin(), mine->whole.end(), option->whole.begin(),
                               option->whole.end()))
      mine = ours.next();
    if (!mine) return false;
  }
  return reader.ok() && !rejected.empty();
}

}  // namespace l2tpm::ppp
