#include "platform/postgres/flight.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::postgres {
namespace {

using Step = Flight::Step;
using ::testing::StartsWith;

Flight Batch() { return Flight({Step::kBegin, Step::kSetting, Step::kStatement, Step::kSetting, Step::kCommit}); }
Flight Statement() { return Flight({Step::kBegin, Step::kSetting, Step::kStatement}); }

void Advance(Flight& flight, int steps) {
  for (int i = 0; i < steps; ++i) {
    flight.OnDone(flight.current() == Step::kCommit ? "COMMIT" : "OK");
  }
}

TEST(Flight, SucceedsWhenEveryAnswerIsGood) {
  Flight flight = Batch();
  Advance(flight, 5);
  EXPECT_TRUE(flight.finished());
  EXPECT_FALSE(flight.ended());
  EXPECT_FALSE(flight.failure());
}

TEST(Flight, AnErrorBeforeCommitHasNoEffectAndTheFirstOneCounts) {
  Flight flight = Batch();
  Advance(flight, 2);
  flight.OnError("23505", "duplicate key", false);
  flight.OnSkipped();
  flight.OnSkipped();
  ASSERT_TRUE(flight.finished());
  ASSERT_TRUE(flight.failure());
  EXPECT_EQ(flight.failure()->error.code, Errc::kConflict);
  EXPECT_EQ(flight.failure()->error.message, "23505 duplicate key");
  EXPECT_TRUE(flight.failure()->no_effect);
  EXPECT_FALSE(flight.failure()->RetrySafe(true)) << "the same statement fails the same way";
}

TEST(Flight, ASerializationFailureIsRetriedWhetherIdempotentOrNot) {
  for (const int answered : {2, 4}) {  // in the statement, and at COMMIT
    Flight flight = Batch();
    Advance(flight, answered);
    flight.OnError("40001", "could not serialize", false);
    EXPECT_TRUE(flight.failure()->RetrySafe(false)) << answered;
  }
}

TEST(Flight, AConnectionLostOnceCommitIsSentLeavesTheOutcomeUnknown) {
  for (int answered = 0; answered < 5; ++answered) {
    Flight flight = Batch();
    Advance(flight, answered);
    flight.OnLost("the server closed the connection");
    ASSERT_TRUE(flight.failure()) << answered;
    EXPECT_EQ(flight.failure()->error.code, Errc::kUnknownOutcome);
    EXPECT_THAT(flight.failure()->error.message, StartsWith("08007 "));
    EXPECT_FALSE(flight.failure()->RetrySafe(false));
    EXPECT_TRUE(flight.failure()->RetrySafe(true));
  }
}

TEST(Flight, AConnectionLostAfterTheAnswerToCommitIsASuccess) {
  Flight flight = Batch();
  Advance(flight, 5);
  flight.OnLost("the server closed the connection");
  flight.OnDeadline();
  EXPECT_FALSE(flight.failure());
}

TEST(Flight, AConnectionLostBeforeCommitWasSentIsRolledBackAndMayBeRetried) {
  Flight flight = Statement();
  Advance(flight, 1);
  flight.OnLost("the server closed the connection");
  EXPECT_EQ(flight.failure()->error.code, Errc::kUnavailable);
  EXPECT_TRUE(flight.failure()->RetrySafe(false));
}

TEST(Flight, ADeadlineIsATimeoutOnlyWhenCommitWasNotSent) {
  Flight statement = Statement();
  statement.OnDeadline();
  EXPECT_EQ(statement.failure()->error.code, Errc::kTimeout);
  EXPECT_TRUE(statement.failure()->no_effect);

  Flight batch = Batch();
  batch.OnDeadline();
  EXPECT_EQ(batch.failure()->error.code, Errc::kUnknownOutcome);
  EXPECT_TRUE(batch.ended());
}

TEST(Flight, AServerThatShutsDownBeforeCommitHasRolledBackAtCommitItMayNotHave) {
  Flight before = Batch();
  Advance(before, 2);
  before.OnError("57P01", "terminating connection", true);
  EXPECT_EQ(before.failure()->error.code, Errc::kUnavailable);
  EXPECT_TRUE(before.failure()->RetrySafe(false));

  Flight at_commit = Batch();
  Advance(at_commit, 4);
  at_commit.OnError("57P01", "terminating connection", true);
  EXPECT_EQ(at_commit.failure()->error.code, Errc::kUnknownOutcome);
}

TEST(Flight, PgBouncersWordOnADeadServerIsNotTrustedButItsRefusalIs) {
  Flight crashed = Batch();
  crashed.OnError("08P01", "server conn crashed?", true);
  EXPECT_EQ(crashed.failure()->error.code, Errc::kUnknownOutcome);

  Flight refused = Batch();
  refused.OnError("08P01", "query_wait_timeout", true);
  EXPECT_EQ(refused.failure()->error.code, Errc::kUnavailable);
  EXPECT_TRUE(refused.failure()->RetrySafe(false));
}

TEST(Flight, AWarning01000AtCommitMeansThatTheStandbyMayNotHaveIt) {
  Flight flight = Batch();
  Advance(flight, 4);
  flight.OnWarning("01000", "canceling wait for synchronous replication due to user request");
  Advance(flight, 1);
  ASSERT_TRUE(flight.failure());
  EXPECT_EQ(flight.failure()->error.code, Errc::kUnknownOutcome);
}

TEST(Flight, OtherWarningsAndThoseOfStatementsAreHarmless) {
  Flight flight = Batch();
  Advance(flight, 2);
  flight.OnWarning("01000", "raised by a function");
  Advance(flight, 2);
  flight.OnWarning("25P01", "there is no transaction in progress");
  Advance(flight, 1);
  EXPECT_FALSE(flight.failure());
}

TEST(Flight, ACommitThatAnswersRollbackIsAFailure) {
  Flight flight = Batch();
  Advance(flight, 4);
  flight.OnDone("ROLLBACK");
  ASSERT_TRUE(flight.failure());
  EXPECT_TRUE(flight.failure()->no_effect);
}

}  // namespace
}  // namespace quantum::postgres
