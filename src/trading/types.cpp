#include "trading/types.h"

#include <array>
#include <utility>

namespace quantum::trading {
namespace {

template <class E, size_t N>
using Names = std::array<std::pair<E, std::string_view>, N>;

constexpr Names<Side, 2> kSides{{{Side::kBuy, "BUY"}, {Side::kSell, "SELL"}}};
constexpr Names<Leg, 5> kLegs{{{Leg::kEntry, "ENTRY"},
                               {Leg::kStopLoss, "STOP_LOSS"},
                               {Leg::kTakeProfit, "TAKE_PROFIT"},
                               {Leg::kTrailingStop, "TRAILING_STOP"},
                               {Leg::kClose, "CLOSE"}}};
constexpr Names<OrderType, 5> kOrderTypes{{{OrderType::kMarket, "MARKET"},
                                           {OrderType::kLimit, "LIMIT"},
                                           {OrderType::kStopMarket, "STOP_MARKET"},
                                           {OrderType::kTakeProfitMarket, "TAKE_PROFIT_MARKET"},
                                           {OrderType::kTrailingStop, "TRAILING_STOP_MARKET"}}};
constexpr Names<TimeInForce, 4> kTimesInForce{
    {{TimeInForce::kGtc, "GTC"}, {TimeInForce::kIoc, "IOC"}, {TimeInForce::kFok, "FOK"}, {TimeInForce::kGtx, "GTX"}}};

template <class E, size_t N>
std::string_view NameOf(const Names<E, N>& names, E value) {
  for (const auto& [candidate, name] : names) {
    if (candidate == value) {
      return name;
    }
  }
  AssertionFailed("every enumerator has a name", __FILE__, __LINE__);
}

template <class E, size_t N>
Result<E> ValueOf(const Names<E, N>& names, std::string_view text, std::string_view what) {
  std::string known;
  for (const auto& [value, name] : names) {
    if (name == text) {
      return value;
    }
    known += (known.empty() ? "" : ", ") + std::string(name);
  }
  return Error{Errc::kInvalidArgument,
               "'" + std::string(text.substr(0, 40)) + "' is not a " + std::string(what) + " (" + known + ")"};
}

}  // namespace

std::string_view ToString(Side side) { return NameOf(kSides, side); }
Result<Side> ParseSide(std::string_view text) { return ValueOf(kSides, text, "side"); }
std::string_view ToString(Leg leg) { return NameOf(kLegs, leg); }
Result<Leg> ParseLeg(std::string_view text) { return ValueOf(kLegs, text, "leg"); }
std::string_view ToString(OrderType type) { return NameOf(kOrderTypes, type); }
Result<OrderType> ParseOrderType(std::string_view text) { return ValueOf(kOrderTypes, text, "order type"); }
std::string_view ToString(TimeInForce tif) { return NameOf(kTimesInForce, tif); }
Result<TimeInForce> ParseTimeInForce(std::string_view text) { return ValueOf(kTimesInForce, text, "time in force"); }

}  // namespace quantum::trading
