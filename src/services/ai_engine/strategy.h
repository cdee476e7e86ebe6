#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "services/ai_engine/ensemble.h"
#include "trading/events.h"

namespace quantum::ai_engine {

using trading::Decimal;

// What a strategy knows of one symbol.
struct SymbolState {
  Decimal price;                         // last; zero: unknown
  int64_t market_ms = 0;                 // market time of the newest tick; zero: none yet
  std::optional<double> spread;          // (ask - bid) / price; nothing while bid or ask is unknown
  Decimal position;                      // signed
  int64_t position_ms = 0;               // `time` of the newest position.updated; zero: none yet
  SteadyTime busy_until{};               // a decision is on its way
  std::optional<SteadyTime> held_since;  // of the open position
};

// The newest position wins, whichever way it came. An event older than the one before is passed over (false). What was
// read over HTTP counts only when it is newer than the newest event: the answer may have been under way when that came.
bool TakePositionEvent(SymbolState& state, const Decimal& quantity, int64_t time_ms, SteadyTime now);
bool TakePositionRead(SymbolState& state, const Decimal& quantity, int64_t time_ms, SteadyTime now);

// What a strategy wants; sizing and identity come after.
struct Wish {
  std::string symbol;
  trading::event::Intent intent = trading::event::Intent::kOpen;
  trading::Side side = trading::Side::kBuy;
  double confidence = 0;
  double stop_distance = 0;            // share of the price; of an opening
  std::optional<double> notional_usd;  // fixed size instead of sizing by risk
  std::string reason;
};

// Without I/O and with an injected clock. One loop.
class Strategy {
 public:
  virtual ~Strategy() = default;
  virtual std::string_view name() const = 0;
  virtual std::optional<Wish> OnBar(const std::string& symbol, const Assessment& assessment, const Features& features,
                                    const SymbolState& state, SteadyTime now) = 0;
  // Called every interval(); zero: never.
  virtual Duration interval() const { return Duration::zero(); }
  virtual std::optional<Wish> OnTimer(const std::map<std::string, SymbolState>& /*states*/, SteadyTime /*now*/) {
    return std::nullopt;
  }
};

struct EnsembleStrategyOptions {
  double fee = 0.0005;                // one way, of notional
  double edge_min = 1.2;              // expected move in round-trip costs (fees and spread) below which it abstains
  double stop_in_atr = 6;             // stop distance in average true ranges …
  double stop_distance_min = 0.0015;  // … but never closer than this share of the price
};
std::unique_ptr<Strategy> MakeEnsembleStrategy(EnsembleStrategyOptions options);

// Makes a steady flow of entries and exits, whatever the market does, so that load and failure tests always have orders
// in the air. Never for making money; refused outside PAPER mode by the service.
struct ExerciserOptions {
  double decisions_per_second = 0.5;  // over all symbols
  double notional_usd = 150;
  double stop_distance = 0.005;
  // An open position is closed after this time. Zero: chosen by the rate, so that the rate can be met.
  Duration hold{};
};

// The options with `hold` chosen if it was zero: half of what the rate leaves for one entry and one exit a symbol, the
// other half being for the orders' way; at most 10 s. kInvalidArgument with the numbers when a given hold allows fewer
// decisions than are asked for: an entry and an exit per symbol and hold are 2 * symbols / hold a second.
Result<ExerciserOptions> SettleHold(ExerciserOptions options, size_t symbols);

std::unique_ptr<Strategy> MakeExerciser(ExerciserOptions options, std::vector<std::string> symbols, Random& random);

}  // namespace quantum::ai_engine
