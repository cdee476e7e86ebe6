#include "services/execution/lease_core.h"

#include <gtest/gtest.h>

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kBegin{1h};
constexpr Duration kMoment = 1ns;

LeaseRow RowOf(int64_t token, int64_t renewal) {
  return {.holder = "other", .token = token, .renewal = renewal, .released = false};
}

TEST(LeaseWatch, WhatWasGivenBackIsTakenAtOnce) {
  LeaseRow row = RowOf(3, 7);
  row.released = true;
  EXPECT_TRUE(LeaseWatch().OnRow(row, kBegin));
}

TEST(LeaseWatch, ARenewalThatDoesNotChangeForTheWholeLengthIsGivenUp) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), kBegin));
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), kBegin + kLeaseLength - kMoment));
  EXPECT_TRUE(watch.OnRow(RowOf(3, 7), kBegin + kLeaseLength));
}

TEST(LeaseWatch, EveryRenewalAndEveryNewHolderBeginsTheTimeAnew) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), kBegin));
  EXPECT_FALSE(watch.OnRow(RowOf(3, 8), kBegin + kLeaseLength));
  EXPECT_FALSE(watch.OnRow(RowOf(4, 8), kBegin + 2 * kLeaseLength));
  EXPECT_TRUE(watch.OnRow(RowOf(4, 8), kBegin + 3 * kLeaseLength));
}

// Its holder could not renew either: it lives, and gets its whole time after Postgres is back.
TEST(LeaseWatch, TimeInWhichPostgresDoesNotAnswerIsNotCounted) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), kBegin));
  watch.OnNoAnswer();
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), kBegin + 10s));
  EXPECT_TRUE(watch.OnRow(RowOf(3, 7), kBegin + 10s + kLeaseLength));
}

TEST(LeaseWatch, OfAHolderThatHasEndedOnlyItsLastRequestIsWaitedOut) {
  LeaseWatch watch;
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), kBegin));
  const SteadyTime known = kBegin + 300ms;
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), known, true));
  EXPECT_FALSE(watch.OnRow(RowOf(3, 7), known + kLastRequest - kMoment, true));
  EXPECT_TRUE(watch.OnRow(RowOf(3, 7), known + kLastRequest, true));
  EXPECT_FALSE(watch.OnRow(RowOf(4, 8), known + kLastRequest)) << "another holds it, who lives";
  static_assert(kLastRequest < kLeaseLength);
}

TEST(LeaseTerm, CountsFromBeforeTheRenewalWasSent) {
  LeaseTerm term;
  EXPECT_LE(term.Left(kBegin), 0ns);
  term.OnRenewed(kBegin);
  EXPECT_EQ(term.Left(kBegin + 400ms), kLeaseLength - 400ms);
  EXPECT_EQ(term.Left(kBegin + kLeaseLength), 0ns);
}

// The holder's time is over before that of whoever waits, however the two clocks stand and however long answers take.
TEST(LeaseTerm, EndsBeforeAnybodyElseMayTakeIt) {
  for (const Duration answer : {0ms, 1ms, 400ms, 3000ms}) {
    LeaseTerm term;
    LeaseWatch watch;
    term.OnRenewed(kBegin);
    const SteadyTime first_seen = kBegin + answer;  // at the earliest: it was asked for before
    EXPECT_FALSE(watch.OnRow(RowOf(1, 1), first_seen));
    const SteadyTime taken = first_seen + kLeaseLength;
    EXPECT_TRUE(watch.OnRow(RowOf(1, 1), taken));
    EXPECT_LE(term.Left(taken), 0ns);
  }
}

// Woken from a long stop it does not know whether Postgres is away, or gave the lease to another: it asks first.
TEST(LeaseTerm, OnlyAnUnansweredRenewalAfterTheExpirySaysThatPostgresIsAway) {
  LeaseTerm term;
  term.OnRenewed(kBegin);
  term.OnNoAnswer(kBegin + 1s);
  EXPECT_FALSE(term.PostgresAway(kBegin + 1s)) << "it still holds";
  EXPECT_FALSE(term.PostgresAway(kBegin + 1h)) << "nobody was asked since it ran out";
  term.OnNoAnswer(kBegin + 1h);
  EXPECT_TRUE(term.PostgresAway(kBegin + 1h));
  term.OnRenewed(kBegin + 2h);
  EXPECT_FALSE(term.PostgresAway(kBegin + 3h));
}

}  // namespace
}  // namespace quantum::execution
