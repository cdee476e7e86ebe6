#include "services/risk_safety/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>

namespace quantum::risk_safety {
namespace {

using trading::Side;
using trading::event::Decision;
using trading::event::Intent;
using trading::operator""_dec;

// A decision that passes everything, and the world in which it does. Each test spoils one thing.
struct World {
  World() {
    rules.symbol = "BTCUSDT";
    rules.tick_size = "0.1"_dec;
    rules.step_size = "0.001"_dec;
    rules.min_quantity = "0.001"_dec;
    rules.max_quantity = "1000"_dec;
    rules.market_max_quantity = "120"_dec;
    rules.min_price = "556.8"_dec;
    rules.max_price = "4529764"_dec;
    rules.min_notional = "100"_dec;
    policy = {.name = "NORMAL",
              .leverage_max = 5,
              .leverage_min = 1,
              .risk_per_trade_percent_max = "1.5"_dec,
              .daily_drawdown_percent_max = "5"_dec,
              .positions_max = 30,
              .confidence_min = 0.5,
              .scaling_factor = 1,
              .position_usd_max = "1000"_dec};
    decision.decision_id = "d-1";
    decision.symbol = "BTCUSDT";
    decision.quantity = "0.01"_dec;
    decision.reference_price = "60000"_dec;
    decision.leverage = 2;
    decision.stop_loss = "59400"_dec;
    decision.take_profit = "61000"_dec;
    decision.confidence = 0.8;
    decision.mode = "PAPER";
    decision.expires_at = ToUnixMs(now) + 1000;
    market = {.last_price = "60005"_dec, .mark_price = "60010"_dec, .age = std::chrono::milliseconds(100)};
    account = {.equity = "10000"_dec, .available = "10000"_dec, .day_start_equity = "10000"_dec};
  }

  std::vector<std::string> Codes() const {
    std::vector<std::string> codes;
    for (const auto& refusal : Check({.decision = decision,
                               .policy = policy,
                               .limits = limits,
                               .mode = "PAPER",
                               .rules = known ? &rules : nullptr,
                               .market = market,
                               .account = account,
                               .exposure = exposure,
                               .trading_state = trading_state,
                               .ess = ess,
                               .orders_last_minute = orders_last_minute,
                               .alone = alone,
                               .seen_before = seen_before,
                               .now = now})) {
      codes.push_back(refusal.code);
    }
    return codes;
  }

