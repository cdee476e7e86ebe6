#include "exchange/paper/market/book.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <map>

namespace quantum::paper {
namespace {

using trading::operator""_dec;

DepthUpdate Update(int64_t first, int64_t last, int64_t previous, std::vector<PriceLevel> bids = {}) {
  return {"BTCUSDT", first, last, previous, 0, std::move(bids), {}};
}

Book SmallBook() {
  Book book("0.1"_dec);
  book.Reset({100, {{"10.0"_dec, "1"_dec}, {"9.9"_dec, "2"_dec}}, {{"10.1"_dec, "3"_dec}}});
  return book;
}

TEST(Book, TakesTheFirstUpdateOnlyWhenItSpansTheSnapshot) {
  Book book = SmallBook();
  EXPECT_EQ(book.Apply(Update(90, 99, 89)), Book::Applied::kOld);
  EXPECT_EQ(book.Apply(Update(101, 105, 99)), Book::Applied::kGap);
  EXPECT_EQ(book.Apply(Update(95, 105, 94, {{"10.0"_dec, "0"_dec}})), Book::Applied::kApplied);
  EXPECT_EQ(book.bids().best().ticks, 99);
  EXPECT_EQ(book.last_update_id(), 105);
}

TEST(Book, ReportsAGapWhenAnUpdateIsMissing) {
  Book book = SmallBook();
  ASSERT_EQ(book.Apply(Update(95, 105, 94)), Book::Applied::kApplied);
  EXPECT_EQ(book.Apply(Update(112, 115, 110)), Book::Applied::kGap);
  EXPECT_EQ(book.Apply(Update(107, 110, 105)), Book::Applied::kApplied);
  EXPECT_EQ(book.Apply(Update(107, 110, 105)), Book::Applied::kOld);
}

TEST(Book, GivesLevelsBestFirst) {
  const DepthSnapshot snapshot = SmallBook().Snapshot(1);
  ASSERT_EQ(snapshot.bids.size(), 1u);
  EXPECT_EQ(snapshot.bids[0].price, "10"_dec);
  EXPECT_EQ(snapshot.asks[0].price, "10.1"_dec);
}

RC_GTEST_PROP(BookSide, HoldsWhatAMapWouldHold, ()) {
  const bool bids = *rc::gen::arbitrary<bool>();
  BookSide side(bids);
  std::map<int64_t, Decimal> expected;
  const auto changes = *rc::gen::container<std::vector<std::pair<int, int>>>(
      rc::gen::pair(rc::gen::inRange(0, 20), rc::gen::inRange(0, 3)));
  for (const auto& [ticks, quantity] : changes) {
    side.Set(ticks, Decimal::FromInt(quantity));
    if (quantity == 0) {
      expected.erase(ticks);
    } else {
      expected[ticks] = Decimal::FromInt(quantity);
    }
  }
  RC_ASSERT(side.size() == expected.size());
  std::optional<int64_t> before;
  for (const BookSide::Level& level : side) {
    RC_ASSERT(expected.at(level.ticks) == level.quantity);
    RC_ASSERT(!before || side.Better(*before, level.ticks));
    before = level.ticks;
  }
}

}  // namespace
}  // namespace quantum::paper
