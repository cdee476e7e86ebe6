#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "platform/base/assert.h"

namespace quantum {

// Why an operation failed, in the terms a caller decides by.
enum class Errc {
  kInvalidArgument,  // the input is wrong; the same call will fail again
  kNotFound,
  kConflict,        // the state does not allow it (compare-and-set lost, duplicate, unique key)
  kPermission,      // refused: token, credentials, ACL
  kUnavailable,     // the other side is away or refused before acting; safe to retry
  kTimeout,         // the deadline passed before anything was sent; safe to retry
  kUnknownOutcome,  // it was sent and no answer came: ask, never guess
  kExhausted,       // a bounded resource is full (queue, budget, disk)
  kCancelled,       // the process is stopping
  kInternal,        // a bug or a broken answer from the other side
};

std::string_view ToString(Errc code);

struct Error {
  Errc code = Errc::kInternal;
  std::string message;  // what happened, to what, and what to do next; never holds a secret

  // The same error with the circumstances in front: "placing order X: connection refused".
  Error Within(std::string_view context) const;
};

// A value or an Error. Used on paths that are expected to fail; exceptions are for broken invariants.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  // Precondition: ok().
  T& value() & { return Get(); }
  const T& value() const& { return const_cast<Result*>(this)->Get(); }
  T&& value() && { return std::move(Get()); }
  T& operator*() & { return Get(); }
  const T& operator*() const& { return const_cast<Result*>(this)->Get(); }
  T&& operator*() && { return std::move(Get()); }
  T* operator->() { return &Get(); }
  const T* operator->() const { return &const_cast<Result*>(this)->Get(); }

  // Precondition: !ok().
  const Error& error() const {
    QUANTUM_ASSERT(!ok());
    return *std::get_if<1>(&state_);
  }

 private:
  T& Get() {
    if (!ok()) {
      AssertionFailed("Result::value() of an error: " + std::get_if<1>(&state_)->message, __FILE__, __LINE__);
    }
    return *std::get_if<0>(&state_);
  }

  std::variant<T, Error> state_;
};

template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)), failed_(true) {}

  bool ok() const { return !failed_; }
  explicit operator bool() const { return ok(); }
  const Error& error() const {
    QUANTUM_ASSERT(failed_);
    return error_;
  }

 private:
  Error error_;
  bool failed_ = false;
};

using Status = Result<void>;

}  // namespace quantum

#define QUANTUM_CONCAT_(a, b) a##b
#define QUANTUM_CONCAT(a, b) QUANTUM_CONCAT_(a, b)
#define QUANTUM_TRY_(temporary, target, expression) \
  auto temporary = (expression);                    \
  if (!temporary.ok()) {                            \
    return temporary.error();                       \
  }                                                 \
  target = std::move(temporary).value()

// QUANTUM_TRY(auto rows, pool.Query(...)): the value, or return the error to our own caller.
#define QUANTUM_TRY(target, ...) QUANTUM_TRY_(QUANTUM_CONCAT(try_, __LINE__), target, (__VA_ARGS__))

// QUANTUM_CHECK(Save(...)): for a Status.
#define QUANTUM_CHECK(...)                           \
  if (auto status_ = (__VA_ARGS__); !status_.ok()) { \
    return status_.error();                          \
  }                                                  \
  static_assert(true)
