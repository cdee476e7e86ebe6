#pragma once

#include <optional>
#include <string>
#include <vector>

#include "platform/base/clock.h"
#include "services/risk_safety/emergency_stop.h"
#include "services/risk_safety/exposure.h"
#include "services/risk_safety/policy.h"
#include "trading/events.h"
#include "trading/types.h"

// The pre-trade checks: free of side effects and I/O, fast. What is not known is not assumed: an absent input refuses
// the entry (pains.md 9). Slots, exposure and margin are checked here for the answer, and again atomically by the
// reservation (pains.md 7).
namespace quantum::risk_safety {

struct MarketView {
  Decimal last_price;                 // of the last trade
  std::optional<Decimal> mark_price;  // the venue's; absent where the source of the market tells none
  Duration age{};                     // since the last update arrived

  // The mark price, or for want of it the last trade's.
  Decimal mark_or_last() const { return mark_price.value_or(last_price); }
};

struct AccountView {
  Decimal equity;     // wallet and unrealized result
  Decimal available;  // free for new margin
  Decimal day_start_equity;
  Duration age{};
  WallTime as_of{};  // when the venue was asked: `available` knows of the fills before; the epoch: of none
};

struct CheckLimits {
  Duration market_age_max = std::chrono::seconds(3);
  Duration account_age_max = std::chrono::seconds(10);
  Duration alone_max = std::chrono::seconds(60);          // that commits may be on one node of Postgres alone
  Decimal collar_percent = Decimal::FromInt(2);           // distance of the order's price from the mark price
  Decimal exposure_percent_max = Decimal::FromInt(300);   // of equity, all positions together
  Decimal one_sided_percent_max = Decimal::FromInt(200);  // of equity, longs or shorts alone; crypto majors move as
                                                          // one, so this is the correlation limit too
  int orders_per_minute_max = 600;
  Duration expiry_max = std::chrono::hours(24);  // a decision that lives on is a danger (pains.md 1)
};

struct CheckInput {
  const trading::event::Decision& decision;
  const Policy& policy;
  const CheckLimits& limits;
  std::string_view mode;                        // the platform's
  const trading::SymbolRules* rules = nullptr;  // null: the symbol is not known
  std::optional<MarketView> market;
  std::optional<AccountView> account;
  const ExposureView& exposure;
  TradingState trading_state = TradingState::kActive;
  EssState ess = EssState::kArmed;
  int orders_last_minute = 0;
  Duration alone{};          // how long Postgres has had no synchronous standby; zero: it has one, or needs none
  bool seen_before = false;  // the decision id has been decided already
  WallTime now;
};

// Everything that speaks against the decision, in a stable order; empty: it may proceed to the reservation. A close
// skips every policy gate but must be precise, known and really reduce (pains.md 1 and 10). Numbers may be anything
// that a Decimal holds: what is out of the symbol's range is refused and not reckoned with.
std::vector<trading::event::Refusal> Check(const CheckInput& input);

// The checks that Check makes for an intent, by type ("quantity", "collar"): a bounded label. Every refusal's code
// belongs to one of them.
const std::vector<std::string_view>& CheckTypes(trading::event::Intent intent);
std::string_view CheckTypeOf(std::string_view code);
std::vector<std::string_view> CheckCodes();  // all of them

}  // namespace quantum::risk_safety
