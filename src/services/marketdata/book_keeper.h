#pragma once

#include <string>

#include "exchange/venue.h"
#include "platform/fiber/fiber.h"
#include "platform/metrics/metrics.h"
#include "services/marketdata/snapshot_plan.h"
#include "services/marketdata/symbol_feed.h"

namespace quantum::marketdata {

// Keeps one symbol's book the venue's: a fiber that brings a snapshot whenever the book waits for one and it can help.
// Feed, venue, budget, clock and random source outlive it. For fibers of one loop.
class BookKeeper {
 public:
  BookKeeper(SymbolFeed& feed, exchange::MarketVenue& venue, SnapshotBudget& budget, const Clock& clock,
             Random& random);

  void Run();  // in a fiber, until Stop()
  void Stop();

  void OnConnected();  // the stream's connection is a new one; the feed knows
  void OnUpdate();     // the book waits, and has begun to keep updates

 private:
  void Ask();

  SymbolFeed& feed_;
  exchange::MarketVenue& venue_;
  const Clock& clock_;
  Random& random_;
  SnapshotPlan plan_;
  metrics::Counter& resyncs_;
  fiber::Event changed_;
  bool stopped_ = false;
};

}  // namespace quantum::marketdata