  WallTime now = FromUnixMs(1'723'161'256'299);
  Decision decision;
  Policy policy;
  CheckLimits limits;
  trading::SymbolRules rules;
  bool known = true;
  std::optional<MarketView> market;
  std::optional<AccountView> account;
  ExposureView exposure;
  TradingState trading_state = TradingState::kActive;
  EssState ess = EssState::kArmed;
  int orders_last_minute = 0;
  Duration alone{};
  bool seen_before = false;
};

TEST(Checks, ASoundDecisionPasses) { EXPECT_TRUE(World().Codes().empty()); }

struct Case {
  const char* code;
  std::function<void(World&)> spoil;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.code; }

class EachCheck : public testing::TestWithParam<Case> {};

TEST_P(EachCheck, RefusesWithItsCode) {
  World world;
  GetParam().spoil(world);
  EXPECT_THAT(world.Codes(), testing::Contains(GetParam().code));
}

const std::vector<Case>& AllCases() {
  static const std::vector<Case> cases = {
      Case{"MODE_MISMATCH", [](World& w) { w.decision.mode = "LIVE"; }},
      Case{"DUPLICATE_DECISION", [](World& w) { w.seen_before = true; }},
      Case{"DECISION_EXPIRED", [](World& w) { w.decision.expires_at = ToUnixMs(w.now); }},
      Case{"QUANTITY_NOT_POSITIVE", [](World& w) { w.decision.quantity = "-1"_dec; }},
      Case{"QUANTITY_PRECISION", [](World& w) { w.decision.quantity = "0.0105"_dec; }},
      Case{"QUANTITY_RANGE", [](World& w) { w.decision.quantity = "121"_dec; }},
      Case{"UNKNOWN_SYMBOL", [](World& w) { w.known = false; }},
      Case{"PRICE_PRECISION", [](World& w) { w.decision.price = "60000.05"_dec; }},
      Case{"PRICE_RANGE", [](World& w) { w.decision.price = "1"_dec; }},
      Case{"PRICE_PRECISION", [](World& w) { w.decision.stop_loss = "59400.01"_dec; }},
      Case{"PRICE_RANGE", [](World& w) { w.decision.stop_loss = "556.7"_dec; }},
      Case{"PRICE_RANGE", [](World& w) { w.decision.take_profit = "4529764.1"_dec; }},
      Case{"PRICE_RANGE",
           [](World& w) {  // on the right side, and no price
             w.decision.side = Side::kSell;
             w.decision.stop_loss = "60600"_dec;
             w.decision.take_profit = "-5"_dec;
           }},
      Case{"NOTIONAL_BELOW_MIN", [](World& w) { w.decision.quantity = "0.001"_dec; }},
      Case{"NOTIONAL_EXCEEDS_MAX", [](World& w) { w.decision.quantity = "0.017"_dec; }},
      Case{"PRICE_COLLAR", [](World& w) { w.market->mark_price = "50000"_dec; }},
      Case{"PRICE_COLLAR",
           [](World& w) {
             w.market->mark_price.reset();  // for want of it the last price
             w.market->last_price = "50000"_dec;
           }},
      Case{"STOP_LOSS_WRONG_SIDE", [](World& w) { w.market->mark_price = "59400"_dec; }},
      Case{"POSITION_EXCEEDS_MAX",
           [](World& w) { w.exposure.by_symbol["BTCUSDT"] = {.longs = "400.1"_dec, .shorts = "0"_dec}; }},
      Case{"EXPIRY_TOO_FAR", [](World& w) { w.decision.expires_at = ToUnixMs(w.now) + 86'400'001; }},
      Case{"QUANTITY_RANGE", [](World& w) { w.decision.quantity = "2000000"_dec; }},
      Case{"PRICE_RANGE", [](World& w) { w.decision.reference_price = "92233720368"_dec; }},
      Case{"PRICE_RANGE", [](World& w) { w.decision.reference_price = "0"_dec; }},
      Case{"PRICE_RANGE", [](World& w) { w.decision.price = "92233720368"_dec; }},
      Case{"NOTIONAL_EXCEEDS_MAX",
           [](World& w) {  // within the symbol's range, and the product is not
             w.rules.max_price = "92233720368"_dec;
             w.rules.market_max_quantity = "92233720368"_dec;
             w.decision.quantity = "2000000"_dec;
           }},
      Case{"LEVERAGE_OUT_OF_BOUNDS", [](World& w) { w.decision.leverage = 6; }},
      Case{"LEVERAGE_OUT_OF_BOUNDS", [](World& w) { w.decision.leverage = 0; }},
      Case{"CONFIDENCE_BELOW_MIN", [](World& w) { w.decision.confidence = 0.49; }},
      Case{"CONFIDENCE_BELOW_MIN", [](World& w) { w.decision.confidence = std::nan(""); }},
      Case{"RISK_PER_TRADE_EXCEEDS_MAX", [](World& w) { w.decision.stop_loss = "40000"_dec; }},
      Case{"DAILY_LOSS", [](World& w) { w.account->equity = "9500"_dec; }},
      Case{"MAX_POSITIONS", [](World& w) { w.exposure.slots_taken = 30; }},
      Case{"EXPOSURE_EXCEEDS_MAX", [](World& w) { w.exposure.notional_short = "29500"_dec; }},
      Case{"CONCENTRATION", [](World& w) { w.exposure.notional_long = "19500"_dec; }},
      Case{"INSUFFICIENT_BALANCE", [](World& w) { w.exposure.margin_reserved = "9800"_dec; }},
      Case{"INSUFFICIENT_BALANCE", [](World& w) { w.account->equity = "-1"_dec; }},
      Case{"ORDER_RATE", [](World& w) { w.orders_last_minute = 600; }},
      Case{"STALE_MARKET_DATA", [](World& w) { w.market->age = std::chrono::seconds(4); }},
      Case{"STALE_MARKET_DATA", [](World& w) { w.market.reset(); }},
      Case{"ACCOUNT_UNKNOWN", [](World& w) { w.account.reset(); }},
      Case{"ACCOUNT_UNKNOWN", [](World& w) { w.account->age = std::chrono::minutes(1); }},
      Case{"STOP_LOSS_MISSING", [](World& w) { w.decision.stop_loss.reset(); }},
      Case{"STOP_LOSS_WRONG_SIDE", [](World& w) { w.decision.stop_loss = "60000"_dec; }},
      Case{"STOP_LOSS_WRONG_SIDE", [](World& w) { w.decision.side = Side::kSell; }},
      Case{"TAKE_PROFIT_WRONG_SIDE", [](World& w) { w.decision.take_profit = "59000"_dec; }},
      Case{"NO_SYNCHRONOUS_STANDBY", [](World& w) { w.alone = w.limits.alone_max + std::chrono::milliseconds(1); }},
      Case{"TRADING_STATE", [](World& w) { w.trading_state = TradingState::kReducing; }},
      Case{"EMERGENCY_STOP", [](World& w) { w.ess = EssState::kCoolingDown; }}};
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Checks, EachCheck, testing::ValuesIn(AllCases()),
                         [](const auto& test) { return std::to_string(test.index) + "_" + test.param.code; });

TEST(Checks, EveryCheckOfAnOpeningIsSpoiltByATestAbove) {
  for (const std::string_view type : CheckTypes(Intent::kOpen)) {
    EXPECT_TRUE(std::ranges::any_of(AllCases(), [&](const Case& one) { return CheckTypeOf(one.code) == type; }))
        << type;
  }
}

TEST(Checks, RefusalsCarryTheLimitAndTheValue) {
  World world;
  world.decision.quantity = "0.02"_dec;
  const auto refusals = Check({.decision = world.decision,
                               .policy = world.policy,
                               .limits = world.limits,
                               .mode = "PAPER",
                               .rules = &world.rules,
                               .market = world.market,
                               .account = world.account,
                               .exposure = world.exposure,
                               .now = world.now});
  ASSERT_EQ(refusals.size(), 1U);
  EXPECT_EQ(refusals[0].code + ": " + refusals[0].detail, "NOTIONAL_EXCEEDS_MAX: max=1000 got=1200");
}

TEST(Checks, TheCollarAndTheStopAreJudgedAgainstTheMarkNotTheLastTrade) {
  World world;
  world.market->last_price = "50000"_dec;  // one odd trade
  EXPECT_TRUE(world.Codes().empty());
}

TEST(Checks, TheCapOfAPositionCountsItsOwnSideOfItsOwnSymbol) {
  World world;
  world.exposure.by_symbol["BTCUSDT"] = {.longs = "400"_dec, .shorts = "900"_dec};
  world.exposure.by_symbol["ETHUSDT"] = {.longs = "900"_dec, .shorts = "0"_dec};
  EXPECT_TRUE(world.Codes().empty());
}

TEST(Checks, EveryCodeBelongsToACheckThatIsMade) {
  for (const trading::event::Intent intent : {Intent::kOpen, Intent::kClose}) {
    const auto& types = CheckTypes(intent);
    EXPECT_THAT(types, testing::Contains(CheckTypeOf("QUANTITY_RANGE")));
    EXPECT_EQ(std::ranges::count(types, CheckTypeOf("REDUCE_ONLY_INCREASES")), intent == Intent::kClose ? 1 : 0);
    EXPECT_EQ(std::ranges::count(types, CheckTypeOf("PRICE_COLLAR")), intent == Intent::kClose ? 0 : 1);
  }
}

TEST(Checks, Pain10AnExitPassesEveryGate) {
  World world;
  world.decision.intent = Intent::kClose;
  world.decision.side = Side::kSell;
  world.decision.stop_loss.reset();
  world.exposure.positions["BTCUSDT"] = "0.01"_dec;
  world.ess = EssState::kTripped;
  world.trading_state = TradingState::kHalted;
  world.market.reset();
  world.account.reset();
  world.orders_last_minute = 10'000;
  world.alone = std::chrono::hours(1);
  EXPECT_TRUE(world.Codes().empty());
}

TEST(Checks, Pain1ACloseNeverOpensOrFlips) {
  World world;
  world.decision.intent = Intent::kClose;
  world.decision.side = Side::kSell;
  for (const char* held : {"0", "-0.01", "0.009"}) {
    world.exposure.positions["BTCUSDT"] = trading::Decimal::Parse(held).value();
    EXPECT_EQ(world.Codes(), std::vector<std::string>{"REDUCE_ONLY_INCREASES"}) << held;
  }
}

}  // namespace
}  // namespace quantum::risk_safety
