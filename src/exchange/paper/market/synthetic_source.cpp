#include "exchange/paper/market/synthetic_source.h"

#include <fmt/format.h>

namespace quantum::paper {

Result<std::unique_ptr<SyntheticSource>> SyntheticSource::Create(SyntheticOptions options) {
  std::unique_ptr<SyntheticSource> source(new SyntheticSource(std::move(options)));
  uint64_t number = 0;
  for (const SyntheticStart& start : source->options_.symbols) {
    const std::optional<Calibration> calibration = FindCalibration(start.symbol);
    if (!calibration) {
      return Error{
          Errc::kInvalidArgument,
          fmt::format("the synthetic market knows no {}; take it out of `symbols` or play a recording", start.symbol)};
    }
    // Splitting the seed by a large odd number keeps the symbols' streams apart.
    const uint64_t seed =
        source->options_.seed + source->options_.salt * 0xD1B54A32D192ED03ULL + 0x9E3779B97F4A7C15ULL * ++number;
    source->markets_.emplace_back(start, *calibration, source->options_.rate, source->options_.start_ms, seed);
  }
  return source;
}

Result<std::optional<SourceEvent>> SyntheticSource::Next() {
  SyntheticMarket* first = nullptr;
  const auto due = [](SyntheticMarket& market) {
    return market.ready().empty() ? market.next_ms() : market.ready().front().time_ms;
  };
  for (SyntheticMarket& market : markets_) {
    if (first == nullptr || due(market) < due(*first)) {
      first = &market;
    }
  }
  if (first == nullptr) {
    return std::optional<SourceEvent>();
  }
  while (first->ready().empty()) {
    first->Step();
  }
  std::optional<SourceEvent> event = std::move(first->ready().front());
  first->ready().pop_front();
  return event;
}

MarketLabel SyntheticSource::label() const {
  return {"synthetic", fmt::format("seed {}, {:g} of the recorded event rate", options_.seed, options_.rate)};
}

}  // namespace quantum::paper
