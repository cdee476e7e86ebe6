#include "operator/chaos/orders/orders_stage.h"

#include <fmt/format.h>
#include <sys/stat.h>

#include <algorithm>
#include <boost/json.hpp>
#include <charconv>
#include <filesystem>
#include <fstream>

#include "exchange/binance/venue_factory.h"
#include "operator/bus/topology.h"
#include "operator/chaos/orders/orders_load.h"
#include "operator/chaos/wait.h"
#include "operator/verify/read.h"
#include "platform/config/secrets.h"

namespace quantum::operate::chaos {

namespace fs = std::filesystem;

namespace {

using namespace std::chrono_literals;

constexpr const char* kExecution[] = {"execution", "execution-standby"};
constexpr const char* kWallet = "1000000";
constexpr Duration kLook = 500ms;
constexpr Duration kHolder = 60s;

std::vector<std::string> OverridesOf(const OrdersStageOptions& options) {
  std::vector<std::string> overrides = OrdersLoad(options.decisions_per_second);
  overrides.insert(overrides.end(),
                   {fmt::format("services.paper-exchange.wallet={}", kWallet),
                    "services.execution.reconcile_interval=2s", "services.risk-safety.ess_cooldown=1s"});
  if (options.control) {
    overrides.emplace_back("services.execution.chaos={at_risk: true}");
  }
  return overrides;
}

int64_t NowInMs() { return ToUnixMs(SystemClock().Now()); }

std::string Seconds(int64_t unix_ms) { return fmt::format("{}.{:03}", unix_ms / 1000, unix_ms % 1000); }

int64_t NumberIn(const std::string& text) {
  int64_t number = 0;
  std::from_chars(text.data(), text.data() + text.size(), number);
  return number;
}

}  // namespace

Result<std::unique_ptr<OrdersStage>> OrdersStage::Start(fiber::Loop& loop, const OrdersStageOptions& options) {
  std::unique_ptr<OrdersStage> stage(new OrdersStage(loop, options));
  QUANTUM_TRY(
      stage->platform_,
      Platform::Start(loop, {.folder = options.folder,
                             .manifest = options.manifest,
                             .program = options.program,
                             .apart = options.apart,
                             .wanted = {"ai-engine", "portfolio-intelligence", "execution-standby", "pg-stanza"},
                             .infra = {"postgres", "redis"},
                             .overrides = OverridesOf(options),
                             .own_disks = false,
                             .to_cut = {std::begin(kExecution), std::end(kExecution)}}));
  QUANTUM_CHECK(stage->Open());
  return stage;
}

Status OrdersStage::Open() {
  QUANTUM_CHECK(Trade(false));
  pool_ = std::make_unique<postgres::Pool>(loop_, platform_->ServiceOptions());
  const std::string secrets = platform_->layout().Secrets();
  binance::VenueParameters parameters{.loop = &loop_,
                                      .mode = config::Mode::kPaper,
                                      .hosts = binance::HostsOf(platform_->manifest()),
                                      .credentials = {}};
  QUANTUM_TRY(parameters.credentials.key, config::ReadSecret(secrets, config::kExchangeKey));
  QUANTUM_TRY(parameters.credentials.secret, config::ReadSecret(secrets, config::kExchangeSecret));
  QUANTUM_TRY(venue_, binance::MakeTradingVenue(std::move(parameters)));
  const auto rules = venue_->Rules();  // and the exchange's request limits with them
  if (!rules.ok()) {
    return rules.error();
  }
  watching_ = true;
  loop_.Spawn([this] { Watch(); });
  return {};
}

OrdersStage::~OrdersStage() {
  ending_ = true;
  if (watching_) {
    ended_.Wait();
  }
  if (venue_) {
    venue_->Stop();
  }
}

void OrdersStage::Watch() {
  while (!ending_) {
    fiber::SleepFor(kLook);
    const auto positions = venue_->Positions();
    const auto orders =
        positions.ok() ? venue_->OpenOrders() : Result<std::vector<exchange::VenueOrder>>(positions.error());
    if (!orders.ok()) {
      continue;
    }
    std::set<std::string> held;
    std::set<std::string> stopped;
    for (const exchange::VenuePosition& position : *positions) {
      held.insert(position.symbol);
      for (const exchange::VenueOrder& order : *orders) {
        const bool closes =
            order.side == (position.quantity.is_positive() ? trading::Side::kSell : trading::Side::kBuy);
        if (order.report.symbol == position.symbol && closes && order.type == trading::OrderType::kStopMarket &&
            order.quantity >= position.quantity.Abs()) {
          stopped.insert(position.symbol);
        }
      }
    }
    watch_.See(SystemClock().Steady(), held, stopped);
  }
  ended_.Set();
}

Result<http::Response> OrdersStage::Call(const std::string& unit, const std::string& port, const std::string& method,
                                         const std::string& path, const std::string& body, std::string_view secret) {
  QUANTUM_TRY(const std::string token, config::ReadSecret(platform_->layout().Secrets(), secret));
  http::ClientRequest request;
  request.method = method;
  request.url = fmt::format("http://127.0.0.1:{}{}", platform_->manifest().Port(unit, port), path);
  request.headers.Set("Authorization", "Bearer " + token);
  request.headers.Set("Content-Type", "application/json");
  request.body = body;
  request.timeout = 10s;
  request.idempotent = true;  // each says what shall be
  QUANTUM_TRY(http::Response answer, client_.Send(request));
  if (answer.status / 100 != 2) {
    return Error{Errc::kInternal,
                 fmt::format("{} {} of {} answered {}: {}", method, path, unit, answer.status, answer.body)};
  }
  return answer;
}

Status OrdersStage::Trade(bool on) {
  const auto answer =
      Call("ai-engine", "", "POST", on ? "/admin/resume" : "/admin/pause", "{}", config::kOperatorToken);
  return answer.ok() ? Status() : Status(answer.error());
}

Status OrdersStage::SetFault(const std::string& json) {
  const auto answer = Call("paper-exchange", "faults", "POST", "/faults", json, config::kExchangeFaultToken);
  return answer.ok() ? Status() : Status(answer.error());
}

Status OrdersStage::EndFaults() {
  const auto answer = Call("paper-exchange", "faults", "DELETE", "/faults", "", config::kExchangeFaultToken);
  return answer.ok() ? Status() : Status(answer.error());
}

Status OrdersStage::Trip() {
  const auto answer =
      Call("risk-safety", "", "POST", "/api/risk/ess/trip",
           R"({"reason":"a round of quantum chaos orders","operator":"chaos"})", config::kOperatorToken);
  if (!answer.ok()) {
    return answer.error();
  }
  books_.halted_ms.emplace_back(NowInMs(), INT64_MAX);
  return {};
}

Status OrdersStage::Reset() {
  books_.halted_ms.back().second = NowInMs();
  const auto answer = Call("risk-safety", "", "POST", "/api/risk/ess/reset",
                           R"({"reason":"the round is over","operator":"chaos"})", config::kOperatorToken);
  return answer.ok() ? Status() : Status(answer.error());
}

Result<std::string> OrdersStage::RedisMaster() {
  const Topology topology = ReadTopology(loop_, platform_->redis().options, platform_->redis().nodes);
  for (const config::Unit& unit : platform_->manifest().units()) {
    if (topology.master && unit.name.starts_with("redis-") &&
        platform_->manifest().Port(unit.name) == topology.master->port) {
      return unit.name;
    }
  }
  return Error{Errc::kUnavailable, "the sentinels name no master"};
}

// Who has never held it has token 0; who has lost it ends.
// While one takes over from the other, neither does.
Result<std::string> OrdersStage::ExecutionHolder() {
  std::string holder;
  Eventually(kHolder, [&] {
    int64_t newest = 0;
    for (const char* unit : kExecution) {
      const auto answer = Call(unit, "", "GET", "/health", "", config::kOperatorToken);
      boost::system::error_code error;
      const boost::json::value health = answer.ok() ? boost::json::parse(answer->body, error) : boost::json::value();
      const boost::json::value* token = error ? nullptr : health.find_pointer("/metrics/lease_token", error);
      if (token != nullptr && token->is_int64() && token->as_int64() > newest) {
        newest = token->as_int64();
        holder = unit;
      }
    }
    return !holder.empty();
  });
  return holder.empty() ? Result<std::string>(Error{Errc::kUnavailable, "neither process of execution holds the lease"})
                        : Result<std::string>(holder);
}

Result<std::string> OrdersStage::ExecutionStandby() {
  QUANTUM_TRY(const std::string holder, ExecutionHolder());
  return std::string(holder == kExecution[0] ? kExecution[1] : kExecution[0]);
}

bool OrdersStage::Healed() {
  return std::ranges::all_of(
      kExecution, [&](const char* unit) { return Call(unit, "", "GET", "/health", "", config::kOperatorToken).ok(); });
}

Result<uint64_t> OrdersStage::Count(const std::string& sql, const std::string& argument) {
  QUANTUM_TRY(const postgres::Rows rows, pool_->Query(sql, {argument}, {.timeout = 10s, .idempotent = true}));
  return static_cast<uint64_t>(rows.Int(0, "value"));
}

Result<uint64_t> OrdersStage::AcknowledgedSince(int64_t unix_ms) {
  return Count(
      "SELECT count(DISTINCT decision_id) AS value FROM orders WHERE created_at >= to_timestamp($1::float8) AND "
      "exchange_order_id <> '' AND leg IN ('ENTRY', 'CLOSE')",
      Seconds(unix_ms));
}

Result<uint64_t> OrdersStage::InFlightAt(int64_t unix_ms) {
  return Count(
      "SELECT count(*) AS value FROM orders WHERE created_at <= to_timestamp($1::float8) AND updated_at > "
      "to_timestamp($1::float8) AND leg IN ('ENTRY', 'CLOSE')",
      Seconds(unix_ms));
}

Result<bool> OrdersStage::AtRest() {
  QUANTUM_TRY(
      const uint64_t moving,
      Count("SELECT (SELECT count(*) FROM orders WHERE status IN ('INTENT', 'UNKNOWN') AND leg IN ('ENTRY', "
            "'CLOSE') OR status IN ('NEW', 'PARTIALLY_FILLED') AND leg IN ('ENTRY', 'CLOSE')) + (SELECT count(*) "
            "FROM outbox WHERE relayed_at IS NULL) AS value WHERE $1 = ''",
            ""));
  return moving == 0;
}

Status OrdersStage::ReadDecisions() {
  const postgres::CallOptions patient{.timeout = 30s, .idempotent = true};
  books_.decisions.clear();
  QUANTUM_TRY(const postgres::Rows decisions,
              pool_->Query("SELECT decision_id, correlation_id, approved::int AS approved, (decision->>'intent' = "
                           "'OPEN')::int AS opens FROM risk_decisions",
                           {}, patient));
  for (size_t row = 0; row < decisions.size(); ++row) {
    books_.decisions.push_back({.id = std::string(decisions.Text(row, "decision_id")),
                                .correlation_id = std::string(decisions.Text(row, "correlation_id")),
                                .opens = decisions.Int(row, "opens") != 0,
                                .approved = decisions.Int(row, "approved") != 0});
  }
  books_.intents.clear();
  QUANTUM_TRY(const postgres::Rows intents,
              pool_->Query("SELECT client_order_id, decision_id, leg, filled_quantity FROM orders", {}, patient));
  for (size_t row = 0; row < intents.size(); ++row) {
    OrderBooks::Intent intent{std::string(intents.Text(row, "decision_id")), std::string(intents.Text(row, "leg")), {}};
    QUANTUM_TRY(intent.filled, trading::Decimal::Parse(intents.Text(row, "filled_quantity")));
    books_.intents[std::string(intents.Text(row, "client_order_id"))] = std::move(intent);
  }
  books_.trades.clear();
  QUANTUM_TRY(const postgres::Rows trades, pool_->Query("SELECT trade_id FROM trades", {}, patient));
  for (size_t row = 0; row < trades.size(); ++row) {
    books_.trades.emplace(trades.Text(row, "trade_id"));
  }
  return {};
}

// What the exchange forgets after a restart stays in the books.
Status OrdersStage::ReadPlaced() {
  for (const std::string& symbol : platform_->manifest().symbols()) {
    std::set<std::string> spawned;
    for (int64_t from = 0;;) {
      QUANTUM_TRY(const exchange::OrderPage page, venue_->OrderHistory(symbol, from, true));
      for (const exchange::VenueOrder& order : page.orders) {
        spawned.insert(order.report.client_order_id);
      }
      if (page.next_id == 0) {
        break;
      }
      from = page.next_id;
    }
    int64_t& next = next_order_[symbol];
    for (int64_t from = next;;) {
      QUANTUM_TRY(const exchange::OrderPage page, venue_->OrderHistory(symbol, from, false));
      for (const exchange::VenueOrder& order : page.orders) {
        OrderBooks::Placed& placed = books_.placed[order.report.client_order_id];
        placed = {.symbol = symbol,
                  .reduce_only = order.reduce_only,
                  .spawned = spawned.contains(order.report.client_order_id) || placed.spawned,
                  .time_ms = ToUnixMs(order.report.time)};
        next = NumberIn(order.report.exchange_order_id);
      }
      if (page.next_id == 0) {
        break;
      }
      from = page.next_id;
    }
  }
  return {};
}

// Which order came under which correlation id: one line each. What was not yet in the file when the exchange was killed
// is missing.
void OrdersStage::ReadExchangeLog() {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(platform_->layout().ServiceLog(), ignored)) {
    struct stat info {};
    if (!entry.path().filename().string().starts_with("paper-exchange") || ::stat(entry.path().c_str(), &info) != 0) {
      continue;
    }
    int64_t& read = log_read_[info.st_ino];
    std::ifstream file(entry.path());
    file.seekg(read);
    for (std::string line; std::getline(file, line) && !file.eof();) {
      read = file.tellg();
      if (line.find("\"order accepted\"") == std::string::npos) {
        continue;
      }
      boost::system::error_code error;
      const boost::json::value value = boost::json::parse(line, error);
      if (!error && value.is_object() && value.as_object().contains("client_order_id")) {
        books_.correlations[boost::json::value_to<std::string>(value.at("client_order_id"))] =
            boost::json::value_to<std::string>(value.at("correlation_id"));
      }
    }
  }
}

Result<const OrderBooks*> OrdersStage::Read() {
  QUANTUM_CHECK(ReadDecisions());
  QUANTUM_CHECK(ReadPlaced());
  ReadExchangeLog();
  QUANTUM_TRY(Ledger ours, ReadPostgres(*pool_, trading::Decimal::Parse(kWallet).value()));
  QUANTUM_TRY(const Ledger theirs, ReadVenue(*venue_, ours, platform_->manifest().symbols()));
  RemoveBeyond(ours, theirs);
  books_.differences = Compare(ours, theirs);
  books_.unprotected = watch_.violations();
  return &books_;
}

}  // namespace quantum::operate::chaos
