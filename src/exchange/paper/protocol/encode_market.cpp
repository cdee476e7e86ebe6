#include "exchange/paper/protocol/encode_market.h"

#include <fmt/format.h>

#include <iterator>

namespace quantum::paper {
namespace {

std::string Price(const PaperRules& rules, Decimal price) { return price.ToString(rules.price_decimals); }
std::string Quantity(const PaperRules& rules, Decimal quantity) { return quantity.ToString(rules.quantity_decimals); }

void AppendLevels(std::string& out, const PaperRules& rules, const std::vector<PriceLevel>& levels) {
  out += '[';
  for (size_t i = 0; i < levels.size(); ++i) {
    fmt::format_to(std::back_inserter(out), "{}[\"{}\",\"{}\"]", i == 0 ? "" : ",", Price(rules, levels[i].price),
                   Quantity(rules, levels[i].quantity));
  }
  out += ']';
}

}  // namespace

std::string EncodeDepth(const PaperRules& rules, const DepthUpdate& update) {
  std::string out;
  out.reserve(160 + 24 * (update.bids.size() + update.asks.size()));
  fmt::format_to(std::back_inserter(out), R"({{"e":"depthUpdate","E":{},"T":{},"s":"{}","U":{},"u":{},"pu":{},"b":)",
                 update.event_ms, update.event_ms, update.symbol, update.first_update_id, update.last_update_id,
                 update.previous_update_id);
  AppendLevels(out, rules, update.bids);
  out += ",\"a\":";
  AppendLevels(out, rules, update.asks);
  out += '}';
  return out;
}

std::string EncodeTrade(const PaperRules& rules, const MarketTrade& trade) {
  return fmt::format(R"({{"e":"trade","E":{},"T":{},"s":"{}","t":{},"p":"{}","q":"{}","X":"MARKET","m":{}}})",
                     trade.event_ms, trade.time_ms, trade.symbol, trade.trade_id, Price(rules, trade.price),
                     Quantity(rules, trade.quantity), trade.buyer_is_maker);
}

std::string EncodeBookTicker(const PaperRules& rules, const BookTicker& ticker) {
  return fmt::format(R"({{"e":"bookTicker","u":{},"s":"{}","b":"{}","B":"{}","a":"{}","A":"{}","T":{},"E":{}}})",
                     ticker.update_id, ticker.symbol, Price(rules, ticker.bid.price),
                     Quantity(rules, ticker.bid.quantity), Price(rules, ticker.ask.price),
                     Quantity(rules, ticker.ask.quantity), ticker.event_ms, ticker.event_ms);
}

std::string EncodeAggregateTrade(const PaperRules& rules, const AggregateTrade& trade) {
  return fmt::format(R"({{"e":"aggTrade","E":{},"a":{},"s":"{}","p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{}}})",
                     trade.event_ms, trade.id, rules.rules.symbol, Price(rules, trade.price),
                     Quantity(rules, trade.quantity), trade.first_trade_id, trade.last_trade_id, trade.time_ms,
                     trade.buyer_is_maker);
}

std::string EncodeKlineEvent(const PaperRules& rules, const Kline& k, std::string_view interval, bool closed,
                             int64_t event_ms) {
  return fmt::format(
      R"({{"e":"kline","E":{},"s":"{}","k":{{"t":{},"T":{},"s":"{}","i":"{}","f":{},"L":{},"o":"{}","c":"{}","h":"{}",)"
      R"("l":"{}","v":"{}","n":{},"x":{},"q":"{}","V":"{}","Q":"{}","B":"0"}}}})",
      event_ms, rules.rules.symbol, k.open_time, k.close_time, rules.rules.symbol, interval, k.first_trade_id,
      k.last_trade_id, Price(rules, k.open), Price(rules, k.close), Price(rules, k.high), Price(rules, k.low),
      Quantity(rules, k.volume), k.trades, closed, k.quote_volume.ToString(5), Quantity(rules, k.taker_buy),
      k.taker_buy_quote.ToString(5));
}

std::string EncodeKlineRow(const PaperRules& rules, const Kline& k) {
  return fmt::format(R"([{},"{}","{}","{}","{}","{}",{},"{}",{},"{}","{}","0"])", k.open_time, Price(rules, k.open),
                     Price(rules, k.high), Price(rules, k.low), Price(rules, k.close), Quantity(rules, k.volume),
                     k.close_time, k.quote_volume.ToString(5), k.trades, Quantity(rules, k.taker_buy),
                     k.taker_buy_quote.ToString(5));
}

