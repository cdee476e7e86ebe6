#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "platform/lifecycle/service.h"
#include "services/ai_engine/ensemble.h"
#include "services/ai_engine/facts.h"
#include "services/ai_engine/strategy.h"

namespace quantum::ai_engine {

class AiEngine final : public lifecycle::Component {
 public:
  explicit AiEngine(lifecycle::Service& service) : service_(service), facts_(service) {}

  Status Configure() override;
  Status Start() override;
  void Pause() override { paused_ = true; }
  void Resume() override { paused_ = false; }
  void Drain() override { paused_ = true; }
  std::string HealthMetrics() override;

 private:
  struct SymbolEngine {
    Ensemble ensemble;
    std::optional<Assessment> last;
    int64_t last_open_time = 0;  // of the last bar: repeats and old bars are passed over
  };

  Status ConfigureStrategy();
  void AddSubscriptions();
  void AddRoutes();
  Status OnKline(const bus::Event& event);
  Status OnPosition(const bus::Event& event);
  Status OnRejected(const bus::Event& event);
  void WarmUp();
  void RefreshFacts();
  void RunTimer();
  Status Decide(const Wish& wish, const std::string& regime, const std::string& cause);
  Status PublishSignal(const std::string& symbol, const SymbolEngine& engine, const std::string& cause);
  http::Response PostSignal(const http::Request& request);

  lifecycle::Service& service_;
  Facts facts_;
  std::string timeframe_ = "5s";
  Duration decision_ttl_ = std::chrono::seconds(5);
  Duration busy_ = std::chrono::seconds(10);
  EnsembleOptions ensemble_options_;
  std::unique_ptr<Strategy> strategy_;
  std::map<std::string, SymbolEngine> engines_;
  std::map<std::string, SymbolState> states_;
  std::map<std::string, std::string> waiting_;  // decision id by symbol, while busy
  bool paused_ = false;
  bool warm_ = false;
  int64_t decisions_ = 0;
  std::string last_hold_;  // why the last wish came to nothing
};

}  // namespace quantum::ai_engine
