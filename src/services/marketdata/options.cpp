#include "services/marketdata/options.h"

namespace quantum::marketdata {

using namespace std::chrono_literals;

Result<Options> ReadOptions(const config::Manifest& manifest) {
  Options options;
  options.symbols = manifest.symbols();
  config::Section section = manifest.Service("marketdata");
  for (const std::string& text : section.GetStrings("intervals", {"5s", "1m"})) {
    const Result<Interval> interval = ParseInterval(text);
    if (!interval.ok()) {
      section.Complain("intervals", interval.error().message);
      break;
    }
    options.feed.intervals.push_back(*interval);
  }
  options.feed.stale_after = section.GetDuration("stale_after", 3s, 100ms, 10min);
  options.feed.candles_max = static_cast<size_t>(section.GetInt("candles_max", 2000, 10, 100'000));
  options.tick_interval = section.GetDuration("tick_interval", 100ms, 10ms, 10s);
  options.history_minutes = static_cast<int>(section.GetInt("history_minutes", 500, 2, 1500));
  QUANTUM_CHECK(section.Finish());
  return options;
}

}  // namespace quantum::marketdata
