#pragma once

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "tests/simulation_orders/network.h"

namespace quantum::orders_simulation {

// The venue as one life of execution sees it: every call is a request on the network, and suspends until an answer has
// come back or is given up.
class VenuePort final : public exchange::TradingVenue {
 public:
  VenuePort(Network& network, const orders_simulation::Rules& rules, uint64_t life, Duration receive_window)
      : network_(network), rules_(rules), life_(life), receive_window_(receive_window) {}

  // An order leaves, signed for this time of the venue.
  std::function<void(const exchange::NewOrder&, WallTime signed_for)> on_send;

  std::function<void(const std::string& client_order_id)> on_cancel;

  exchange::Outcome Place(const exchange::NewOrder& order) override;
  Status Cancel(const std::string& symbol, const std::string& client_order_id, bool conditional) override;
  Result<exchange::VenueOrder> Find(const std::string& symbol, const std::string& client_order_id,
                                    bool conditional) override;
  Result<std::vector<exchange::VenueOrder>> OpenOrders() override;
  Result<std::vector<exchange::VenueOrder>> OpenOrdersOf(const std::vector<std::string>&) override;
  Result<std::vector<trading::Fill>> Fills(const std::string& symbol, int64_t from) override;
  Result<std::vector<trading::Fill>> FillsUnnamed(const std::string& symbol, int64_t from) override;
  Result<std::vector<exchange::FundingPayment>> Funding(WallTime from) override;
  Result<std::vector<exchange::VenuePosition>> Positions() override;
  std::optional<Duration> clock_offset() const override {
    return network_.offset_known ? std::optional(network_.venue_clock_offset) : std::nullopt;
  }
  // The user stream: World hands it on.
  void StreamUser(std::function<void(const exchange::UserEvent&)>) override {}
  bool user_stream_connected() const override { return true; }

  // What execution does not ask here.
  void SetSendGuard(exchange::SendGuard) override {}
  Result<std::vector<trading::SymbolRules>> Rules() override { return NotHere(); }
  Status CancelAll(const std::string&) override { return NotHere(); }
  Result<exchange::OrderPage> OrderHistory(const std::string&, int64_t, bool) override { return NotHere(); }
  Result<exchange::Account> GetAccount() override { return NotHere(); }
  Status SetLeverage(const std::string&, int) override { return NotHere(); }
  Status SetMarginType(const std::string&, exchange::MarginType) override { return NotHere(); }
  Result<exchange::SymbolConfig> GetSymbolConfig(const std::string&) override { return NotHere(); }
  Result<bool> IsHedgeMode() override { return NotHere(); }
  Status CountdownCancelAll(const std::string&, Duration) override { return NotHere(); }
  Status Ping() override { return NotHere(); }
  void Stop() override {}

 private:
  static Error NotHere() { return {Errc::kUnavailable, "not in the simulation"}; }
  // Suspends until the question is answered; `unanswered` is what a time-out looks like.
  template <class T>
  T Ask(bool writes, T unanswered, std::function<T(VenueModel&, bool visible)> question);

  Network& network_;
  const orders_simulation::Rules& rules_;
  const uint64_t life_;
  const Duration receive_window_;
};

}  // namespace quantum::orders_simulation
