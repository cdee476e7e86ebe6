#include "services/risk_safety/checks.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <ostream>

#include "trading/refusal.h"

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

  std::vector<trading::event::Refusal> Refusals() const {
    return Check({.decision = decision,
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
                  .now = now});
  }
  std::vector<std::string> Codes() const {
    std::vector<std::string> codes;
    for (const auto& refusal : Refusals()) {
      codes.push_back(refusal.code);
    }
    return codes;
  }
  std::vector<std::string> Texts() const {
    std::vector<std::string> texts;
    for (const auto& refusal : Refusals()) {
      texts.push_back(refusal.code + ": " + refusal.detail);
    }
    return texts;
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
  const char* detail;
  std::function<void(World&)> spoil;
};
void PrintTo(const Case& one, std::ostream* out) { *out << one.code; }

class EachCheck : public testing::TestWithParam<Case> {};

TEST_P(EachCheck, RefusesWithItsCodeAndValues) {
  World world;
  GetParam().spoil(world);
  EXPECT_THAT(world.Texts(), testing::Contains(std::string(GetParam().code) + ": " + GetParam().detail));
}

const std::vector<Case>& AllCases() {
  static const std::vector<Case> cases = {
      Case{"MODE_MISMATCH", "platform=PAPER decision=LIVE", [](World& w) { w.decision.mode = "LIVE"; }},
      Case{"DUPLICATE_DECISION", "decision_id=d-1", [](World& w) { w.seen_before = true; }},
      Case{"DECISION_EXPIRED", "expires_at=1723161256299 now=1723161256299",
           [](World& w) { w.decision.expires_at = ToUnixMs(w.now); }},
      Case{"QUANTITY_NOT_POSITIVE", "got=-1", [](World& w) { w.decision.quantity = "-1"_dec; }},
      Case{"QUANTITY_PRECISION", "step=0.001 got=0.0105", [](World& w) { w.decision.quantity = "0.0105"_dec; }},
      Case{"QUANTITY_RANGE", "min=0.001 max=120 got=121", [](World& w) { w.decision.quantity = "121"_dec; }},
      Case{"UNKNOWN_SYMBOL", "symbol=BTCUSDT", [](World& w) { w.known = false; }},
      Case{"PRICE_PRECISION", "tick=0.1 got=60000.05", [](World& w) { w.decision.price = "60000.05"_dec; }},
      Case{"PRICE_RANGE", "min=556.8 max=4529764 got=1", [](World& w) { w.decision.price = "1"_dec; }},
      Case{"PRICE_PRECISION", "tick=0.1 got=59400.01", [](World& w) { w.decision.stop_loss = "59400.01"_dec; }},
      Case{"PRICE_RANGE", "min=556.8 max=4529764 got=556.7", [](World& w) { w.decision.stop_loss = "556.7"_dec; }},
      Case{"PRICE_RANGE", "min=556.8 max=4529764 got=4529764.1",
           [](World& w) { w.decision.take_profit = "4529764.1"_dec; }},
      Case{"PRICE_RANGE", "min=556.8 max=4529764 got=-5",
           [](World& w) {  // on the right side, and no price
             w.decision.side = Side::kSell;
             w.decision.stop_loss = "60600"_dec;
             w.decision.take_profit = "-5"_dec;
           }},
      Case{"NOTIONAL_BELOW_MIN", "min=100 got=60", [](World& w) { w.decision.quantity = "0.001"_dec; }},
      Case{"NOTIONAL_EXCEEDS_MAX", "max=1000 got=1020", [](World& w) { w.decision.quantity = "0.017"_dec; }},
      Case{"PRICE_COLLAR", "max_percent=2 got=20 mark=50000", [](World& w) { w.market->mark_price = "50000"_dec; }},
      Case{"PRICE_COLLAR", "max_percent=2 got=20 last=50000",
           [](World& w) {
             w.market->mark_price.reset();  // for want of it the last price
             w.market->last_price = "50000"_dec;
           }},
      Case{"STOP_LOSS_WRONG_SIDE", "side=BUY mark=59400 stop=59400",
           [](World& w) { w.market->mark_price = "59400"_dec; }},
      Case{"POSITION_EXCEEDS_MAX", "max=1000 taken=400.1 got=600",
           [](World& w) { w.exposure.by_symbol["BTCUSDT"] = {.longs = "400.1"_dec, .shorts = "0"_dec}; }},
      Case{"EXPIRY_TOO_FAR", "max=1723247656299 got=1723247656300",
           [](World& w) { w.decision.expires_at = ToUnixMs(w.now) + 86'400'001; }},
      Case{"QUANTITY_RANGE", "min=0.001 max=120 got=2000000", [](World& w) { w.decision.quantity = "2000000"_dec; }},
      Case{"PRICE_RANGE", "min_above=0 max=4529764 got=92233720368",
           [](World& w) { w.decision.reference_price = "92233720368"_dec; }},
      Case{"PRICE_RANGE", "min_above=0 max=4529764 got=0", [](World& w) { w.decision.reference_price = "0"_dec; }},
      Case{"PRICE_RANGE", "min=556.8 max=4529764 got=92233720368",
           [](World& w) { w.decision.price = "92233720368"_dec; }},
      Case{"NOTIONAL_EXCEEDS_MAX", "max=1000 got=92233720368.54775807",
           [](World& w) {  // within the symbol's range, and the product is not
             w.rules.max_price = "92233720368"_dec;
             w.rules.market_max_quantity = "92233720368"_dec;
             w.decision.quantity = "2000000"_dec;
           }},
      Case{"LEVERAGE_OUT_OF_BOUNDS", "min=1 max=5 got=6", [](World& w) { w.decision.leverage = 6; }},
      Case{"LEVERAGE_OUT_OF_BOUNDS", "min=1 max=5 got=0", [](World& w) { w.decision.leverage = 0; }},
      Case{"CONFIDENCE_BELOW_MIN", "min=0.5 got=0.4900", [](World& w) { w.decision.confidence = 0.49; }},
      Case{"CONFIDENCE_BELOW_MIN", "min=0.5 got=nan", [](World& w) { w.decision.confidence = std::nan(""); }},
      Case{"RISK_PER_TRADE_EXCEEDS_MAX", "max_percent=1.5 got=2", [](World& w) { w.decision.stop_loss = "40000"_dec; }},
      Case{"DAILY_LOSS", "max_percent=5 got=5", [](World& w) { w.account->equity = "9500"_dec; }},
      Case{"MAX_POSITIONS", "max=30 taken=30", [](World& w) { w.exposure.slots_taken = 30; }},
      Case{"EXPOSURE_EXCEEDS_MAX", "max=30000 got=30100", [](World& w) { w.exposure.notional_short = "29500"_dec; }},
      Case{"CONCENTRATION", "max=20000 got=20100 side=BUY", [](World& w) { w.exposure.notional_long = "19500"_dec; }},
      Case{"INSUFFICIENT_BALANCE", "free=200 needed=300", [](World& w) { w.exposure.margin_reserved = "9800"_dec; }},
      Case{"INSUFFICIENT_BALANCE", "equity=-1", [](World& w) { w.account->equity = "-1"_dec; }},
      Case{"ORDER_RATE", "max_per_minute=600 got=600", [](World& w) { w.orders_last_minute = 600; }},
      Case{"STALE_MARKET_DATA", "max_ms=3000 got=4000", [](World& w) { w.market->age = std::chrono::seconds(4); }},
      Case{"STALE_MARKET_DATA", "symbol=BTCUSDT price=none", [](World& w) { w.market.reset(); }},
      Case{"ACCOUNT_UNKNOWN", "max_ms=10000 got=never", [](World& w) { w.account.reset(); }},
      Case{"ACCOUNT_UNKNOWN", "max_ms=10000 got=60000", [](World& w) { w.account->age = std::chrono::minutes(1); }},
      Case{"STOP_LOSS_MISSING", "side=BUY stop=none", [](World& w) { w.decision.stop_loss.reset(); }},
      Case{"STOP_LOSS_WRONG_SIDE", "side=BUY price=60000 stop=60000",
           [](World& w) { w.decision.stop_loss = "60000"_dec; }},
      Case{"STOP_LOSS_WRONG_SIDE", "side=SELL price=60000 stop=59400", [](World& w) { w.decision.side = Side::kSell; }},
      Case{"TAKE_PROFIT_WRONG_SIDE", "side=BUY price=60000 take_profit=59000",
           [](World& w) { w.decision.take_profit = "59000"_dec; }},
      Case{"NO_SYNCHRONOUS_STANDBY", "max_s=60 got=61",
           [](World& w) { w.alone = w.limits.alone_max + std::chrono::seconds(1); }},
      Case{"TRADING_STATE", "state=REDUCING", [](World& w) { w.trading_state = TradingState::kReducing; }},
      Case{"TRADING_STATE", "state=HALTED", [](World& w) { w.trading_state = TradingState::kHalted; }},
      Case{"STALE_MARKET_DATA", "symbol=BTCUSDT last=0",
           [](World& w) { w.market = MarketView{.last_price = "0"_dec}; }},
      Case{"REDUCE_ONLY_INCREASES", "held=0 side=SELL got=0.01",
           [](World& w) {
             w.decision.intent = Intent::kClose;
             w.decision.side = Side::kSell;
           }},
      Case{"EMERGENCY_STOP", "state=TRIPPED", [](World& w) { w.ess = EssState::kTripped; }},
      Case{"EMERGENCY_STOP", "state=COOLING_DOWN", [](World& w) { w.ess = EssState::kCoolingDown; }}};
  return cases;
}

INSTANTIATE_TEST_SUITE_P(Checks, EachCheck, testing::ValuesIn(AllCases()),
                         [](const auto& test) { return std::to_string(test.index) + "_" + test.param.code; });

TEST(Checks, EveryCodeIsSpoiltByATestAboveAndHasAMeaning) {
  for (const std::string_view code : CheckCodes()) {
    EXPECT_TRUE(std::ranges::any_of(AllCases(), [&](const Case& one) { return one.code == code; })) << code;
    EXPECT_NE(trading::MeaningOf(code), "") << code;
  }
}

TEST(Checks, EverythingThatSpeaksAgainstADecisionIsSaidAtOnce) {
  World world;
  world.decision.quantity = "0.02"_dec;
  world.decision.leverage = 6;
  EXPECT_THAT(world.Texts(), testing::ElementsAre("NOTIONAL_EXCEEDS_MAX: max=1000 got=1200",
                                                  "LEVERAGE_OUT_OF_BOUNDS: min=1 max=5 got=6"));
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
