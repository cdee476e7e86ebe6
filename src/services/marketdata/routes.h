#pragma once

#include <string>

#include "platform/base/clock.h"
#include "platform/http/message.h"
#include "services/marketdata/symbol_feed.h"

// The answers of GET /api/market/{price|book|candles}: from a feed's state to JSON. No I/O. `source` is the market
// label's source, shown with every price so that nobody takes a synthetic market for a real one.
namespace quantum::marketdata {

// {symbol, price, bid, ask, mark_price, time, age_ms, stale, source}; 503 NO_DATA before the first trade.
http::Response PriceAnswer(const SymbolFeed& feed, SteadyTime now, const std::string& source);
// {symbol, last_update_id, bids, asks, stale, source}, best first, at most `depth` (1 to 1000) levels a side; 503
// NO_BOOK while the book is being built.
http::Response BookAnswer(const SymbolFeed& feed, const std::string& depth, SteadyTime now, const std::string& source);
// Array of closed candles as in market.kline, oldest first, at most `limit` (1 to 2000, default 500); with
// current=true the one in progress (closed: false) at the end.
http::Response CandlesAnswer(const SymbolFeed& feed, const std::string& interval, const std::string& limit,
                             bool with_current);

}  // namespace quantum::marketdata
