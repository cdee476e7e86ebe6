#include "bench/restart/full_desk.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "exchange/binance/venue_factory.h"
#include "exchange/paper/market/calibration.h"
#include "platform/base/id.h"
#include "platform/config/secrets.h"
#include "platform/lifecycle/servers.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

namespace quantum::bench {
namespace {

using namespace std::chrono_literals;
using trading::operator""_dec;
namespace event = trading::event;

constexpr Duration kSettledMax = 3min;
constexpr Duration kLook = 200ms;
constexpr size_t kTogether = 100;  // approvals published at once
constexpr const char* kProducer = "bench-restart";

std::string SymbolOf(int number) { return paper::MadeUpSymbol(number % paper::kMadeUpSymbols); }

}  // namespace

std::vector<std::string> FullDesk::Overrides() {
  std::vector<std::string> symbols;
  for (int number = 0; number < paper::kMadeUpSymbols; ++number) {
    symbols.push_back(SymbolOf(number));
  }
  return {fmt::format("symbols=[{}]", fmt::join(symbols, ",")), "market.source=synthetic", "market.rate=0.01",
          "market.warmup=1min", "services.paper-exchange.wallet=1000000", "services.execution.entry_ttl=24h",
          "services.risk-safety.market_stale_trip=1h", "services.risk-safety.unprotected_trip=10min",
          "services.risk-safety.execution_errors_max=1000",
          // The supervisor gives up a unit that is killed too often, and waits longer from time to time.
          "units.execution.restart_window=1s", "units.execution-standby.restart_window=1s"};
}

Result<std::unique_ptr<FullDesk>> FullDesk::Open(fiber::Loop& loop, const operate::Running& running) {
  std::unique_ptr<FullDesk> desk(new FullDesk(loop, running));
  QUANTUM_CHECK(desk->Connect());
  return desk;
}

Status FullDesk::Connect() {
  const config::Manifest& manifest = running_.manifest;
  const lifecycle::SecretReader secret = [this](std::string_view name) {
    return config::ReadSecret(running_.layout.Secrets(), name);
  };
  QUANTUM_TRY(redis::ClientOptions redis, lifecycle::RedisOptions(manifest, secret));
  QUANTUM_TRY(postgres::PoolOptions postgres, lifecycle::PostgresOptions(manifest, secret));
  postgres.connections_max = 1;
  redis_ = std::make_unique<redis::Client>(loop_, std::move(redis));
  pool_ = std::make_unique<postgres::Pool>(loop_, std::move(postgres));
  event::RegisterAll();
  bus_ = std::make_unique<bus::Bus>(
      loop_, *redis_, nullptr,
      bus::BusOptions{
          .producer = kProducer, .group = kProducer, .replicas_required = lifecycle::ReplicasRequired(manifest)});
  binance::VenueParameters venue{
      .loop = &loop_, .mode = config::Mode::kPaper, .hosts = binance::HostsOf(manifest), .credentials = {}};
  QUANTUM_TRY(venue.credentials.key, secret(config::kExchangeKey));
  QUANTUM_TRY(venue.credentials.secret, secret(config::kExchangeSecret));
  QUANTUM_TRY(venue_, binance::MakeTradingVenue(std::move(venue)));
  const auto rules = venue_->Rules();  // and the exchange's request limits with them
  return rules.ok() ? Status() : Status(rules.error());
}

FullDesk::~FullDesk() {
  if (bus_) {
    bus_->Stop();
  }
  if (venue_) {
    venue_->Stop();
  }
}

Status FullDesk::Fill(const Holding& wanted) {
  const auto approve = [this](int count, bool resting) -> Status {
    for (int number = 0; number < count; ++number) {
      QUANTUM_TRY([[maybe_unused]] const Entry entry, Approve(number, resting));
      asked_.positions += !resting;
      ++asked_.open_orders;
      if (asked_.open_orders % kTogether == 0) {
        QUANTUM_CHECK(AwaitSettled());  // execution takes so many at a time
      }
    }
    return AwaitSettled();
  };
  QUANTUM_CHECK(approve(wanted.positions, false));
  return approve(wanted.open_orders - wanted.positions, true);
}

Result<FullDesk::Entry> FullDesk::ApproveResting() {
  QUANTUM_TRY(Entry entry, Approve(approved_++, true));
  ++asked_.open_orders;
  return entry;
}

Result<FullDesk::Entry> FullDesk::Approve(int number, bool resting) {
  event::Approval approval;
  event::Decision& decision = approval.decision;
  decision.decision_id = NewUuid(SystemClock());
  decision.symbol = SymbolOf(number);
  decision.quantity = "1"_dec;
  decision.reference_price = trading::Decimal::FromDouble(paper::kMadeUpStartPrice);
  if (resting) {
    decision.price = "60"_dec;
  }
  decision.stop_loss = "50"_dec;  // as far as the market does not come
  decision.leverage = 3;
  decision.expires_at = ToUnixMs(SystemClock().Now() + 5min);
  decision.model = decision.strategy = kProducer;
  decision.mode = "PAPER";
  approval.reservation_id = decision.decision_id;
  bus::Event made = event::Make(event::kRiskApproved, decision.symbol, event::ToJson(approval));
  made.correlation_id = decision.decision_id;
  QUANTUM_TRY([[maybe_unused]] const std::string published, bus_->Publish(std::move(made)));
  return Entry{decision.symbol, trading::ClientOrderId(decision.decision_id, trading::Leg::kEntry)};
}

Result<std::optional<WallTime>> FullDesk::TakenAt(const Entry& entry) {
  const auto order = venue_->Find(entry.symbol, entry.client_order_id, false);
  if (order.ok()) {
    return std::optional(order->report.time);
  }
  return order.error().code == Errc::kNotFound ? std::optional<WallTime>()
                                               : Result<std::optional<WallTime>>(order.error());
}

Result<Holding> FullDesk::AtExchange() {
  QUANTUM_TRY(const auto positions, venue_->Positions());
  QUANTUM_TRY(const auto orders, venue_->OpenOrders());
  return Holding{static_cast<int>(positions.size()), static_cast<int>(orders.size())};
}

Result<Holding> FullDesk::Recorded() {
  QUANTUM_TRY(const postgres::Rows rows,
              pool_->Query("SELECT (SELECT count(*) FROM positions WHERE quantity <> 0 AND protected) AS positions, "
                           "(SELECT count(*) FROM orders WHERE status IN ('NEW', 'PARTIALLY_FILLED')) AS orders",
                           {}, {.idempotent = true}));
  return Holding{static_cast<int>(rows.Int(0, "positions")), static_cast<int>(rows.Int(0, "orders"))};
}

Status FullDesk::AwaitSettled() {
  const SteadyTime give_up = SystemClock().Steady() + kSettledMax;
  Holding at_exchange;
  Holding recorded;
  while (SystemClock().Steady() < give_up) {
    QUANTUM_TRY(at_exchange, AtExchange());
    QUANTUM_TRY(recorded, Recorded());
    if (at_exchange == asked_ && recorded == asked_) {
      return {};
    }
    fiber::SleepFor(kLook);
  }
  return Error{Errc::kTimeout,
               fmt::format("asked for {} positions and {} open orders; the exchange has {} and {}, Postgres {} and {}",
                           asked_.positions, asked_.open_orders, at_exchange.positions, at_exchange.open_orders,
                           recorded.positions, recorded.open_orders)};
}

}  // namespace quantum::bench
