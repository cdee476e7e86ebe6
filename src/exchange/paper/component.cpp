#include "exchange/paper/component.h"

#include <fmt/format.h>

#include "exchange/paper/audience.h"
#include "exchange/paper/protocol/rest.h"
#include "exchange/paper/socket.h"
#include "platform/config/secrets.h"
#include "platform/log/log.h"

namespace quantum::paper {
namespace {

using namespace std::chrono_literals;

constexpr size_t kEventsPerTurn = 500;
constexpr Duration kTurn = 5ms;
constexpr const char* kFaultPort = "faults";

http::Response Told(RestAnswer answer) {
  http::Response response = http::Json(std::move(answer.body), answer.status);
  for (auto& [name, value] : answer.headers) {
    response.headers.Set(std::move(name), std::move(value));
  }
  return response;
}

// What a fault makes of it, after its delay; nothing when it lets it pass.
std::optional<http::Response> Outcome(Interference interference) {
  if (interference.delay_ms > 0) {
    fiber::SleepFor(std::chrono::milliseconds(interference.delay_ms));
  }
  if (interference.dropped) {
    http::Response dropped;
    dropped.dropped = true;
    return dropped;
  }
  return interference.answer ? std::optional(Told(*std::move(interference.answer))) : std::nullopt;
}

}  // namespace

Status PaperExchange::Configure() {
  QUANTUM_TRY(options_, ReadOptions(service_.manifest()));
  AddRoutes();
  return {};
}

void PaperExchange::AddRoutes() {
  const http::RouteOptions on_main{.loop = &service_.loop(), .exchange = true};
  for (const auto& [method, path] : Rest::endpoints()) {
    service_.http().Route(
        method, path, [this](const http::Request& request) { return Serve(request); }, on_main);
  }
  service_.http().Route(
      "GET", "/paper/market",
      [this](const http::Request&) {
        if (exchange_) {
          return http::Json(exchange_->MarketJson());
        }
        http::Response response = http::Problem(503, "STARTING", "the market is not open yet: try again in a second");
        response.headers.Set("Retry-After", "1");
        return response;
      },
      on_main);
  for (const char* prefix : {"", "/public", "/market", "/private"}) {
    for (const char* path : {"/ws", "/ws/{name}", "/stream"}) {
      service_.http().WebSocket(
          std::string(prefix) + path, [this](const http::Request& request, http::WebSocketSession& session) {
            // The market is the main loop's; once open it stays.
            Exchange* const open = fiber::RunOn(service_.loop(), [this] { return exchange_.get(); });
            if (open != nullptr) {
              ServeWebSocket(*open, service_.loop(), request, session);
            }
          });
    }
  }
}

http::Response PaperExchange::Serve(const http::Request& request) {
  if (exchange_ == nullptr) {
    return http::Json(R"({"code":-1001,"msg":"Internal error; unable to process your request. Please try again."})",
                      503);
  }
  RestRequest rest;
  rest.method = request.method;
  rest.path = request.path;
  if (const size_t mark = request.target.find('?'); mark != std::string::npos) {
    rest.query = request.target.substr(mark + 1);
  }
  rest.body = request.body;
  rest.received_ms = exchange_->now_ms();
  rest.api_key = std::string(request.headers.Find("X-MBX-APIKEY").value_or(""));
  if (options_.latency > Duration{} && request.path.ends_with("rder")) {
    fiber::SleepFor(options_.latency);
  }
  const Interference before = exchange_->Before(rest);
  if (auto outcome = Outcome(before)) {
    return *std::move(outcome);
  }
  RestAnswer answer = exchange_->Handle(rest, before.filled_share);
  if (auto outcome = Outcome(exchange_->After(rest, answer))) {
    return *std::move(outcome);
  }
  return Told(std::move(answer));
}

// Where the manifest gives the unit such a port.
Status PaperExchange::OpenFaultPort() {
  const config::Unit* const unit = service_.manifest().FindUnit(service_.spec().unit);
  if (unit == nullptr || !unit->ports.contains(kFaultPort)) {
    return {};
  }
  QUANTUM_TRY(std::string token, service_.Secret(config::kExchangeFaultToken));
  faults_ = std::make_unique<FaultAdmin>(*exchange_, service_.loop(),
                                         service_.manifest().Port(service_.spec().unit, kFaultPort), std::move(token));
  return faults_->Start();
}

Status PaperExchange::Start() {
  QUANTUM_TRY(std::string key, service_.Secret(config::kExchangeKey));
  QUANTUM_TRY(std::string secret, service_.Secret(config::kExchangeSecret));
  QUANTUM_TRY(exchange_, Exchange::Open(options_, std::move(key), std::move(secret), service_.clock()));
  QUANTUM_CHECK(OpenFaultPort());
  log::Info("the market is open", {{"market", log::Field::Json{exchange_->MarketJson()}},
                                   {"wallet", exchange_->engine().account().wallet().ToString()},
                                   {"open_orders", exchange_->engine().account().open_orders().size()}});
  service_.loop().Spawn([this] { Pump(); });
  if (options_.speed == 0) {
    service_.loop().Spawn([this] {
      Audience(service_).Await();
      exchange_->Hurry();
    });
  }
  service_.loop().Spawn([this] { Keep(); });
  return {};
}

void PaperExchange::Pump() {
  Duration pause = kTurn;
  while (!service_.stopping().WaitFor(pause)) {
    if (exchange_->hurries() && exchange_->hub().congested()) {
      pause = kTurn;
      continue;
    }
    const bool was_over = exchange_->ended();
    const Result<bool> more = exchange_->Advance(kEventsPerTurn);
    if (!more.ok()) {
      log::Error("the market stands still: " + more.error().message);
      service_.SetDegraded("market", more.error().message);
    } else if (exchange_->ended() && !was_over) {
      log::Warning("the recording has ended; the market stands still");
    }
    pause = more.ok() && *more ? Duration(1us) : kTurn;
  }
}

void PaperExchange::Keep() {
  while (!service_.stopping().WaitFor(1s)) {
    if (const Status kept = exchange_->Keep(); !kept.ok()) {
      log::Error("where the market stands was not saved: " + kept.error().message);
    }
  }
  static_cast<void>(exchange_->Keep().ok());
}

std::string PaperExchange::HealthMetrics() {
  if (exchange_ == nullptr) {
    return {};
  }
  const Account& account = exchange_->engine().account();
  return fmt::format(R"({{"market":{},"wallet":"{}","open_orders":{},"open_conditional_orders":{},"subscribers":{}}})",
                     exchange_->MarketJson(), account.wallet().ToString(), account.open_orders().size(),
                     account.open_algos().size(), exchange_->hub().size());
}

}  // namespace quantum::paper
