#include "services/risk_safety/checks.h"

#include <fmt/format.h>

#include <algorithm>

#include "services/risk_safety/percent.h"

namespace quantum::risk_safety {
namespace {

using trading::Rounding;
using trading::Side;
using trading::event::Decision;
using trading::event::Intent;
using trading::event::Refusal;

Decimal Sum(Decimal a, Decimal b) { return a.CheckedPlus(b).value_or(a.is_negative() ? kLeast : kMost); }
Decimal Distance(Decimal a, Decimal b) {
  const auto difference = a.CheckedMinus(b);
  return (difference ? difference->CheckedAbs() : std::nullopt).value_or(kMost);
}

// What is asked of a decision, and the codes that speak of it.
struct CheckKind {
  std::string_view type;
  std::vector<std::string_view> codes;
  bool of_closes = false;
};

const std::vector<CheckKind>& CheckKinds() {
  static const std::vector<CheckKind> kinds = {
      {"mode", {"MODE_MISMATCH"}, true},
      {"duplicate", {"DUPLICATE_DECISION"}, true},
      {"expiry", {"DECISION_EXPIRED", "EXPIRY_TOO_FAR"}, true},
      {"symbol", {"UNKNOWN_SYMBOL"}, true},
      {"quantity", {"QUANTITY_NOT_POSITIVE", "QUANTITY_PRECISION", "QUANTITY_RANGE"}, true},
      {"price", {"PRICE_PRECISION", "PRICE_RANGE"}, true},
      {"reduce_only", {"REDUCE_ONLY_INCREASES"}, true},
      {"emergency_stop", {"EMERGENCY_STOP"}},
      {"trading_state", {"TRADING_STATE"}},
      {"standby", {"NO_SYNCHRONOUS_STANDBY"}},
      {"order_rate", {"ORDER_RATE"}},
      {"market_data", {"STALE_MARKET_DATA"}},
      {"account", {"ACCOUNT_UNKNOWN"}},
      {"stop_loss", {"STOP_LOSS_MISSING", "STOP_LOSS_WRONG_SIDE"}},
      {"take_profit", {"TAKE_PROFIT_WRONG_SIDE"}},
      {"notional", {"NOTIONAL_BELOW_MIN", "NOTIONAL_EXCEEDS_MAX"}},
      {"position_size", {"POSITION_EXCEEDS_MAX"}},
      {"collar", {"PRICE_COLLAR"}},
      {"leverage", {"LEVERAGE_OUT_OF_BOUNDS"}},
      {"confidence", {"CONFIDENCE_BELOW_MIN"}},
      {"risk_per_trade", {"RISK_PER_TRADE_EXCEEDS_MAX"}},
      {"daily_loss", {"DAILY_LOSS"}},
      {"positions", {"MAX_POSITIONS"}},
      {"exposure", {"EXPOSURE_EXCEEDS_MAX"}},
      {"concentration", {"CONCENTRATION"}},
      {"balance", {"INSUFFICIENT_BALANCE"}}};
  return kinds;
}

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
    if (!in_range_) {
      return std::move(refusals_);  // nothing that is reckoned with such numbers says anything
    }
    CheckStops();
    notional_ = d_.quantity.CheckedTimes(Price()).value_or(kMost);
    CheckNotional();
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

  // A refusal after which the decision's numbers are not reckoned with.
  template <class... Args>
  void OutOfRange(std::string code, fmt::format_string<Args...> detail, Args&&... args) {
    Refuse(std::move(code), detail, std::forward<Args>(args)...);
    in_range_ = false;
  }

  Decimal Price() const { return d_.price.value_or(d_.reference_price); }

  void CheckValidity() {
    if (d_.mode != in_.mode) {
      Refuse("MODE_MISMATCH", "platform={} decision={}", in_.mode, d_.mode);
    }
    if (in_.seen_before) {
      Refuse("DUPLICATE_DECISION", "decision_id={}", d_.decision_id);
    }
    const int64_t now_ms = ToUnixMs(in_.now);
    if (d_.expires_at <= now_ms) {
      Refuse("DECISION_EXPIRED", "expires_at={} now={}", d_.expires_at, now_ms);
    } else if (const int64_t last = ToUnixMs(in_.now + in_.limits.expiry_max); d_.expires_at > last) {
      Refuse("EXPIRY_TOO_FAR", "max={} got={}", last, d_.expires_at);
    }
    if (!d_.quantity.is_positive()) {
      OutOfRange("QUANTITY_NOT_POSITIVE", "got={}", d_.quantity.ToString());
    }
    if (in_.rules == nullptr) {
      OutOfRange("UNKNOWN_SYMBOL", "symbol={}", d_.symbol);
      return;
    }
    const trading::SymbolRules& rules = *in_.rules;
    if (!d_.quantity.IsMultipleOf(rules.step_size)) {
      Refuse("QUANTITY_PRECISION", "step={} got={}", rules.step_size.ToString(), d_.quantity.ToString());
    }
    const Decimal most = d_.price ? rules.max_quantity : rules.market_max_quantity;
    if (d_.quantity < rules.min_quantity || d_.quantity > most) {
      OutOfRange("QUANTITY_RANGE", "min={} max={} got={}", rules.min_quantity.ToString(), most.ToString(),
                 d_.quantity.ToString());
    }
    if (d_.price && !d_.price->IsMultipleOf(rules.tick_size)) {
      Refuse("PRICE_PRECISION", "tick={} got={}", rules.tick_size.ToString(), d_.price->ToString());
    }
    if (d_.price && (*d_.price < rules.min_price || *d_.price > rules.max_price)) {
      OutOfRange("PRICE_RANGE", "min={} max={} got={}", rules.min_price.ToString(), rules.max_price.ToString(),
                 d_.price->ToString());
    }
    if (in_range_ && (!Price().is_positive() || Price() > rules.max_price)) {
      OutOfRange("PRICE_RANGE", "min_above=0 max={} got={}", rules.max_price.ToString(), Price().ToString());
    }
  }

