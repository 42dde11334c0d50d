// std::visit with one lambda per alternative; a new alternative fails to compile where it is not
// handled.
#pragma once

namespace l2tpm {

template <typename... Visitors>
struct Overloaded : Visitors... {
  using Visitors::operator()...;
};
template <typename... Visitors>
Overloaded(Visitors...) -> Overloaded<Visitors...>;

}  // namespace l2tpm
