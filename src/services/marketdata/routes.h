#pragma once

#include <string>

#include "platform/base/clock.h"
#include "platform/http/message.h"
#include "services/marketdata/symbol_feed.h"

// The answers of GET /api/market/{price|book|candles}: from a feed's state to JSON. No I/O. The
// market's source is shown with every price so that nobody takes a synthetic market for a real one.
namespace quantum::marketdata {

// {symbol, price, bid, ask, mark_price, time, age_ms, stale, source}; 503 NO_DATA before the first trade.
http::Response PriceAnswer(const SymbolFeed& feed, SteadyTime now);
// {symbol, last_update_id, bids, asks, stale, source}, best first, at most `depth` (1 to 1000) levels a side; 503
// NO_BOOK while the book is being built.
http::Response BookAnswer(const SymbolFeed& feed, const std::string& depth, SteadyTime now);
// Array of closed candles as in market.kline, oldest first, at most `limit` (1 to 2000, default 500); with
// current=true the one in progress (closed: false) at the end. The source is in each, and in the header
// X-Market-Source.
http::Response CandlesAnswer(const SymbolFeed& feed, const std::string& interval, const std::string& limit,
                             bool with_current);

}  // namespace quantum::marketdata
