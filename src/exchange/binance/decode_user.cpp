#include "exchange/binance/decode_user.h"

#include <array>

#include "exchange/binance/json_fields.h"
#include "exchange/binance/status.h"

namespace quantum::binance {
namespace {

using exchange::BalanceChanged;
using exchange::PositionChanged;
using trading::Decimal;
using trading::Fill;
using trading::OrderReport;

// The numbers of one execution; nothing when the event announces none.
std::optional<Fill> ReadFill(JsonFields& order, const OrderReport& report) {
  const Decimal quantity = order.Number("l");
  const int64_t trade_id = order.IntOr("t", 0);
  if (!quantity.is_positive() || trade_id <= 0) {
    return std::nullopt;
  }
  Fill fill;
  fill.symbol = report.symbol;
  fill.trade_id = trade_id;
  fill.client_order_id = report.client_order_id;
  fill.exchange_order_id = report.exchange_order_id;
  fill.side = order.Enum("S", trading::ParseSide, trading::Side::kBuy);
  fill.price = order.Computed("L");
  fill.quantity = quantity;
  fill.fee = order.NumberOr("n", Decimal());
  fill.fee_asset = order.TextOr("N", "USDT");
  fill.realized_pnl = order.Has("rp") ? order.Computed("rp") : Decimal();
  fill.maker = order.BoolOr("m", false);
  fill.time = FromUnixMs(order.Int("T"));
  return fill;
}

Result<OrderReport> ReadOrderUpdate(const boost::json::object& event, const UserDecoder& links) {
  JsonFields outer(event, "ORDER_TRADE_UPDATE");
  JsonFields order(outer.Object("o"), "ORDER_TRADE_UPDATE.o");
  if (!outer.ok()) {
    return outer.error();
  }
  OrderReport report;
  report.symbol = order.Text("s");
  report.exchange_order_id = std::to_string(order.Int("i"));
  report.client_order_id = links.ClientIdOf(report.exchange_order_id, order.Text("c"));
  report.filled_quantity = order.Number("z");
  report.average_price = order.Computed("ap");
  report.time = FromUnixMs(order.Int("T"));
  const Decimal quantity = order.Number("q");
  const std::string status = order.Text("X");
  report.fill = ReadFill(order, report);
  if (!order.ok()) {
    return order.error();
  }
  const auto known = StatusOfOrder(status, report.filled_quantity, quantity);
  if (!known.ok()) {
    order.Complain("X", known.error().message);
    return order.error();
  }
  report.status = *known;
  return report;
}

Result<UserMessage> ReadAlgoUpdate(const boost::json::object& event, UserDecoder& links) {
  JsonFields outer(event, "ALGO_UPDATE");
  JsonFields order(outer.Object("o"), "ALGO_UPDATE.o");
  if (!outer.ok()) {
    return outer.error();
  }
  OrderReport report;
  report.symbol = order.Text("s");
  report.client_order_id = order.Text("caid");
  report.exchange_order_id = std::to_string(order.Int("aid"));
  report.time = FromUnixMs(outer.Int("E"));
  const std::string status = order.Text("X");
  const std::string spawned = order.TextOr("ai", "");
  if (!order.ok() || !outer.ok()) {
    return order.ok() ? outer.error() : order.error();
  }
  const auto known = StatusOfAlgoOrder(status);
  if (!known.ok()) {
    order.Complain("X", known.error().message);
    return order.error();
  }
  if (!spawned.empty() && spawned != "0") {
    links.Link(spawned, report.client_order_id);
  }
  UserMessage message;
  if (*known) {
    report.status = **known;
    message.events.emplace_back(std::move(report));
  }
  return message;
}

Result<UserMessage> ReadAccountUpdate(const boost::json::object& event) {
  JsonFields outer(event, "ACCOUNT_UPDATE");
  JsonFields account(outer.Object("a"), "ACCOUNT_UPDATE.a");
  if (!outer.ok()) {
    return outer.error();
  }
  UserMessage message;
  const std::string reason = account.Text("m");
  for (const boost::json::value& element : account.Array("B")) {
    static const boost::json::object kNone;
    JsonFields balance(element.is_object() ? element.get_object() : kNone, "ACCOUNT_UPDATE.a.B");
    if (balance.Text("a") == "USDT") {
      message.events.emplace_back(BalanceChanged{balance.Number("wb"), reason});
    }
    if (!balance.ok()) {
      return balance.error();
    }
  }
  // Funding of a cross position comes without positions (binance.com, "Balance and Position Update").
  static const boost::json::array kNoPositions;
  for (const boost::json::value& element : account.Has("P") ? account.Array("P") : kNoPositions) {
    static const boost::json::object kNone;
    JsonFields position(element.is_object() ? element.get_object() : kNone, "ACCOUNT_UPDATE.a.P");
    if (position.TextOr("ps", "BOTH") == "BOTH") {
      message.events.emplace_back(PositionChanged{position.Text("s"), position.Number("pa"), position.Computed("ep")});
    }
    if (!position.ok()) {
      return position.error();
    }
  }
  if (!account.ok()) {
    return account.error();
  }
  return message;
}

}  // namespace

Result<UserMessage> UserDecoder::Decode(std::string_view frame) {
  std::array<unsigned char, 8192> memory;  // more than a frame usually takes; what exceeds it comes from the heap
  boost::json::monotonic_resource resource(memory.data(), memory.size());
  QUANTUM_TRY(const boost::json::value json, ParseJson(frame, "user data frame", &resource));
  const boost::json::object* event = json.if_object();
  if (event == nullptr) {
    return Error{Errc::kInvalidArgument, "user data frame is not an object: " + std::string(frame.substr(0, 80))};
  }
  // Combined streams wrap the event.
  if (const boost::json::value* data = event->if_contains("data"); data != nullptr && data->is_object()) {
    event = &data->get_object();
  }
  JsonFields fields(*event, "user data frame");
  const std::string type = fields.Text("e");
  if (!fields.ok()) {
    return fields.error();
  }
  UserMessage message;
  if (type == "ORDER_TRADE_UPDATE") {
    QUANTUM_TRY(OrderReport report, ReadOrderUpdate(*event, *this));
    message.events.emplace_back(std::move(report));
  } else if (type == "ALGO_UPDATE") {
    return ReadAlgoUpdate(*event, *this);
  } else if (type == "ACCOUNT_UPDATE") {
    return ReadAccountUpdate(*event);
  } else if (type == "listenKeyExpired") {
    message.listen_key_expired = true;
  }
  return message;
}

void UserDecoder::Link(const std::string& order_id, const std::string& client_order_id) {
  if (links_.insert_or_assign(order_id, client_order_id).second) {
    oldest_.push_back(order_id);
    if (oldest_.size() > kLinksMax) {
      links_.erase(oldest_.front());
      oldest_.pop_front();
    }
  }
}

std::string UserDecoder::ClientIdOf(const std::string& order_id, const std::string& client_order_id) const {
  const auto found = links_.find(order_id);
  return found == links_.end() ? client_order_id : found->second;
}

}  // namespace quantum::binance
