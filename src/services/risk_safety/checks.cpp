#include "services/risk_safety/checks.h"

#include <fmt/format.h>

#include <algorithm>

namespace quantum::risk_safety {
namespace {

using trading::Rounding;
using trading::Side;
using trading::event::Decision;
using trading::event::Intent;
using trading::event::Refusal;

const Decimal kHundred = Decimal::FromInt(100);

Decimal Percent(Decimal part, Decimal whole) { return part.Times(kHundred).DividedBy(whole); }
Decimal Share(Decimal whole, Decimal percent) { return whole.Times(percent).DividedBy(kHundred); }

class Checker {
 public:
  explicit Checker(const CheckInput& input) : in_(input), d_(input.decision) {}

  std::vector<Refusal> Run() {
    CheckValidity();
    if (d_.intent == Intent::kClose) {
      CheckReduces();
      return std::move(refusals_);
    }
    CheckGates();
    CheckStops();
    CheckPrice();
    CheckPolicy();
    CheckCapacity();
    return std::move(refusals_);
  }

 private:
  template <class... Args>
  void Refuse(std::string code, fmt::format_string<Args...> detail, Args&&... args) {
    refusals_.push_back({std::move(code), fmt::format(detail, std::forward<Args>(args)...)});
  }

  Decimal Price() const { return d_.price.value_or(d_.reference_price); }
  Decimal Notional() const { return d_.quantity.Times(Price()); }

  void CheckValidity() {
    if (d_.mode != in_.mode) {
      Refuse("MODE_MISMATCH", "platform={} decision={}", in_.mode, d_.mode);
    }
    if (in_.seen_before) {
      Refuse("DUPLICATE_DECISION", "decision_id={}", d_.decision_id);
    }
    const int64_t now_ms = ToUnixMs(in_.now);
    if (d_.expires_at <= now_ms) {
      Refuse("DECISION_EXPIRED", "expired_ms_ago={}", now_ms - d_.expires_at);
    }
    if (!d_.quantity.is_positive()) {
      Refuse("QUANTITY_NOT_POSITIVE", "got={}", d_.quantity.ToString());
    }
    if (in_.rules == nullptr) {
      Refuse("UNKNOWN_SYMBOL", "symbol={}", d_.symbol);
      return;
    }
    const trading::SymbolRules& rules = *in_.rules;
    if (!d_.quantity.IsMultipleOf(rules.step_size)) {
      Refuse("QUANTITY_PRECISION", "step={} got={}", rules.step_size.ToString(), d_.quantity.ToString());
    }
    const Decimal most = d_.price ? rules.max_quantity : rules.market_max_quantity;
    if (d_.quantity < rules.min_quantity || d_.quantity > most) {
      Refuse("QUANTITY_RANGE", "min={} max={} got={}", rules.min_quantity.ToString(), most.ToString(),
             d_.quantity.ToString());
    }
    if (d_.price && !d_.price->IsMultipleOf(rules.tick_size)) {
      Refuse("PRICE_PRECISION", "tick={} got={}", rules.tick_size.ToString(), d_.price->ToString());
    }
    if (d_.price && (*d_.price < rules.min_price || *d_.price > rules.max_price)) {
      Refuse("PRICE_RANGE", "min={} max={} got={}", rules.min_price.ToString(), rules.max_price.ToString(),
             d_.price->ToString());
    }
  }

  void CheckReduces() {
    const auto found = in_.exposure.positions.find(d_.symbol);
    const Decimal held = found == in_.exposure.positions.end() ? Decimal() : found->second;
    const bool reduces = (d_.side == Side::kSell && held.is_positive()) || (d_.side == Side::kBuy && held.is_negative());
    if (!reduces || d_.quantity > held.Abs()) {
      Refuse("REDUCE_ONLY_INCREASES", "held={} side={} got={}", held.ToString(), ToString(d_.side),
             d_.quantity.ToString());
    }
  }

  void CheckGates() {
    if (in_.ess != EssState::kArmed && in_.ess != EssState::kDisabled) {
      Refuse("EMERGENCY_STOP", "state={}", ToString(in_.ess));
    }
    if (in_.trading_state != TradingState::kActive) {
      Refuse("TRADING_STATE", "state={}", ToString(in_.trading_state));
    }
    if (in_.orders_last_minute >= in_.limits.orders_per_minute_max) {
      Refuse("ORDER_RATE", "max_per_minute={} got={}", in_.limits.orders_per_minute_max, in_.orders_last_minute);
    }
    if (!in_.market) {
      Refuse("STALE_MARKET_DATA", "symbol={} no price yet", d_.symbol);
    } else if (in_.market->age > in_.limits.market_age_max) {
      Refuse("STALE_MARKET_DATA", "max_ms={} got={}", in_.limits.market_age_max / std::chrono::milliseconds(1),
             in_.market->age / std::chrono::milliseconds(1));
    }
    if (!in_.account) {
      Refuse("ACCOUNT_UNKNOWN", "the account has not been read yet");
    } else if (in_.account->age > in_.limits.account_age_max) {
      Refuse("ACCOUNT_UNKNOWN", "max_ms={} got={}", in_.limits.account_age_max / std::chrono::milliseconds(1),
             in_.account->age / std::chrono::milliseconds(1));
    }
  }