std::string EncodeMarkPrice(const PaperRules& rules, Decimal mark_price, Decimal funding_rate, int64_t event_ms,
                            int64_t next_funding_ms) {
  const std::string price = mark_price.ToString(8);
  return fmt::format(R"({{"e":"markPriceUpdate","E":{},"s":"{}","p":"{}","i":"{}","P":"{}","r":"{}","T":{}}})",
                     event_ms, rules.rules.symbol, price, price, price, funding_rate.ToString(8), next_funding_ms);
}

std::string EncodeMiniTicker(const PaperRules& rules, const DayTicker& ticker, int64_t event_ms) {
  const Kline& day = ticker.day;
  return fmt::format(
      R"({{"e":"24hrMiniTicker","E":{},"s":"{}","c":"{}","o":"{}","h":"{}","l":"{}","v":"{}","q":"{}"}})", event_ms,
      rules.rules.symbol, Price(rules, day.close), Price(rules, day.open), Price(rules, day.high),
      Price(rules, day.low), Quantity(rules, day.volume), day.quote_volume.ToString(2));
}

std::string EncodeDayTicker(const PaperRules& rules, const DayTicker& ticker, int64_t event_ms) {
  const Kline& day = ticker.day;
  return fmt::format(
      R"({{"e":"24hrTicker","E":{},"s":"{}","p":"{}","P":"{}","w":"{}","c":"{}","Q":"{}","o":"{}","h":"{}","l":"{}",)"
      R"("v":"{}","q":"{}","O":{},"C":{},"F":{},"L":{},"n":{}}})",
      event_ms, rules.rules.symbol, Price(rules, ticker.change), ticker.change_percent.ToString(3),
      Price(rules, ticker.average), Price(rules, day.close), Quantity(rules, ticker.last_quantity),
      Price(rules, day.open), Price(rules, day.high), Price(rules, day.low), Quantity(rules, day.volume),
      day.quote_volume.ToString(2), day.open_time, day.close_time, day.first_trade_id, day.last_trade_id, day.trades);
}

std::string EncodeDayTickerRow(const PaperRules& rules, const DayTicker& ticker) {
  const Kline& day = ticker.day;
  return fmt::format(
      R"({{"symbol":"{}","priceChange":"{}","priceChangePercent":"{}","weightedAvgPrice":"{}","lastPrice":"{}",)"
      R"("lastQty":"{}","openPrice":"{}","highPrice":"{}","lowPrice":"{}","volume":"{}","quoteVolume":"{}",)"
      R"("openTime":{},"closeTime":{},"firstId":{},"lastId":{},"count":{}}})",
      rules.rules.symbol, Price(rules, ticker.change), ticker.change_percent.ToString(3), Price(rules, ticker.average),
      Price(rules, day.close), Quantity(rules, ticker.last_quantity), Price(rules, day.open), Price(rules, day.high),
      Price(rules, day.low), Quantity(rules, day.volume), day.quote_volume.ToString(2), day.open_time, day.close_time,
      day.first_trade_id, day.last_trade_id, day.trades);
}

std::string EncodeTradeRow(const PaperRules& rules, const MarketTrade& trade) {
  return fmt::format(R"({{"id":{},"price":"{}","qty":"{}","quoteQty":"{}","time":{},"isBuyerMaker":{}}})",
                     trade.trade_id, Price(rules, trade.price), Quantity(rules, trade.quantity),
                     trade.price.Times(trade.quantity).ToString(2), trade.time_ms, trade.buyer_is_maker);
}

std::string EncodeAggregateTradeRow(const PaperRules& rules, const AggregateTrade& trade) {
  return fmt::format(R"({{"a":{},"p":"{}","q":"{}","f":{},"l":{},"T":{},"m":{}}})", trade.id, Price(rules, trade.price),
                     Quantity(rules, trade.quantity), trade.first_trade_id, trade.last_trade_id, trade.time_ms,
                     trade.buyer_is_maker);
}

std::string EncodeDepthSnapshot(const PaperRules& rules, const DepthSnapshot& snapshot, int64_t time_ms) {
  std::string out =
      fmt::format(R"({{"lastUpdateId":{},"E":{},"T":{},"bids":)", snapshot.last_update_id, time_ms, time_ms);
  AppendLevels(out, rules, snapshot.bids);
  out += ",\"asks\":";
  AppendLevels(out, rules, snapshot.asks);
  out += '}';
  return out;
}

}  // namespace quantum::paper
