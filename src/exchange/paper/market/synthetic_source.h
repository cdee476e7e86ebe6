#pragma once

#include <memory>
#include <string>
#include <vector>

#include "exchange/paper/market/source.h"
#include "exchange/paper/market/synthetic_market.h"

namespace quantum::paper {

struct SyntheticOptions {
  uint64_t seed = 1;
  uint64_t salt = 0;     // other than zero after a restart, so that the market does not repeat itself
  double rate = 0.1;     // events per second as a share of the recorded mean
  int64_t start_ms = 0;  // the source's clock
  std::vector<SyntheticStart> symbols;
};

// A market that never ends and says that it is synthetic: seeded, with the spread, sizes, rates, volatility and depth
// of the recordings (calibration.h). Repeatable from its options.
class SyntheticSource final : public MarketSource {
 public:
  // kInvalidArgument for a symbol without a calibration.
  static Result<std::unique_ptr<SyntheticSource>> Create(SyntheticOptions options);

  Result<std::optional<SourceEvent>> Next() override;
  MarketLabel label() const override;

 private:
  explicit SyntheticSource(SyntheticOptions options) : options_(std::move(options)) {}

  SyntheticOptions options_;
  std::vector<SyntheticMarket> markets_;
};

}  // namespace quantum::paper
