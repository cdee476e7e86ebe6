#include "services/marketdata/marketdata.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>

#include "exchange/binance/venue_factory.h"
#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/bus/codec.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"
#include "platform/resilience/resilience.h"
#include "services/marketdata/routes.h"
#include "trading/bus/registry.h"

namespace quantum::marketdata {
namespace {

using namespace std::chrono_literals;

constexpr size_t kSnapshotsPerMinute = 30;  // a quarter of the weight that the venue allows
constexpr Duration kWatchInterval = 500ms;
constexpr Duration kFirstPricesMax = 5s;
constexpr Duration kLabelInterval = 5s;
constexpr Duration kBackfillPauseMin = 2s;  // doubled while nothing comes of it
constexpr Duration kBackfillPauseMax = 60s;
constexpr int kBackfillRefusals = 30;
constexpr size_t kCandlesKept = 200;       // of a short interval, over a restart
constexpr size_t kEntriesReadBack = 3000;  // of the stream, after a life that saved nothing

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

MarketData::Entry::Entry(const std::string& symbol, FeedOptions options, exchange::MarketVenue& venue,
                         SnapshotBudget& budget, lifecycle::Service& service)
    : feed(symbol, std::move(options)),
      keeper(feed, venue, budget, service.clock(), service.random()),
      trades(metrics::GetCounter(metrics::kMarketTrades, {{"symbol", symbol}})),
      trades_missed(metrics::GetCounter(metrics::kMarketTradesMissed, {{"symbol", symbol}})) {}

MarketData::MarketData(lifecycle::Service& service) : service_(service), budget_(kSnapshotsPerMinute) {}

Status MarketData::Configure() {
  QUANTUM_TRY(options_, ReadOptions(service_.manifest()));
  if (options_.symbols.empty()) {
    return Error{Errc::kInvalidArgument, "the manifest names no symbols: there is no market to follow"};
  }
  metrics::GetCounter(metrics::kMarketFramesBad);  // 0 shows in a scrape
  const config::Manifest& manifest = service_.manifest();
  QUANTUM_TRY(venue_, binance::MakeMarketVenue({.loop = &service_.loop(),
                                                .mode = manifest.mode(),
                                                .hosts = binance::HostsOf(manifest),
                                                .budget = {.queries_max = binance::kAskerShare},
                                                .clock = &service_.clock(),
                                                .random = &service_.random()}));
  for (const std::string& symbol : options_.symbols) {
    entries_.emplace(symbol, std::make_unique<Entry>(symbol, options_.feed, *venue_, budget_, service_));
    for (const Interval& interval : options_.feed.intervals) {
      metrics::GetCounter(metrics::kMarketTradesLate, {{"symbol", symbol}, {"interval", interval.name}});
    }
  }
  publisher_ = std::make_unique<Publisher>(service_);
  service_.AddDependency(
      {.name = binance::kDependency, .slow = 500ms, .required = false, .check = [this] { return venue_->Ping(); }});
  AddRoutes();
  return {};
}

void MarketData::AddRoutes() {
  service_.Route("GET", "/api/market/price", [this](const http::Request& request) {
    return Answer(request, [this](const SymbolFeed& feed) { return PriceAnswer(feed, service_.clock().Steady()); });
  });
  service_.Route("GET", "/api/market/book", [this](const http::Request& request) {
    return Answer(request, [&](const SymbolFeed& feed) {
      return BookAnswer(feed, request.Query("depth").value_or(""), service_.clock().Steady());
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
  TakeKept();
  for (const auto& [symbol, entry] : entries_) {
    LoadHistory(*entry);
  }
  venue_->Stream(
      options_.symbols, [this](const exchange::MarketEvent& event) { OnEvent(event); }, [this] { OnConnected(); });
  for (const auto& [symbol, entry] : entries_) {
    service_.loop().Spawn([&entry = *entry] { entry.keeper.Run(); });
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
    entry->keeper.Stop();
  }
  if (!publisher_->Finish(3s)) {
    log::Warning("candles were still waiting for the bus", {{"waiting", publisher_->waiting()}});
  }
}

std::string MarketData::SaveState() {
  std::string state = "[";
  for (const auto& [symbol, entry] : entries_) {
    for (const trading::event::Kline& kline : entry->feed.Keep(kCandlesKept)) {
      state += (state.size() > 1 ? "," : "") + ToJson(kline);
    }
  }
  return state + "]";
}

void MarketData::RestoreState(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, error);
  if (error || !value.is_array()) {
    log::Warning("the saved candles are not usable: no JSON array");
    return;
  }
  kept_.emplace();
  for (const boost::json::value& item : value.get_array()) {
    if (const auto kline = trading::event::ParseKline(boost::json::serialize(item)); kline.ok()) {
      kept_->push_back(*kline);
    }
  }
}

// After a life that could not save anything (SIGKILL) the stream knows what was published.
std::vector<trading::event::Kline> MarketData::ReadPublished() {
  std::vector<trading::event::Kline> klines;
  const auto entries = service_.redis().Run({"XREVRANGE", bus::StreamKey(bus::FamilyOf(trading::event::kMarketKline)),
                                             "+", "-", "COUNT", std::to_string(kEntriesReadBack)});
  if (!entries.ok()) {
    log::Warning("published candles could not be read back", {{"error", entries.error().message}});
    return klines;
  }
  for (const redis::Reply& entry : entries->elements) {
    const auto events = entry.elements.size() == 2
                            ? bus::ParseEntry(entry.elements[1])
                            : Result<std::vector<bus::Event>>(Error{Errc::kInvalidArgument, "no entry"});
    for (size_t i = events.ok() ? events->size() : 0; i-- > 0;) {  // newest first, as the entries are
      const bus::Event& event = (*events)[i];
      auto kline = event.type == trading::event::kMarketKline
                       ? trading::event::ParseKline(event.payload)
                       : Result<trading::event::Kline>(Error{Errc::kInvalidArgument, "no candle"});
      if (kline.ok()) {
        klines.push_back(*std::move(kline));
      }
    }
  }
  return klines;
}

void MarketData::TakeKept() {
  const bool saved = kept_.has_value();
  std::vector<trading::event::Kline> kept = saved ? *std::exchange(kept_, std::nullopt) : ReadPublished();
  // Candles of another market (a paper run before a live one) are no past of this one.
  std::erase_if(kept, [this](const auto& kline) { return kline.source != label_.source; });
  for (const auto& [symbol, entry] : entries_) {
    entry->feed.OnKept(kept);
  }
  if (!kept.empty()) {
    log::Info("candles of the life before", {{"candles", kept.size()}, {"from", saved ? "saved state" : "stream"}});
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
    entry->keeper.OnConnected();
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
  for (const std::string& interval : effects.late) {
    metrics::GetCounter(metrics::kMarketTradesLate, {{"symbol", symbol}, {"interval", interval}}).Add();
  }
  if (effects.book_waits) {
    entry.keeper.OnUpdate();
  }
  if (!effects.gap && !effects.book_lost) {
    return;
  }
  const CorrelationScope scope(
      NewUuid(service_.clock(), service_.random()));  // the stream's fiber goes by the start-up's
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

void MarketData::KeepTicks() {
  while (!service_.stopping().WaitFor(options_.tick_interval) && !service_.draining()) {
    const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
    for (const auto& [symbol, entry] : entries_) {
      if (const auto tick = entry->feed.TakeTick(service_.clock().Steady())) {
        publisher_->Publish(*tick);
      }
    }
  }
}

void MarketData::KeepWatch() {
  SteadyTime next_label{};
  while (!service_.stopping().WaitFor(kWatchInterval) && !service_.draining()) {
    const CorrelationScope scope(NewUuid(service_.clock(), service_.random()));
    const SteadyTime now = service_.clock().Steady();
    for (const auto& [symbol, entry] : entries_) {
      CheckFreshness(*entry);
      Backfill(*entry);
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
  const SteadyTime now = service_.clock().Steady();
  if (feed.missing_minutes().empty() || now < entry.backfill_at ||
      feed.missing_minutes().begin()->first + kMinuteMs > feed.market_ms()) {
    return;
  }
  const int64_t from_ms = feed.missing_minutes().begin()->first;
  const int64_t until_ms = feed.missing_minutes().rbegin()->first;
  // One more than is missing: that the venue is past a minute that it skips shows in the next one.
  const int limit = static_cast<int>(std::min<int64_t>((until_ms - from_ms) / kMinuteMs + 2, 1500));
  const auto candles = venue_->Klines(feed.symbol(), from_ms, limit);
  const SymbolFeed::Backfill result =
      candles.ok() ? feed.OnBackfill(*candles, kBackfillRefusals) : SymbolFeed::Backfill{};
  for (const trading::event::Kline& kline : result.filled) {
    publisher_->Publish(kline);
  }
  if (!result.filled.empty()) {
    publisher_->Publish(trading::event::Gap{.symbol = feed.symbol(),
                                            .from = result.filled.front().open_time,
                                            .to = result.filled.back().open_time + kMinuteMs,
                                            .filled = true,
                                            .source = feed.source()});
  }
  for (const int64_t minute : result.given_up) {
    log::Warning("a missed candle could not be had: the venue has later ones, but not this one",
                 {{"symbol", feed.symbol()}, {"open_time", minute}});
  }
  entry.backfill_pause = result.filled.empty()
                             ? std::clamp<Duration>(entry.backfill_pause * 2, kBackfillPauseMin, kBackfillPauseMax)
                             : kBackfillPauseMin;
  entry.backfill_at = now + entry.backfill_pause;
}

void MarketData::RefreshLabel() {
  if (const auto label = venue_->Label(); label.ok()) {
    label_ = *label;
    for (const auto& [symbol, entry] : entries_) {
      entry->feed.SetSource(label_.source);
    }
  }
}

}  // namespace quantum::marketdata
