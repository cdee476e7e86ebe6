#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/clock.h"

// Who may write: a lease that Postgres keeps. No clocks are compared: who holds it counts from before it asked for a
// renewal, who waits from when it first saw that renewal. So the waiting one always waits for longer, and the row need
// not tell a time. Sans-I/O; times by the boot clock (Clock::Boot).
namespace quantum::execution {

inline constexpr Duration kLeaseLength = std::chrono::milliseconds(2500);
// What a process that has ended sent last is refused by the venue after so long: the receive window of 1 s that orders
// are signed with, and room for the error of its clock.
inline constexpr Duration kLastRequest = std::chrono::milliseconds(1500);
inline constexpr Duration kLeaseRenewEvery = std::chrono::milliseconds(500);
inline constexpr Duration kLeaseLookEvery = std::chrono::milliseconds(100);

// The row of execution_lease.
struct LeaseRow {
  std::string holder;
  int64_t token = 0;
  int64_t renewal = 0;
  bool released = true;  // its holder has ended in order
};

// The side of the one that waits.
class LeaseWatch {
 public:
  // The row as it was just read. `holder_ended`: its holder is known to have ended, and renews no more. True: take it,
  // if its token and renewal are still these.
  bool OnRow(const LeaseRow& row, SteadyTime now, bool holder_ended = false);
  // Postgres did not answer: its holder could not renew either, and gets its whole time anew.
  void OnNoAnswer() { seen_.reset(); }

 private:
  struct Seen {
    int64_t token = 0;
    int64_t renewal = 0;
    SteadyTime since{};
    std::optional<SteadyTime> ended;  // first known to have
  };
  std::optional<Seen> seen_;
};

// The side of the one that holds it.
class LeaseTerm {
 public:
  // A renewal was answered; `asked`: before it was sent.
  void OnRenewed(SteadyTime asked);
  // A renewal had no answer.
  void OnNoAnswer(SteadyTime now);

  // How long it holds for certain; not positive: another may hold it.
  Duration Left(SteadyTime now) const { return until_ - now; }
  // It has run out, and Postgres, asked since, does not answer: as far as can be known nobody else can hold it either.
  bool PostgresAway(SteadyTime now) const { return Left(now) <= Duration::zero() && no_answer_since_expiry_; }

 private:
  SteadyTime until_{};
  bool no_answer_since_expiry_ = false;
};

}  // namespace quantum::execution
