#include "services/execution/execution.h"

#include <fmt/format.h>
#include <unistd.h>

#include <boost/json.hpp>

#include "exchange/binance/venue_factory.h"
#include "platform/base/id.h"
#include "platform/config/secrets.h"
#include "platform/lifecycle/servers.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"
#include "services/execution/dead_man.h"
#include "services/execution/desk.h"
#include "services/execution/emergency.h"
#include "services/execution/entries.h"
#include "services/execution/lease.h"
#include "services/execution/manual_orders.h"
#include "services/execution/process_name.h"
#include "services/execution/protector.h"
#include "services/execution/reconciler.h"
#include "services/execution/routes.h"
#include "services/execution/sender.h"
#include "services/execution/store.h"
#include "services/execution/trade_store.h"
#include "services/execution/writer.h"
#include "trading/events.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
namespace event = trading::event;

constexpr Duration kFinishSends = 5s;
constexpr Duration kAwaitStops = 3s;
constexpr Duration kAwaitTrades = 1s;
constexpr Duration kRulesInterval = 1min;

ManualOrders::Options ManualOptions(lifecycle::Service& service) {
  return {.decide_url = service.UrlOf("risk-safety", "/api/risk/decide"),
          .price_url = service.UrlOf("marketdata", "/api/market/price"),
          .headers = service.ServiceHeaders()};
}

// Of its own, for one fiber: a renewal waits for nobody, and one that is late is worth nothing.
postgres::PoolOptions LeaseOptions(postgres::PoolOptions options) {
  options.connections_max = 1;
  options.attempts_max = 1;
  options.connect_timeout = 500ms;
  options.statement_timeout = 1s;
  return options;
}

std::string HolderName(lifecycle::Service& service) {
  return fmt::format("{}/{}@{}", service.spec().Process(), NewUuid(service.clock(), service.random()),
                     ProcessName(::getpid()));
}

Result<std::unique_ptr<exchange::TradingVenue>> MakeVenue(lifecycle::Service& service, const Settings& settings) {
  const config::Manifest& manifest = service.manifest();
  binance::VenueParameters parameters;
  parameters.loop = &service.loop();
  parameters.mode = manifest.mode();
  parameters.hosts = binance::HostsOf(manifest);
  parameters.clock = &service.clock();
  parameters.random = &service.random();
  parameters.stop_before_entry = settings.stop_before_entry;
  QUANTUM_TRY(parameters.credentials.key, service.Secret(config::kExchangeKey));
  QUANTUM_TRY(parameters.credentials.secret, service.Secret(config::kExchangeSecret));
  return binance::MakeTradingVenue(std::move(parameters));
}

void TakeRules(Desk& desk, const std::vector<trading::SymbolRules>& rules) {
  for (const trading::SymbolRules& one : rules) {
    const auto before = desk.rules.find(one.symbol);
    if (before != desk.rules.end() && before->second.trading != one.trading) {
      log::Warning(one.trading ? "the venue trades a symbol again" : "the venue has halted a symbol",
                   {{"symbol", one.symbol}});
    }
    desk.rules[one.symbol] = one;
  }
}

// The venue changes its filters and halts symbols at any time.
void KeepRules(Desk& desk) {
  while (!desk.stopping.WaitFor(kRulesInterval)) {
    const auto rules = desk.venue.Rules();
    if (rules.ok()) {
      TakeRules(desk, *rules);
    } else {
      log::Warning("the venue's trading rules could not be read anew; the last ones hold",
                   {{"error", rules.error().message}});
    }
  }
}

}  // namespace

struct Execution::Engine {
  Engine(lifecycle::Service& service_, std::unique_ptr<exchange::TradingVenue> venue_, const Settings& settings,
         postgres::PoolOptions options_of_postgres)
      : service(service_),
        venue(std::move(venue_)),
        lease_pool(service.loop(), LeaseOptions(options_of_postgres), service.clock(), service.random()),
        lease(lease_pool, settings.mode, HolderName(service), service.clock()),
        writer(std::make_shared<Writer>(service.postgres(), service.bus(), lease, settings.mode, service.clock())),
        desk(service.loop(), service.clock(), *venue, *writer, settings),
        sender(desk),
        entries(desk, sender, service.postgres(), service.bus(), lease),
        protector(desk, sender),
        reconciler(desk, sender),
        dead_man(desk),
        emergency(desk, sender),
        manual(desk, service.postgres(), service.http_client(), ManualOptions(service)),
        trades(service.postgres(), std::move(options_of_postgres), service.clock()),
        routes(desk, emergency, manual, trades, service) {}

  void OnUserEvent(const exchange::UserEvent& user_event) {
    if (const auto* report = std::get_if<trading::OrderReport>(&user_event)) {
      desk.Report(*report);
    } else if (std::holds_alternative<exchange::StreamConnected>(user_event)) {
      log::Info("the user stream is connected; what happened before is being asked");
      reconciler.ExpectFunding();
    } else if (const auto* balance = std::get_if<exchange::BalanceChanged>(&user_event);
               balance != nullptr && balance->reason == "FUNDING_FEE") {
      reconciler.ExpectFunding();
    }
  }

