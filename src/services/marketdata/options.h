#pragma once

#include "platform/config/manifest.h"
#include "services/marketdata/symbol_feed.h"

namespace quantum::marketdata {

struct Options {
  std::vector<std::string> symbols;
  FeedOptions feed;
  Duration tick_interval = std::chrono::milliseconds(100);  // between two ticks of a symbol
  int history_minutes = 500;                                // 1m candles asked for at the start
};

// services.marketdata of the manifest:
//   intervals: [5s, 1m]    stale_after: 3s    tick_interval: 100ms    history_minutes: 500    candles_max: 2000
Result<Options> ReadOptions(const config::Manifest& manifest);

}  // namespace quantum::marketdata
