#pragma once

#include <optional>

#include "platform/lifecycle/service.h"
#include "services/portfolio_intelligence/portfolio.h"

namespace quantum::portfolio_intelligence {

class PortfolioIntelligence final : public lifecycle::Component {
 public:
  explicit PortfolioIntelligence(lifecycle::Service& service) : service_(service) {}

  Status Configure() override;
  Status Start() override;
  std::string HealthMetrics() override;

 private:
  void AddSubscriptions();
  void AddRoutes();
  Result<trading::AccountReport> ReadAccount();
  // Prices of open positions that no tick has brought yet.
  void AskForPrices();
  // The newest snapshot, kept as last_.
  Result<Snapshot> Compute();
  Status TakeSnapshot();
  void KeepSnapshots();
  Status Publish(const Snapshot& snapshot);
  http::Response GetPerformance(const http::Request& request);
  // The handler's answer, or 503 while there is no snapshot.
  http::Response WithSnapshot(const std::function<std::string(const Snapshot&)>& write) const;

  lifecycle::Service& service_;
  Duration snapshot_interval_ = std::chrono::seconds(5);
  Portfolio portfolio_;
  std::optional<Snapshot> last_;
  std::string source_ = "unknown";  // of the market, as ticks say
};

}  // namespace quantum::portfolio_intelligence
