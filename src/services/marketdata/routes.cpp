#include "services/marketdata/routes.h"

#include <boost/json.hpp>
#include <charconv>

namespace quantum::marketdata {
namespace {

namespace json = boost::json;

Result<size_t> ReadCount(const std::string& text, std::string_view name, size_t fallback, size_t max) {
  if (text.empty()) {
    return fallback;
  }
  size_t count = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), count);
  if (error != std::errc() || end != text.data() + text.size() || count < 1 || count > max) {
    return Error{Errc::kInvalidArgument,
                 "field '" + std::string(name) + "' must be a whole number from 1 to " + std::to_string(max)};
  }
  return count;
}

json::value LevelsOf(const exchange::BookSide& side, size_t depth) {
  json::array levels;
  for (size_t i = 0; i < std::min(depth, side.size()); ++i) {
    const exchange::PriceLevel level = side.At(i);
    levels.push_back(json::array{level.price.ToString(), level.quantity.ToString()});
  }
  return levels;
}

int64_t Ms(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

}  // namespace

http::Response PriceAnswer(const SymbolFeed& feed, SteadyTime now) {
  const std::optional<SymbolFeed::Price> price = feed.price();
  if (!price) {
    return http::Problem(503, "NO_DATA", "no trade of " + feed.symbol() + " has come yet");
  }
  const auto text = [](const std::optional<trading::Decimal>& number) {
    return number ? json::value(number->ToString()) : json::value(nullptr);
  };
  json::object out;
  out["symbol"] = feed.symbol();
  out["price"] = price->last.ToString();
  out["bid"] = text(price->bid ? std::optional(price->bid->price) : std::nullopt);
  out["ask"] = text(price->ask ? std::optional(price->ask->price) : std::nullopt);
  out["mark_price"] = text(price->mark);
  out["time"] = price->time_ms;
  out["age_ms"] = Ms(feed.age(now).value_or(Duration::zero()));
  out["stale"] = feed.stale(now);
  out["source"] = feed.source();
  return http::Json(json::serialize(out));
}

http::Response BookAnswer(const SymbolFeed& feed, const std::string& depth, SteadyTime now) {
  const Result<size_t> levels = ReadCount(depth, "depth", 20, 1000);
  if (!levels.ok()) {
    return http::Problem(levels.error());
  }
  if (!feed.book().synced()) {
    return http::Problem(503, "NO_BOOK", "the book of " + feed.symbol() + " is being built");
  }
  json::object out;
  out["symbol"] = feed.symbol();
  out["last_update_id"] = feed.book().last_update_id();
  out["bids"] = LevelsOf(feed.book().book().bids(), *levels);
  out["asks"] = LevelsOf(feed.book().book().asks(), *levels);
  out["stale"] = feed.stale(now);
  out["source"] = feed.source();
  return http::Json(json::serialize(out));
}

http::Response CandlesAnswer(const SymbolFeed& feed, const std::string& interval, const std::string& limit,
                             bool with_current) {
  const Result<size_t> count = ReadCount(limit, "limit", 500, 2000);
  if (!count.ok()) {
    return http::Problem(count.error());
  }
  const CandleStore* store = feed.candles(interval);
  if (store == nullptr) {
    return http::Problem(400, "UNKNOWN_INTERVAL", "candles of interval '" + interval.substr(0, 20) + "' are not kept");
  }
  std::string body = "[";
  const auto append = [&](const trading::event::Kline& kline) {
    body += body.size() > 1 ? "," : "";
    body += ToJson(kline);
  };
  for (const trading::event::Kline& kline : store->Latest(*count)) {
    append(kline);
  }
  if (const auto current = feed.current(interval); with_current && current) {
    append(*current);
  }
  http::Response response = http::Json(body + "]");
  response.headers.Set("X-Market-Source", feed.source());
  return response;
}

}  // namespace quantum::marketdata
