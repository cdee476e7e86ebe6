#pragma once

#include <string>
#include <utility>
#include <variant>

#include "platform/base/assert.h"

namespace quantum::paper {

// What Binance answers when it refuses: {"code":-2019,"msg":"Margin is insufficient."}, with its HTTP status.
struct ApiError {
  int code = 0;
  std::string message;
  int http_status = 400;
};

// A value, or the refusal. (Result<T> carries the platform's own codes; here the venue's code is the answer.)
template <class T>
class [[nodiscard]] Answer {
 public:
  Answer(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Answer(ApiError error) : state_(std::in_place_index<1>, std::move(error)) {}
  bool ok() const { return state_.index() == 0; }
  const T& value() const {
    QUANTUM_ASSERT(ok());
    return *std::get_if<0>(&state_);
  }
  const T& operator*() const { return value(); }
  const T* operator->() const { return &value(); }
  const ApiError& error() const {
    QUANTUM_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  std::variant<T, ApiError> state_;
};

}  // namespace quantum::paper
