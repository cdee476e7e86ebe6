#include "exchange/paper/market/synthetic_market.h"

#include <algorithm>
#include <cmath>

namespace quantum::paper {
namespace {

constexpr int kTradesPerBurstMax = 20;
// Update ids start from the time, so that they grow over restarts as well.
constexpr int64_t kUpdateIdsPerMs = 1024;

}  // namespace

SyntheticMarket::SyntheticMarket(const SyntheticStart& start, const Calibration& calibration, double rate,
                                 int64_t start_ms, uint64_t seed)
    : symbol_(start.symbol),
      step_size_(start.step_size),
      calibration_(calibration),
      rate_(rate),
      random_(seed),
      tick_size_(start.tick_size),
      drifted_ms_(start_ms),
      trade_id_(start.next_trade_id),
      update_id_(start_ms * kUpdateIdsPerMs) {
  const double price = start.price > 0 ? start.price : calibration.start_price;
  fair_ = price / tick_size_.ToDouble();
  depth_levels_ = std::max<int64_t>(50, std::llround(fair_ * kBookDepthBps / 10'000));
  ChooseRegime(start_ms);
  FillBook();
  depth_update_id_ = NextUpdateId();
  BookReset reset{symbol_, {depth_update_id_, {}, {}}};
  const auto copy = [&](const BookSide& side, std::vector<PriceLevel>& levels) {
    for (const BookSide::Level& level : side) {
      levels.push_back({Decimal::FromRaw(level.ticks * tick_size_.raw()), level.quantity});
    }
  };
  copy(bids_, reset.snapshot.bids);
  copy(asks_, reset.snapshot.asks);
  ready_.push_back({start_ms, std::move(reset)});
  dirty_bids_.clear();
  dirty_asks_.clear();
  const double now = static_cast<double>(start_ms);
  quote_ms_ = Later(now, calibration_.tickers_per_s);
  trade_ms_ = Later(now, calibration_.bursts_per_s);
  depth_ms_ = Later(now, calibration_.depth_per_s);
}

int64_t SyntheticMarket::next_ms() const { return std::min({quote_ms_, trade_ms_, depth_ms_}); }

void SyntheticMarket::Step() {
  const int64_t now_ms = next_ms();
  Drift(now_ms);
  const double now = static_cast<double>(now_ms);
  if (now_ms == quote_ms_) {
    Quote(now_ms);
    quote_ms_ = Later(now, calibration_.tickers_per_s);
  } else if (now_ms == trade_ms_) {
    Trade(now_ms);
    trade_ms_ = Later(now, calibration_.bursts_per_s);
  } else {
    PublishDepth(now_ms);
    depth_ms_ = Later(now, calibration_.depth_per_s);
  }
}

double SyntheticMarket::Exponential(double rate_per_s) {
  return -std::log(1.0 - random_.Unit()) * 1000.0 / (rate_per_s * rate_);
}

int64_t SyntheticMarket::Later(double after_ms, double rate_per_s) {
  return std::llround(after_ms + std::max(1.0, Exponential(rate_per_s)));
}

int64_t SyntheticMarket::NextUpdateId() {
  update_id_ += 1 + static_cast<int64_t>(random_.Below(40));
  return update_id_;
}

void SyntheticMarket::ChooseRegime(int64_t now_ms) {
  regime_ = static_cast<Regime>(random_.Below(4));
  anchor_ = fair_;
  const uint64_t seconds = kRegimeSecondsMin + random_.Below(kRegimeSecondsMax - kRegimeSecondsMin + 1);
  regime_until_ms_ = now_ms + static_cast<int64_t>(seconds) * 1000;
}

void SyntheticMarket::Drift(int64_t to_ms) {
  const double seconds = static_cast<double>(to_ms - drifted_ms_) / 1000.0;
  drifted_ms_ = to_ms;
  double volatility = calibration_.volatility_bps;
  double drift = 0;
  switch (regime_) {
    case Regime::kTrendUp:
      drift = kTrendDriftBpsPerS;
      break;
    case Regime::kTrendDown:
      drift = -kTrendDriftBpsPerS;
      break;
    case Regime::kRange:
      drift = -kRangeReversionPerS * std::log(fair_ / anchor_) * 10'000;
      break;
    case Regime::kVolatile:
      volatility *= kVolatileFactor;
      break;
  }
  fair_ *= std::exp((drift * seconds + volatility * std::sqrt(seconds) * random_.Normal()) / 10'000);
  if (to_ms >= regime_until_ms_) {
    ChooseRegime(to_ms);
  }
}

Decimal SyntheticMarket::Quantity(double amount) const {
  const Decimal rounded = Decimal::FromDouble(std::min(amount, 500.0)).RoundTo(step_size_, trading::Rounding::kDown);
  return std::max(rounded, step_size_);
}

Decimal SyntheticMarket::TopQuantity() {
  return Quantity(calibration_.top_median * std::exp(calibration_.top_log_deviation * random_.Normal()));
}

Decimal SyntheticMarket::LevelQuantity() {
  // Log-normal with deviation 1.5: its mean is exp(1.5² / 2) times its median.
  constexpr double kDeviation = 1.5;
  return Quantity(calibration_.level_mean * std::exp(kDeviation * random_.Normal() - kDeviation * kDeviation / 2));
}

int64_t SyntheticMarket::SpreadTicks() {
  if (random_.Unit() < calibration_.one_tick_share) {
    return 1;
  }
  const double extra = -std::log(1.0 - random_.Unit()) * (calibration_.wide_spread_ticks - 2);
  return 2 + static_cast<int64_t>(extra);
}

void SyntheticMarket::Set(bool bids, int64_t ticks, Decimal quantity) {
  (bids ? bids_ : asks_).Set(ticks, quantity);
  (bids ? dirty_bids_ : dirty_asks_).insert(ticks);
}

void SyntheticMarket::FillBook() {
  const int64_t bid = std::llround(std::floor(fair_));
  for (int64_t distance = 1; distance < depth_levels_; ++distance) {
    if (random_.Unit() < calibration_.level_density) {
      Set(true, bid - distance, LevelQuantity());
    }
    if (random_.Unit() < calibration_.level_density) {
      Set(false, bid + 1 + distance, LevelQuantity());
    }
  }
  Set(true, bid, TopQuantity());
  Set(false, bid + 1, TopQuantity());
}

// Makes bid and ask the best prices: what is better disappears, what the price leaves behind fills up.
void SyntheticMarket::MoveTo(int64_t bid, int64_t ask) {
  const auto move = [&](bool bids, int64_t target) {
    BookSide& side = bids ? bids_ : asks_;
    while (!side.empty() && side.Better(side.best().ticks, target)) {
      Set(bids, side.best().ticks, Decimal());
    }
    const int64_t step = bids ? 1 : -1;
    if (!side.empty()) {
      const int64_t behind = std::min<int64_t>(std::abs(target - side.best().ticks), depth_levels_);
      for (int64_t i = 1; i < behind; ++i) {
        if (random_.Unit() < calibration_.level_density) {
          Set(bids, target - step * i, LevelQuantity());
        }
      }
    }
    if (side.At(target).is_zero()) {
      Set(bids, target, TopQuantity());
    }
  };
  move(true, bid);
  move(false, ask);
}

void SyntheticMarket::Quote(int64_t now_ms) {
  const double bid = static_cast<double>(bids_.best().ticks);
  const double ask = static_cast<double>(asks_.best().ticks);
  const bool holds = fair_ > bid - 0.5 && fair_ < ask + 0.5 && ask - bid < 1.5;
  if (holds) {
    const bool bids = random_.Below(2) == 0;
    Set(bids, (bids ? bids_ : asks_).best().ticks, TopQuantity());
  } else {
    const int64_t spread = SpreadTicks();
    const int64_t target = std::llround(std::floor(fair_ - static_cast<double>(spread - 1) / 2));
    MoveTo(target, target + spread);
  }
  PublishTicker(now_ms);
}

void SyntheticMarket::Trade(int64_t now_ms) {
  double buy_share = 0.5;
  if (regime_ == Regime::kTrendUp) {
    buy_share = kTrendBuyShare;
  } else if (regime_ == Regime::kTrendDown) {
    buy_share = 1 - kTrendBuyShare;
  }
  const bool buy = random_.Unit() < buy_share;
  BookSide& side = buy ? asks_ : bids_;
  int count = 1;
  while (count < kTradesPerBurstMax && random_.Unit() > 1.0 / calibration_.trades_per_burst) {
    ++count;
  }
  for (int i = 0; i < count && side.size() > 1; ++i) {
    const BookSide::Level top = side.best();
    const Decimal wanted =
        Quantity(std::exp(calibration_.trade_log_mean + calibration_.trade_log_deviation * random_.Normal()));
    const Decimal taken = std::min(wanted, top.quantity);
    Set(!buy, top.ticks, top.quantity - taken);
    MarketTrade trade;
    trade.symbol = symbol_;
    trade.trade_id = trade_id_++;
    trade.price = Decimal::FromRaw(top.ticks * tick_size_.raw());
    trade.quantity = taken;
    trade.buyer_is_maker = !buy;
    trade.time_ms = trade.event_ms = now_ms;
    ready_.push_back({now_ms, std::move(trade)});
  }
  PublishTicker(now_ms);
}

void SyntheticMarket::PublishTicker(int64_t now_ms) {
  BookTicker ticker;
  ticker.symbol = symbol_;
  ticker.update_id = NextUpdateId();
  ticker.bid = {Decimal::FromRaw(bids_.best().ticks * tick_size_.raw()), bids_.best().quantity};
  ticker.ask = {Decimal::FromRaw(asks_.best().ticks * tick_size_.raw()), asks_.best().quantity};
  ticker.event_ms = now_ms;
  ready_.push_back({now_ms, std::move(ticker)});
}

void SyntheticMarket::PublishDepth(int64_t now_ms) {
  // Orders come and go at random distances, so that the density of levels stays what it is.
  for (int i = 0; i < static_cast<int>(calibration_.levels_per_depth); ++i) {
    const bool bids = random_.Below(2) == 0;
    const BookSide& side = bids ? bids_ : asks_;
    const double reach = static_cast<double>(depth_levels_);
    const double distance = i % 2 == 0 ? -std::log(1.0 - random_.Unit()) * reach / 8 : random_.Unit() * reach;
    const int64_t offset = 1 + std::min(static_cast<int64_t>(distance), depth_levels_);
    const int64_t ticks = side.best().ticks + (bids ? -offset : offset);
    const bool present = random_.Unit() < calibration_.level_density;
    if (present || !side.At(ticks).is_zero()) {
      Set(bids, ticks, present ? LevelQuantity() : Decimal());
    }
  }
  DepthUpdate update;
  update.symbol = symbol_;
  update.previous_update_id = depth_update_id_;
  update.first_update_id = depth_update_id_ + 1;
  update.last_update_id = depth_update_id_ = NextUpdateId();
  update.event_ms = now_ms;
  const auto collect = [&](bool bids, std::set<int64_t>& dirty, std::vector<PriceLevel>& levels) {
    BookSide& side = bids ? bids_ : asks_;
    // Levels the price has left far behind go.
    const int64_t worst = side.best().ticks + (bids ? -2 : 2) * depth_levels_;
    std::vector<int64_t> far;
    for (const BookSide::Level& level : side) {
      if (side.Better(worst, level.ticks)) {
        far.push_back(level.ticks);
      }
    }
    for (int64_t ticks : far) {
      Set(bids, ticks, Decimal());
    }
    for (int64_t ticks : dirty) {
      levels.push_back({Decimal::FromRaw(ticks * tick_size_.raw()), side.At(ticks)});
    }
    dirty.clear();
  };
  collect(true, dirty_bids_, update.bids);
  collect(false, dirty_asks_, update.asks);
  ready_.push_back({now_ms, std::move(update)});
}

}  // namespace quantum::paper
