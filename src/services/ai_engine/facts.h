#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/lifecycle/service.h"
#include "services/ai_engine/sizing.h"
#include "services/ai_engine/symbol_engine.h"

namespace quantum::ai_engine {

// What ai-engine asks of its neighbours over HTTP; a fact that cannot be read, or is older than ten seconds, is absent.
class Facts {
 public:
  explicit Facts(lifecycle::Service& service) : service_(service) {}

  // Reads limits, equity and positions anew. The first thing that failed is the error; the rest is read all the same.
  Status Refresh();

  std::optional<SizingLimits> Limits(const std::string& symbol) const;
  std::optional<Decimal> Equity() const;

  struct PositionFact {
    Decimal quantity;
    int64_t time_ms = 0;  // of its last change, as execution says
  };
  const std::map<std::string, PositionFact>& positions() const { return positions_; }

  // Bars of the past, oldest first, for the warm-up.
  Result<std::vector<TimedBar>> History(const std::string& symbol, const std::string& interval, int bars);

 private:
  Status ReadLimits(const std::string& symbol);
  Status ReadEquity();
  Status ReadPositions();
  bool Fresh(SteadyTime read) const { return service_.clock().Steady() - read < std::chrono::seconds(10); }

  lifecycle::Service& service_;
  struct ReadLimit {
    SizingLimits limits;
    SteadyTime read;
  };
  std::map<std::string, ReadLimit> limits_;
  Decimal equity_;
  SteadyTime equity_read_{};
  std::map<std::string, PositionFact> positions_;
};

}  // namespace quantum::ai_engine
