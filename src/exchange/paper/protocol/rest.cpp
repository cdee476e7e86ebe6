#include "exchange/paper/protocol/rest.h"

#include <fmt/format.h>
#include <openssl/crypto.h>

#include <algorithm>
#include <boost/json.hpp>

namespace quantum::paper {
namespace {

constexpr int64_t kRecvWindowDefaultMs = 5'000;
constexpr int64_t kRecvWindowMaxMs = 60'000;
constexpr int64_t kAheadMaxMs = 1'000;

bool SameText(const std::string& a, const std::string& b) {
  return a.size() == b.size() && CRYPTO_memcmp(a.data(), b.data(), a.size()) == 0;
}

RestAnswer Refused(const ApiError& error) { return {error.http_status, RefusalJson(error), {}}; }

}  // namespace

// A message may repeat what was asked, whatever bytes that was of.
std::string RefusalJson(const ApiError& error) {
  std::string message = error.message;
  std::replace_if(
      message.begin(), message.end(), [](char c) { return c < ' ' || c > '~'; }, '?');
  const boost::json::object body{{"code", error.code}, {"msg", message}};
  return boost::json::serialize(body);
}

Rest::Rest(RestOptions options, Engine& engine, const MarketStreams& streams, Hub& hub)
    : options_(std::move(options)), engine_(engine), streams_(streams), hub_(hub) {}

const std::map<std::string, Rest::Endpoint, std::less<>>& Rest::Endpoints() {
  constexpr Access kOpen = Access::kOpen;
  constexpr Access kKey = Access::kKey;
  constexpr Access kSigned = Access::kSigned;
  static const std::map<std::string, Endpoint, std::less<>> kEndpoints = {
      {"GET /fapi/v1/ping", {kOpen, 1, 0, &Rest::Ping}},
      {"GET /fapi/v1/time", {kOpen, 1, 0, &Rest::Time}},
      {"GET /fapi/v1/exchangeInfo", {kOpen, 1, 0, &Rest::ExchangeInfo}},
      {"GET /fapi/v1/depth", {kOpen, &DepthWeight, 0, &Rest::Depth}},
      {"GET /fapi/v1/trades", {kOpen, 5, 0, &Rest::Trades}},
      {"GET /fapi/v1/aggTrades", {kOpen, 20, 0, &Rest::AggregateTrades}},
      {"GET /fapi/v1/klines", {kOpen, &KlinesWeight, 0, &Rest::Klines}},
      {"GET /fapi/v1/ticker/24hr", {kOpen, &OneOrAll<1, 40>, 0, &Rest::TickerDay}},
      {"GET /fapi/v1/ticker/price", {kOpen, &OneOrAll<1, 2>, 0, &Rest::TickerPrice}},
      {"GET /fapi/v2/ticker/price", {kOpen, &OneOrAll<1, 2>, 0, &Rest::TickerPrice}},
      {"GET /fapi/v1/ticker/bookTicker", {kOpen, &OneOrAll<2, 5>, 0, &Rest::TickerBook}},
      {"GET /fapi/v1/premiumIndex", {kOpen, &OneOrAll<1, 10>, 0, &Rest::PremiumIndex}},
      {"GET /fapi/v1/fundingRate", {kOpen, 1, 0, &Rest::FundingRate}},
      {"POST /fapi/v1/order", {kSigned, 0, 1, &Rest::PostOrder}},
      {"PUT /fapi/v1/order", {kSigned, 0, 1, &Rest::PutOrder}},
      {"GET /fapi/v1/order", {kSigned, 1, 0, &Rest::GetOrder}},
      {"DELETE /fapi/v1/order", {kSigned, 1, 0, &Rest::DeleteOrder}},
      {"GET /fapi/v1/openOrders", {kSigned, &OneOrAll<1, 40>, 0, &Rest::OpenOrders}},
      {"GET /fapi/v1/allOrders", {kSigned, 5, 0, &Rest::AllOrders}},
      {"DELETE /fapi/v1/allOpenOrders", {kSigned, 1, 0, &Rest::DeleteAllOrders}},
      {"POST /fapi/v1/batchOrders", {kSigned, 5, 5, &Rest::PostBatch}},
      {"PUT /fapi/v1/batchOrders", {kSigned, 5, 5, &Rest::PutBatch}},
      {"DELETE /fapi/v1/batchOrders", {kSigned, 1, 0, &Rest::DeleteBatch}},
      {"POST /fapi/v1/countdownCancelAll", {kSigned, 10, 0, &Rest::CountdownCancelAll}},
      {"POST /fapi/v1/algoOrder", {kSigned, 0, 1, &Rest::PostAlgo}},
      {"GET /fapi/v1/algoOrder", {kSigned, 1, 0, &Rest::GetAlgo}},
      {"DELETE /fapi/v1/algoOrder", {kSigned, 1, 0, &Rest::DeleteAlgo}},
      {"GET /fapi/v1/openAlgoOrders", {kSigned, &OneOrAll<1, 40>, 0, &Rest::OpenAlgos}},
      {"GET /fapi/v1/allAlgoOrders", {kSigned, 5, 0, &Rest::AllAlgos}},
      {"DELETE /fapi/v1/algoOpenOrders", {kSigned, 1, 0, &Rest::DeleteAllAlgos}},
      {"GET /fapi/v1/userTrades", {kSigned, 5, 0, &Rest::UserTrades}},
      {"GET /fapi/v2/account", {kSigned, 5, 0, &Rest::AccountV2}},
      {"GET /fapi/v3/account", {kSigned, 5, 0, &Rest::AccountV3}},
      {"GET /fapi/v2/balance", {kSigned, 5, 0, &Rest::Balance}},
      {"GET /fapi/v3/balance", {kSigned, 5, 0, &Rest::Balance}},
      {"GET /fapi/v2/positionRisk", {kSigned, 5, 0, &Rest::PositionRiskV2}},
      {"GET /fapi/v3/positionRisk", {kSigned, 5, 0, &Rest::PositionRiskV3}},
      {"GET /fapi/v1/income", {kSigned, 30, 0, &Rest::Income}},
      {"POST /fapi/v1/leverage", {kSigned, 1, 0, &Rest::PostLeverage}},
      {"POST /fapi/v1/marginType", {kSigned, 1, 0, &Rest::PostMarginType}},
      {"GET /fapi/v1/leverageBracket", {kSigned, 1, 0, &Rest::LeverageBracket}},
      {"GET /fapi/v1/positionSide/dual", {kSigned, 30, 0, &Rest::PositionSide}},
      {"POST /fapi/v1/positionSide/dual", {kSigned, 1, 0, &Rest::PostPositionSide}},
      {"GET /fapi/v1/symbolConfig", {kSigned, 5, 0, &Rest::SymbolConfig}},
      {"GET /fapi/v1/commissionRate", {kSigned, 20, 0, &Rest::CommissionRate}},
      {"POST /fapi/v1/listenKey", {kKey, 1, 0, &Rest::PostListenKey}},
      {"PUT /fapi/v1/listenKey", {kKey, 1, 0, &Rest::PutListenKey}},
      {"DELETE /fapi/v1/listenKey", {kKey, 1, 0, &Rest::DeleteListenKey}},
  };
  return kEndpoints;
}

std::vector<std::pair<std::string, std::string>> Rest::endpoints() {
  std::vector<std::pair<std::string, std::string>> result;
  for (const auto& [name, endpoint] : Endpoints()) {
    const size_t blank = name.find(' ');
    result.emplace_back(name.substr(0, blank), name.substr(blank + 1));
  }
  return result;
}

int64_t Rest::Counter::Add(int64_t now_ms, int64_t amount) {
  if (now_ms / window_ms != window) {
    window = now_ms / window_ms;
    count = 0;
  }
  count += amount;
  return count;
}

std::optional<RestAnswer> Rest::TooManyOrders(const Endpoint& endpoint, int64_t now_ms) {
  const auto full = [&](Counter& counter, int amount, int limit, const char* window) -> std::optional<RestAnswer> {
    if (counter.Add(now_ms, 0) + amount <= limit) {
      return std::nullopt;
    }
    RestAnswer refused =
        Refused({-1015, fmt::format("Too many new orders; current limit is {} orders per {}.", limit, window), 429});
    refused.headers.emplace_back("Retry-After", std::to_string(counter.SecondsLeft(now_ms)));
    return refused;
  };
  std::optional<RestAnswer> refused = full(orders_1m_, 1, options_.orders_per_minute, "MINUTE");
  if (!refused) {
    refused = full(orders_10s_, endpoint.orders, options_.orders_per_10s, "10 SECONDS");
  }
  if (!refused) {
    orders_10s_.Add(now_ms, endpoint.orders);
    orders_1m_.Add(now_ms, 1);
  }
  return refused;
}

std::optional<ApiError> Rest::Authorize(const RestRequest& request, Access access, Parameters& parameters,
                                        int64_t now_ms) const {
  if (access == Access::kOpen) {
    return std::nullopt;
  }
  if (request.api_key.empty()) {
    return ApiError{-2014, "API-key format invalid.", 401};
  }
  if (!SameText(request.api_key, options_.api_key)) {
    return ApiError{-2015, "Invalid API-key, IP, or permissions for action.", 401};
  }
  if (access == Access::kKey) {
    return std::nullopt;
  }
  const std::optional<bool> matches = SignatureMatches(options_.api_secret, request.query, request.body);
  const int64_t timestamp = parameters.Int("timestamp");
  if (!matches) {
    parameters.Text("signature");
    parameters.Refuse({-1102, "Mandatory parameter 'signature' was not sent, was empty/null, or malformed."});
  }
  const int64_t window = parameters.MaybeInt("recvWindow").value_or(kRecvWindowDefaultMs);
  if (parameters.error()) {
    return parameters.error();
  }
  if (window < 0 || window > kRecvWindowMaxMs) {
    return ApiError{-1131, "recvWindow must be less than 60000."};
  }
  if (timestamp >= now_ms + kAheadMaxMs) {
    return ApiError{-1021, "Timestamp for this request was 1000ms ahead of the server's time."};
  }
  if (now_ms - timestamp > window) {
    return ApiError{-1021, "Timestamp for this request is outside of the recvWindow."};
  }
  if (!*matches) {
    return ApiError{-1022, "Signature for this request is not valid."};
  }
  return std::nullopt;
}

bool Rest::IsLate(Parameters& parameters, int64_t now_ms) {
  const int64_t window = parameters.MaybeInt("recvWindow").value_or(kRecvWindowDefaultMs);
  return now_ms - parameters.Int("timestamp") > window;
}

RestAnswer Rest::Ask(const RestRequest& request, const Endpoint& endpoint, Parameters& parameters, int64_t now_ms) {
  const int64_t received_ms = request.received_ms == 0 ? now_ms : request.received_ms;
  if (const auto error = Authorize(request, endpoint.access, parameters, received_ms)) {
    return Refused(*error);
  }
  if (endpoint.orders > 0 && IsLate(parameters, now_ms)) {
    return Refused({-5028, "Timestamp for this request is outside of the ME recvWindow."});
  }
  RestAnswer answer;
  if (auto refused = endpoint.orders > 0 ? TooManyOrders(endpoint, now_ms) : std::nullopt) {
    answer = *std::move(refused);
  } else if (const Answer<std::string> result = (this->*endpoint.handler)(parameters, now_ms); result.ok()) {
    answer.body = *result;
  } else {
    return Refused(result.error());
  }
  if (endpoint.orders > 0) {
    answer.headers.emplace_back("X-MBX-ORDER-COUNT-10S", std::to_string(orders_10s_.count));
    answer.headers.emplace_back("X-MBX-ORDER-COUNT-1M", std::to_string(orders_1m_.count));
  }
  return answer;
}

std::optional<RestAnswer> Rest::Refuses(int64_t weight, int64_t now_ms) {
  const bool too_much = weight > options_.weight_per_minute;
  if (too_much && !ban_.IsBanned(now_ms)) {
    ban_.OnRefused(weight_.window, now_ms);
  }
  if (ban_.IsBanned(now_ms)) {
    RestAnswer banned = Refused({-1003,
                                 fmt::format("Way too many requests; IP banned until {}. Please use the websocket for "
                                             "live updates to avoid bans.",
                                             ban_.until_ms()),
                                 418});
    banned.headers.emplace_back("Retry-After", std::to_string((ban_.until_ms() - now_ms + 999) / 1000));
    return banned;
  }
  if (!too_much) {
    return std::nullopt;
  }
  RestAnswer refused = Refused(
      {-1003, fmt::format("Too many requests; current limit is {} requests per minute.", options_.weight_per_minute),
       429});
  refused.headers.emplace_back("Retry-After", std::to_string(weight_.SecondsLeft(now_ms)));
  return refused;
}

RestAnswer Rest::Handle(const RestRequest& request, int64_t now_ms) {
  const auto found = Endpoints().find(request.method + " " + request.path);
  if (found == Endpoints().end()) {
    return Refused({-5000, fmt::format("Path {}, Method {} is invalid", request.path, request.method), 404});
  }
  const Endpoint& endpoint = found->second;
  Parameters parameters(request.query, request.body);
  const int64_t weight = weight_.Add(now_ms, endpoint.weight.Of(parameters));
  auto refused = Refuses(weight, now_ms);
  RestAnswer answer = refused ? *std::move(refused) : Ask(request, endpoint, parameters, now_ms);
  answer.headers.emplace_back("X-MBX-USED-WEIGHT-1M", std::to_string(weight));
  return answer;
}

void Rest::ForgetListenKey() {
  hub_.ForgetListenKey(listen_key_);
  listen_key_.clear();
}

std::string Rest::Symbol(Parameters& parameters) const {
  std::string symbol = parameters.Text("symbol");
  if (!parameters.error() && engine_.market(symbol) == nullptr) {
    parameters.Refuse({-1121, "Invalid symbol."});
  }
  return symbol;
}

std::vector<std::string> Rest::Symbols(Parameters& parameters) const {
  if (parameters.Has("symbol")) {
    return {Symbol(parameters)};
  }
  std::vector<std::string> symbols;
  for (const auto& [symbol, market] : engine_.markets()) {
    symbols.push_back(symbol);
  }
  return symbols;
}

}  // namespace quantum::paper
