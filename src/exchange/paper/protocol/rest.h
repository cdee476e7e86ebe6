#pragma once

#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/protocol/ban.h"
#include "exchange/paper/protocol/hub.h"
#include "exchange/paper/protocol/market_streams.h"
#include "exchange/paper/protocol/parameters.h"
#include "exchange/paper/protocol/weight.h"

namespace quantum::paper {

struct RestRequest {
  std::string method;
  std::string path;
  std::string query;  // as it was sent, without '?'
  std::string body;
  std::string api_key;
  int64_t received_ms = 0;  // when it came, if it was on its way to the engine for some time since; zero: now
};
struct RestAnswer {
  int status = 200;
  std::string body;
  std::vector<std::pair<std::string, std::string>> headers;
};

// {"code":…,"msg":…}
std::string RefusalJson(const ApiError& error);

struct RestOptions {
  std::string api_key;
  std::string api_secret;
  // A hundred times Binance's: tests and replays at ten times the speed must not meet limits meant for the internet.
  int weight_per_minute = 240'000;
  int orders_per_10s = 30'000;
  int orders_per_minute = 120'000;
};

// Binance's USD-M futures REST interface over the engine: what is asked, by whom, and the answer in Binance's words.
// Does no I/O; server time comes with every call.
class Rest {
 public:
  Rest(RestOptions options, Engine& engine, const MarketStreams& streams, Hub& hub);

  // Every endpoint, as "METHOD /path".
  static std::vector<std::pair<std::string, std::string>> endpoints();
  RestAnswer Handle(const RestRequest& request, int64_t now_ms);
  // The listen key of the user data stream that is valid now; empty: none.
  const std::string& listen_key() const { return listen_key_; }
  bool KnowsListenKey(const std::string& key, int64_t now_ms) const {
    return !key.empty() && key == listen_key_ && now_ms < listen_key_until_ms_;
  }
  // Once a minute or so: lets go of an expired key.
  void ExpireListenKey(int64_t now_ms);
  // For fault injection: the key is no longer valid, and nobody is told.
  void ForgetListenKey();

 private:
  enum class Access { kOpen, kKey, kSigned };
  // The JSON text of the answer, or the refusal.
  using Handler = Answer<std::string> (Rest::*)(Parameters&, int64_t now_ms);
  struct Endpoint {
    Access access;
    Weight weight;
    int orders;  // what it counts in ten seconds; in a minute any of them counts once
    Handler handler;
  };
  // What was counted since the server's time was last a multiple of `window_ms`.
  struct Counter {
    int64_t window_ms = 0;
    int64_t window = 0;
    int64_t count = 0;
    int64_t Add(int64_t now_ms, int64_t amount);
    // When it begins anew, for Retry-After.
    int64_t SecondsLeft(int64_t now_ms) const { return (window_ms - now_ms % window_ms + 999) / 1000; }
  };
  static const std::map<std::string, Endpoint, std::less<>>& Endpoints();

  // Why a request is not looked at, if it is not: its address is banned, or weighs too much.
  std::optional<RestAnswer> Refuses(int64_t weight, int64_t now_ms);
  // What its weight leaves room for.
  RestAnswer Ask(const RestRequest& request, const Endpoint& endpoint, Parameters& parameters, int64_t now_ms);
  // Counts the order, or refuses it (-1015) and counts nothing.
  std::optional<RestAnswer> TooManyOrders(const Endpoint& endpoint, int64_t now_ms);
  // Sent in time, and too late at the matching engine.
  static bool IsLate(Parameters& parameters, int64_t now_ms);
  std::optional<ApiError> Authorize(const RestRequest& request, Access access, Parameters& parameters,
                                    int64_t now_ms) const;
  std::string Symbol(Parameters& parameters) const;                // mandatory and known
  std::vector<std::string> Symbols(Parameters& parameters) const;  // the one asked for, or all
  const PaperOrder* FindOrder(Parameters& parameters, const std::string& symbol) const;
  const AlgoOrder* FindAlgo(Parameters& parameters) const;

