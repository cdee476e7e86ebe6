#pragma once

#include <gtest/gtest.h>

#include <string>
#include <utility>
#include <vector>

#include "exchange/paper/engine/engine.h"

namespace quantum::paper {

// A BTCUSDT book that the test moves by hand: bids 1 at 60000 and 10 at 59999.9, asks 0.002 at 60000.1 and 10 at
// 60000.2.
class EngineFixture : public ::testing::Test {
 protected:
  static constexpr int64_t kNow = 1'700'000'000'000;

  static Decimal D(const char* text) { return *Decimal::Parse(text); }

  static Account Opened() {
    Account account;
    account.Apply(WalletOpened{D("10000")});
    return account;
  }

  EngineFixture() : engine({"BTCUSDT"}, Opened()) {
    BookReset reset{
        "BTCUSDT",
        {100, {{D("60000"), D("1")}, {D("59999.9"), D("10")}}, {{D("60000.1"), D("0.002")}, {D("60000.2"), D("10")}}}};
    engine.OnMarket({0, reset}, kNow);
  }

  void Depth(std::vector<PriceLevel> bids, std::vector<PriceLevel> asks) {
    DepthUpdate update{"BTCUSDT", update_id + 1, update_id + 10, update_id, 0, std::move(bids), std::move(asks)};
    update_id += 10;
    ASSERT_EQ(engine.OnMarket({0, std::move(update)}, kNow), Book::Applied::kApplied);
  }
  void Ticker(PriceLevel bid, PriceLevel ask) {
    engine.OnMarket({0, BookTicker{"BTCUSDT", update_id + 5, bid, ask, 0}}, kNow);
  }
  void Trade(Decimal price, Decimal quantity, bool buyer_is_maker) {
    engine.OnMarket({0, MarketTrade{"BTCUSDT", ++trade_id, price, quantity, buyer_is_maker, 0, 0}}, kNow);
  }
  static OrderRequest Market(Side side, Decimal quantity) {
    OrderRequest request;
    request.symbol = "BTCUSDT";
    request.side = side;
    request.market = true;
    request.quantity = quantity;
    return request;
  }
  static OrderRequest Limit(Side side, Decimal quantity, Decimal price) {
    OrderRequest request = Market(side, quantity);
    request.market = false;
    request.price = price;
    return request;
  }
  static AlgoRequest Stop(Decimal trigger, Decimal quantity) {
    AlgoRequest request;
    request.client_id = "the-stop";
    request.symbol = "BTCUSDT";
    request.side = Side::kSell;
    request.type = "STOP_MARKET";
    request.quantity = quantity;
    request.trigger_price = trigger;
    request.reduce_only = true;
    return request;
  }
  Execution Status(const PaperOrder& order) const { return engine.account().FindOrder(order.order_id)->status; }

  Engine engine;
  int64_t update_id = 100;
  int64_t trade_id = 0;
};

}  // namespace quantum::paper
