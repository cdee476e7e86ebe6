#include "services/risk_safety/service.h"

#include <boost/json.hpp>

#include "platform/log/log.h"
#include "services/risk_safety/execution_client.h"
#include "trading/events.h"

namespace quantum::risk_safety {

namespace event = trading::event;
using namespace std::chrono_literals;

RiskSafety::RiskSafety(lifecycle::Service& service) : service_(service), views_(service.clock()) {}
RiskSafety::~RiskSafety() = default;

Status RiskSafety::Configure() {
  config::Section section = service_.manifest().Service("risk-safety");
  check_limits_.market_age_max = section.GetDuration("market_age_max", check_limits_.market_age_max, 100ms, 60s);
  check_limits_.account_age_max = section.GetDuration("account_age_max", check_limits_.account_age_max, 1s, 60s);
  check_limits_.collar_percent = Decimal::FromDouble(section.GetDouble("collar_percent", 2, 0.01, 50));
  check_limits_.exposure_percent_max = Decimal::FromDouble(section.GetDouble("exposure_percent_max", 300, 1, 10'000));
  check_limits_.one_sided_percent_max =
      Decimal::FromDouble(section.GetDouble("one_sided_percent_max", 200, 1, 10'000));
  check_limits_.orders_per_minute_max = static_cast<int>(section.GetInt("orders_per_minute_max", 600, 1, 100'000));
  condition_limits_.open_loss_percent_max = Decimal::FromDouble(section.GetDouble("open_loss_percent_max", 10, 0.1, 100));
  condition_limits_.execution_errors_max = static_cast<int>(section.GetInt("execution_errors_max", 5, 1, 1000));
  condition_limits_.execution_errors_window = section.GetDuration("execution_errors_window", 15min, 1s, 24h);
  condition_limits_.market_stale_max = section.GetDuration("market_stale_trip", 60s, 1s, 1h);
  condition_limits_.unprotected_max = section.GetDuration("unprotected_trip", 15s, 1s, 10min);
  const Duration cooldown = section.GetDuration("ess_cooldown", 15min, 1s, 24h);
  const bool close_on_trip = section.GetBool("ess_close_on_trip", false);
  QUANTUM_CHECK(section.Finish());

  policies_ = std::make_unique<PolicyBook>(service_);
  ess_ = std::make_unique<EssKeeper>(service_, cooldown, close_on_trip);
  conditions_ = std::make_unique<Conditions>(condition_limits_);
  decider_ = std::make_unique<Decider>(service_, views_, *policies_, *ess_, check_limits_);
  AddSubscriptions();
  AddRoutes();
  return {};
}

Status RiskSafety::Start() {
  QUANTUM_CHECK(policies_->Load());
  QUANTUM_CHECK(ess_->Restore());
  service_.loop().Spawn([this] { EverySecond(); });
  return {};
}

void RiskSafety::AddSubscriptions() {
  bus::Bus& bus = service_.bus();
  const std::string group = service_.spec().name;
  const auto transactional = [&](std::string_view type, auto handler) {
    bus.Subscribe({.group = group, .types = {std::string(type)}, .transactional = handler});
  };
  transactional(event::kDecisionMade, [this](const bus::Event& e, postgres::Transaction& t) { return OnDecision(e, t); });
  bus.Subscribe({.group = group,
                 .types = {std::string(event::kOrderPartiallyFilled), std::string(event::kOrderFilled),
                           std::string(event::kOrderCanceled), std::string(event::kOrderFailed),
                           std::string(event::kOrderUnknown)},
                 .transactional = [this](const bus::Event& e, postgres::Transaction& t) { return OnOrder(e, t); }});
  transactional(event::kTradeClosed, [this](const bus::Event& e, postgres::Transaction& t) { return OnTrade(e, t); });
  bus.Subscribe({.group = group, .types = {std::string(event::kPositionUpdated)}, .handler = [this](const bus::Event& e) -> Status {
                   QUANTUM_TRY(const auto update, event::ParsePositionUpdate(e.payload));
                   views_.OnPosition(update.symbol, update.quantity);
                   conditions_->OnPosition(update.symbol, update.quantity, update.is_protected, service_.clock().Steady());
                   return {};
                 }});
  bus.Subscribe({.group = group, .types = {std::string(event::kMarketTick)}, .handler = [this](const bus::Event& e) -> Status {
                   QUANTUM_TRY(const auto tick, event::ParseTick(e.payload));
                   views_.OnTick(tick);
                   return {};
                 }});
}

Status RiskSafety::OnDecision(const bus::Event& e, postgres::Transaction& transaction) {
  QUANTUM_TRY(const event::Decision decision, event::ParseDecision(e.payload));
  if (!views_.has_rules()) {
    return Error{Errc::kUnavailable, "the venue's trading rules are not known yet"};
  }
  QUANTUM_TRY(const Verdict verdict, decider_->DecideWithin(transaction, decision, e.id));
  (void)verdict;
  return {};
}

Status RiskSafety::OnOrder(const bus::Event& e, postgres::Transaction& transaction) {
  QUANTUM_TRY(const event::OrderUpdate update, event::ParseOrderUpdate(e.payload));
  if (e.type == event::kOrderFailed || e.type == event::kOrderUnknown) {
    conditions_->OnExecutionError(service_.clock().Steady());
  }
  if (update.leg != trading::Leg::kEntry) {
    return {};
  }
  if (update.filled_quantity.is_positive()) {
    return MarkFilled(transaction, update.decision_id);
  }
  const bool over = e.type == event::kOrderCanceled || e.type == event::kOrderFailed;
  return over ? Release(transaction, update.decision_id) : Status();
}

Status RiskSafety::OnTrade(const bus::Event& e, postgres::Transaction& transaction) {
  QUANTUM_TRY(const event::TradeUpdate trade, event::ParseTradeUpdate(e.payload));
  return Release(transaction, trade.trade_id);
}

std::string RiskSafety::ExecutionUrl(std::string_view path) const {
  return "http://127.0.0.1:" + std::to_string(service_.manifest().Port("execution")) + "/api/execution/" +
         std::string(path);
}

Status RiskSafety::ReadRules() {
  QUANTUM_TRY(auto rules, FetchRules(service_.http_client(), ExecutionUrl("rules")));
  views_.SetRules(std::move(rules));
  return {};
}

Status RiskSafety::ReadPositions() {
  QUANTUM_TRY(const auto positions, FetchPositions(service_.http_client(), ExecutionUrl("positions")));
  for (const PositionFact& position : positions) {
    views_.OnPosition(position.symbol, position.quantity);
    conditions_->OnPosition(position.symbol, position.quantity, position.is_protected, service_.clock().Steady());
  }
  return {};
}

Status RiskSafety::ReadAccount() {
  QUANTUM_TRY(const AccountFact account, FetchAccount(service_.http_client(), ExecutionUrl("account")));
  const Decimal equity = account.wallet_balance + account.unrealized_pnl;
  QUANTUM_TRY(const Decimal day_start, DayStartEquity(service_.postgres(), service_.clock().Now(), equity));
  views_.OnAccount(equity, account.available_balance, account.unrealized_pnl, day_start);
  return {};
}

// Execution starts after this service, so its facts arrive when it is ready; until then entries are refused.
void RiskSafety::EverySecond() {
  bool positions_read = false;
  for (int turn = 0; !service_.stopping().WaitFor(1s); ++turn) {
    if (!views_.has_rules()) {
      const Status read = ReadRules();
      service_.SetDegraded("rules", read.ok() ? "" : "the venue's trading rules are not known: " + read.error().message);
    }
    if (!positions_read) {
      positions_read = ReadPositions().ok();
    }
    const Status account = ReadAccount();
    service_.SetDegraded("account", account.ok() ? "" : "the account is not known: " + account.error().message);
    ess_->Tick(conditions_->Evaluate({.account = views_.Account(),
                                      .unrealized_pnl = views_.unrealized(),
                                      .daily_drawdown_percent_max = policies_->active().daily_drawdown_percent_max,
                                      .market_age = views_.MarketAges(service_.manifest().symbols()),
                                      .now = service_.clock().Steady()}));
    if (turn % 10 == 0) {
      ReleaseExpired();
    }
  }
}

// A reservation whose decision expired without a fill: the entry order tells whether anything can still come of it.
void RiskSafety::ReleaseExpired() {
  const auto expired = ExpiredReservations(service_.postgres(), service_.clock().Now());
  if (!expired.ok()) {
    log::Warning("expired reservations could not be read", {{"reason", expired.error().message}});
    return;
  }
  for (const std::string& decision_id : *expired) {
    const auto state = FetchEntryState(service_.http_client(), ExecutionUrl("orders/"), decision_id);
    if (!state.ok() || *state == EntryState::kMayStillFill) {
      continue;
    }
    const Status released = service_.postgres().Transact(
        [&](postgres::Transaction& transaction) {
          return *state == EntryState::kFilled ? MarkFilled(transaction, decision_id) : Release(transaction, decision_id);
        },
        {.idempotent = true});
    log::Info("expired reservation settled", {{"decision_id", decision_id}, {"ok", released.ok()}});
  }
}

std::string RiskSafety::HealthMetrics() {
  return boost::json::serialize(
      boost::json::object{{"ess", ToString(ess_->stop().record().state)},
                          {"policy", policies_->active().name},
                          {"trading_state", ToString(policies_->trading_state())},
                          {"positions", static_cast<int64_t>(views_.positions().size())}});
}

}  // namespace quantum::risk_safety
