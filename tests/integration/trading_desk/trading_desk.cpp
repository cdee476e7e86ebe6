#include "tests/integration/trading_desk/trading_desk.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <stdexcept>

#include "exchange/binance/venue_factory.h"
#include "platform/http/client.h"
#include "tests/support/checkout/checkout.h"
#include "trading/events.h"

namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

constexpr const char* kToken = "operator-token-of-the-test";

constexpr std::array<const char*, 2> kUnits{"execution", "execution-standby"};

std::string Units(int marketdata, int risk_safety, int execution, int standby, int pgbouncer) {
  return fmt::format(
      "  marketdata: {{kind: service, command: x, port: {}}}\n"
      "  risk-safety: {{kind: service, command: x, port: {}}}\n"
      "  execution: {{kind: service, command: x, port: {}}}\n"
      "  execution-standby: {{kind: service, command: x, port: {}}}\n"
      "  pgbouncer: {{command: x, port: {}}}\n",
      marketdata, risk_safety, execution, standby, pgbouncer);
}

}  // namespace

TradingDesk::TradingDesk()
    : ports_(FreePorts(4)),
      gate_(ports_[2]),
      to_postgres_{TcpGate(postgres_.pgbouncer_port()), TcpGate(postgres_.pgbouncer_port())},
      paper_(checkout::BinaryDirectory(),
             Units(ports_[0], ports_[1], ports_[2], ports_[3], postgres_.pgbouncer_port())) {
  const redis::ClientOptions redis = redis_.Options();
  paper_.WriteSecret("redis-service", redis.password);
  paper_.WriteSecret("sentinel-client", redis.sentinel_password);
  paper_.WriteSecret("postgres-service", postgres_.ServiceOptions().password);
  paper_.WriteSecret("operator-token", kToken);
  // Risk-safety's own manifest, in which execution is where the gate is.
  std::string manifest = ReadFile(paper_.Manifest());
  const std::string port = fmt::format("port: {}}}", ports_[2]);
  manifest.replace(manifest.find(port), port.size(), fmt::format("port: {}}}", gate_.port()));
  WriteFile(paper_.directory() / "risk-safety.yml", manifest);
  paper_.Start();
  marketdata_.emplace(StartService("quantum-marketdata", paper_.Manifest()));
  StartRiskSafety();
  StartExecution();
}

// In which Postgres is where the gate is.
std::string TradingDesk::ManifestOf(size_t which, const std::string& services) {
  std::string manifest = ReadFile(paper_.Manifest());
  const std::string port = fmt::format("port: {}}}", postgres_.pgbouncer_port());
  manifest.replace(manifest.find(port), port.size(), fmt::format("port: {}}}", to_postgres_[which].port()));
  if (!services.empty()) {
    const std::string none = "services: {}";
    manifest.replace(manifest.find(none), none.size(), "services:\n" + services);
  }
  const std::filesystem::path path = paper_.directory() / fmt::format("{}.yml", kUnits[which]);
  WriteFile(path, manifest);
  return path;
}

Process TradingDesk::StartService(const std::string& program, const std::string& manifest, const std::string& unit) {
  std::string sentinels;
  for (const redis::Endpoint& sentinel : redis_.Options().sentinels) {
    sentinels += (sentinels.empty() ? "" : ",") + sentinel.host + ":" + std::to_string(sentinel.port);
  }
  return Process({.command = {checkout::BinaryDirectory() + "/" + program},
                  .output = paper_.directory() / (program + (unit == kUnits[1] ? "-standby" : "") + ".output"),
                  .environment = {"QUANTUM_MANIFEST=" + manifest, "QUANTUM_STATE_DIR=" + paper_.State(),
                                  "REDIS_SENTINEL_HOSTS=" + sentinels,
                                  "REDIS_MASTER_NAME=" + redis_.Options().master_name, "QUANTUM_UNIT=" + unit}});
}

void TradingDesk::StartRiskSafety() {
  risk_safety_.emplace(StartService("quantum-risk-safety", paper_.directory() / "risk-safety.yml"));
  if (!Eventually(30s, [&] { return HttpGet(ports_[1], "/health/ready").has_value(); })) {
    throw std::runtime_error("risk-safety is not ready: " + Output("quantum-risk-safety"));
  }
}

void TradingDesk::StartExecution(size_t which, const std::string& services) {
  execution_[which].emplace(StartService("quantum-execution", ManifestOf(which, services), kUnits[which]));
  if (!Eventually(30s, [&] { return HttpGet(ports_[2 + which], "/health/ready").has_value(); })) {
    throw std::runtime_error("execution is not ready: " + Output("quantum-execution"));
  }
}

std::string TradingDesk::PhaseOf(size_t which) {
  const auto health = HttpGet(ports_[2 + which], "/health", 0);
  return health ? std::string(boost::json::parse(*health).at("metrics").at("phase").as_string()) : std::string();
}

