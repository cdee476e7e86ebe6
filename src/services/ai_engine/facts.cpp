#include "services/ai_engine/facts.h"

#include <boost/json.hpp>

#include "trading/account_report.h"

namespace quantum::ai_engine {
namespace {

namespace json = boost::json;

Result<std::string> GetText(lifecycle::Service& service, const std::string& url) {
  QUANTUM_TRY(http::Response response,
              service.http_client().Send({.url = url, .timeout = std::chrono::seconds(2), .idempotent = true}));
  if (response.status != 200) {
    return Error{Errc::kUnavailable, url + " answered " + std::to_string(response.status)};
  }
  return std::move(response.body);
}

Result<json::value> Get(lifecycle::Service& service, const std::string& url) {
  QUANTUM_TRY(const std::string text, GetText(service, url));
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  if (error) {
    return Error{Errc::kInternal, url + " answered something that is not JSON"};
  }
  return value;
}

// Throws for anything missing or malformed; callers turn that into an Error at one place.
Decimal DecimalAt(const json::object& object, std::string_view field) {
  auto parsed = Decimal::Parse(std::string_view(object.at(field).as_string()));
  if (!parsed.ok()) {
    throw std::invalid_argument(parsed.error().message);
  }
  return *parsed;
}

template <class Parse>
auto Parsed(std::string_view what, Parse parse) -> Result<decltype(parse())> {
  try {
    return parse();
  } catch (const std::exception& error) {
    return Error{Errc::kInternal, "the answer for " + std::string(what) + " is malformed: " + error.what()};
  }
}

}  // namespace

Status Facts::Refresh() {
  Status first;
  const auto keep = [&](Status status) {
    if (!status.ok() && first.ok()) {
      first = std::move(status);
    }
  };
  for (const std::string& symbol : service_.manifest().symbols()) {
    keep(ReadLimits(symbol));
  }
  keep(ReadEquity());
  keep(ReadPositions());
  return first;
}

Status Facts::ReadLimits(const std::string& symbol) {
  QUANTUM_TRY(const json::value value, Get(service_, service_.UrlOf("risk-safety", "/api/risk/limits/" + symbol)));
  QUANTUM_TRY(const SizingLimits limits, Parsed("limits of " + symbol, [&] {
                const json::object& object = value.as_object();
                const json::object& policy = object.at("limits").as_object();
                return SizingLimits{
                    .tick_size = DecimalAt(object, "tick_size"),
                    .step_size = DecimalAt(object, "step_size"),
                    .min_notional = DecimalAt(object, "min_notional"),
                    .position_usd_max = DecimalAt(policy, "position_usd_max"),
                    .risk_percent_max = DecimalAt(policy, "risk_per_trade_percent_max").ToDouble(),
                    .scaling_factor = policy.at("scaling_factor").to_number<double>(),
                    .leverage_max = policy.at("leverage_max").to_number<int>(),
                    .leverage_min = policy.at("leverage_min").to_number<int>(),
                };
              }));
  limits_[symbol] = {limits, service_.clock().Steady()};
  return {};
}

Status Facts::ReadEquity() {
  QUANTUM_TRY(const std::string text, GetText(service_, service_.UrlOf("execution", "/api/execution/account")));
  QUANTUM_TRY(const trading::AccountReport account, trading::ParseAccountReport(text));
  equity_ = account.equity();
  equity_read_ = service_.clock().Steady();
  return {};
}

Status Facts::ReadPositions() {
  QUANTUM_TRY(const json::value value, Get(service_, service_.UrlOf("execution", "/api/execution/positions")));
  QUANTUM_TRY(positions_, Parsed("the positions", [&] {
                std::map<std::string, PositionFact> positions;
                for (const json::value& item : value.as_object().at("items").as_array()) {
                  const json::object& row = item.as_object();
                  positions[std::string(row.at("symbol").as_string())] = {DecimalAt(row, "quantity"),
                                                                          row.at("time").as_int64()};
                }
                return positions;
              }));
  return {};
}

std::optional<SizingLimits> Facts::Limits(const std::string& symbol) const {
  const auto found = limits_.find(symbol);
  return found != limits_.end() && Fresh(found->second.read) ? std::optional(found->second.limits) : std::nullopt;
}

std::optional<Decimal> Facts::Equity() const { return Fresh(equity_read_) ? std::optional(equity_) : std::nullopt; }

Result<std::vector<TimedBar>> Facts::History(const std::string& symbol, const std::string& interval, int bars) {
  QUANTUM_TRY(const json::value value,
              Get(service_, service_.UrlOf("marketdata", "/api/market/candles?symbol=" + symbol + "&interval=" +
                                                             interval + "&limit=" + std::to_string(bars))));
  return Parsed("candles of " + symbol, [&] {
    std::vector<TimedBar> history;
    for (const json::value& item : value.as_array()) {
      const json::object& candle = item.as_object();
      history.push_back({candle.at("open_time").as_int64(),
                         {.open = DecimalAt(candle, "o").ToDouble(),
                          .high = DecimalAt(candle, "h").ToDouble(),
                          .low = DecimalAt(candle, "l").ToDouble(),
                          .close = DecimalAt(candle, "c").ToDouble(),
                          .volume = DecimalAt(candle, "v").ToDouble(),
                          .taker_buy = DecimalAt(candle, "taker_buy").ToDouble()}});
    }
    return history;
  });
}

}  // namespace quantum::ai_engine
