#include "exchange/binance/market_venue.h"

#include <algorithm>
#include <cctype>

#include "exchange/binance/decode_rest.h"
#include "exchange/binance/outcome.h"
#include "exchange/binance/weights.h"

namespace quantum::binance {
namespace {

std::string StreamUrl(const Hosts& hosts, std::string_view route, const std::vector<std::string>& symbols,
                      const std::vector<std::string_view>& kinds) {
  std::string url = hosts.websocket + std::string(route) + "/stream?streams=";
  bool first = true;
  for (const std::string& symbol : symbols) {
    std::string lower = symbol;
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](char c) { return static_cast<char>(std::tolower(static_cast<unsigned char>(c))); });
    for (const std::string_view kind : kinds) {
      url += (first ? "" : "/") + lower + "@" + std::string(kind);
      first = false;
    }
  }
  return url;
}

}  // namespace

MarketVenue::MarketVenue(fiber::Loop& loop, config::Mode mode, std::shared_ptr<Rest> rest, const Clock& clock,
                         Random& random)
    : loop_(loop), mode_(mode), rest_(std::move(rest)), clock_(clock), random_(random) {}

MarketVenue::~MarketVenue() { Stop(); }

Result<http::Response> MarketVenue::Ask(std::string_view path, const Parameters& parameters, int weight) {
  Result<http::Response> answer = rest_->Public(path, parameters, weight);
  if (!answer.ok() && answer.error().code == Errc::kExhausted && !limits_known_) {
    QUANTUM_TRY([[maybe_unused]] const std::string info, rest_->Info());
    limits_known_ = true;
    return rest_->Public(path, parameters, weight);
  }
  return answer;
}

Result<exchange::DepthSnapshot> MarketVenue::Depth(const std::string& symbol, int limit) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("limit", int64_t{limit});
  QUANTUM_TRY(const http::Response response, Ask("/fapi/v1/depth", parameters, weight::Depth(limit)));
  QUANTUM_CHECK(CheckAnswer(response, "asking the book of " + symbol));
  return DecodeDepthSnapshot(response.body);
}

Result<std::vector<exchange::Candle>> MarketVenue::Klines(const std::string& symbol, int64_t start_ms, int limit) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("interval", "1m").Add("limit", int64_t{limit});
  if (start_ms > 0) {
    parameters.Add("startTime", start_ms);
  }
  QUANTUM_TRY(const http::Response response, Ask("/fapi/v1/klines", parameters, weight::Klines(limit)));
  QUANTUM_CHECK(CheckAnswer(response, "asking the klines of " + symbol));
  return DecodeKlines(response.body);
}

void MarketVenue::Stream(const std::vector<std::string>& symbols,
                         std::function<void(const exchange::MarketEvent&)> on_event, std::function<void()> connected) {
  QUANTUM_ASSERT(streams_.empty());
  auto books = std::make_shared<MarketStream>(
      loop_, StreamUrl(rest_->hosts(), "/public", symbols, {"trade", "depth@100ms", "bookTicker"}),
      MarketStreamOptions{}, clock_, random_);
  auto marks = std::make_shared<MarketStream>(loop_, StreamUrl(rest_->hosts(), "/market", symbols, {"markPrice@1s"}),
                                              MarketStreamOptions{}, clock_, random_);
  books->Start(on_event, std::move(connected));
  marks->Start(on_event, [] {});
  streams_ = {books, marks};
}

Result<exchange::MarketLabel> MarketVenue::Label() {
  if (mode_ != config::Mode::kPaper) {
    return exchange::MarketLabel{
        "live", mode_ == config::Mode::kLive ? "Binance USD-M futures" : "Binance USD-M futures, testnet"};
  }
  QUANTUM_TRY(const http::Response response, Ask("/paper/market", {}, 0));
  QUANTUM_CHECK(CheckAnswer(response, "asking the paper exchange for its market"));
  return DecodeLabel(response.body);
}

Status MarketVenue::Ping() {
  QUANTUM_TRY(const http::Response response, Ask("/fapi/v1/ping", {}, 1));
  return CheckAnswer(response, "ping");
}

void MarketVenue::Stop() {
  for (const auto& stream : streams_) {
    stream->Stop();
  }
  streams_.clear();
}

}  // namespace quantum::binance
