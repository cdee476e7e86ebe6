#include "exchange/book/local_book.h"

#include <gtest/gtest.h>

namespace quantum::exchange {
namespace {

using trading::operator""_dec;
using State = LocalBook::State;
using Verdict = LocalBook::Verdict;

DepthSnapshot Snapshot(int64_t last) {
  return {.last_update_id = last, .bids = {{"99"_dec, "1"_dec}}, .asks = {{"101"_dec, "1"_dec}}};
}

DepthUpdate Update(int64_t first, int64_t last, int64_t previous) {
  return {.symbol = "BTCUSDT",
          .first_update_id = first,
          .last_update_id = last,
          .previous_update_id = previous,
          .bids = {{"99.5"_dec, Decimal::FromInt(last)}}};
}

TEST(LocalBook, BuffersUntilASnapshotComesAndThenFollowsTheChain) {
  LocalBook book;
  EXPECT_EQ(book.Apply(Update(90, 95, 89)), Verdict::kBuffered);
  EXPECT_EQ(book.Apply(Update(96, 105, 95)), Verdict::kBuffered);
  ASSERT_TRUE(book.Load(Snapshot(100)).ok());
  EXPECT_EQ(book.state(), State::kSynced);
  EXPECT_EQ(book.last_update_id(), 105);
  EXPECT_EQ(book.book().best_bid()->price, "99.5"_dec);
  EXPECT_EQ(book.Apply(Update(110, 112, 105)), Verdict::kApplied);
}

struct FirstUpdate {
  const char* what;
  int64_t first, last, previous;
  Verdict verdict;
};

// The snapshot is 100; what the first update after it may look like.
TEST(LocalBook, JoinsTheFirstUpdateByTheFuturesRule) {
  const FirstUpdate table[] = {
      {"entirely before the snapshot", 90, 99, 89, Verdict::kOld},
      {"ends at the snapshot", 95, 100, 94, Verdict::kApplied},
      {"straddles the snapshot", 95, 105, 94, Verdict::kApplied},
      {"begins at the snapshot", 100, 105, 99, Verdict::kApplied},
      {"follows the snapshot directly", 102, 105, 100, Verdict::kApplied},
      {"begins after the snapshot", 101, 105, 101, Verdict::kGap},
      {"begins far after the snapshot", 200, 205, 199, Verdict::kGap},
  };
  for (const FirstUpdate& row : table) {
    LocalBook book;
    ASSERT_TRUE(book.Load(Snapshot(100)).ok());
    EXPECT_EQ(book.Apply(Update(row.first, row.last, row.previous)), row.verdict) << row.what;
  }
}

TEST(LocalBook, LosesItsBookWhenAnUpdateIsMissing) {
  LocalBook book;
  ASSERT_TRUE(book.Load(Snapshot(100)).ok());
  ASSERT_EQ(book.Apply(Update(100, 105, 99)), Verdict::kApplied);
  EXPECT_EQ(book.Apply(Update(108, 110, 107)), Verdict::kGap);
  EXPECT_EQ(book.state(), State::kGap);
  EXPECT_FALSE(book.book().best_bid());
  EXPECT_EQ(book.Apply(Update(111, 112, 110)), Verdict::kGap) << "stays lost until it is restarted";
  book.Restart();
  EXPECT_EQ(book.Apply(Update(113, 114, 112)), Verdict::kBuffered);
  EXPECT_TRUE(book.Load(Snapshot(113)).ok());
}

TEST(LocalBook, LosesItsBookWhenAnUpdateComesTwice) {
  LocalBook book;
  ASSERT_TRUE(book.Load(Snapshot(100)).ok());
  ASSERT_EQ(book.Apply(Update(100, 105, 99)), Verdict::kApplied);
  EXPECT_EQ(book.Apply(Update(100, 105, 99)), Verdict::kGap);
}

TEST(LocalBook, AsksForANewerSnapshotWhenItIsOlderThanTheBuffer) {
  LocalBook book;
  book.Apply(Update(200, 210, 199));
  const Status status = book.Load(Snapshot(100));
  ASSERT_FALSE(status.ok());
  EXPECT_EQ(status.error().code, Errc::kConflict);
  EXPECT_EQ(book.state(), State::kBuffering);
  EXPECT_TRUE(book.Load(Snapshot(205)).ok()) << "the buffer was kept";
  EXPECT_EQ(book.last_update_id(), 210);
}

TEST(LocalBook, RefusesABufferWithAGapInside) {
  LocalBook book;
  book.Apply(Update(100, 105, 99));
  book.Apply(Update(108, 110, 107));
  EXPECT_EQ(book.Load(Snapshot(102)).error().code, Errc::kInvalidArgument);
  EXPECT_EQ(book.state(), State::kGap);
}

TEST(LocalBook, RefusesACrossedSnapshotAndACrossingUpdate) {
  LocalBook book;
  EXPECT_FALSE(book.Load({.last_update_id = 1, .bids = {{"5"_dec, "1"_dec}}, .asks = {{"5"_dec, "1"_dec}}}).ok());
  EXPECT_EQ(book.state(), State::kGap);
  book.Restart();
  ASSERT_TRUE(book.Load(Snapshot(100)).ok());
  DepthUpdate crossing = Update(100, 101, 99);
  crossing.bids = {{"101"_dec, "1"_dec}};
  EXPECT_EQ(book.Apply(crossing), Verdict::kGap);
}

TEST(LocalBook, ItsBufferIsBounded) {
  LocalBook book(4);
  for (int64_t id = 1; id <= 100; ++id) {
    book.Apply(Update(id, id, id - 1));
  }
  EXPECT_EQ(book.buffered(), 4u);
}

}  // namespace
}  // namespace quantum::exchange