std::optional<http::Response> TradingDesk::Send(int port, const std::string& method, const std::string& path,
                                                const std::string& body, Duration timeout) {
  std::optional<http::Response> answer;
  RunInFiber([&](fiber::Loop& loop) {
    http::Client client(loop, {.attempts_max = 1});
    http::ClientRequest request{
        .method = method, .url = fmt::format("http://127.0.0.1:{}{}", port, path), .body = body, .timeout = timeout};
    request.headers.Set("Authorization", std::string("Bearer ") + kToken);
    request.headers.Set("Content-Type", "application/json");
    if (auto response = client.Send(request); response.ok()) {
      answer = *std::move(response);
    }
  });
  return answer;
}

boost::json::value TradingDesk::Risk(const std::string& path) {
  return boost::json::parse(HttpGet(ports_[1], path).value());
}

boost::json::value TradingDesk::Execution(const std::string& path) {
  return boost::json::parse(HttpGet(ports_[2], path).value());
}

boost::json::value TradingDesk::PostRisk(const std::string& path, const std::string& body) {
  const auto answer = Send(ports_[1], "POST", path, body, 20s);
  if (!answer || answer->status >= 300) {
    throw std::runtime_error(path + ": " + (answer ? answer->body : "no answer"));
  }
  return boost::json::parse(answer->body);
}

bool TradingDesk::TryPostRisk(const std::string& path, const std::string& body, Duration timeout) {
  return Send(ports_[1], "POST", path, body, timeout).has_value();
}

std::string TradingDesk::Decision(const std::string& id, const char* quantity) {
  const boost::json::value price = boost::json::parse(HttpGet(ports_[0], "/api/market/price?symbol=BTCUSDT").value());
  trading::event::Decision decision;
  decision.decision_id = id;
  decision.symbol = "BTCUSDT";
  decision.quantity = trading::Decimal::Parse(quantity).value();
  decision.reference_price = trading::Decimal::Parse(std::string_view(price.at("price").as_string())).value();
  const trading::Decimal tick = trading::Decimal::Parse("0.1").value();
  decision.stop_loss =
      decision.reference_price.Times(trading::Decimal::Parse("0.98").value()).RoundTo(tick, trading::Rounding::kDown);
  decision.leverage = 2;
  decision.confidence = 0.9;
  decision.mode = "PAPER";
  decision.expires_at = ToUnixMs(SystemClock().Now() + 5min);
  return trading::event::ToJson(decision);
}

std::unique_ptr<exchange::TradingVenue> TradingDesk::Venue(fiber::Loop& loop) {
  auto venue = binance::MakeTradingVenue({.loop = &loop,
                                          .mode = config::Mode::kPaper,
                                          .hosts = binance::HostsOf(config::Mode::kPaper, paper_.port()),
                                          .credentials = {paper_.key(), paper_.secret()}})
                   .value();
  static_cast<void>(venue->Rules().value());  // and the request limits with them
  return venue;
}

size_t TradingDesk::TakenByVenue(const std::string& client_order_id) {
  size_t count = 0;
  RunInFiber([&](fiber::Loop& loop) {
    const auto venue = Venue(loop);
    for (int64_t from = 0, more = 1; more != 0; from = more) {
      const exchange::OrderPage page = venue->OrderHistory("BTCUSDT", from, false).value();
      count += static_cast<size_t>(std::ranges::count_if(
          page.orders, [&](const auto& order) { return order.report.client_order_id == client_order_id; }));
      more = page.next_id;
    }
    venue->Stop();
  });
  return count;
}

trading::Decimal TradingDesk::PositionAtVenue() {
  trading::Decimal quantity;
  RunInFiber([&](fiber::Loop& loop) {
    const auto venue = Venue(loop);
    const auto positions = venue->Positions();
    for (const exchange::VenuePosition& position : positions.value()) {
      quantity = position.symbol == "BTCUSDT" ? position.quantity : quantity;
    }
    venue->Stop();
  });
  return quantity;
}

std::string TradingDesk::AtVenue(const std::string& client_order_id) {
  std::string status;
  RunInFiber([&](fiber::Loop& loop) {
    const auto venue = Venue(loop);
    const auto found = venue->Find("BTCUSDT", client_order_id, false);
    status = found.ok()                              ? std::string(ToString(found->report.status))
             : found.error().code == Errc::kNotFound ? ""
                                                     : found.error().message;
    venue->Stop();
  });
  return status;
}

std::string TradingDesk::Sql(const std::string& sql) {
  std::string value;
  RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool pool(loop, postgres_.ServiceOptions());
    const auto rows = pool.Query(sql, {}, {.idempotent = true});
    value = !rows.ok() ? rows.error().message : rows->empty() ? "" : std::string(rows->Text(0, "value"));
  });
  return value;
}

std::string TradingDesk::Output(const std::string& program) const {
  return ReadFile(paper_.directory() / (program + ".output"));
}

}  // namespace quantum::testing
