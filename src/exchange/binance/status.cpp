#include "exchange/binance/status.h"

namespace quantum::binance {

using trading::Decimal;
using trading::OrderStatus;
using trading::OrderType;

Result<OrderStatus> StatusOfOrder(std::string_view text, Decimal filled, Decimal quantity) {
  if (text == "NEW" || text == "PENDING_NEW") {
    return OrderStatus::kNew;
  }
  if (text == "PARTIALLY_FILLED") {
    return OrderStatus::kPartiallyFilled;
  }
  if (text == "FILLED") {
    return OrderStatus::kFilled;
  }
  if (text == "CANCELED") {
    return OrderStatus::kCanceled;
  }
  if (text == "EXPIRED" || text == "EXPIRED_IN_MATCH") {
    return OrderStatus::kExpired;
  }
  if (text == "REJECTED") {
    return OrderStatus::kRejected;
  }
  if (text == "NEW_INSURANCE" || text == "NEW_ADL") {
    if (filled.is_zero()) {
      return OrderStatus::kNew;
    }
    return filled == quantity ? OrderStatus::kFilled : OrderStatus::kPartiallyFilled;
  }
  return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) + "' is not an order status of Binance"};
}

Result<std::optional<OrderStatus>> StatusOfAlgoOrder(std::string_view text) {
  using Maybe = std::optional<OrderStatus>;
  if (text == "NEW") {
    return Maybe(OrderStatus::kNew);
  }
  if (text == "CANCELED") {
    return Maybe(OrderStatus::kCanceled);
  }
  if (text == "EXPIRED" || text == "REJECTED") {
    return Maybe(OrderStatus::kExpired);
  }
  if (text == "TRIGGERING" || text == "TRIGGERED" || text == "FINISHED") {
    return Maybe();
  }
  return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) + "' is not an algo status of Binance"};
}

Result<OrderType> TypeOfOrder(std::string_view text) {
  if (text == "MARKET" || text == "LIQUIDATION") {
    return OrderType::kMarket;
  }
  if (text == "LIMIT") {
    return OrderType::kLimit;
  }
  if (text == "STOP_MARKET" || text == "STOP") {
    return OrderType::kStopMarket;
  }
  if (text == "TRAILING_STOP_MARKET") {
    return OrderType::kTrailingStop;
  }
  if (text == "TAKE_PROFIT_MARKET" || text == "TAKE_PROFIT") {
    return OrderType::kTakeProfitMarket;
  }
  return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 40)) + "' is not an order type of Binance"};
}

}  // namespace quantum::binance
