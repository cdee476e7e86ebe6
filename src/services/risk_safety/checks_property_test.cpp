#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

#include <limits>

#include "services/risk_safety/checks.h"

// Whatever numbers arrive, the checks answer: an assertion would end risk-safety, and a decision on the bus that does
// so comes again after the restart.
namespace quantum::risk_safety {
namespace {

using trading::Side;
using trading::event::Decision;
using trading::event::Intent;
using trading::operator""_dec;

// Any number a Decimal holds, the ends of the range and what stands near round numbers more often.
rc::Gen<Decimal> AnyDecimal() {
  using Limits = std::numeric_limits<int64_t>;
  return rc::gen::map(
      rc::gen::weightedOneOf<int64_t>(
          {{4, rc::gen::resize(1000, rc::gen::arbitrary<int64_t>())},
           {2, rc::gen::element<int64_t>(Limits::min(), Limits::min() + 1, Limits::max(), Limits::max() - 1, 0, 1, -1)},
           {3, rc::gen::map(rc::gen::inRange<int64_t>(-100'000, 100'000),
                            [](int64_t whole) { return whole * 100'000'000; })}}),
      [](int64_t raw) { return Decimal::FromRaw(raw); });
}

rc::Gen<std::optional<Decimal>> MaybeDecimal() {
  return rc::gen::map(rc::gen::maybe(AnyDecimal()),
                      [](const rc::Maybe<Decimal>& maybe) { return maybe ? std::optional(*maybe) : std::nullopt; });
}

rc::Gen<Decimal> Positive() {
  return rc::gen::map(rc::gen::inRange<int64_t>(1, std::numeric_limits<int64_t>::max()),
                      [](int64_t raw) { return Decimal::FromRaw(raw); });
}

bool Sound(Decimal quantity, const trading::SymbolRules& rules) {
  return quantity.is_positive() && quantity <= rules.market_max_quantity;
}

RC_GTEST_PROP(ChecksProperty, NoNumberEndsTheProcessAndNoneOutOfRangePasses, ()) {
  trading::SymbolRules rules;
  rules.tick_size = *rc::gen::element("0.1"_dec, "0.00000001"_dec);
  rules.step_size = *rc::gen::element("0.001"_dec, "0.00000001"_dec);
  rules.min_quantity = "0.001"_dec;
  rules.max_quantity = *Positive();
  rules.market_max_quantity = *Positive();
  rules.min_price = "0"_dec;
  rules.max_price = *Positive();
  rules.min_notional = "100"_dec;
  Decision decision;
  decision.decision_id = "d";
  decision.intent = *rc::gen::element(Intent::kOpen, Intent::kClose);
  decision.side = *rc::gen::element(Side::kBuy, Side::kSell);
  decision.quantity = *AnyDecimal();
  decision.reference_price = *AnyDecimal();
  decision.price = *MaybeDecimal();
  decision.stop_loss = *MaybeDecimal();
  decision.take_profit = *MaybeDecimal();
  decision.leverage = *rc::gen::arbitrary<int>();
  decision.confidence =
      *rc::gen::element(0.0, 1.0, std::numeric_limits<double>::quiet_NaN(), std::numeric_limits<double>::infinity());
  decision.expires_at = *rc::gen::element<int64_t>(0, 1'700'000'001'000, std::numeric_limits<int64_t>::min(),
                                                   std::numeric_limits<int64_t>::max());
  decision.mode = "PAPER";
  Policy policy{.name = "P",
                .leverage_max = 125,
                .risk_per_trade_percent_max = *Positive(),
                .daily_drawdown_percent_max = *Positive(),
                .positions_max = 100,
                .position_usd_max = *Positive()};
  CheckLimits limits;
  ExposureView exposure;
  exposure.positions[""] = *AnyDecimal();
  exposure.by_symbol[""] = {*AnyDecimal(), *AnyDecimal()};
  exposure.notional_long = *AnyDecimal();
  exposure.notional_short = *AnyDecimal();
  exposure.margin_reserved = *AnyDecimal();
  const auto refusals = Check(
      {.decision = decision,
       .policy = policy,
       .limits = limits,
       .mode = "PAPER",
       .rules = &rules,
       .market = MarketView{.last_price = *AnyDecimal(), .mark_price = *MaybeDecimal()},
       .account = AccountView{.equity = *AnyDecimal(), .available = *AnyDecimal(), .day_start_equity = *AnyDecimal()},
       .exposure = exposure,
       .now = FromUnixMs(1'700'000'000'000)});
  for (const auto& refusal : refusals) {
    RC_ASSERT(!CheckTypeOf(refusal.code).empty());  // every code belongs to a check
  }
  if (!decision.price && !Sound(decision.quantity, rules)) {
    RC_ASSERT(!refusals.empty());
  }
}

RC_GTEST_PROP(ExposureProperty, NoPositionsAndReservationsEndTheProcess, ()) {
  std::vector<Reservation> reservations(*rc::gen::inRange<size_t>(0, 5));
  for (Reservation& reservation : reservations) {
    reservation = {.symbol = *rc::gen::element<std::string>("A", "B"),
                   .side = *rc::gen::element(Side::kBuy, Side::kSell),
                   .notional = *AnyDecimal(),
                   .margin = *AnyDecimal(),
                   .filled = *rc::gen::arbitrary<bool>()};
  }
  const auto view =
      MakeExposure(reservations, {{"A", {*AnyDecimal(), *AnyDecimal()}}, {"C", {*AnyDecimal(), "1"_dec}}}, WallTime{});
  const bool answered = view.ok() || view.error().code == Errc::kExhausted;
  RC_ASSERT(answered);
}

}  // namespace
}  // namespace quantum::risk_safety
