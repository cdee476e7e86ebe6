#include "services/ai_engine/service.h"

#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

namespace quantum::ai_engine {

namespace event = trading::event;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

Bar ToBar(const event::Kline& kline) {
  return {.open = kline.open.ToDouble(),
          .high = kline.high.ToDouble(),
          .low = kline.low.ToDouble(),
          .close = kline.close.ToDouble(),
          .volume = kline.volume.ToDouble(),
          .taker_buy = kline.taker_buy.ToDouble()};
}

std::string ActionName(int action) { return action > 0 ? "BUY" : action < 0 ? "SELL" : "HOLD"; }

}  // namespace

Status AiEngine::Configure() {
  config::Section section = service_.manifest().Service("ai-engine");
  timeframe_ = section.GetString("timeframe", timeframe_);
  decision_ttl_ = section.GetDuration("decision_ttl", decision_ttl_, 500ms, 10min);
  busy_ = section.GetDuration("busy", busy_, 1s, 10min);
  ensemble_options_.signal_min = section.GetDouble("signal_min", ensemble_options_.signal_min, 0, 1);
  ensemble_options_.disagreement_max = section.GetDouble("disagreement_max", ensemble_options_.disagreement_max, 0, 2);
  QUANTUM_CHECK(section.Finish());
  QUANTUM_CHECK(ConfigureStrategy());
  for (const std::string& symbol : service_.manifest().symbols()) {
    engines_.emplace(symbol, SymbolEngine{Ensemble(ensemble_options_), std::nullopt, 0});
    states_[symbol];
  }
  AddSubscriptions();
  AddRoutes();
  return {};
}

Status AiEngine::ConfigureStrategy() {
  config::Section section = service_.manifest().Top("strategy");
  const std::string name = section.GetChoice("name", "ensemble", {"ensemble", "exerciser"});
  EnsembleStrategyOptions ensemble;
  ensemble.fee = section.GetDouble("fee", ensemble.fee, 0, 0.01);
  ensemble.edge_min = section.GetDouble("edge_min", ensemble.edge_min, 0, 100);
  ensemble.stop_in_atr = section.GetDouble("stop_in_atr", ensemble.stop_in_atr, 0.5, 100);
  ExerciserOptions exerciser;
  exerciser.decisions_per_second = section.GetDouble("decisions_per_second", exerciser.decisions_per_second, 0.01, 200);
  exerciser.notional_usd = section.GetDouble("notional_usd", exerciser.notional_usd, 1, 1'000'000);
  exerciser.stop_distance = section.GetDouble("stop_distance", exerciser.stop_distance, 0.0005, 0.2);
  exerciser.hold = section.GetDuration("hold", exerciser.hold, 0s, 1h);
  if (name == "exerciser" && service_.manifest().mode() != config::Mode::kPaper) {
    section.Complain("name", "the exerciser trades for the sake of trading and runs in mode PAPER only");
  }
  QUANTUM_CHECK(section.Finish());
  strategy_ = name == "exerciser" ? MakeExerciser(exerciser, service_.manifest().symbols(), service_.random())
                                  : MakeEnsembleStrategy(ensemble);
  return {};
}

void AiEngine::AddSubscriptions() {
  const std::string group = service_.spec().name;
  const auto on = [&](std::string_view type, bus::Handler handler) {
    service_.bus().Subscribe({.group = group, .types = {std::string(type)}, .handler = std::move(handler)});
  };
  on(event::kMarketKline, [this](const bus::Event& e) { return OnKline(e); });
  on(event::kPositionUpdated, [this](const bus::Event& e) { return OnPosition(e); });
  on(event::kRiskRejected, [this](const bus::Event& e) { return OnRejected(e); });
  on(event::kMarketTick, [this](const bus::Event& e) -> Status {
    QUANTUM_TRY(const auto tick, event::ParseTick(e.payload));
    if (const auto state = states_.find(tick.symbol); state != states_.end()) {
      state->second.price = tick.price;
      state->second.spread = (tick.ask - tick.bid).ToDouble() / tick.price.ToDouble();
    }
    return {};
  });
}

Status AiEngine::Start() {
  service_.loop().Spawn([this] { RefreshFacts(); });
  if (strategy_->interval() > Duration::zero()) {
    service_.loop().Spawn([this] { RunTimer(); });
  }
  log::Info("strategy selected", {{"strategy", strategy_->name()}, {"timeframe", timeframe_}});
  return {};
}