  void CheckStops() {
    if (!d_.stop_loss) {
      Refuse("STOP_LOSS_MISSING", "an entry must carry its stop");
      return;
    }
    const Decimal price = Price();
    const bool buying = d_.side == Side::kBuy;
    if (!d_.stop_loss->is_positive() || (buying ? *d_.stop_loss >= price : *d_.stop_loss <= price)) {
      Refuse("STOP_LOSS_WRONG_SIDE", "side={} price={} stop={}", ToString(d_.side), price.ToString(),
             d_.stop_loss->ToString());
    }
    if (d_.take_profit && (buying ? *d_.take_profit <= price : *d_.take_profit >= price)) {
      Refuse("TAKE_PROFIT_WRONG_SIDE", "side={} price={} take_profit={}", ToString(d_.side), price.ToString(),
             d_.take_profit->ToString());
    }
    if (in_.rules != nullptr) {
      for (const auto& trigger : {d_.stop_loss, d_.take_profit}) {
        if (trigger && !trigger->IsMultipleOf(in_.rules->tick_size)) {
          Refuse("PRICE_PRECISION", "tick={} got={}", in_.rules->tick_size.ToString(), trigger->ToString());
        }
      }
    }
  }

  void CheckPrice() {
    const Decimal notional = Notional();
    if (in_.rules != nullptr && notional < in_.rules->min_notional) {
      Refuse("NOTIONAL_BELOW_MIN", "min={} got={}", in_.rules->min_notional.ToString(), notional.ToString());
    }
    if (notional > in_.policy.position_usd_max) {
      Refuse("NOTIONAL_EXCEEDS_MAX", "max={} got={}", in_.policy.position_usd_max.ToString(), notional.ToString());
    }
    if (in_.market && in_.market->mark_price.is_positive()) {
      const Decimal distance = Percent((Price() - in_.market->mark_price).Abs(), in_.market->mark_price);
      if (distance > in_.limits.collar_percent) {
        Refuse("PRICE_COLLAR", "max_percent={} got={} mark={}", in_.limits.collar_percent.ToString(),
               distance.ToString(), in_.market->mark_price.ToString());
      }
    }
  }

  void CheckPolicy() {
    const Policy& policy = in_.policy;
    if (d_.leverage > policy.leverage_max || d_.leverage < policy.leverage_min) {
      Refuse("LEVERAGE_OUT_OF_BOUNDS", "min={} max={} got={}", policy.leverage_min, policy.leverage_max, d_.leverage);
    }
    if (!(d_.confidence >= policy.confidence_min)) {  // written so that NaN refuses
      Refuse("CONFIDENCE_BELOW_MIN", "min={} got={:.4f}", policy.confidence_min, d_.confidence);
    }
    if (!in_.account) {
      return;
    }
    const AccountView& account = *in_.account;
    if (!account.equity.is_positive()) {
      Refuse("INSUFFICIENT_BALANCE", "equity={}", account.equity.ToString());
      return;
    }
    if (d_.stop_loss) {
      const Decimal at_risk = d_.quantity.Times((Price() - *d_.stop_loss).Abs());
      const Decimal percent = Percent(at_risk, account.equity);
      if (percent > policy.risk_per_trade_percent_max) {
        Refuse("RISK_PER_TRADE_EXCEEDS_MAX", "max_percent={} got={}", policy.risk_per_trade_percent_max.ToString(),
               percent.ToString());
      }
    }
    if (account.day_start_equity.is_positive()) {
      const Decimal lost = Percent(account.day_start_equity - account.equity, account.day_start_equity);
      if (lost >= policy.daily_drawdown_percent_max) {
        Refuse("DAILY_LOSS", "max_percent={} got={}", policy.daily_drawdown_percent_max.ToString(), lost.ToString());
      }
    }
  }

  void CheckCapacity() {
    const ExposureView& exposure = in_.exposure;
    if (exposure.slots_taken >= in_.policy.positions_max) {
      Refuse("MAX_POSITIONS", "max={} taken={}", in_.policy.positions_max, exposure.slots_taken);
    }
    if (!in_.account || !in_.account->equity.is_positive() || d_.leverage <= 0) {
      return;
    }
    const Decimal equity = in_.account->equity;
    const Decimal notional = Notional();
    const Decimal total = exposure.notional_long + exposure.notional_short + notional;
    if (total > Share(equity, in_.limits.exposure_percent_max)) {
      Refuse("EXPOSURE_EXCEEDS_MAX", "max={} got={}", Share(equity, in_.limits.exposure_percent_max).ToString(),
             total.ToString());
    }
    const Decimal side = (d_.side == Side::kBuy ? exposure.notional_long : exposure.notional_short) + notional;
    if (side > Share(equity, in_.limits.one_sided_percent_max)) {
      Refuse("CONCENTRATION", "max={} got={} side={}", Share(equity, in_.limits.one_sided_percent_max).ToString(),
             side.ToString(), ToString(d_.side));
    }
    const Decimal margin = notional.DividedBy(Decimal::FromInt(d_.leverage), Rounding::kUp);
    const Decimal free = in_.account->available - exposure.margin_reserved;
    if (margin > free) {
      Refuse("INSUFFICIENT_BALANCE", "free={} needed={}", free.ToString(), margin.ToString());
    }
  }

  const CheckInput& in_;
  const Decision& d_;
  std::vector<Refusal> refusals_;
};

}  // namespace

std::vector<Refusal> Check(const CheckInput& input) { return Checker(input).Run(); }

}  // namespace quantum::risk_safety
