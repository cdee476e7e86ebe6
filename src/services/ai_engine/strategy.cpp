#include "services/ai_engine/strategy.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quantum::ai_engine {
namespace {

using trading::Side;
using trading::event::Intent;

Wish CloseOf(const std::string& symbol, const SymbolState& state, double confidence, std::string reason) {
  return {.symbol = symbol,
          .intent = Intent::kClose,
          .side = state.position.is_positive() ? Side::kSell : Side::kBuy,
          .confidence = confidence,
          .reason = std::move(reason)};
}

class EnsembleStrategy final : public Strategy {
 public:
  explicit EnsembleStrategy(EnsembleStrategyOptions options) : options_(options) {}
  std::string_view name() const override { return "ensemble"; }

  std::optional<Wish> OnBar(const std::string& symbol, const Assessment& assessment, const Features& features,
                            const SymbolState& state, SteadyTime now) override {
    if (assessment.action == 0 || now < state.busy_until || !state.price.is_positive()) {
      return std::nullopt;
    }
    const bool wants_long = assessment.action > 0;
    if (!state.position.is_zero()) {
      const bool opposed = state.position.is_positive() != wants_long;
      return opposed ? std::optional(CloseOf(symbol, state, assessment.probability, "the ensemble turned"))
                     : std::nullopt;
    }
    if (!state.spread) {
      return std::nullopt;  // an unknown spread is not a spread of nothing
    }
    const double costs = 2 * options_.fee + *state.spread;
    if (assessment.expected_move < options_.edge_min * costs) {
      return std::nullopt;  // the expected move does not pay the costs
    }
    return Wish{.symbol = symbol,
                .side = wants_long ? Side::kBuy : Side::kSell,
                .confidence = assessment.probability,
                .stop_distance = std::max(options_.stop_distance_min, options_.stop_in_atr * features[Feature::kAtr]),
                .reason = fmt::format("expected move {:.5f} against costs {:.5f}", assessment.expected_move, costs)};
  }

 private:
  EnsembleStrategyOptions options_;
};

class Exerciser final : public Strategy {
 public:
  Exerciser(ExerciserOptions options, std::vector<std::string> symbols, Random& random)
      : options_(options), symbols_(std::move(symbols)), random_(random) {}
  std::string_view name() const override { return "exerciser"; }
  Duration interval() const override {
    return std::chrono::duration_cast<Duration>(std::chrono::duration<double>(1.0 / options_.decisions_per_second));
  }
  std::optional<Wish> OnBar(const std::string&, const Assessment&, const Features&, const SymbolState&,
                            SteadyTime) override {
    return std::nullopt;
  }

  std::optional<Wish> OnTimer(const std::map<std::string, SymbolState>& states, SteadyTime now) override {
    for (size_t i = 0; i < symbols_.size(); ++i) {
      const std::string& symbol = symbols_[next_++ % symbols_.size()];
      const auto found = states.find(symbol);
      if (found == states.end() || !found->second.price.is_positive() || now < found->second.busy_until) {
        continue;
      }
      const SymbolState& state = found->second;
      if (state.position.is_zero()) {
        return Wish{.symbol = symbol,
                    .side = random_.Below(2) == 0 ? Side::kBuy : Side::kSell,
                    .confidence = 1.0,
                    .stop_distance = options_.stop_distance,
                    .notional_usd = options_.notional_usd,
                    .reason = "exercise"};
      }
      if (state.held_since && now - *state.held_since >= options_.hold) {
        return CloseOf(symbol, state, 1.0, "exercise");
      }
    }
    return std::nullopt;
  }

 private:
  ExerciserOptions options_;
  std::vector<std::string> symbols_;
  Random& random_;
  size_t next_ = 0;
};

void SetPosition(SymbolState& state, const Decimal& quantity, SteadyTime now) {
  const bool turned = state.position.is_positive() != quantity.is_positive();
  if (quantity.is_zero()) {
    state.held_since.reset();
  } else if (state.position.is_zero() || turned || !state.held_since) {
    state.held_since = now;
  }
  state.position = quantity;
}

}  // namespace

bool TakePositionEvent(SymbolState& state, const Decimal& quantity, int64_t time_ms, SteadyTime now) {
  if (time_ms < state.position_ms) {
    return false;
  }
  state.position_ms = time_ms;
  SetPosition(state, quantity, now);
  return true;
}

bool TakePositionRead(SymbolState& state, const Decimal& quantity, int64_t time_ms, SteadyTime now) {
  if (time_ms <= state.position_ms) {
    return false;
  }
  SetPosition(state, quantity, now);
  return true;
}

Result<ExerciserOptions> SettleHold(ExerciserOptions options, size_t symbols) {
  const double count = static_cast<double>(symbols);
  if (options.hold == Duration::zero()) {
    const std::chrono::duration<double> chosen(0.5 * count / options.decisions_per_second);
    options.hold = std::min<Duration>(std::chrono::duration_cast<Duration>(chosen), std::chrono::seconds(10));
    return options;
  }
  const double hold_s = std::chrono::duration<double>(options.hold).count();
  const double most = 2 * count / hold_s;
  if (options.decisions_per_second > most) {
    return Error{Errc::kInvalidArgument,
                 fmt::format("{} decisions a second cannot be met: {} symbols, each opened and closed once per hold of "
                             "{} s, make at most {:.2f}; name more symbols, a shorter hold, or leave hold out",
                             options.decisions_per_second, symbols, hold_s, most)};
  }
  return options;
}

std::unique_ptr<Strategy> MakeEnsembleStrategy(EnsembleStrategyOptions options) {
  return std::make_unique<EnsembleStrategy>(options);
}

std::unique_ptr<Strategy> MakeExerciser(ExerciserOptions options, std::vector<std::string> symbols, Random& random) {
  return std::make_unique<Exerciser>(options, std::move(symbols), random);
}

}  // namespace quantum::ai_engine
