#pragma once

#include <memory>
#include <vector>

#include "exchange/binance/market_stream.h"
#include "exchange/binance/rest.h"
#include "platform/config/manifest.h"

namespace quantum::binance {

// Market data of Binance USD-M futures. Streams: trade, depth@100ms and bookTicker on one connection (so that they stay
// in the venue's order), markPrice@1s on another, which the venue serves elsewhere.
class MarketVenue final : public exchange::MarketVenue {
 public:
  MarketVenue(fiber::Loop& loop, config::Mode mode, std::shared_ptr<Rest> rest, const Clock& clock, Random& random);
  ~MarketVenue() override;

  Result<exchange::DepthSnapshot> Depth(const std::string& symbol, int limit) override;
  Result<std::vector<exchange::Candle>> Klines(const std::string& symbol, int64_t start_ms, int limit) override;
  void Stream(const std::vector<std::string>& symbols, std::function<void(const exchange::MarketEvent&)> on_event,
              std::function<void()> connected) override;
  Result<exchange::MarketLabel> Label() override;
  Status Ping() override;
  void Stop() override;

 private:
  // Public, and once refused for the limits it takes the venue's own, which may be others than are assumed.
  Result<http::Response> Ask(std::string_view path, const Parameters& parameters, int weight);

  fiber::Loop& loop_;
  config::Mode mode_;
  std::shared_ptr<Rest> rest_;
  const Clock& clock_;
  Random& random_;
  std::vector<std::shared_ptr<MarketStream>> streams_;
  bool limits_known_ = false;
};

}  // namespace quantum::binance
