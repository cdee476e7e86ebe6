#include "services/marketdata/book_keeper.h"

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/log/log.h"
#include "platform/metrics/names.h"

namespace quantum::marketdata {
namespace {

constexpr int kSnapshotDepth = 1000;

}  // namespace

BookKeeper::BookKeeper(SymbolFeed& feed, exchange::MarketVenue& venue, SnapshotBudget& budget, const Clock& clock,
                       Random& random)
    : feed_(feed),
      venue_(venue),
      clock_(clock),
      random_(random),
      plan_(budget, random),
      resyncs_(metrics::GetCounter(metrics::kMarketBookResyncs, {{"symbol", feed.symbol()}})) {}

void BookKeeper::Stop() {
  stopped_ = true;
  changed_.Set();
}

void BookKeeper::OnConnected() {
  plan_.OnConnected();
  changed_.Set();
}

void BookKeeper::OnUpdate() { changed_.Set(); }

void BookKeeper::Run() {
  while (!stopped_) {
    changed_.Reset();
    const std::optional<Duration> wait = plan_.Wait(feed_.book(), clock_.Steady());
    if (!wait) {
      changed_.Wait();
    } else if (*wait > Duration::zero()) {
      changed_.WaitFor(*wait);
    } else {
      const CorrelationScope scope(NewUuid(clock_, random_));
      Ask();
    }
  }
}

void BookKeeper::Ask() {
  exchange::LocalBook& book = feed_.book();
  plan_.OnAsked(clock_.Steady());
  const auto snapshot = venue_.Depth(feed_.symbol(), kSnapshotDepth);
  if (!snapshot.ok()) {
    log::Warning("no book snapshot", {{"symbol", feed_.symbol()}, {"error", snapshot.error().message}});
    plan_.OnUnusable(clock_.Steady());
    return;
  }
  if (!SnapshotPlan::CanHelp(book)) {
    return;  // the stream connected anew meanwhile: the next update asks again
  }
  if (const Status loaded = book.Load(*snapshot); !loaded.ok()) {
    log::Info("book snapshot not usable", {{"symbol", feed_.symbol()}, {"reason", loaded.error().message}});
    if (book.state() == exchange::LocalBook::State::kGap) {
      book.Restart();
    }
    plan_.OnUnusable(clock_.Steady());
    return;
  }
  resyncs_.Add();
  plan_.OnJoined();
}

}  // namespace quantum::marketdata
