#include "services/portfolio_intelligence/service.h"

#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "services/portfolio_intelligence/json.h"
#include "services/portfolio_intelligence/store.h"
#include "trading/bus/registry.h"
#include "trading/events.h"

namespace quantum::portfolio_intelligence {

namespace event = trading::event;
using namespace std::chrono_literals;

Status PortfolioIntelligence::Configure() {
  config::Section section = service_.manifest().Service("portfolio-intelligence");
  snapshot_interval_ = section.GetDuration("snapshot_interval", snapshot_interval_, 1s, 1h);
  QUANTUM_CHECK(section.Finish());
  for (const char* unit : {"execution", "marketdata"}) {
    service_.AddHttpDependency(unit);
  }
  AddSubscriptions();
  AddRoutes();
  return {};
}

Status PortfolioIntelligence::Start() {
  QUANTUM_TRY(auto holdings, LoadHoldings(service_.postgres()));
  QUANTUM_TRY(const auto peak, LoadPeak(service_.postgres()));
  portfolio_.Restore(std::move(holdings), peak);
  // Ready means that it can answer. Neighbours that are away do not hold the start up: KeepSnapshots says so.
  static_cast<void>(Compute());
  service_.loop().Spawn([this] { KeepSnapshots(); });
  return {};
}

void PortfolioIntelligence::AddSubscriptions() {
  const std::string group = service_.spec().name;
  service_.bus().Subscribe({.group = group,
                            .types = {std::string(event::kPositionUpdated)},
                            .transactional = [this](const bus::Event& e, postgres::Transaction& transaction) -> Status {
                              QUANTUM_TRY(const auto update, event::ParsePositionUpdate(e.payload));
                              SaveHolding(transaction, update);
                              const bool newer = portfolio_.OnPosition(update);
                              log::Info(newer ? "position applied" : "position is older than the one known",
                                        {{"symbol", update.symbol},
                                         {"quantity", update.quantity.ToString()},
                                         {"realized_pnl", update.realized_pnl.ToString()},
                                         {"event_id", e.id}});
                              return {};
                            },
                            .together = bus::Together::kOfStream});
  service_.bus().Subscribe({.group = group,
                            .types = {std::string(event::kTradeClosed)},
                            .transactional = [](const bus::Event& e, postgres::Transaction& transaction) -> Status {
                              QUANTUM_TRY(const auto trade, event::ParseTradeUpdate(e.payload));
                              SaveTrade(transaction, trade);
                              log::Info("trade applied", {{"trade_id", trade.trade_id},
                                                          {"symbol", trade.symbol},
                                                          {"realized_pnl", trade.realized_pnl.ToString()},
                                                          {"close_reason", trade.close_reason},
                                                          {"event_id", e.id}});
                              return {};
                            },
                            .together = bus::Together::kOfStream});
  service_.bus().Subscribe(
      {.group = group, .types = {std::string(event::kMarketTick)}, .handler = [this](const bus::Event& e) -> Status {
         QUANTUM_TRY(const auto tick, event::ParseTick(e.payload));
         portfolio_.OnPrice(tick.symbol, tick.mark_price.value_or(tick.price));
         source_ = tick.source.empty() ? "unknown" : tick.source;
         return {};
       }});
}

Result<trading::AccountReport> PortfolioIntelligence::ReadAccount() {
  const std::string url = service_.UrlOf("execution", "/api/execution/account");
  QUANTUM_TRY(const http::Response response,
              service_.http_client().Send({.url = url, .timeout = 2s, .idempotent = true}));
  if (response.status != 200) {
    return Error{Errc::kUnavailable,
                 "execution does not know the account (status " + std::to_string(response.status) + ")"};
  }
  return trading::ParseAccountReport(response.body);
}

void PortfolioIntelligence::AskForPrices() {
  for (const auto& [symbol, holding] : portfolio_.holdings()) {
    if (holding.quantity.is_zero() || portfolio_.Price(symbol)) {
      continue;
    }
    const std::string url = service_.UrlOf("marketdata", "/api/market/price?symbol=" + symbol);
    const auto response = service_.http_client().Send({.url = url, .timeout = 2s, .idempotent = true});
    if (!response.ok() || response->status != 200) {
      continue;  // the next tick brings it
    }
    boost::system::error_code error;
    const boost::json::value value = boost::json::parse(response->body, error);
    const boost::json::object* const answer = error ? nullptr : value.if_object();
    const auto price = [&](std::string_view field) -> std::optional<Decimal> {
      const boost::json::value* found = answer == nullptr ? nullptr : answer->if_contains(field);
      const auto parsed = found != nullptr && found->is_string() ? Decimal::Parse(std::string_view(found->get_string()))
                                                                 : Result<Decimal>(Error{Errc::kNotFound, ""});
      return parsed.ok() ? std::optional(*parsed) : std::nullopt;
    };
    if (const auto mark = price("mark_price"), last = price("price"); mark || last) {
      portfolio_.OnPrice(symbol, mark ? *mark : *last);
    }
  }
}

Result<Snapshot> PortfolioIntelligence::Compute() {
  QUANTUM_TRY(const trading::AccountReport account, ReadAccount());
  AskForPrices();
  std::optional<Snapshot> snapshot = portfolio_.Take(account, service_.clock().Now());
  if (!snapshot) {
    return Error{Errc::kUnavailable, "an open position has no price yet"};
  }
  snapshot->source = source_;
  last_ = snapshot;
  metrics::GetGauge(metrics::kPortfolioValue).Set(snapshot->equity.ToDouble());
  return *snapshot;
}

Status PortfolioIntelligence::TakeSnapshot() {
  QUANTUM_TRY(const Snapshot snapshot, Compute());
  QUANTUM_CHECK(SaveSnapshot(service_.postgres(), snapshot, *portfolio_.peak()));
  return Publish(snapshot);
}

void PortfolioIntelligence::KeepSnapshots() {
  do {
    const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
    const Status taken = service_.paused() ? Status() : TakeSnapshot();
    service_.SetDegraded("snapshot", taken.ok() ? "" : "no snapshot: " + taken.error().message);
    // Right after the start prices come within moments: nobody should wait an interval for the first snapshot.
  } while (!service_.stopping().WaitFor(last_ ? snapshot_interval_ : std::min<Duration>(snapshot_interval_, 200ms)));
}

Status PortfolioIntelligence::Publish(const Snapshot& snapshot) {
  for (const auto& published : service_.bus().PublishAll(
           {event::Make(event::kPortfolioSnapshot, "portfolio", SnapshotJson(snapshot)),
            event::Make(event::kPortfolioPnl, "portfolio", PnlJson(snapshot)),
            event::Make(event::kPortfolioDrawdown, "portfolio", DrawdownJson(snapshot, *portfolio_.peak())),
            event::Make(event::kPortfolioExposure, "portfolio", ExposureJson(snapshot))})) {
    QUANTUM_CHECK(published.ok() ? Status() : Status(published.error()));
  }
  return {};
}

http::Response PortfolioIntelligence::WithSnapshot(const std::function<std::string(const Snapshot&)>& write) const {
  return last_ ? http::Json(write(*last_))
               : http::Problem(503, "NO_SNAPSHOT", "the wallet or a price is not known yet; try again in a moment");
}

void PortfolioIntelligence::AddRoutes() {
  service_.Route("GET", "/api/portfolio/snapshot", [this](const http::Request&) { return WithSnapshot(SnapshotJson); });
  service_.Route("GET", "/api/portfolio/pnl", [this](const http::Request&) { return WithSnapshot(PnlJson); });
  service_.Route("GET", "/api/portfolio/exposure", [this](const http::Request&) { return WithSnapshot(ExposureJson); });
  service_.Route("GET", "/api/portfolio/drawdown", [this](const http::Request&) {
    return WithSnapshot([this](const Snapshot& snapshot) { return DrawdownJson(snapshot, *portfolio_.peak()); });
  });
  service_.Route("GET", "/api/portfolio/performance",
                 [this](const http::Request& request) { return GetPerformance(request); });
}

http::Response PortfolioIntelligence::GetPerformance(const http::Request& request) {
  const std::string wanted = request.Query("days").value_or("");
  const Result<int> days = ReadDays(wanted.empty() ? "30" : wanted);
  if (!days.ok()) {
    return http::Problem(days.error());
  }
  const auto trades = LoadTrades(service_.postgres(), service_.clock().Now() - std::chrono::days(*days));
  return trades.ok() ? http::Json(PerformanceJson(Summarize(*trades), *days, source_)) : http::Problem(trades.error());
}

std::string PortfolioIntelligence::HealthMetrics() {
  boost::json::object object{{"holdings", static_cast<int64_t>(portfolio_.holdings().size())}};
  if (last_) {
    object["equity"] = last_->equity.ToString();
  }
  return boost::json::serialize(object);
}

}  // namespace quantum::portfolio_intelligence