  lifecycle::Service& service;
  std::unique_ptr<exchange::TradingVenue> venue;
  postgres::Pool lease_pool;
  Lease lease;
  std::shared_ptr<Writer> writer;
  Desk desk;
  Sender sender;
  Entries entries;
  Protector protector;
  Reconciler reconciler;
  DeadMan dead_man;
  Emergency emergency;
  ManualOrders manual;
  TradeStore trades;
  Routes routes;
  bool streaming = false;
  bool running = false;
  bool venue_stopped = false;
};

Execution::Execution(lifecycle::Service& service) : service_(service) {}

Execution::~Execution() {
  if (engine_ && !engine_->venue_stopped) {
    engine_->venue->Stop();
  }
}

Status Execution::Configure() {
  QUANTUM_TRY(const Settings settings, Settings::Read(service_.manifest()));
  QUANTUM_TRY(auto venue, MakeVenue(service_, settings));
  const auto secret = [this](std::string_view name) { return service_.Secret(name); };
  QUANTUM_TRY(postgres::PoolOptions options, lifecycle::PostgresOptions(service_.manifest(), secret));
  engine_ = std::make_shared<Engine>(service_, std::move(venue), settings, std::move(options));
  engine_->desk.owner = engine_;
  engine_->desk.on_change = [engine = engine_.get()](const std::string& symbol) {
    engine->protector.Wake(symbol);
    engine->dead_man.Wake();
  };
  engine_->venue->SetSendGuard([engine = engine_.get()](Duration valid_for, bool allowed_in_doubt) {
    return allowed_in_doubt && engine->lease.PostgresAway() ? Status() : engine->lease.MaySend(valid_for);
  });
  engine_->desk.in_doubt = [engine = engine_.get()] { return engine->lease.PostgresAway(); };
  engine_->desk.on_fills_missing = [engine = engine_.get()] { engine->reconciler.Kick(); };
  engine_->desk.halt.Look(service_.clock().Now());
  engine_->routes.Add();
  // From now on: a halt must hold while the start still waits for Postgres or the venue.
  engine_->desk.Spawn([this] { EverySecond(); });
  service_.AddDependency({.name = binance::kDependency, .slow = 500ms, .required = false, .check = [engine = engine_] {
                            return engine->venue->Ping();
                          }});
  bus::Subscription approvals{.group = service_.spec().name, .types = {std::string(event::kRiskApproved)}};
  if (settings.at_risk) {
    approvals.handler = [engine = engine_](const bus::Event& approval) {
      return engine->entries.OnApprovalAtRisk(approval);
    };
  } else {
    approvals.transactional = [engine = engine_](const bus::Event& approval, postgres::Transaction& transaction) {
      return engine->entries.OnApproval(approval, transaction);
    };
    approvals.at_once = true;
  }
  service_.bus().Subscribe(std::move(approvals));
  return {};
}

Status Execution::Start() {
  Engine& engine = *engine_;
  QUANTUM_TRY(const auto rules, engine.venue->Rules());
  TakeRules(engine.desk, rules);
  QUANTUM_TRY(const bool hedge_mode, engine.venue->IsHedgeMode());
  if (hedge_mode) {
    return Error{Errc::kInvalidArgument,
                 "the account is in hedge mode, and the platform trades in one-way mode: change it at the exchange "
                 "(positionSide/dual) while nothing is open"};
  }
  QUANTUM_CHECK(TakeLease());
  if (!engine.desk.restored) {
    QUANTUM_TRY(engine.desk.set_back, LastRestore(service_.postgres()));
    QUANTUM_TRY(LedgerSnapshot snapshot, LoadLedger(service_.postgres()));
    log::Info("what was recorded is read",
              {{"orders", snapshot.orders.size()}, {"open_trades", snapshot.trades.size()}});
    engine.desk.ledger.Restore(std::move(snapshot), service_.clock().Now());
    engine.desk.restored = true;
    engine.writer->Start(service_.loop());
  }
  engine.trades.Start();
  if (!engine.streaming) {
    // The venue is stopped before the engine goes.
    engine.venue->StreamUser(
        [engine = engine_.get()](const exchange::UserEvent& user_event) { engine->OnUserEvent(user_event); });
    engine.streaming = true;
  }
  const Status first = engine.reconciler.First();
  if (!first.ok()) {
    return Error{Errc::kUnavailable, "orders are not reconciled with the venue: " + first.error().message};
  }
  if (!engine.running) {
    engine.running = true;
    engine.protector.Recover();
    engine.entries.Recover();
    engine.desk.reconciled = true;
    engine.dead_man.Assume();
    engine.desk.Spawn([&engine] { engine.dead_man.Run(); });
    engine.desk.Spawn([&engine] { engine.reconciler.Run(); });
    engine.desk.Spawn([&engine] { KeepRules(engine.desk); });
  }
  for (const std::string& symbol : engine.desk.ledger.Symbols()) {
    engine.protector.Wake(symbol);
  }
  engine.desk.UpdateGauges();
  log::Info("orders are reconciled with the venue", {{"open_positions", engine.desk.ledger.OpenPositions().size()},
                                                     {"live_orders", engine.desk.ledger.LiveOrders().size()},
                                                     {"repairs", engine.reconciler.repairs()}});
  return {};
}

