#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"

namespace quantum::postgres {

// Why an operation failed, and what is certain about its effect: this decides whether it may be repeated.
struct Failure {
  Error error;
  bool no_effect = false;  // it is certain that nothing was changed
  bool transient = false;  // the same may succeed when run again

  // Whether to run the transaction again. A lost outcome is repeated only where a repeat does no harm.
  bool RetrySafe(bool idempotent) const { return no_effect ? transient : idempotent; }
};

// The statements of one pipeline, up to its Sync, in a transaction opened by BEGIN: what the answers (or their absence)
// say about the outcome. Sans-I/O: told of each answer in the order of the wire.
//
// What it rests on: the server works through a pipeline in order and skips everything after an error. Hence an answer
// that is an error before COMMIT means the transaction is rolled back, though COMMIT had been sent too. A connection
// lost before COMMIT was sent means the same. Once COMMIT is sent, only its answer tells.
class Flight {
 public:
  enum class Step { kBegin, kSetting, kStatement, kCommit };

  explicit Flight(std::vector<Step> steps);

  // The answer to the current step.
  void OnDone(std::string_view tag);  // the command tag: a COMMIT of a failed transaction answers ROLLBACK
  void OnSkipped();
  void OnError(std::string_view sqlstate, std::string_view message, bool fatal);
  // A WARNING that came while the current step was worked on.
  void OnWarning(std::string_view sqlstate, std::string_view message);
  // No more answers will come.
  void OnLost(std::string_view why);
  void OnDeadline();

  size_t answered() const { return answered_; }
  bool finished() const { return ended_ || answered_ == steps_.size(); }  // but for the Sync
  bool ended() const { return ended_; }                                   // early: the connection is of no use any more
  Step current() const { return steps_[answered_]; }
  const std::optional<Failure>& failure() const { return failure_; }

 private:
  bool HoldsCommit() const { return !steps_.empty() && steps_.back() == Step::kCommit; }
  void Fail(Failure failure);

  std::vector<Step> steps_;
  size_t answered_ = 0;
  bool ended_ = false;
  std::string commit_doubt_;
  std::optional<Failure> failure_;
};

// "SQLSTATE message" with its code.
Error MakeError(Errc code, std::string_view sqlstate, std::string_view message);

}  // namespace quantum::postgres