  void CheckReduces() {
    const auto found = in_.exposure.positions.find(d_.symbol);
    const Decimal held = found == in_.exposure.positions.end() ? Decimal() : found->second;
    const bool reduces =
        (d_.side == Side::kSell && held.is_positive()) || (d_.side == Side::kBuy && held.is_negative());
    if (!reduces || d_.quantity > held.CheckedAbs().value_or(kMost)) {
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
    if (in_.alone > in_.limits.alone_max) {
      Refuse("NO_SYNCHRONOUS_STANDBY", "max_s={} got={}", in_.limits.alone_max / std::chrono::seconds(1),
             in_.alone / std::chrono::seconds(1));
    }
    if (in_.orders_last_minute >= in_.limits.orders_per_minute_max) {
      Refuse("ORDER_RATE", "max_per_minute={} got={}", in_.limits.orders_per_minute_max, in_.orders_last_minute);
    }
    if (!in_.market) {
      Refuse("STALE_MARKET_DATA", "symbol={} price=none", d_.symbol);
    } else if (in_.market->age > in_.limits.market_age_max) {
      Refuse("STALE_MARKET_DATA", "max_ms={} got={}", in_.limits.market_age_max / std::chrono::milliseconds(1),
             in_.market->age / std::chrono::milliseconds(1));
    } else if (!in_.market->mark_or_last().is_positive()) {
      Refuse("STALE_MARKET_DATA", "symbol={} {}={}", d_.symbol, MarkName(), in_.market->mark_or_last().ToString());
    }
    if (!in_.account) {
      Refuse("ACCOUNT_UNKNOWN", "max_ms={} got=never", in_.limits.account_age_max / std::chrono::milliseconds(1));
    } else if (in_.account->age > in_.limits.account_age_max) {
      Refuse("ACCOUNT_UNKNOWN", "max_ms={} got={}", in_.limits.account_age_max / std::chrono::milliseconds(1),
             in_.account->age / std::chrono::milliseconds(1));
    }
  }

  void CheckStops() {
    if (!d_.stop_loss) {
      Refuse("STOP_LOSS_MISSING", "side={} stop=none", ToString(d_.side));
      return;
    }
    const Decimal price = Price();
    const bool buying = d_.side == Side::kBuy;
    const auto beyond = [&](Decimal level) { return buying ? *d_.stop_loss >= level : *d_.stop_loss <= level; };
    if (!d_.stop_loss->is_positive() || beyond(price)) {
      Refuse("STOP_LOSS_WRONG_SIDE", "side={} price={} stop={}", ToString(d_.side), price.ToString(),
             d_.stop_loss->ToString());
    } else if (in_.market && beyond(in_.market->mark_or_last())) {
      // The decision's own price may be old: at the venue this stop would trigger at once.
      Refuse("STOP_LOSS_WRONG_SIDE", "side={} {}={} stop={}", ToString(d_.side), MarkName(),
             in_.market->mark_or_last().ToString(), d_.stop_loss->ToString());
    }
    std::vector<Decimal> targets;
    if (d_.take_profit) {
      targets.push_back(*d_.take_profit);
    }
    for (const trading::event::TakeProfit& target : d_.take_profits) {
      targets.push_back(target.price);
    }
    for (const Decimal target : targets) {
      if (buying ? target <= price : target >= price) {
        Refuse("TAKE_PROFIT_WRONG_SIDE", "side={} price={} take_profit={}", ToString(d_.side), price.ToString(),
               target.ToString());
      }
    }
    targets.push_back(*d_.stop_loss);
    if (in_.rules != nullptr) {
      for (const Decimal trigger : targets) {
        if (!trigger.IsMultipleOf(in_.rules->tick_size)) {
          Refuse("PRICE_PRECISION", "tick={} got={}", in_.rules->tick_size.ToString(), trigger.ToString());
        }
        // The venue would refuse it when the entry is filled already, and the position would stand without it.
        if (trigger < in_.rules->min_price || trigger > in_.rules->max_price) {
          Refuse("PRICE_RANGE", "min={} max={} got={}", in_.rules->min_price.ToString(),
                 in_.rules->max_price.ToString(), trigger.ToString());
        }
      }
    }
  }

  void CheckNotional() {
    if (notional_ < in_.rules->min_notional) {
      Refuse("NOTIONAL_BELOW_MIN", "min={} got={}", in_.rules->min_notional.ToString(), notional_.ToString());
    }
    const Decimal most = in_.policy.position_usd_max;
    if (notional_ > most) {
      Refuse("NOTIONAL_EXCEEDS_MAX", "max={} got={}", most.ToString(), notional_.ToString());
      return;
    }
    const auto found = in_.exposure.by_symbol.find(d_.symbol);
    if (found == in_.exposure.by_symbol.end()) {
      return;
    }
    const Decimal taken = d_.side == Side::kBuy ? found->second.longs : found->second.shorts;
    if (Sum(taken, notional_) > most) {
      Refuse("POSITION_EXCEEDS_MAX", "max={} taken={} got={}", most.ToString(), taken.ToString(), notional_.ToString());
    }
  }

  std::string_view MarkName() const { return in_.market->mark_price ? "mark" : "last"; }

  void CheckPrice() {
    if (in_.market && in_.market->mark_or_last().is_positive()) {
      const Decimal level = in_.market->mark_or_last();
      const Decimal distance = Percent(Distance(Price(), level), level);
      if (distance > in_.limits.collar_percent) {
        Refuse("PRICE_COLLAR", "max_percent={} got={} {}={}", in_.limits.collar_percent.ToString(), distance.ToString(),
               MarkName(), level.ToString());
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
      const Decimal at_risk = d_.quantity.CheckedTimes(Distance(Price(), *d_.stop_loss)).value_or(kMost);
      const Decimal percent = Percent(at_risk, account.equity);
      if (percent > policy.risk_per_trade_percent_max) {
        Refuse("RISK_PER_TRADE_EXCEEDS_MAX", "max_percent={} got={}", policy.risk_per_trade_percent_max.ToString(),
               percent.ToString());
      }
    }
    if (account.day_start_equity.is_positive()) {
      const Decimal lost = Percent(Sum(account.day_start_equity, -account.equity), account.day_start_equity);
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
    const Decimal total = Sum(Sum(exposure.notional_long, exposure.notional_short), notional_);
    if (total > Share(equity, in_.limits.exposure_percent_max)) {
      Refuse("EXPOSURE_EXCEEDS_MAX", "max={} got={}", Share(equity, in_.limits.exposure_percent_max).ToString(),
             total.ToString());
    }
    const Decimal side = Sum(d_.side == Side::kBuy ? exposure.notional_long : exposure.notional_short, notional_);
    if (side > Share(equity, in_.limits.one_sided_percent_max)) {
      Refuse("CONCENTRATION", "max={} got={} side={}", Share(equity, in_.limits.one_sided_percent_max).ToString(),
             side.ToString(), ToString(d_.side));
    }
    const Decimal margin = notional_.DividedBy(Decimal::FromInt(d_.leverage), Rounding::kUp);
    const Decimal free = in_.account->available.CheckedMinus(exposure.margin_reserved).value_or(kLeast);
    if (margin > free) {
      Refuse("INSUFFICIENT_BALANCE", "free={} needed={}", free.ToString(), margin.ToString());
    }
  }

  const CheckInput& in_;
  const Decision& d_;
  bool in_range_ = true;
  Decimal notional_;
  std::vector<Refusal> refusals_;
};

}  // namespace

std::vector<Refusal> Check(const CheckInput& input) { return Checker(input).Run(); }

const std::vector<std::string_view>& CheckTypes(Intent intent) {
  static const auto of = [](bool closes) {
    std::vector<std::string_view> types;
    for (const CheckKind& kind : CheckKinds()) {
      if (closes ? kind.of_closes : kind.type != "reduce_only") {
        types.push_back(kind.type);
      }
    }
    return types;
  };
  static const std::vector<std::string_view> of_opens = of(false);
  static const std::vector<std::string_view> of_closes = of(true);
  return intent == Intent::kClose ? of_closes : of_opens;
}

std::vector<std::string_view> CheckCodes() {
  std::vector<std::string_view> codes;
  for (const CheckKind& kind : CheckKinds()) {
    codes.insert(codes.end(), kind.codes.begin(), kind.codes.end());
  }
  return codes;
}

std::string_view CheckTypeOf(std::string_view code) {
  for (const CheckKind& kind : CheckKinds()) {
    if (std::ranges::find(kind.codes, code) != kind.codes.end()) {
      return kind.type;
    }
  }
  AssertionFailed("every refusal's code belongs to a check", __FILE__, __LINE__);
}

}  // namespace quantum::risk_safety
