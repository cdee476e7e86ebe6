#include "services/risk_safety/service.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "platform/base/durable_file.h"
#include "platform/base/id.h"
#include "platform/lifecycle/servers.h"
#include "platform/log/log.h"
#include "services/risk_safety/execution_client.h"
#include "services/risk_safety/settle.h"
#include "trading/events.h"

namespace quantum::risk_safety {
namespace {

namespace event = trading::event;
using namespace std::chrono_literals;

constexpr const char* kExecution = "execution";
constexpr int kPositionsEvery = 3;  // seconds
constexpr int kPoliciesEvery = 3;
constexpr int kReservationsEvery = 10;
constexpr int kArchiveEvery = 10;
constexpr Duration kArchiveGrace = 2min;

}  // namespace

RiskSafety::RiskSafety(lifecycle::Service& service) : service_(service), views_(service.clock()) {}
RiskSafety::~RiskSafety() = default;

Status RiskSafety::Configure() {
  config::Section section = service_.manifest().Service("risk-safety");
  check_limits_.market_age_max = section.GetDuration("market_age_max", check_limits_.market_age_max, 100ms, 60s);
  check_limits_.account_age_max = section.GetDuration("account_age_max", check_limits_.account_age_max, 1s, 60s);
  check_limits_.alone_max = section.GetDuration("standby_away_max", check_limits_.alone_max, 1s, 1h);
  check_limits_.collar_percent = Decimal::FromDouble(section.GetDouble("collar_percent", 2, 0.01, 50));
  check_limits_.exposure_percent_max = Decimal::FromDouble(section.GetDouble("exposure_percent_max", 300, 1, 10'000));
  check_limits_.one_sided_percent_max = Decimal::FromDouble(section.GetDouble("one_sided_percent_max", 200, 1, 10'000));
  check_limits_.orders_per_minute_max = static_cast<int>(section.GetInt("orders_per_minute_max", 600, 1, 100'000));
  condition_limits_.open_loss_percent_max =
      Decimal::FromDouble(section.GetDouble("open_loss_percent_max", 10, 0.1, 100));
  condition_limits_.execution_errors_max = static_cast<int>(section.GetInt("execution_errors_max", 5, 1, 1000));
  condition_limits_.execution_errors_window = section.GetDuration("execution_errors_window", 15min, 1s, 24h);
  condition_limits_.market_stale_max = section.GetDuration("market_stale_trip", 60s, 1s, 1h);
  condition_limits_.unprotected_max = section.GetDuration("unprotected_trip", 15s, 1s, 10min);
  condition_limits_.account_age_max = check_limits_.account_age_max;
  EssKeeper::Options ess;
  ess.cooldown = section.GetDuration("ess_cooldown", ess.cooldown, 1s, 24h);
  ess.close_on_trip = section.GetBool("ess_close_on_trip", false);
  ess.enabled = section.GetBool("ess_enabled", true);
  if (!ess.enabled && service_.manifest().mode() == config::Mode::kLive) {
    section.Complain("ess_enabled", "cannot be false with real money: the emergency stop stays armed in LIVE");
  }
  QUANTUM_CHECK(section.Finish());

  const std::string directory = service_.manifest().state_directory() + "/data/risk-safety/";
  policies_ = std::make_unique<PolicyBook>(service_.postgres(), service_.bus(), &service_.redis(), service_.clock(),
                                           directory + "policies.json");
  ess_shell_ = std::make_unique<EssShell>(service_);
  ess_ = std::make_unique<EssKeeper>(*ess_shell_, service_.clock(), ess);
  conditions_ = std::make_unique<Conditions>(condition_limits_);
  decider_ = std::make_unique<Decider>(Decider::World{.pool = service_.postgres(),
                                                      .bus = service_.bus(),
                                                      .clock = service_.clock(),
                                                      .views = views_,
                                                      .policies = *policies_,
                                                      .mode = std::string(config::ToString(service_.manifest().mode())),
                                                      .paused = [this] { return service_.paused(); },
                                                      .ess = [this] { return ess_->stop().record().state; },
                                                      .alone = [this] { return Alone(); }},
                                       check_limits_);
  AddSubscriptions();
  AddRoutes();
  return {};
}

// With the files of an earlier life it starts without Postgres, after a short attempt at each.
Status RiskSafety::Start() {
  QUANTUM_CHECK(policies_->Load());
  QUANTUM_CHECK(ess_->Restore());
  if (const EssRecord& record = ess_->stop().record(); ess_->stop().AllowsEntries() && record.by_hand) {
    conditions_->ForgetExecutionErrors(record.since);  // a person reset it then, having seen them
  }
  if (const auto kept = ReadFile(service_.manifest().state_directory() + "/data/risk-safety/day.json"); kept.ok()) {
    day_start_.Restore(*kept);
  }
  service_.loop().Spawn([this] { JudgeEverySecond(); });
  service_.loop().Spawn([this] { AskExecutionEverySecond(); });
  service_.loop().Spawn([this] { TendPostgres(); });
  service_.loop().Spawn([this] { ess_->RecordLoop(service_.stopping()); });
  return {};
}

void RiskSafety::AddSubscriptions() {
  bus::Bus& bus = service_.bus();
  const std::string group = service_.spec().name;
  // Decisions are made one after the other, under a lock that is held until they are committed: those that wait share
  // the commit.
  bus.Subscribe({.group = group,
                 .types = {std::string(event::kDecisionMade)},
                 .transactional = [this](const bus::Event& e, postgres::Transaction& t) { return OnDecision(e, t); },
                 .together = bus::Together::kOfStream,
                 .at_once = true});
  bus.Subscribe({.group = group,
                 .types = {std::string(event::kOrderPartiallyFilled), std::string(event::kOrderFilled),
                           std::string(event::kOrderCanceled), std::string(event::kOrderFailed),
                           std::string(event::kOrderUnknown)},
                 .transactional = [this](const bus::Event& e, postgres::Transaction& t) { return OnOrder(e, t); },
                 .at_once = true});
  bus.Subscribe({.group = group,
                 .types = {std::string(event::kTradeClosed)},
                 .transactional = [this](const bus::Event& e, postgres::Transaction& t) { return OnTrade(e, t); },
                 .at_once = true});
  bus.Subscribe({.group = group,
                 .types = {std::string(event::kPositionUpdated)},
                 .handler = [this](const bus::Event& e) { return OnPositionEvent(e); }});
  bus.Subscribe(
      {.group = group, .types = {std::string(event::kMarketTick)}, .handler = [this](const bus::Event& e) -> Status {
         QUANTUM_TRY(const auto tick, event::ParseTick(e.payload));
         views_.OnTick(tick);
         return {};
       }});
}

Status RiskSafety::OnDecision(const bus::Event& e, postgres::Transaction& transaction) {
  QUANTUM_TRY(const event::Decision decision, event::ParseDecision(e.payload));
  QUANTUM_TRY(const Verdict verdict, decider_->DecideWithin(transaction, decision, e.id));
  static_cast<void>(verdict);
  return {};
}

Status RiskSafety::OnOrder(const bus::Event& e, postgres::Transaction& transaction) {
  QUANTUM_TRY(const event::OrderUpdate update, event::ParseOrderUpdate(e.payload));
  if (e.type == event::kOrderFailed || e.type == event::kOrderUnknown) {
    transaction.AfterCommit(
        [this, id = update.client_order_id, at = FromUnixMs(update.time)] { conditions_->OnExecutionError(id, at); });
  }
  SettleByOrder(transaction, e.type, update, service_.clock().Now());
  return {};
}

Status RiskSafety::OnTrade(const bus::Event& e, postgres::Transaction& transaction) {
  QUANTUM_TRY(const event::TradeUpdate trade, event::ParseTradeUpdate(e.payload));
  SettleByTrade(transaction, trade);
  return {};
}

Status RiskSafety::OnPositionEvent(const bus::Event& e) {
  QUANTUM_TRY(const auto update, event::ParsePositionUpdate(e.payload));
  OnPosition({.symbol = update.symbol,
              .quantity = update.quantity,
              .entry_price = update.entry_price,
              .is_protected = update.is_protected,
              .time_ms = update.time});
  return {};
}

void RiskSafety::OnPosition(const PositionFact& fact) {
  if (views_.OnPosition(fact)) {
    conditions_->OnPosition(fact.symbol, fact.quantity, fact.is_protected, service_.clock().Steady());
  }
}

Status RiskSafety::ReadRules() {
  QUANTUM_TRY(auto rules, FetchRules(service_.http_client(), service_.UrlOf(kExecution, "/api/execution/rules")));
  views_.SetRules(std::move(rules));
  return {};
}

Status RiskSafety::ReadPositions() {
  QUANTUM_TRY(const auto positions,
              FetchPositions(service_.http_client(), service_.UrlOf(kExecution, "/api/execution/positions")));
  for (const PositionFact& position : positions) {
    OnPosition(position);
  }
  views_.SetPositionsKnown();
  return {};
}

Status RiskSafety::ReadAccount() {
  QUANTUM_TRY(const trading::AccountReport account,
              FetchAccount(service_.http_client(), service_.UrlOf(kExecution, "/api/execution/account")));
  const auto equity = account.wallet_balance.CheckedPlus(account.unrealized_pnl);
  if (!equity) {
    return Error{Errc::kInternal, "execution's account is beyond what can be counted"};
  }
  const auto before = day_start_.entry();
  const Decimal day_start = day_start_.For(service_.clock().Now(), *equity);
  views_.OnAccount(*equity, account.available_balance, account.unrealized_pnl, day_start, FromUnixMs(account.as_of_ms));
  if (before != day_start_.entry()) {
    KeepDayStart();
  }
  return {};
}

// Execution errors of before this life, once.
Status RiskSafety::ReadTroubledOrders() {
  for (const char* status : {"REJECTED", "UNKNOWN"}) {
    QUANTUM_TRY(const auto orders,
                FetchTroubledOrders(service_.http_client(),
                                    service_.UrlOf(kExecution, "/api/execution/orders?limit=100&status=") + status));
    for (const TroubledOrder& order : orders) {
      conditions_->OnExecutionError(order.client_order_id, order.at);
    }
  }
  return {};
}

void RiskSafety::JudgeEverySecond() {
  while (!service_.stopping().WaitFor(1s)) {
    const CorrelationScope round(NewUuid(service_.clock(), service_.random()));
    ess_->Tick(conditions_->Evaluate({.account = views_.Account(),
                                      .unrealized_pnl = views_.unrealized(),
                                      .daily_drawdown_percent_max = policies_->active().daily_drawdown_percent_max,
                                      .positions_known = views_.positions_known(),
                                      .market_age = views_.MarketAges(service_.manifest().symbols()),
                                      .now = service_.clock().Steady(),
                                      .wall_now = service_.clock().Now()}));
  }
}

// Execution starts after this service, so its facts arrive when it is ready; until then entries are refused.
void RiskSafety::AskExecutionEverySecond() {
  bool troubled_read = false;
  for (int turn = 0; !service_.stopping().WaitFor(1s); ++turn) {
    const CorrelationScope round(NewUuid(service_.clock(), service_.random()));
    ess_->Agree();
    const Status account = ReadAccount();
    service_.SetDegraded("account", account.ok() ? "" : "the account is not known: " + account.error().message);
    if (!views_.has_rules()) {
      const Status read = ReadRules();
      service_.SetDegraded("rules",
                           read.ok() ? "" : "the venue's trading rules are not known: " + read.error().message);
    }
    if (!views_.positions_known() || turn % kPositionsEvery == 0) {
      const Status read = ReadPositions();
      service_.SetDegraded("positions", read.ok() ? "" : "the positions are not known: " + read.error().message);
    }
    if (!troubled_read) {
      troubled_read = ReadTroubledOrders().ok();
    }
  }
}

// A Postgres that does not answer says nothing about its standby, and lets no entry pass either.
void RiskSafety::LookForStandby() {
  if (lifecycle::StandbysRequired(service_.manifest()) == 0) {
    return;
  }
  const auto health = service_.postgres().Check(1s);
  if (!health.ok()) {
    return;
  }
  if (health->synchronous) {
    alone_since_.reset();
  } else if (!alone_since_) {
    alone_since_ = service_.clock().Steady();
  }
  service_.SetDegraded(
      "standby", health->synchronous
                     ? ""
                     : fmt::format("Postgres has had no synchronous standby for {} s: what is committed is on one "
                                   "node alone; new entries are refused after {} s",
                                   Alone() / 1s, check_limits_.alone_max / 1s));
}

Duration RiskSafety::Alone() const {
  return alone_since_ ? service_.clock().Steady() - *alone_since_ : Duration::zero();
}

void RiskSafety::TendPostgres() {
  for (int turn = 0; !service_.stopping().WaitFor(1s); ++turn) {
    const CorrelationScope round(NewUuid(service_.clock(), service_.random()));
    LookForStandby();
    static_cast<void>(KeepHeartbeat(service_.postgres()));  // the next one comes in a second
    SettleDayStart();
    if (turn % kPoliciesEvery == 0) {
      const Status refreshed = policies_->Refresh();
      service_.SetDegraded(
          "policies", refreshed.ok() ? "" : "policies may be older than in Postgres: " + refreshed.error().message);
    }
    if (turn % kArchiveEvery == 0) {
      if (const auto trouble = ArchiveTrouble(service_.postgres(), kArchiveGrace); trouble.ok()) {
        service_.SetDegraded("archive", *trouble);
      }
    }
    if (turn % kReservationsEvery == 0) {
      ReleaseExpired();
    }
  }
}

void RiskSafety::KeepDayStart() {
  const std::string file = service_.manifest().state_directory() + "/data/risk-safety/day.json";
  if (const Status kept = WriteFileDurably(file, day_start_.ToJson()); !kept.ok()) {
    log::Error("the day's first equity could not be kept on disk", {{"reason", kept.error().message}});
  }
}

void RiskSafety::SettleDayStart() {
  const auto entry = day_start_.entry();
  if (!entry || entry->settled) {
    return;
  }
  const auto stored = DayStartEquity(service_.postgres(), entry->day, entry->equity);
  if (!stored.ok()) {
    log::Warning("the day's first equity waits for Postgres", {{"reason", stored.error().message}});
    return;
  }
  day_start_.Settle(entry->day, *stored);
  KeepDayStart();
}

// A reservation whose decision expired without a fill: the entry order tells whether anything can still come of it.
void RiskSafety::ReleaseExpired() {
  const auto expired = ExpiredReservations(service_.postgres(), service_.clock().Now());
  if (!expired.ok()) {
    log::Warning("expired reservations could not be read", {{"reason", expired.error().message}});
    return;
  }
  for (const std::string& decision_id : *expired) {
    const auto state =
        FetchEntryState(service_.http_client(), service_.UrlOf(kExecution, "/api/execution/orders/"), decision_id);
    if (!state.ok() || *state == EntryState::kMayStillFill) {
      continue;
    }
    const Status settled = service_.postgres().Transact(
        [&](postgres::Transaction& transaction) {
          SettleExpired(transaction, decision_id, *state, service_.clock().Now());
          return Status();
        },
        {.idempotent = true});
    log::Info("expired reservation settled", {{"decision_id", decision_id}, {"ok", settled.ok()}});
  }
}

void RiskSafety::Drain() { ess_->RecordOwed(); }

std::string RiskSafety::HealthMetrics() {
  return boost::json::serialize(boost::json::object{{"ess", ToString(ess_->stop().record().state)},
                                                    {"ess_execution_agrees", ess_->agreed()},
                                                    {"policy", policies_->active().name},
                                                    {"trading_state", ToString(policies_->trading_state())},
                                                    {"positions", static_cast<int64_t>(views_.Held().size())}});
}

}  // namespace quantum::risk_safety
