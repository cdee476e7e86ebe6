#pragma once

#include <memory>
#include <optional>

#include "platform/lifecycle/service.h"
#include "services/risk_safety/day_start.h"
#include "services/risk_safety/decider.h"
#include "services/risk_safety/ess_keeper.h"
#include "services/risk_safety/ess_shell.h"
#include "services/risk_safety/policy_book.h"
#include "services/risk_safety/views.h"

namespace quantum::risk_safety {

class RiskSafety final : public lifecycle::Component {
 public:
  explicit RiskSafety(lifecycle::Service& service);
  ~RiskSafety() override;

  Status Configure() override;
  Status Start() override;
  void Drain() override;
  // What neither Postgres nor execution tells as well: execution errors and the order rate of the last minutes, and the
  // positions as last told.
  std::string SaveState() override;
  void RestoreState(std::string_view json) override;
  std::string HealthMetrics() override;

 private:
  void AddRoutes();
  void AddSubscriptions();
  Status OnDecision(const bus::Event& event, postgres::Transaction& transaction);
  Status OnOrder(const bus::Event& event, postgres::Transaction& transaction);
  Status OnTrade(const bus::Event& event, postgres::Transaction& transaction);
  Status OnPositionEvent(const bus::Event& event);
  http::Response PostDecide(const http::Request& request);
  http::Response PostCheck(const http::Request& request);
  http::Response PutPolicyRoute(const http::Request& request);
  http::Response GetLimits(const http::Request& request);

  // Fibers, each waiting for one side only: what one of them waits for never holds up the others.
  void JudgeEverySecond();  // the conditions: waits for nobody (a trip tells execution)
  void AskExecutionEverySecond();
  void TendPostgres();
  void LookForStandby();
  Duration Alone() const;  // how long commits have been on one node alone; zero: they are not

  void OnPosition(const PositionFact& fact);
  Status ReadRules();
  Status ReadPositions();
  Status ReadAccount();
  Status ReadTroubledOrders();
  void KeepDayStart();
  void SettleDayStart();
  void ReleaseExpired();

  lifecycle::Service& service_;
  Views views_;
  CheckLimits check_limits_;
  ConditionLimits condition_limits_;
  DayStart day_start_;
  std::optional<SteadyTime> alone_since_;
  std::unique_ptr<PolicyBook> policies_;
  std::unique_ptr<EssShell> ess_shell_;
  std::unique_ptr<EssKeeper> ess_;
  std::unique_ptr<Conditions> conditions_;
  std::unique_ptr<Decider> decider_;
};

}  // namespace quantum::risk_safety
