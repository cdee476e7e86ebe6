#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "platform/lifecycle/service.h"
#include "services/ai_engine/features.h"
#include "services/ai_engine/sizing.h"

namespace quantum::ai_engine {

// What ai-engine asks of its neighbours over HTTP; a fact that cannot be read, or is older than ten seconds, is absent.
class Facts {
 public:
  explicit Facts(lifecycle::Service& service) : service_(service) {}

  // Reads limits, equity and positions anew. The first thing that failed is the error; the rest is read all the same.
  Status Refresh();

  std::optional<SizingLimits> Limits(const std::string& symbol) const;
  std::optional<Decimal> Equity() const;
  const std::map<std::string, Decimal>& positions() const { return positions_; }

  // Bars of the past, oldest first, for the warm-up.
  Result<std::vector<Bar>> History(const std::string& symbol, const std::string& interval, int bars);

 private:
  Status ReadLimits(const std::string& symbol);
  Status ReadEquity();
  Status ReadPositions();
  std::string Url(std::string_view unit, std::string_view path) const;
  bool Fresh(SteadyTime read) const { return service_.clock().Steady() - read < std::chrono::seconds(10); }

  lifecycle::Service& service_;
  struct ReadLimit {
    SizingLimits limits;
    SteadyTime read;
  };
  std::map<std::string, ReadLimit> limits_;
  Decimal equity_;
  SteadyTime equity_read_{};
  std::map<std::string, Decimal> positions_;
};

}  // namespace quantum::ai_engine