// Bars that happened before this process are worth as much as those after it.
void AiEngine::WarmUp() {
  bool all = true;
  for (auto& [symbol, engine] : engines_) {
    const auto history = facts_.History(symbol, timeframe_, 200);
    if (!history.ok()) {
      all = false;
      continue;
    }
    if (engine.ensemble.features().bars() == 0) {
      for (const Bar& bar : *history) {
        engine.last = engine.ensemble.Update(bar);
      }
      log::Info("warmed up", {{"symbol", symbol}, {"bars", history->size()}});
    }
  }
  warm_ = all;
}

void AiEngine::RefreshFacts() {
  do {
    const Status refreshed = facts_.Refresh();
    service_.SetDegraded("facts", refreshed.ok() ? "" : "sizing waits for facts: " + refreshed.error().message);
    if (refreshed.ok()) {
      for (auto& [symbol, state] : states_) {
        const auto position = facts_.positions().find(symbol);
        state.position = position == facts_.positions().end() ? Decimal() : position->second;
      }
    }
    if (!warm_) {
      WarmUp();
    }
  } while (!service_.stopping().WaitFor(2s));
}

Status AiEngine::OnKline(const bus::Event& e) {
  QUANTUM_TRY(const event::Kline kline, event::ParseKline(e.payload));
  const auto found = engines_.find(kline.symbol);
  if (found == engines_.end() || !kline.closed || kline.interval != timeframe_ ||
      kline.open_time <= found->second.last_open_time) {
    return {};
  }
  SymbolEngine& engine = found->second;
  engine.last_open_time = kline.open_time;
  engine.last = engine.ensemble.Update(ToBar(kline));
  if (!engine.last || paused_) {
    return {};
  }
  const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
  if (!engine.last->votes.empty()) {
    QUANTUM_CHECK(PublishSignal(kline.symbol, engine, e.id));
  }
  const std::optional<Wish> wish =
      strategy_->OnBar(kline.symbol, *engine.last, *engine.ensemble.last(), states_[kline.symbol],
                       service_.clock().Steady());
  return wish ? Decide(*wish, std::string(ToString(engine.last->regime)), e.id) : Status();
}

Status AiEngine::OnPosition(const bus::Event& e) {
  QUANTUM_TRY(const event::PositionUpdate update, event::ParsePositionUpdate(e.payload));
  const auto found = states_.find(update.symbol);
  if (found == states_.end()) {
    return {};
  }
  SymbolState& state = found->second;
  const bool was_flat = state.position.is_zero();
  state.position = update.quantity;
  if (update.quantity.is_zero()) {
    state.held_since.reset();
  } else if (was_flat || !state.held_since) {
    state.held_since = service_.clock().Steady();
  }
  state.busy_until = {};
  waiting_.erase(update.symbol);
  return {};
}

Status AiEngine::OnRejected(const bus::Event& e) {
  QUANTUM_TRY(const event::Rejection rejection, event::ParseRejection(e.payload));
  if (const auto waiting = waiting_.find(rejection.symbol);
      waiting != waiting_.end() && waiting->second == rejection.decision_id) {
    waiting_.erase(waiting);
    states_[rejection.symbol].busy_until = service_.clock().Steady() + 1s;
  }
  return {};
}

void AiEngine::RunTimer() {
  while (!service_.stopping().WaitFor(strategy_->interval())) {
    if (paused_) {
      continue;
    }
    for (auto& [symbol, state] : states_) {
      // A position that was there before this process counts from when it was first seen.
      if (!state.position.is_zero() && !state.held_since) {
        state.held_since = service_.clock().Steady();
      }
    }
    const std::optional<Wish> wish = strategy_->OnTimer(states_, service_.clock().Steady());
    if (!wish) {
      continue;
    }
    const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
    const SymbolEngine& engine = engines_.at(wish->symbol);
    const std::string regime(engine.last ? ToString(engine.last->regime) : "UNKNOWN");
    if (const Status decided = Decide(*wish, regime, ""); !decided.ok()) {
      log::Warning("no decision", {{"symbol", wish->symbol}, {"reason", decided.error().message}});
    }
  }
}

Status AiEngine::PublishSignal(const std::string& symbol, const SymbolEngine& engine, const std::string& cause) {
  const Assessment& last = *engine.last;
  for (const event::Vote& vote : last.votes) {
    metrics::GetCounter(metrics::kSignals, {{"signal_type", vote.signal > 0 ? "BUY" : "SELL"}, {"model", vote.model}})
        .Add();
  }
  const event::Signal signal{.symbol = symbol,
                             .timeframe = timeframe_,
                             .action = ActionName(last.action),
                             .probability = last.probability,
                             .disagreement = last.disagreement,
                             .votes = last.votes,
                             .model_hash = engine.ensemble.hash(),
                             .regime = std::string(ToString(last.regime)),
                             .time = ToUnixMs(service_.clock().Now())};
  QUANTUM_TRY(const std::string id,
              service_.bus().Publish(event::Make(event::kSignalGenerated, symbol, event::ToJson(signal), cause)));
  (void)id;
  return {};
}