  // rest_market.cpp
  Answer<std::string> Ping(Parameters&, int64_t);
  Answer<std::string> Time(Parameters&, int64_t now_ms);
  Answer<std::string> ExchangeInfo(Parameters&, int64_t now_ms);
  Answer<std::string> Depth(Parameters&, int64_t now_ms);
  Answer<std::string> Trades(Parameters&, int64_t now_ms);
  Answer<std::string> AggregateTrades(Parameters&, int64_t now_ms);
  Answer<std::string> Klines(Parameters&, int64_t now_ms);
  Answer<std::string> TickerDay(Parameters&, int64_t now_ms);
  Answer<std::string> TickerPrice(Parameters&, int64_t now_ms);
  Answer<std::string> TickerBook(Parameters&, int64_t now_ms);
  Answer<std::string> PremiumIndex(Parameters&, int64_t now_ms);
  // rest_trade.cpp
  Answer<std::string> PostOrder(Parameters&, int64_t now_ms);
  Answer<std::string> PutOrder(Parameters&, int64_t now_ms);
  Answer<std::string> GetOrder(Parameters&, int64_t now_ms);
  Answer<std::string> DeleteOrder(Parameters&, int64_t now_ms);
  Answer<std::string> OpenOrders(Parameters&, int64_t now_ms);
  Answer<std::string> AllOrders(Parameters&, int64_t now_ms);
  Answer<std::string> DeleteAllOrders(Parameters&, int64_t now_ms);
  Answer<std::string> UserTrades(Parameters&, int64_t now_ms);
  Answer<std::string> CountdownCancelAll(Parameters&, int64_t now_ms);
  // rest_batch.cpp
  Answer<std::string> Each(Parameters&, Handler handler, int64_t now_ms);
  Answer<std::string> PostBatch(Parameters&, int64_t now_ms);
  Answer<std::string> PutBatch(Parameters&, int64_t now_ms);
  Answer<std::string> DeleteBatch(Parameters&, int64_t now_ms);
  // rest_algo.cpp
  Answer<std::string> PostAlgo(Parameters&, int64_t now_ms);
  Answer<std::string> GetAlgo(Parameters&, int64_t now_ms);
  Answer<std::string> DeleteAlgo(Parameters&, int64_t now_ms);
  Answer<std::string> OpenAlgos(Parameters&, int64_t now_ms);
  Answer<std::string> AllAlgos(Parameters&, int64_t now_ms);
  Answer<std::string> DeleteAllAlgos(Parameters&, int64_t now_ms);
  // rest_account.cpp
  Answer<std::string> AccountV2(Parameters&, int64_t now_ms);
  Answer<std::string> AccountV3(Parameters&, int64_t now_ms);
  Answer<std::string> Balance(Parameters&, int64_t now_ms);
  Answer<std::string> PositionRiskV2(Parameters&, int64_t now_ms);
  Answer<std::string> PositionRiskV3(Parameters&, int64_t now_ms);
  Answer<std::string> SymbolConfig(Parameters&, int64_t now_ms);
  Answer<std::string> PostLeverage(Parameters&, int64_t now_ms);
  Answer<std::string> PostMarginType(Parameters&, int64_t now_ms);
  Answer<std::string> LeverageBracket(Parameters&, int64_t now_ms);
  Answer<std::string> PositionSide(Parameters&, int64_t now_ms);
  Answer<std::string> PostPositionSide(Parameters&, int64_t now_ms);
  Answer<std::string> CommissionRate(Parameters&, int64_t now_ms);
  Answer<std::string> PostListenKey(Parameters&, int64_t now_ms);
  Answer<std::string> PutListenKey(Parameters&, int64_t now_ms);
  Answer<std::string> DeleteListenKey(Parameters&, int64_t now_ms);

  // rest_income.cpp
  Answer<std::string> Income(Parameters&, int64_t now_ms);
  Answer<std::string> FundingRate(Parameters&, int64_t now_ms);

  RestOptions options_;
  Engine& engine_;
  const MarketStreams& streams_;
  Hub& hub_;
  Counter weight_{60'000, 0, 0};
  Ban ban_;
  Counter orders_10s_{10'000, 0, 0};
  Counter orders_1m_{60'000, 0, 0};
  std::string listen_key_;
  int64_t listen_key_until_ms_ = 0;
};

}  // namespace quantum::paper