Status Execution::TakeLease() {
  if (engine_->lease.held()) {
    return {};
  }
  QUANTUM_CHECK(
      engine_->lease.Acquire(service_.stopping(), [this](bool standing_by) { service_.StandBy(standing_by); }));
  service_.StandBy(false);
  engine_->desk.Spawn([this] {
    engine_->lease.Keep(engine_->desk.stopping,
                        [this] { service_.Abandon("another process has taken the lease of the account"); });
  });
  return {};
}

void Execution::EverySecond() {
  while (!service_.stopping().WaitFor(1s)) {
    if (service_.standing_by()) {
      continue;  // who holds the lease sees to it
    }
    engine_->emergency.Enforce();
    if (!engine_->running) {
      continue;
    }
    engine_->entries.CancelResting(engine_->lease.PostgresAway());
    engine_->desk.UpdateGauges();
    Supervise();
  }
}

void Execution::Supervise() {
  Desk& desk = engine_->desk;
  const auto& halt = desk.halt.record();
  service_.SetDegraded("halt", halt ? "halted by " + halt->by + ": " + halt->reason : "");

  const Protector::Worst worst = engine_->protector.worst();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(worst.duration).count();
  std::string reason;
  if (worst.duration > desk.settings.unprotected_alert_after) {
    reason = fmt::format("{} has had no stop at the exchange for {} ms", worst.symbol, ms);
    log::Error("a position is unprotected", {{"symbol", worst.symbol}, {"trade_id", worst.trade_id}, {"ms", ms}});
  }
  service_.SetDegraded("unprotected", reason);
  desk.unprotected = worst.duration > desk.settings.unprotected_halt_after ? reason : "";

  const auto unknown = desk.ledger.OrdersWith(trading::OrderStatus::kUnknown);
  service_.SetDegraded("unknown-orders", unknown.empty() ? "" : fmt::format("{} orders are unknown", unknown.size()));
  service_.SetDegraded("tradestore", engine_->trades.Trouble());
  service_.SetDegraded("user-stream",
                       desk.venue.user_stream_connected() ? "" : "the user stream of the exchange is not connected");
  service_.SetDegraded("lease", engine_->lease.MaySend(0s).ok() ? "" : "the lease cannot be renewed: no entries leave");
  const Duration behind = engine_->writer->behind(desk.clock.Steady());
  service_.SetDegraded("records",
                       behind < 1s ? "" : fmt::format("{} changes wait for Postgres", engine_->writer->pending()));
}

void Execution::Pause() { engine_->desk.paused = true; }
void Execution::Resume() { engine_->desk.paused = false; }

void Execution::Drain() {
  Engine& engine = *engine_;
  engine.desk.draining = true;
  engine.trades.BeginStop();
  if (!engine.entries.Finish(kFinishSends)) {
    log::Warning("some approvals were still being carried out; the next start finds out what became of them");
  }
  AwaitProtection();
  engine.desk.stopping.Set();
  engine.dead_man.DisarmAll();
  engine.reconciler.Kick();
  engine.venue->Stop();
  engine.venue_stopped = true;
  engine.writer->Stop();
  engine.lease.Release();
  if (!engine.trades.AwaitStopped(kAwaitTrades)) {
    log::Warning("the SQLite file is still being written; what is missing there is written by the next start");
  }
}

// The last entry may just have filled: its stop stands before nobody is there to place it.
void Execution::AwaitProtection() {
  const Desk& desk = engine_->desk;
  const auto deadline = resilience::Deadline::After(kAwaitStops, desk.clock);
  const auto open = [&] {
    std::vector<std::string> symbols = desk.ledger.Symbols();
    std::erase_if(symbols, [&](const std::string& symbol) {
      return !desk.ledger.LacksFills(symbol) && desk.ledger.IsProtected(symbol);
    });
    return symbols;
  };
  while (!open().empty() && !deadline.passed()) {
    fiber::SleepFor(20ms);
  }
  for (const std::string& symbol : open()) {
    log::Error("the service stops before a stop stands for what it holds; the next start places it",
               {{"symbol", symbol}});
  }
}

std::string Execution::HealthMetrics() {
  const Desk& desk = engine_->desk;
  return boost::json::serialize(
      boost::json::object{{"mode", desk.settings.mode},
                          {"halted", desk.halt.record().has_value()},
                          {"halted_by", desk.halt.record() ? desk.halt.record()->by : std::string()},
                          {"lease_token", engine_->lease.token()},
                          {"open_positions", desk.ledger.OpenPositions().size()},
                          {"live_orders", desk.ledger.LiveOrders().size()},
                          {"orders_unknown", desk.ledger.OrdersWith(trading::OrderStatus::kUnknown).size()},
                          {"records_pending", engine_->writer->pending()},
                          {"reconciliation_repairs", engine_->reconciler.repairs()}});
}

}  // namespace quantum::execution
