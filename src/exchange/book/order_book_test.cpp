#include "exchange/book/order_book.h"

#include <gtest/gtest.h>
#include <rapidcheck.h>

#include <map>

namespace quantum::exchange {
namespace {

using trading::operator""_dec;

TEST(OrderBook, KeepsTheBestLevelsFirstAndRemovesALevelOfQuantityZero) {
  OrderBook book;
  book.Load({.last_update_id = 1,
             .bids = {{"100.1"_dec, "1"_dec}, {"100.0"_dec, "2"_dec}},
             .asks = {{"100.2"_dec, "3"_dec}, {"100.3"_dec, "4"_dec}}});
  EXPECT_EQ(book.best_bid()->price, "100.1"_dec);
  EXPECT_EQ(book.best_ask()->price, "100.2"_dec);
  book.Apply({.bids = {{"100.1"_dec, "0"_dec}, {"99.9"_dec, "5"_dec}}, .asks = {{"100.2"_dec, "0.5"_dec}}});
  EXPECT_EQ(book.best_bid()->price, "100.0"_dec);
  EXPECT_EQ(book.best_ask()->quantity, "0.5"_dec);
  EXPECT_EQ(book.bids().At(1).price, "99.9"_dec);
  EXPECT_FALSE(book.crossed());
}

TEST(OrderBook, IsCrossedWhenABidMeetsAnAsk) {
  OrderBook book;
  book.Apply({.bids = {{"10"_dec, "1"_dec}}, .asks = {{"10"_dec, "1"_dec}}});
  EXPECT_TRUE(book.crossed());
}

TEST(OrderBook, DropsTheLevelsFarthestFromTheMarketBeyondItsLimit) {
  OrderBook book(8);
  for (int price = 1; price <= 100; ++price) {
    book.Apply({.bids = {{Decimal::FromInt(price), "1"_dec}}});
  }
  EXPECT_LE(book.bids().size(), 9u);
  EXPECT_EQ(book.best_bid()->price, Decimal::FromInt(100));
}

TEST(OrderBook, HoldsTheSameLevelsAsAMapAfterAnyUpdates) {
  const bool held = rc::check([] {
    BookSide side(trading::Side::kSell, 1000);
    std::map<int64_t, int64_t> model;
    const auto steps = *rc::gen::container<std::vector<std::pair<int, int>>>(
        rc::gen::pair(rc::gen::inRange(1, 50), rc::gen::inRange(0, 4)));
    for (const auto& [price, quantity] : steps) {
      side.Set(Decimal::FromInt(price), Decimal::FromInt(quantity));
      if (quantity == 0) {
        model.erase(price);
      } else {
        model[price] = quantity;
      }
    }
    RC_ASSERT(side.size() == model.size());
    size_t index = 0;
    for (const auto& [price, quantity] : model) {
      RC_ASSERT(side.At(index).price == Decimal::FromInt(price));
      RC_ASSERT(side.At(index).quantity == Decimal::FromInt(quantity));
      ++index;
    }
  });
  EXPECT_TRUE(held);
}

}  // namespace
}  // namespace quantum::exchange
