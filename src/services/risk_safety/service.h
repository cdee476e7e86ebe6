#pragma once

#include <memory>

#include "platform/lifecycle/service.h"
#include "services/risk_safety/decider.h"
#include "services/risk_safety/ess_keeper.h"
#include "services/risk_safety/policy_book.h"
#include "services/risk_safety/views.h"

namespace quantum::risk_safety {

class RiskSafety final : public lifecycle::Component {
 public:
  explicit RiskSafety(lifecycle::Service& service);
  ~RiskSafety() override;

  Status Configure() override;
  Status Start() override;
  std::string HealthMetrics() override;

 private:
  void AddRoutes();
  void AddSubscriptions();
  Status OnDecision(const bus::Event& event, postgres::Transaction& transaction);
  Status OnOrder(const bus::Event& event, postgres::Transaction& transaction);
  Status OnTrade(const bus::Event& event, postgres::Transaction& transaction);
  http::Response PostDecide(const http::Request& request);
  http::Response PostCheck(const http::Request& request);
  http::Response PutPolicyRoute(const http::Request& request);
  http::Response GetLimits(const http::Request& request);

  Status ReadRules();
  Status ReadPositions();
  Status ReadAccount();
  void EverySecond();
  void ReleaseExpired();
  std::string ExecutionUrl(std::string_view path) const;

  lifecycle::Service& service_;
  Views views_;
  CheckLimits check_limits_;
  ConditionLimits condition_limits_;
  std::unique_ptr<PolicyBook> policies_;
  std::unique_ptr<EssKeeper> ess_;
  std::unique_ptr<Conditions> conditions_;
  std::unique_ptr<Decider> decider_;
};

}  // namespace quantum::risk_safety
