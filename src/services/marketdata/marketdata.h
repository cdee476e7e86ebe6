#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "exchange/venue.h"
#include "platform/lifecycle/service.h"
#include "platform/metrics/metrics.h"
#include "services/marketdata/book_keeper.h"
#include "services/marketdata/options.h"
#include "services/marketdata/publisher.h"
#include "services/marketdata/symbol_feed.h"

namespace quantum::marketdata {

// marketdata-service: the venue's streams in; book, price and candles out, by HTTP and by events (market.kline and
// market.gap, durable; market.tick, volatile). Everything runs on the service's main loop.
class MarketData final : public lifecycle::Component {
 public:
  explicit MarketData(lifecycle::Service& service);

  Status Configure() override;
  // Ready once history was asked for and the streams run; a venue that is away makes the service DEGRADED, not down.
  Status Start() override;
  void Drain() override;
  std::string SaveState() override;
  void RestoreState(std::string_view json) override;
  std::string HealthMetrics() override;

 private:
  // One symbol, who keeps its book, and its series.
  struct Entry {
    Entry(const std::string& symbol, FeedOptions options, exchange::MarketVenue& venue, SnapshotBudget& budget,
          lifecycle::Service& service);
    SymbolFeed feed;
    BookKeeper keeper;
    metrics::Counter& trades;
    metrics::Counter& trades_missed;
    SteadyTime backfill_at{};  // not before
    Duration backfill_pause{};
  };

  void AddRoutes();
  http::Response Answer(const http::Request& request,
                        const std::function<http::Response(const SymbolFeed&)>& answer) const;
  void OnEvent(const exchange::MarketEvent& event);
  void OnConnected();
  void LoadHistory(Entry& entry);
  std::vector<trading::event::Kline> ReadPublished();
  void TakeKept();
  void KeepTicks();  // fiber: market.tick
  void AwaitFirstPrices();
  void KeepWatch();  // fiber: staleness, missed minutes, label
  void CheckFreshness(Entry& entry);
  void Backfill(Entry& entry);
  void RefreshLabel();

  lifecycle::Service& service_;
  Options options_;
  std::unique_ptr<exchange::MarketVenue> venue_;
  std::unique_ptr<Publisher> publisher_;
  SnapshotBudget budget_;
  std::map<std::string, std::unique_ptr<Entry>, std::less<>> entries_;
  std::optional<std::vector<trading::event::Kline>> kept_;  // what the life before saved
  exchange::MarketLabel label_{"unknown", "the venue has not said yet"};
};

}  // namespace quantum::marketdata
