#pragma once

#include <memory>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "platform/bus/event.h"
#include "platform/lifecycle/service.h"
#include "services/monitoring_health/alert_book.h"
#include "services/monitoring_health/backup_watch.h"
#include "services/monitoring_health/live_feed.h"
#include "services/monitoring_health/unit_prober.h"

namespace quantum::monitoring_health {

// Looks after everything and touches nothing: other units being down is what it reports, never its own ill health.
class MonitoringHealth final : public lifecycle::Component {
 public:
  explicit MonitoringHealth(lifecycle::Service& service) : service_(service) {}

  Status Configure() override;
  Status Start() override;
  void Drain() override;
  std::string HealthMetrics() override;

 private:
  void AddSubscriptions();
  void AddRoutes();
  void AddPages();
  void KeepWatching();  // fiber: one round every interval
  void Watch();
  void Judge(const UnitProber::Round& round);
  void JudgeFiles();
  void JudgeDegraded(const UnitReport& unit, const Verdict* verdict);
  void JudgeOutboxOfOneThatIsDown(const UnitReport& unit, const Verdict* verdict);
  void Note(const std::optional<Change>& change);
  void KeepAlerts();
  void Queue(std::string_view type, std::string key, std::string payload);
  void KeepPublishing();  // fiber
  std::string AlertsJson() const;
  http::Response GetTrace(const std::string& correlation_id);

  lifecycle::Service& service_;
  Duration interval_ = std::chrono::seconds(5);
  Duration startup_grace_ = std::chrono::seconds(30);
  Duration trace_deadline_ = std::chrono::seconds(3);
  UnitProber::Options probe_options_;
  std::vector<std::string> essential_;
  std::unique_ptr<UnitProber> prober_;
  BackupObjectives objectives_;
  AlertBook alerts_;
  std::set<std::string> seen_up_;  // units that answered once: the others may still be starting with the platform
  SteadyTime started_{};
  std::string kept_alerts_ = "[]";  // as they stand in Redis
  std::optional<SystemReport> report_;
  uint64_t rounds_ = 0;
  int traces_running_ = 0;
  fiber::Channel<bus::Event> to_publish_{1000};
  std::shared_ptr<LiveFeed> live_ = std::make_shared<LiveFeed>();
};

}  // namespace quantum::monitoring_health
