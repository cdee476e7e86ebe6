#include "operator/verify/compare.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;
using trading::Decimal;
using trading::OrderStatus;

Decimal D(const char* text) { return Decimal::Parse(text).value(); }

Ledger Sample() {
  Ledger ledger;
  ledger.orders["qt-1"] = {.symbol = "BTCUSDT", .status = OrderStatus::kFilled, .filled_quantity = D("0.5")};
  trading::Fill fill;
  fill.symbol = "BTCUSDT";
  fill.trade_id = 7;
  fill.price = D("60000");
  fill.quantity = D("0.5");
  fill.fee = D("12");
  ledger.fills[{"BTCUSDT", 7}] = fill;
  ledger.positions["BTCUSDT"] = D("0.5");
  ledger.wallet = D("9988");
  return ledger;
}

TEST(Compare, TwoEqualSidesHaveNoDifference) { EXPECT_THAT(Compare(Sample(), Sample()), IsEmpty()); }

TEST(Compare, AnIntentThatWasNeverSentIsNoDifference) {
  Ledger postgres = Sample();
  postgres.orders["qt-2"] = {.symbol = "BTCUSDT", .status = OrderStatus::kIntent, .filled_quantity = {}};
  EXPECT_THAT(Compare(postgres, Sample()), IsEmpty());
}

TEST(Compare, ALegThatWasCanceledBeforeItWasSentIsNoDifference) {
  Ledger postgres = Sample();
  postgres.orders["qt-2"] = {.symbol = "BTCUSDT", .status = OrderStatus::kCanceled, .acknowledged = false};
  EXPECT_THAT(Compare(postgres, Sample()), IsEmpty());
  postgres.orders["qt-2"].acknowledged = true;
  EXPECT_THAT(Compare(postgres, Sample()), ElementsAre("order qt-2: CANCELED in Postgres, unknown to the exchange"));
}

TEST(Compare, NamesEveryRowThatDiffersOrIsMissingOnEitherSide) {
  Ledger venue = Sample();
  venue.orders["qt-1"].status = OrderStatus::kPartiallyFilled;
  venue.orders["qt-3"] = {.symbol = "BTCUSDT", .status = OrderStatus::kNew, .filled_quantity = {}};
  venue.orders["autoclose-4"] = {.symbol = "BTCUSDT", .status = OrderStatus::kFilled, .filled_quantity = D("0.5")};
  venue.fills[{"BTCUSDT", 7}].fee = D("13");
  venue.fills[{"BTCUSDT", 8}] = {};
  venue.positions.clear();
  venue.wallet = D("9987");
  EXPECT_THAT(Compare(Sample(), venue), ElementsAre("order qt-1: FILLED in Postgres, PARTIALLY_FILLED at the exchange",
                                                    "order qt-3: NEW at the exchange, not in Postgres",
                                                    "fill BTCUSDT 7: fee 12 in Postgres, 13 at the exchange",
                                                    "fill BTCUSDT 8: at the exchange, not in Postgres",
                                                    "position BTCUSDT: 0.5 in Postgres, 0 at the exchange",
                                                    "balance: 9988 by the fills in Postgres, 9987 at the exchange"));
}

TEST(Compare, AnUnknownBalanceIsNotCompared) {
  Ledger venue = Sample();
  venue.wallet.reset();
  EXPECT_THAT(Compare(Sample(), venue), IsEmpty());
}

TEST(Compare, WhatTheVenueNoLongerKeepsIsCountedAndNotCompared) {
  Ledger postgres = Sample();
  postgres.orders["qt-old"] = {.symbol = "BTCUSDT", .status = OrderStatus::kFilled, .exchange_id = 99};
  postgres.orders["qt-lost"] = {.symbol = "BTCUSDT", .status = OrderStatus::kFilled, .exchange_id = 100};
  postgres.orders["qt-open"] = {.symbol = "BTCUSDT", .status = OrderStatus::kNew, .exchange_id = 98};
  postgres.orders["qt-stop"] = {
      .symbol = "BTCUSDT", .status = OrderStatus::kCanceled, .conditional = true, .exchange_id = 120};
  postgres.fills[{"BTCUSDT", 5}] = {};
  Ledger venue = Sample();
  venue.orders_from = 100;
  venue.algos_from = 200;
  venue.fills_from["BTCUSDT"] = 7;
  const Beyond beyond = RemoveBeyond(postgres, venue);
  EXPECT_EQ(beyond.orders, 2u);
  EXPECT_EQ(beyond.fills, 1u);
  EXPECT_THAT(Compare(postgres, venue), ElementsAre("order qt-lost: FILLED in Postgres, unknown to the exchange",
                                                    "order qt-open: NEW in Postgres, unknown to the exchange"));
}

TEST(Looks, OneIsEnoughWhereNothingDiffers) {
  Looks looks;
  EXPECT_FALSE(looks.sure());
  looks.Add({});
  EXPECT_TRUE(looks.sure());
}

TEST(Looks, WhatIsGoneAtOneOfThemWasInTheAir) {
  Looks looks;
  looks.Add({"order a: x", "order b: x"});
  looks.Add({"order b: x", "order c: x"});
  EXPECT_THAT(looks.lasting(), ElementsAre("order b: x"));
  EXPECT_FALSE(looks.sure());
  looks.Add({"order a: x"});
  EXPECT_THAT(looks.lasting(), IsEmpty());
  EXPECT_TRUE(looks.sure());
}

TEST(Looks, ABalanceThatIsWrongByTheSameAmountLastsThoughItsNumbersMove) {
  Looks looks;
  for (int i = 0; i < Looks::kMost; ++i) {
    EXPECT_FALSE(looks.sure());
    looks.Add({"balance: " + std::to_string(9000 + i) + " in Postgres, " + std::to_string(9001 + i)});
  }
  EXPECT_TRUE(looks.sure());
  EXPECT_THAT(looks.lasting(), ElementsAre("balance: 9007 in Postgres, 9008"));
}

TEST(Looks, TheSameFourTimesIsEnough) {
  Looks looks;
  looks.Add({"order a: in the air", "position X: 1"});
  for (int i = 0; i < Looks::kSame; ++i) {
    EXPECT_FALSE(looks.sure());
    looks.Add({"position X: 1"});
  }
  EXPECT_TRUE(looks.sure());
  EXPECT_THAT(looks.lasting(), ElementsAre("position X: 1"));
}

}  // namespace
}  // namespace quantum::operate
