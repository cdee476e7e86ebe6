#include "services/marketdata/marketdata.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "exchange/binance/venue_factory.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "platform/resilience/resilience.h"
#include "services/marketdata/routes.h"
#include "trading/bus/registry.h"

namespace quantum::marketdata {
namespace {

using namespace std::chrono_literals;

constexpr int kSnapshotDepth = 1000;
constexpr Duration kSnapshotPause = 500ms;  // between two snapshots of a symbol: each costs 20 of the weight
constexpr Duration kWatchInterval = 500ms;
constexpr Duration kFirstPricesMax = 5s;
constexpr Duration kLabelInterval = 5s;
constexpr Duration kBackfillInterval = 2s;
constexpr Duration kBookLateAfter = 10s;
constexpr int kBackfillAttempts = 30;
constexpr int64_t kMinuteMs = 60'000;

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

MarketData::Entry::Entry(const std::string& symbol, FeedOptions options)
    : feed(symbol, std::move(options)),
      trades(metrics::GetCounter(metrics::kMarketTrades, {{"symbol", symbol}})),
      trades_missed(metrics::GetCounter(metrics::kMarketTradesMissed, {{"symbol", symbol}})) {}

Status MarketData::Configure() {
  QUANTUM_TRY(options_, ReadOptions(service_.manifest()));
  const config::Manifest& manifest = service_.manifest();
  const int paper_port = manifest.mode() == config::Mode::kPaper ? manifest.Port("paper-exchange") : 0;
  QUANTUM_TRY(venue_, binance::MakeMarketVenue({.loop = &service_.loop(),
                                                .mode = manifest.mode(),
                                                .hosts = binance::HostsOf(manifest.mode(), paper_port),
                                                .clock = &service_.clock()}));
  for (const std::string& symbol : options_.symbols) {
    entries_.emplace(symbol, std::make_unique<Entry>(symbol, options_.feed));
  }
  publisher_ = std::make_unique<Publisher>(service_);
  service_.AddDependency(
      {.name = "binance", .slow = 500ms, .required = false, .check = [this] { return venue_->Ping(); }});
  AddRoutes();
  return {};
}

void MarketData::AddRoutes() {
  service_.Route("GET", "/api/market/price", [this](const http::Request& request) {
    return Answer(request, [this](const SymbolFeed& feed) {
      return PriceAnswer(feed, service_.clock().Steady(), label_.source);
    });
  });
  service_.Route("GET", "/api/market/book", [this](const http::Request& request) {
    return Answer(request, [&](const SymbolFeed& feed) {
      return BookAnswer(feed, request.Query("depth").value_or(""), service_.clock().Steady(), label_.source);
    });
  });
  service_.Route("GET", "/api/market/candles", [this](const http::Request& request) {
    return Answer(request, [&](const SymbolFeed& feed) {
      return CandlesAnswer(feed, request.Query("interval").value_or(std::string(kMinute)),
                           request.Query("limit").value_or(""), request.Query("current").value_or("") == "true");
    });
  });
  service_.Route("GET", "/api/market/source", [this](const http::Request&) {
    boost::json::object out;
    out["source"] = label_.source;
    out["detail"] = label_.detail;
    out["mode"] = config::ToString(service_.manifest().mode());
    out["symbols"] = boost::json::value_from(options_.symbols);
    return http::Json(boost::json::serialize(out));
  });
}

http::Response MarketData::Answer(const http::Request& request,
                                  const std::function<http::Response(const SymbolFeed&)>& answer) const {
  const std::optional<std::string> symbol = request.Query("symbol");
  if (!symbol) {
    return http::Problem(400, "SYMBOL_MISSING", "name a symbol: ?symbol=" + options_.symbols.front());
  }
  const auto found = entries_.find(*symbol);
  if (found == entries_.end()) {
    return http::Problem(404, "UNKNOWN_SYMBOL", "symbol '" + symbol->substr(0, 24) + "' is not in the manifest");
  }
  return answer(found->second->feed);
}

Status MarketData::Start() {
  publisher_->Start();
  RefreshLabel();
  for (const auto& [symbol, entry] : entries_) {
    LoadHistory(*entry);
  }
  venue_->Stream(
      options_.symbols, [this](const exchange::MarketEvent& event) { OnEvent(event); }, [this] { OnConnected(); });
  for (const auto& [symbol, entry] : entries_) {
    service_.loop().Spawn([this, &entry = *entry] { KeepBook(entry); });
  }
  service_.loop().Spawn([this] { KeepTicks(); });
  service_.loop().Spawn([this] { KeepWatch(); });
  AwaitFirstPrices();
  return {};
}

// Ready means that it can answer. A venue that is away does not hold the start up for longer: then we are DEGRADED.
void MarketData::AwaitFirstPrices() {
  const SteadyTime until = service_.clock().Steady() + kFirstPricesMax;
  const auto priced = [](const auto& each) { return each.second->feed.price().has_value(); };
  while (!std::all_of(entries_.begin(), entries_.end(), priced) && service_.clock().Steady() < until &&
         !service_.stopping().WaitFor(20ms)) {
  }
}

void MarketData::Drain() {
  venue_->Stop();
  for (const auto& [symbol, entry] : entries_) {
    entry->wanted.Set();
  }
  if (!publisher_->Finish(3s)) {
    log::Warning("candles were still waiting for the bus", {{"waiting", publisher_->waiting()}});
  }
}

std::string MarketData::HealthMetrics() {
  boost::json::object out;
  const SteadyTime now = service_.clock().Steady();
  for (const auto& [symbol, entry] : entries_) {
    const SymbolFeed& feed = entry->feed;
    const std::optional<Duration> age = feed.age(now);
    out[symbol] = {{"age_ms", age ? boost::json::value(static_cast<int64_t>(Seconds(*age) * 1000)) : nullptr},
                   {"stale", feed.stale(now)},
                   {"book_synced", feed.book().synced()},
                   {"trades_missed", feed.trades_missed()},
                   {"minutes_missing", feed.missing_minutes().size()}};
  }
  out["source"] = label_.source;
  out["events_waiting"] = publisher_->waiting();
  return boost::json::serialize(out);
}

void MarketData::OnConnected() {
  for (const auto& [symbol, entry] : entries_) {
    entry->feed.OnConnected();
    entry->wanted.Set();
  }
}

void MarketData::OnEvent(const exchange::MarketEvent& event) {
  const std::string& symbol = std::visit([](const auto& e) -> const std::string& { return e.symbol; }, event);
  const auto found = entries_.find(symbol);
  if (found == entries_.end()) {
    return;
  }
  Entry& entry = *found->second;
  if (std::holds_alternative<exchange::MarketTrade>(event)) {
    entry.trades.Add();
  }
  const int64_t missed_before = entry.feed.trades_missed();
  const Effects effects = entry.feed.OnEvent(event, service_.clock().Steady());
  for (const trading::event::Kline& kline : effects.closed) {
    publisher_->Publish(kline);
  }
  if (effects.gap) {
    entry.trades_missed.Add(static_cast<double>(entry.feed.trades_missed() - missed_before));
    log::Warning("trades were missed", {{"symbol", symbol},
                                        {"from_ms", effects.gap->from},
                                        {"to_ms", effects.gap->to},
                                        {"missed_so_far", entry.feed.trades_missed()}});
    publisher_->Publish(*effects.gap);
  }
  if (effects.book_lost) {
    log::Warning("the book lost its sequence; taking a new snapshot", {{"symbol", symbol}});
    entry.wanted.Set();
  }
}

void MarketData::LoadHistory(Entry& entry) {
  const auto candles = venue_->Klines(entry.feed.symbol(), 0, options_.history_minutes);
  if (!candles.ok()) {
    log::Warning("history could not be loaded", {{"symbol", entry.feed.symbol()}, {"error", candles.error().message}});
    return;
  }
  entry.feed.OnHistory(*candles);
  log::Info("history loaded", {{"symbol", entry.feed.symbol()}, {"candles", candles->size()}});
}

void MarketData::KeepBook(Entry& entry) {
  metrics::Counter& resyncs = metrics::GetCounter(metrics::kMarketBookResyncs, {{"symbol", entry.feed.symbol()}});
  while (!service_.draining() && !service_.stopping().is_set()) {
    if (!entry.wanted.WaitFor(1s)) {
      continue;
    }
    exchange::LocalBook& book = entry.feed.book();
    if (book.state() == exchange::LocalBook::State::kGap) {
      book.Restart();
    }
    if (book.synced() || service_.draining()) {
      entry.wanted.Reset();
      continue;
    }
    const auto snapshot = venue_->Depth(entry.feed.symbol(), kSnapshotDepth);
    if (!snapshot.ok()) {
      log::Warning("no book snapshot", {{"symbol", entry.feed.symbol()}, {"error", snapshot.error().message}});
    } else if (book.state() == exchange::LocalBook::State::kBuffering && book.buffered() > 0) {
      // Without an update kept, the snapshot could not be joined to the stream for certain: then the next one is taken.
      if (const Status loaded = book.Load(*snapshot); loaded.ok()) {
        resyncs.Add();
        entry.wanted.Reset();
      } else {
        log::Info("book snapshot not usable", {{"symbol", entry.feed.symbol()}, {"reason", loaded.error().message}});
      }
    }
    service_.stopping().WaitFor(kSnapshotPause);
  }
}

void MarketData::KeepTicks() {
  while (!service_.stopping().WaitFor(options_.tick_interval) && !service_.draining()) {
    for (const auto& [symbol, entry] : entries_) {
      if (const auto tick = entry->feed.TakeTick()) {
        publisher_->Publish(*tick);
      }
    }
  }
}

void MarketData::KeepWatch() {
  SteadyTime next_label{};
  SteadyTime next_backfill{};
  while (!service_.stopping().WaitFor(kWatchInterval) && !service_.draining()) {
    const SteadyTime now = service_.clock().Steady();
    for (const auto& [symbol, entry] : entries_) {
      CheckFreshness(*entry);
    }
    if (now >= next_backfill) {
      for (const auto& [symbol, entry] : entries_) {
        Backfill(*entry);
      }
      next_backfill = now + kBackfillInterval;
    }
    if (now >= next_label) {
      RefreshLabel();
      next_label = now + kLabelInterval;
    }
  }
}

void MarketData::CheckFreshness(Entry& entry) {
  const SymbolFeed& feed = entry.feed;
  const std::optional<Duration> age = feed.age(service_.clock().Steady());
  metrics::GetGauge(metrics::kMarketDataAge, {{"symbol", feed.symbol()}}).Set(age ? Seconds(*age) : -1);
  std::string reason;
  if (feed.stale(service_.clock().Steady())) {
    reason = age ? fmt::format("{}: nothing has come for {:.1f} s", feed.symbol(), Seconds(*age))
                 : feed.symbol() + ": nothing has come yet";
  } else if (!feed.book().synced()) {
    reason = feed.symbol() + ": the book is being built";
  }
  service_.SetDegraded("market data " + feed.symbol(), reason);
}

void MarketData::Backfill(Entry& entry) {
  SymbolFeed& feed = entry.feed;
  if (feed.missing_minutes().empty()) {
    return;
  }
  const int64_t from_ms = feed.missing_minutes().begin()->first;
  const int64_t until_ms = feed.missing_minutes().rbegin()->first;
  const int limit = static_cast<int>(std::min<int64_t>((until_ms - from_ms) / kMinuteMs + 1, 1500));
  const auto candles = venue_->Klines(feed.symbol(), from_ms, limit);
  if (candles.ok()) {
    const std::vector<trading::event::Kline> filled = feed.OnBackfill(*candles);
    for (const trading::event::Kline& kline : filled) {
      publisher_->Publish(kline);
    }
    if (!filled.empty()) {
      publisher_->Publish(trading::event::Gap{.symbol = feed.symbol(),
                                              .from = filled.front().open_time,
                                              .to = filled.back().open_time + kMinuteMs,
                                              .filled = true});
    }
  }
  for (const int64_t minute : feed.CountAttempt(kBackfillAttempts)) {
    log::Warning("a missed candle could not be had from the venue",
                 {{"symbol", feed.symbol()},
                  {"open_time", minute},
                  {"error", candles.ok() ? "the venue does not have it" : candles.error().message}});
  }
}

void MarketData::RefreshLabel() {
  if (const auto label = venue_->Label(); label.ok()) {
    label_ = *label;
  }
}

}  // namespace quantum::marketdata
