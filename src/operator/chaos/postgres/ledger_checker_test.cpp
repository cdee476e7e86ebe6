#include "operator/chaos/postgres/ledger_checker.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::operate::chaos {
namespace {

using namespace std::chrono_literals;
using ::testing::ElementsAre;
using ::testing::HasSubstr;

Operation Transfer(int64_t key) { return {.key = key, .source = 1, .target = 2, .amount = 10}; }
Operation Trade(int64_t key) { return {.key = key, .client = 3, .kind = Operation::Kind::kTrade}; }

SteadyTime At(int seconds) { return SteadyTime{} + std::chrono::seconds(seconds); }

// The books before anything was done.
Books Empty() {
  Books books;
  for (int account = 1; account <= kAccounts; ++account) {
    books.balances[account] = kStartBalance;
  }
  books.counted[3] = 0;
  return books;
}

Books WithTransfer(int64_t key) {
  Books books = Empty();
  books.transfers.push_back({.key = key, .source = 1, .target = 2, .amount = 10});
  books.balances[1] -= 10;
  books.balances[2] += 10;
  return books;
}

TEST(LedgerChecker, FindsNothingWhereEveryAcknowledgedOperationStandsOnce) {
  LedgerChecker checker;
  checker.Begin(Transfer(1), At(1));
  checker.Acknowledge(1, {.timeline = 1, .applied = true}, false, At(2));
  checker.Begin(Transfer(2), At(2));
  checker.Refuse(2);
  checker.Begin(Transfer(3), At(3));  // nobody knows, and it may be there or not
  EXPECT_EQ(checker.Judge(WithTransfer(1)).total(), 0u);
  EXPECT_EQ(checker.seen().acknowledged, 1u);
  EXPECT_EQ(checker.seen().refused, 1u);
  EXPECT_EQ(checker.seen().unknown, 1u);
}

TEST(LedgerChecker, CountsWhatIsLost) {
  LedgerChecker checker;
  checker.Begin(Transfer(1), At(1));
  checker.Acknowledge(1, {.timeline = 1, .applied = true}, false, At(2));
  EXPECT_EQ(checker.Judge(Empty()).lost, 1u);
  EXPECT_THAT(checker.examples(), ElementsAre(HasSubstr("1 was acknowledged and is not in the books")));
}

TEST(LedgerChecker, CountsEffectsBeyondTheRows) {
  LedgerChecker checker;
  checker.Begin(Transfer(1), At(1));
  checker.Begin(Trade(2), At(1));
  Books books = WithTransfer(1);
  books.balances[1] -= 10;  // moved twice
  books.balances[2] += 10;
  books.trades.push_back({.key = 2, .client = 3});
  books.counted[3] = 2;
  const Violations found = checker.Judge(books);
  EXPECT_EQ(found.doubled, 3u);  // two accounts, one trade
  EXPECT_EQ(found.missing_money, 0u);
}

TEST(LedgerChecker, SeesThatMoneyIsMissing) {
  LedgerChecker checker;
  checker.Begin(Transfer(1), At(1));
  Books books = WithTransfer(1);
  books.balances[2] -= 10;  // taken, and never given
  EXPECT_EQ(checker.Judge(books).missing_money, 10u);
}

TEST(LedgerChecker, CountsWhatNobodyDidAndWhatWasRefused) {
  LedgerChecker checker;
  EXPECT_EQ(checker.Judge(WithTransfer(1)).invented, 1u);
  checker.Begin(Transfer(1), At(1));
  checker.Refuse(1);
  EXPECT_EQ(checker.Judge(WithTransfer(1)).contradicted, 1u);
  Books books = WithTransfer(1);
  books.transfers[0].amount = 11;
  EXPECT_EQ(checker.Judge(books).invented, 1u) << "other contents";
}

TEST(LedgerChecker, CountsACommitOfADeposedPrimary) {
  LedgerChecker checker;
  for (int64_t key = 1; key <= 3; ++key) {
    checker.Begin(Transfer(key), At(key == 3 ? 5 : 1));
  }
  checker.Acknowledge(1, {.timeline = 2, .applied = true}, false, At(3));
  checker.Acknowledge(2, {.timeline = 1, .applied = true}, false, At(4));  // begun before: it may have come first
  EXPECT_EQ(checker.Judge(Empty()).deposed, 0u);
  checker.Acknowledge(3, {.timeline = 1, .applied = true}, false, At(6));
  EXPECT_EQ(checker.Judge(Empty()).deposed, 1u);
}

TEST(LedgerChecker, TellsARepeatThatFoundItsFirstAttemptCommitted) {
  LedgerChecker checker;
  checker.Begin(Transfer(1), At(1));
  checker.Acknowledge(1, {.timeline = 1, .applied = false}, true, At(2));
  EXPECT_EQ(checker.seen().repeated, 1u);
  EXPECT_EQ(checker.seen().found, 1u);
}

}  // namespace
}  // namespace quantum::operate::chaos
