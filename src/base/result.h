// Result<T, E>: a value or the reason there is none. The names are std::expected's, which g++ 12
// does not have in C++20; the day C++23 is required this header becomes an alias.
#pragma once

#include <cassert>
#include <utility>
#include <variant>

namespace l2tpm {

template <typename E>
class Unexpected {
 public:
  explicit Unexpected(E error) : error_(std::move(error)) {}
  E& error() { return error_; }
  const E& error() const { return error_; }

 private:
  E error_;
};

template <typename T, typename E>
class [[nodiscard]] Result {
 public:
  Result(T value)  // NOLINT: implicit, as std::expected
      : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Unexpected<E> unexpected)  // NOLINT: implicit, as std::expected
      : state_(std::in_place_index<1>, std::move(unexpected.error())) {}

  bool has_value() const { return state_.index() == 0; }
  explicit operator bool() const { return has_value(); }

  T& value() {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  const T& value() const {
    assert(has_value());
    return *std::get_if<0>(&state_);
  }
  T& operator*() { return value(); }
  const T& operator*() const { return value(); }
  T* operator->() { return &value(); }
  const T* operator->() const { return &value(); }

  E& error() {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }
  const E& error() const {
    assert(!has_value());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, E> state_;
};

// For what succeeds with nothing to say.
struct Done {};

}  // namespace l2tpm
