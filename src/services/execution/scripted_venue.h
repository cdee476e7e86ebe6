#pragma once

#include <algorithm>
#include <deque>
#include <functional>
#include <iterator>
#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "exchange/venue.h"
#include "services/execution/test_data.h"

namespace quantum::execution::test {

// A venue in memory for faults that the paper exchange cannot be told to make. It keeps its own orders and position, so
// that tests compare what stands at the venue, not what was asked of it.
class ScriptedVenue final : public exchange::TradingVenue {
 public:
  enum class Answer {
    kNormal,
    kActThenUnknown,   // it happened, and the answer is lost
    kDropThenUnknown,  // it never arrived, and nobody says so
    kReject,
  };
  std::deque<Answer> next_place;                           // kNormal once empty
  std::function<Answer(const exchange::NewOrder&)> judge;  // asked when next_place is empty
  int reject_code = -1003;
  bool fill_market_orders = true;
  Decimal price = D("60000");
  std::vector<exchange::NewOrder> placed;              // every request that arrived, in order
  std::map<std::string, exchange::VenueOrder> orders;  // by client order id
  std::map<std::string, Decimal> positions;
  std::vector<trading::Fill> fills;
  std::vector<exchange::FundingPayment> funding;
  std::vector<std::string> cancelled;
  std::map<std::string, exchange::SymbolConfig> configs;
  std::map<std::string, Duration> countdowns;  // the last one asked for; zero: disarmed
  bool hedge_mode = false;
  std::function<void()> on_place;  // before the answer: whatever comes first
  std::function<void(const exchange::UserEvent&)> on_event;
  bool down = false;
  std::optional<Duration> offset = Duration{};
  std::optional<WallTime> signed_for;                  // what requests whose answer is lost say
  std::function<void(trading::OrderReport&)> distort;  // what the answers of Place and Find say instead
  std::optional<Error> refuse_cancels;
  bool withhold_fills = false;  // REST does not list them yet
  int positions_asked = 0;
  int funding_asked = 0;
  std::set<std::string> fills_asked;  // symbols
  std::function<void()> on_find;      // while the answer is on its way
  std::function<void()> on_funding;   // while the answer is on its way

  exchange::SendGuard guard;
  void SetSendGuard(exchange::SendGuard one) override { guard = std::move(one); }
  Result<std::vector<trading::SymbolRules>> Rules() override { return std::vector{BtcRules()}; }

  exchange::Outcome Place(const exchange::NewOrder& order) override {
    if (const Status allowed = Ask(order.allowed_in_doubt); !allowed.ok()) {
      return exchange::Rejected{0, allowed.error().message};
    }
    const Answer answer = !next_place.empty() ? next_place.front() : judge ? judge(order) : Answer::kNormal;
    if (!next_place.empty()) {
      next_place.pop_front();
    }
    if (answer == Answer::kDropThenUnknown) {
      return exchange::Unknown{"timeout", signed_for};
    }
    placed.push_back(order);
    if (answer == Answer::kReject) {
      return exchange::Rejected{reject_code, "scripted"};
    }
    Accept(order);
    if (on_place) {
      on_place();
    }
    if (answer == Answer::kActThenUnknown) {
      return exchange::Unknown{"timeout", signed_for};
    }
    trading::OrderReport report = orders.at(order.client_order_id).report;
    if (distort) {
      distort(report);
    }
    return exchange::Accepted{report};
  }

  // The mark price reaches a conditional order's trigger.
  void Trigger(const std::string& client_order_id) {
    exchange::VenueOrder& order = orders.at(client_order_id);
    order.report.status = trading::OrderStatus::kTriggered;
    Emit(order.report);
    Fill(order, order.quantity);
  }

  void Fill(exchange::VenueOrder& order, Decimal quantity) {
    const Decimal sign = D(order.side == Side::kBuy ? "1" : "-1");
    Decimal& position = positions[order.report.symbol];
    if (order.reduce_only) {
      const bool reduces = !position.is_zero() && position.is_positive() != (order.side == Side::kBuy);
      quantity = reduces ? std::min(quantity, position.Abs()) : Decimal();
    }
    if (quantity.is_zero()) {
      order.report.status = trading::OrderStatus::kExpired;
      Emit(order.report);
      return;
    }
    position += sign.Times(quantity);
    trading::OrderReport& report = order.report;
    report.filled_quantity += quantity;
    report.average_price = price;
    report.status = report.filled_quantity == order.quantity || order.reduce_only
                        ? trading::OrderStatus::kFilled
                        : trading::OrderStatus::kPartiallyFilled;
    trading::Fill fill;
    fill.symbol = report.symbol;
    fill.trade_id = static_cast<int64_t>(fills.size()) + 1;
    fill.client_order_id = report.client_order_id;
    fill.exchange_order_id = report.exchange_order_id;
    fill.side = order.side;
    fill.price = price;
    fill.quantity = quantity;
    fill.fee = price.Times(quantity).Times(D("0.0005"));
    fill.fee_asset = "USDT";
    fill.time = kNow;
    fills.push_back(fill);
    trading::OrderReport told = report;
    told.fill = fill;
    Emit(told);
  }