Status AiEngine::Decide(const Wish& wish, const std::string& regime, const std::string& cause) {
  SymbolState& state = states_[wish.symbol];
  const std::string mode(config::ToString(service_.manifest().mode()));
  const WallTime now = service_.clock().Now();
  event::Decision decision{.decision_id = "d-" + NewUuid(service_.clock(), service_.random()),
                           .symbol = wish.symbol,
                           .intent = wish.intent,
                           .side = wish.side,
                           .reference_price = state.price,
                           .confidence = wish.confidence,
                           .expires_at = ToUnixMs(now + decision_ttl_),
                           .model = engines_.at(wish.symbol).ensemble.hash(),
                           .strategy = std::string(strategy_->name()),
                           .regime = regime,
                           .mode = mode};
  double risk_percent = 0;
  double notional = 0;
  if (wish.intent == event::Intent::kClose) {
    decision.quantity = state.position.Abs();
  } else {
    std::optional<SizingLimits> limits = facts_.Limits(wish.symbol);
    const std::optional<Decimal> equity = facts_.Equity();
    if (!limits || !equity) {
      last_hold_ = "limits or equity are not known";
      return {};
    }
    if (wish.notional_usd) {
      limits->position_usd_max = std::min(limits->position_usd_max, Decimal::FromDouble(*wish.notional_usd));
    }
    const auto size = SizePosition({.side = wish.side,
                                    .price = state.price,
                                    .equity = *equity,
                                    .confidence = wish.confidence,
                                    .stop_distance = wish.stop_distance},
                                   *limits);
    if (!size.ok()) {
      last_hold_ = size.error().message;
      return {};
    }
    decision.quantity = size->quantity;
    decision.leverage = size->leverage;
    decision.stop_loss = size->stop_loss;
    decision.take_profit = size->take_profit;
    risk_percent = size->risk_percent;
    notional = size->notional.ToDouble();
  }
  state.busy_until = service_.clock().Steady() + busy_;
  waiting_[wish.symbol] = decision.decision_id;
  ++decisions_;
  last_hold_.clear();
  log::Info("decision made", {{"decision_id", decision.decision_id},
                              {"symbol", decision.symbol},
                              {"intent", event::ToString(decision.intent)},
                              {"side", trading::ToString(decision.side)},
                              {"quantity", decision.quantity.ToString()},
                              {"reason", wish.reason}});
  const json::object strategy{{"symbol", wish.symbol},
                              {"strategy", strategy_->name()},
                              {"regime", regime},
                              {"exploration", false},
                              {"time", ToUnixMs(now)}};
  json::object sizing{{"symbol", wish.symbol},
                      {"decision_id", decision.decision_id},
                      {"size_usd", Decimal::FromDouble(notional).ToString()},
                      {"leverage", decision.leverage},
                      {"risk_pct", risk_percent},
                      {"time", ToUnixMs(now)}};
  if (decision.stop_loss) {
    sizing["stop_loss"] = decision.stop_loss->ToString();
    sizing["take_profit"] = decision.take_profit->ToString();
  }
  // The decision first: what explains it must not delay it.
  QUANTUM_TRY(const std::string id,
              service_.bus().Publish(event::Make(event::kDecisionMade, wish.symbol, event::ToJson(decision), cause)));
  QUANTUM_TRY(const std::string strategy_id,
              service_.bus().Publish(event::Make(event::kStrategySelected, wish.symbol, json::serialize(strategy), id)));
  QUANTUM_TRY(const std::string sizing_id,
              service_.bus().Publish(event::Make(event::kSizingDecided, wish.symbol, json::serialize(sizing), id)));
  return {};
}

std::string AiEngine::HealthMetrics() {
  int bars = 0;
  for (const auto& [symbol, engine] : engines_) {
    bars += engine.ensemble.features().bars();
  }
  return json::serialize(json::object{{"strategy", strategy_->name()},
                                      {"decisions", decisions_},
                                      {"bars", bars},
                                      {"warm", warm_},
                                      {"last_hold", last_hold_}});
}

}  // namespace quantum::ai_engine
