#pragma once

#include <string>
#include <string_view>

#include "exchange/paper/engine/rules.h"
#include "exchange/paper/market/day_ticker.h"
#include "exchange/paper/market/kline.h"
#include "exchange/paper/market/source.h"
#include "exchange/paper/market/tape.h"

// Market data as Binance's futures streams and answers spell it. Prices have two decimals and quantities three, as the
// recorded frames have.
namespace quantum::paper {

std::string EncodeDepth(const PaperRules& rules, const DepthUpdate& update);
std::string EncodeTrade(const PaperRules& rules, const MarketTrade& trade);
std::string EncodeBookTicker(const PaperRules& rules, const BookTicker& ticker);
std::string EncodeKlineEvent(const PaperRules& rules, const Kline& kline, std::string_view interval, bool closed,
                             int64_t event_ms);
std::string EncodeKlineRow(const PaperRules& rules, const Kline& kline);
std::string EncodeMarkPrice(const PaperRules& rules, Decimal mark_price, Decimal funding_rate, int64_t event_ms,
                            int64_t next_funding_ms);
std::string EncodeDepthSnapshot(const PaperRules& rules, const DepthSnapshot& snapshot, int64_t time_ms);

std::string EncodeAggregateTrade(const PaperRules& rules, const AggregateTrade& trade);
std::string EncodeMiniTicker(const PaperRules& rules, const DayTicker& ticker, int64_t event_ms);
std::string EncodeDayTicker(const PaperRules& rules, const DayTicker& ticker, int64_t event_ms);
// Answers.
std::string EncodeTradeRow(const PaperRules& rules, const MarketTrade& trade);
std::string EncodeAggregateTradeRow(const PaperRules& rules, const AggregateTrade& trade);
std::string EncodeDayTickerRow(const PaperRules& rules, const DayTicker& ticker);

}  // namespace quantum::paper
