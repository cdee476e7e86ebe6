#pragma once

#include <cstddef>
#include <memory>
#include <string_view>

#include "exchange/venue.h"

// WebSocket frames of Binance's market streams → typed events: trade, depthUpdate, bookTicker, markPriceUpdate, bare or
// in the envelope {"stream":…,"data":…} of combined streams. Field meanings: developers.binance.com, "Websocket Market
// Streams" of USD-M futures. No I/O.
namespace quantum::binance {

// Limits on what the other side may send.
inline constexpr size_t kFrameBytesMax = 1024 * 1024;
inline constexpr size_t kLevelsMax = 5000;  // of one side of one update

class MarketDecoder {
 public:
  MarketDecoder();
  ~MarketDecoder();
  MarketDecoder(const MarketDecoder&) = delete;
  MarketDecoder& operator=(const MarketDecoder&) = delete;

  // The event, valid until the next call; null for a frame of a kind that is not used (another stream, an answer to a
  // request). kInvalidArgument names the field that is missing or malformed, or says that the frame is too large; the
  // next frame is decoded as if the bad one had not come.
  //
  // A trade that is none of the market's (X is not "MARKET": insurance fund, auto-deleveraging) has quantity zero: its
  // id belongs to the sequence, its volume to no candle.
  Result<const exchange::MarketEvent*> Decode(std::string_view frame);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace quantum::binance
