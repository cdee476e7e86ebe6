#include "services/ai_engine/service.h"

#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "services/ai_engine/saved_state.h"
#include "trading/bus/registry.h"
#include "trading/events.h"
#include "trading/interval.h"

namespace quantum::ai_engine {

namespace event = trading::event;
namespace json = boost::json;
using namespace std::chrono_literals;

namespace {

constexpr int kHistoryBars = 200;

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
  if (const auto interval = trading::ParseInterval(timeframe_); interval.ok()) {
    interval_ms_ = interval->ms;
  } else {
    section.Complain("timeframe", interval.error().message);
  }
  decision_ttl_ = section.GetDuration("decision_ttl", decision_ttl_, 500ms, 10min);
  busy_ = section.GetDuration("busy", busy_, 1s, 10min);
  ensemble_options_.signal_min = section.GetDouble("signal_min", ensemble_options_.signal_min, 0, 1);
  ensemble_options_.disagreement_max = section.GetDouble("disagreement_max", ensemble_options_.disagreement_max, 0, 2);
  QUANTUM_CHECK(section.Finish());
  QUANTUM_CHECK(ConfigureStrategy());
  if (service_.manifest().symbols().empty()) {
    return Error{Errc::kInvalidArgument, "the manifest names no symbols: there is nothing to decide on"};
  }
  for (const std::string& symbol : service_.manifest().symbols()) {
    engines_.emplace(symbol, SymbolEngine(ensemble_options_, interval_ms_));
    states_[symbol];
  }
  for (const char* unit : {"risk-safety", "execution", "marketdata"}) {
    service_.AddHttpDependency(unit);
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
  if (name == "exerciser") {
    if (const auto settled = SettleHold(exerciser, service_.manifest().symbols().size()); settled.ok()) {
      exerciser = *settled;
    } else {
      section.Complain("decisions_per_second", settled.error().message);
    }
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
  on(event::kMarketTick, [this](const bus::Event& e) { return OnTick(e); });
}

Status AiEngine::OnTick(const bus::Event& e) {
  QUANTUM_TRY(const event::Tick tick, event::ParseTick(e.payload));
  if (const auto found = states_.find(tick.symbol); found != states_.end()) {
    SymbolState& state = found->second;
    state.price = tick.price;
    state.market_ms = tick.time_ms;
    state.spread = tick.bid && tick.ask && tick.price.is_positive()
                       ? std::optional((*tick.ask - *tick.bid).ToDouble() / tick.price.ToDouble())
                       : std::nullopt;
    source_ = tick.source.empty() ? "unknown" : tick.source;
  }
  return {};
}

Status AiEngine::Start() {
  service_.loop().Spawn([this] { RefreshFacts(); });
  if (strategy_->interval() > Duration::zero()) {
    service_.loop().Spawn([this] { RunTimer(); });
  }
  log::Info("strategy selected", {{"strategy", strategy_->name()}, {"timeframe", timeframe_}});
  return {};
}

// Bars that happened before this process, or that it missed, are worth as much as those after.
void AiEngine::WarmUp() {
  for (auto& [symbol, engine] : engines_) {
    if (!engine.wants_history()) {
      continue;
    }
    const auto history = facts_.History(symbol, timeframe_, kHistoryBars);
    if (!history.ok()) {
      log::Debug("no history yet", {{"symbol", symbol}, {"error", history.error().message}});
      continue;
    }
    engine.WarmUp(*history);
    log::Info("warmed up", {{"symbol", symbol},
                            {"history", history->size()},
                            {"bars", engine.ensemble().features().bars()},
                            {"last_open_time", engine.last_open_time()}});
  }
}

void AiEngine::TakeFacts() {
  const Status refreshed = facts_.Refresh();
  service_.SetDegraded("facts", refreshed.ok() ? "" : "sizing waits for facts: " + refreshed.error().message);
  if (refreshed.ok()) {
    for (auto& [symbol, state] : states_) {
      // A symbol that execution has no row of was never held: only true while no event says otherwise.
      const auto found = facts_.positions().find(symbol);
      const Facts::PositionFact fact = found == facts_.positions().end() ? Facts::PositionFact{} : found->second;
      TakePositionRead(state, fact.quantity, fact.time_ms, service_.clock().Steady());
    }
  }
  WarmUp();
}

void AiEngine::RefreshFacts() {
  do {
    const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
    TakeFacts();
  } while (!service_.stopping().WaitFor(2s));
}

Status AiEngine::OnKline(const bus::Event& e) {
  QUANTUM_TRY(const event::Kline kline, event::ParseKline(e.payload));
  const auto found = engines_.find(kline.symbol);
  if (found == engines_.end() || !kline.closed || kline.interval != timeframe_) {
    return {};
  }
  SymbolEngine& engine = found->second;
  const SymbolEngine::Applied applied = engine.OnBar({kline.open_time, ToBar(kline)});
  if (applied == SymbolEngine::Applied::kBroken) {
    log::Warning("bars are missing; warming up anew", {{"symbol", kline.symbol}, {"open_time", kline.open_time}});
  }
  if (applied == SymbolEngine::Applied::kRepeat || !engine.last() || paused_) {
    return {};
  }
  SymbolState& state = states_[kline.symbol];
  const Duration age = service_.clock().Now() - FromUnixNs(e.timestamp_ns);
  if (!MayDecideOn(kline.open_time, interval_ms_, age, state.market_ms)) {
    ++bars_too_old_;
    return {};
  }
  const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
  if (!engine.last()->votes.empty()) {
    QUANTUM_CHECK(PublishSignal(kline.symbol, engine, e.id));
  }
  const std::optional<Wish> wish =
      strategy_->OnBar(kline.symbol, *engine.last(), *engine.ensemble().last(), state, service_.clock().Steady());
  return wish ? Decide(*wish, std::string(ToString(engine.last()->regime)), e.id) : Status();
}

Status AiEngine::OnPosition(const bus::Event& e) {
  QUANTUM_TRY(const event::PositionUpdate update, event::ParsePositionUpdate(e.payload));
  const auto found = states_.find(update.symbol);
  if (found != states_.end() &&
      TakePositionEvent(found->second, update.quantity, update.time, service_.clock().Steady())) {
    found->second.busy_until = {};
    waiting_.erase(update.symbol);
  }
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

// Turns keep their distance whatever a turn takes, as long as it takes less; a delay is not made up for by a burst.
void AiEngine::RunTimer() {
  const Duration interval = strategy_->interval();
  SteadyTime next = service_.clock().Steady() + interval;
  while (!service_.stopping().WaitFor(std::max<Duration>(next - service_.clock().Steady(), 1ms))) {
    next = std::max(next + interval, service_.clock().Steady() - interval);
    if (!paused_) {
      TakeTurn();
    }
  }
}

void AiEngine::TakeTurn() {
  const std::optional<Wish> wish = strategy_->OnTimer(states_, service_.clock().Steady());
  if (!wish) {
    ++turns_missed_;
    return;
  }
  const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
  const SymbolEngine& engine = engines_.at(wish->symbol);
  const std::string regime(engine.last() ? ToString(engine.last()->regime) : "UNKNOWN");
  if (const Status decided = Decide(*wish, regime, ""); !decided.ok()) {
    log::Warning("no decision", {{"symbol", wish->symbol}, {"reason", decided.error().message}});
  }
}

Status AiEngine::PublishSignal(const std::string& symbol, const SymbolEngine& engine, const std::string& cause) {
  const Assessment& last = *engine.last();
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
                             .model_hash = engine.ensemble().hash(),
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
                           .model = engines_.at(wish.symbol).ensemble().hash(),
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
  QUANTUM_TRY(const std::string strategy_id, service_.bus().Publish(event::Make(event::kStrategySelected, wish.symbol,
                                                                                json::serialize(strategy), id)));
  QUANTUM_TRY(const std::string sizing_id,
              service_.bus().Publish(event::Make(event::kSizingDecided, wish.symbol, json::serialize(sizing), id)));
  return {};
}

std::string AiEngine::SaveState() {
  std::map<std::string, KeptSymbol> symbols;
  for (const auto& [symbol, state] : states_) {
    const auto waiting = waiting_.find(symbol);
    symbols[symbol] = {state, waiting == waiting_.end() ? std::string() : waiting->second};
  }
  return SaveSymbols(symbols, service_.clock());
}

void AiEngine::RestoreState(std::string_view json) {
  const auto symbols = ReadSymbols(json, service_.clock());
  if (!symbols.ok()) {
    log::Warning("the saved state is not usable", {{"error", symbols.error().message}});
    return;
  }
  for (const auto& [symbol, kept] : *symbols) {
    if (const auto found = states_.find(symbol); found != states_.end()) {
      found->second = kept.state;
      if (!kept.waiting.empty()) {
        waiting_[symbol] = kept.waiting;
      }
    }
  }
}

std::string AiEngine::HealthMetrics() {
  int bars = 0;
  bool warm = true;
  for (const auto& [symbol, engine] : engines_) {
    bars += engine.ensemble().features().bars();
    warm = warm && !engine.wants_history();
  }
  return json::serialize(json::object{{"strategy", strategy_->name()},
                                      {"decisions", decisions_},
                                      {"turns_missed", turns_missed_},
                                      {"bars", bars},
                                      {"bars_too_old", bars_too_old_},
                                      {"warm", warm},
                                      {"source", source_},
                                      {"last_hold", last_hold_}});
}

}  // namespace quantum::ai_engine