  Status Cancel(const std::string&, const std::string& client_order_id, bool) override {
    QUANTUM_CHECK(Ask());
    const auto found = orders.find(client_order_id);
    if (found == orders.end() || trading::IsFinal(found->second.report.status)) {
      return Error{Errc::kNotFound, "-2011 Unknown order sent."};
    }
    if (refuse_cancels) {
      return *refuse_cancels;
    }
    cancelled.push_back(client_order_id);
    found->second.report.status = trading::OrderStatus::kCanceled;
    Emit(found->second.report);
    return {};
  }
  Status CancelAll(const std::string&) override { return Ask(); }

  Result<exchange::VenueOrder> Find(const std::string&, const std::string& client_order_id, bool) override {
    if (on_find) {
      on_find();
    }
    if (down) {
      return Error{Errc::kUnavailable, "down"};
    }
    const auto found = orders.find(client_order_id);
    if (found == orders.end()) {
      return Error{Errc::kNotFound, "-2013 Order does not exist."};
    }
    exchange::VenueOrder order = found->second;
    if (distort) {
      distort(order.report);
    }
    return order;
  }
  Result<std::vector<exchange::VenueOrder>> OpenOrders() override {
    std::vector<exchange::VenueOrder> open;
    for (const auto& [id, order] : orders) {
      if (!trading::IsFinal(order.report.status)) {
        open.push_back(order);
      }
    }
    return open;
  }
  Result<std::vector<exchange::VenueOrder>> OpenOrdersOf(const std::vector<std::string>&) override {
    return OpenOrders();
  }
  Result<std::vector<trading::Fill>> Fills(const std::string& symbol, int64_t from) override {
    fills_asked.insert(symbol);
    std::vector<trading::Fill> found;
    if (withhold_fills) {
      return found;
    }
    for (trading::Fill fill : fills) {
      if (fill.symbol == symbol && fill.trade_id >= from) {
        fill.client_order_id.clear();  // as REST tells them
        found.push_back(fill);
      }
    }
    return found;
  }
  Result<std::vector<trading::Fill>> FillsUnnamed(const std::string& symbol, int64_t from) override {
    return Fills(symbol, from);
  }
  Result<exchange::OrderPage> OrderHistory(const std::string&, int64_t, bool) override { return exchange::OrderPage{}; }
  Result<std::vector<exchange::FundingPayment>> Funding(WallTime from) override {
    ++funding_asked;
    if (on_funding) {
      on_funding();
    }
    std::vector<exchange::FundingPayment> found;
    std::ranges::copy_if(funding, std::back_inserter(found), [&](const auto& one) { return one.time >= from; });
    return found;
  }
  Result<std::vector<exchange::VenuePosition>> Positions() override {
    ++positions_asked;
    std::vector<exchange::VenuePosition> open;
    for (const auto& [symbol, quantity] : positions) {
      if (!quantity.is_zero()) {
        open.push_back({.symbol = symbol, .quantity = quantity, .entry_price = price, .mark_price = price});
      }
    }
    return open;
  }
  Result<exchange::Account> GetAccount() override { return exchange::Account{}; }
  Status SetLeverage(const std::string& symbol, int leverage) override {
    QUANTUM_CHECK(Ask());
    configs[symbol].leverage = leverage;
    return {};
  }
  Status SetMarginType(const std::string& symbol, exchange::MarginType type) override {
    QUANTUM_CHECK(Ask());
    configs[symbol].margin_type = type;
    return {};
  }
  Result<exchange::SymbolConfig> GetSymbolConfig(const std::string& symbol) override { return configs[symbol]; }
  Result<bool> IsHedgeMode() override { return hedge_mode; }
  Status CountdownCancelAll(const std::string& symbol, Duration countdown) override {
    QUANTUM_CHECK(Ask());
    countdowns[symbol] = countdown;
    return {};
  }
  void StreamUser(std::function<void(const exchange::UserEvent&)> handler) override { on_event = std::move(handler); }
  bool user_stream_connected() const override { return on_event != nullptr; }
  std::optional<Duration> clock_offset() const override { return offset; }
  Status Ping() override { return {}; }
  void Stop() override {}

  int CountOpen(bool conditional) const {
    int count = 0;
    for (const auto& [id, order] : orders) {
      count += !trading::IsFinal(order.report.status) && trading::IsConditional(order.type) == conditional;
    }
    return count;
  }

 private:
  void Accept(const exchange::NewOrder& request) {
    exchange::VenueOrder order;
    order.report.symbol = request.symbol;
    order.report.client_order_id = request.client_order_id;
    order.report.exchange_order_id = std::to_string(1000 + orders.size());
    order.report.status = trading::OrderStatus::kNew;
    order.report.time = kNow;
    order.side = request.side;
    order.type = request.type;
    order.quantity = request.quantity;
    order.price = request.price;
    order.trigger_price = request.trigger_price;
    order.callback_percent = request.callback_percent;
    order.activation_price = request.activation_price;
    order.reduce_only = request.reduce_only;
    exchange::VenueOrder& kept = orders[request.client_order_id] = order;
    Emit(kept.report);
    if (request.type == trading::OrderType::kMarket && fill_market_orders) {
      Fill(kept, kept.quantity);
    }
  }
  // The guard, as the connector asks it: with a receive window of a second and nothing for the clock.
  Status Ask(bool allowed_in_doubt = false) const {
    const Status allowed = guard == nullptr ? Status() : guard(std::chrono::seconds(1), allowed_in_doubt);
    return allowed.ok() ? allowed : Error{Errc::kConflict, allowed.error().message};
  }
  void Emit(const trading::OrderReport& report) {
    if (on_event) {
      on_event(report);
    }
  }
};

}  // namespace quantum::execution::test
