#pragma once

#include <map>
#include <memory>
#include <optional>
#include <string>

#include "platform/lifecycle/service.h"
#include "services/ai_engine/ensemble.h"
#include "services/ai_engine/facts.h"
#include "services/ai_engine/strategy.h"
#include "services/ai_engine/symbol_engine.h"

namespace quantum::ai_engine {

class AiEngine final : public lifecycle::Component {
 public:
  explicit AiEngine(lifecycle::Service& service) : service_(service), facts_(service) {}

  Status Configure() override;
  Status Start() override;
  void Pause() override { paused_ = true; }
  void Resume() override { paused_ = false; }
  void Drain() override { paused_ = true; }
  std::string SaveState() override;
  void RestoreState(std::string_view json) override;
  std::string HealthMetrics() override;

 private:
  Status ConfigureStrategy();
  void AddSubscriptions();
  void AddRoutes();
  Status OnKline(const bus::Event& event);
  Status OnPosition(const bus::Event& event);
  Status OnRejected(const bus::Event& event);
  Status OnTick(const bus::Event& event);
  void WarmUp();
  void TakeFacts();
  void RefreshFacts();
  void RunTimer();
  void TakeTurn();
  Status Decide(const Wish& wish, const std::string& regime, const std::string& cause);
  Status PublishSignal(const std::string& symbol, const SymbolEngine& engine, const std::string& cause);
  http::Response PostSignal(const http::Request& request);

  lifecycle::Service& service_;
  Facts facts_;
  std::string timeframe_ = "5s";
  int64_t interval_ms_ = 5'000;  // of the timeframe
  Duration decision_ttl_ = std::chrono::seconds(5);
  Duration busy_ = std::chrono::seconds(10);
  EnsembleOptions ensemble_options_;
  std::unique_ptr<Strategy> strategy_;
  std::map<std::string, SymbolEngine> engines_;
  std::map<std::string, SymbolState> states_;
  std::map<std::string, std::string> waiting_;  // decision id by symbol, while busy
  std::string source_ = "unknown";              // of the market, as ticks say
  bool paused_ = false;
  int64_t decisions_ = 0;
  int64_t turns_missed_ = 0;  // of a strategy with a timer: turns in which it found nothing to decide
  int64_t bars_too_old_ = 0;  // applied, but not decided on
  std::string last_hold_;     // why the last wish came to nothing
};

}  // namespace quantum::ai_engine
