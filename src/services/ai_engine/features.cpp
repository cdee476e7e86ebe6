#include "services/ai_engine/features.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>

namespace quantum::ai_engine {
namespace {

constexpr size_t kEfficiencyBars = 10;
constexpr size_t kClosesKept = 16;
constexpr double Alpha(double span) { return 2.0 / (span + 1.0); }

constexpr std::array<std::string_view, kFeatureCount> kNames = {
    "return_1",  "return_5", "return_15", "volatility_20", "ema_gap_8_21",
    "zscore_20", "rsi_14",   "atr_14",    "efficiency_10", "taker_imbalance_10"};

bool IsSound(const Bar& bar) {
  return std::isfinite(bar.open) && std::isfinite(bar.high) && std::isfinite(bar.low) && std::isfinite(bar.close) &&
         std::isfinite(bar.volume) && std::isfinite(bar.taker_buy) && bar.low > 0 && bar.high >= bar.low &&
         bar.close >= bar.low && bar.close <= bar.high && bar.open >= bar.low && bar.open <= bar.high &&
         bar.volume >= 0 && bar.taker_buy >= 0 && bar.taker_buy <= bar.volume;
}

}  // namespace

std::string_view NameOf(Feature feature) { return kNames[static_cast<size_t>(feature)]; }

std::string HashText(std::string_view text) {
  uint64_t value = 14695981039346656037ULL;
  for (const char c : text) {
    value = (value ^ static_cast<unsigned char>(c)) * 1099511628211ULL;
  }
  return fmt::format("{:016x}", value);
}

const std::string& FeatureSchemaHash() {
  static const std::string hash = HashText(fmt::format("{}", fmt::join(kNames, "|")));
  return hash;
}

std::optional<Features> FeatureEngine::Update(const Bar& bar) {
  if (!IsSound(bar)) {
    ++bad_bars_;
    return std::nullopt;
  }
  if (bars_ == 0) {
    previous_close_ = ema8_ = ema20_ = ema21_ = bar.close;
    atr_ = bar.high - bar.low;
  }
  ++bars_;
  const double change = bar.close - previous_close_;
  const double log_return = std::log(bar.close / previous_close_);
  const double true_range =
      std::max({bar.high - bar.low, std::fabs(bar.high - previous_close_), std::fabs(bar.low - previous_close_)});
  ema8_ += Alpha(8) * (bar.close - ema8_);
  ema21_ += Alpha(21) * (bar.close - ema21_);
  const double deviation = bar.close - ema20_;
  ema20_ += Alpha(20) * deviation;
  variance_close_ = (1 - Alpha(20)) * (variance_close_ + Alpha(20) * deviation * deviation);
  variance_return_ += Alpha(20) * (log_return * log_return - variance_return_);
  gain_ += (std::max(change, 0.0) - gain_) / 14;
  loss_ += (std::max(-change, 0.0) - loss_) / 14;
  atr_ += (true_range - atr_) / 14;
  const double imbalance = bar.volume > 0 ? (2 * bar.taker_buy - bar.volume) / bar.volume : 0;
  imbalance_ += Alpha(10) * (imbalance - imbalance_);

  closes_.push_back(bar.close);
  if (closes_.size() >= 2) {
    path_ += std::fabs(change);
  }
  if (closes_.size() > kEfficiencyBars + 1) {
    const size_t gone = closes_.size() - kEfficiencyBars - 1;
    path_ = std::max(0.0, path_ - std::fabs(closes_[gone] - closes_[gone - 1]));
  }
  if (closes_.size() > kClosesKept) {
    closes_.pop_front();
  }
  previous_close_ = bar.close;
  if (bars_ < kWarmUpBars) {
    return std::nullopt;
  }

  const auto back = [&](size_t bars) { return closes_[closes_.size() - 1 - bars]; };
  const double spread = std::sqrt(variance_close_);
  Features features;
  features.close = bar.close;
  const auto set = [&](Feature feature, double value) { features.values[static_cast<size_t>(feature)] = value; };
  set(Feature::kReturn1, log_return);
  set(Feature::kReturn5, std::log(bar.close / back(5)));
  set(Feature::kReturn15, std::log(bar.close / back(15)));
  set(Feature::kVolatility, std::sqrt(variance_return_));
  set(Feature::kEmaGap, (ema8_ - ema21_) / bar.close);
  set(Feature::kZScore, spread > 0 ? (bar.close - ema20_) / spread : 0);
  set(Feature::kRsi, gain_ + loss_ > 0 ? 100 * gain_ / (gain_ + loss_) : 50);
  set(Feature::kAtr, atr_ / bar.close);
  set(Feature::kEfficiency, path_ > 0 ? std::fabs(bar.close - back(kEfficiencyBars)) / path_ : 0);
  set(Feature::kTakerImbalance, imbalance_);
  return features;
}

}  // namespace quantum::ai_engine
