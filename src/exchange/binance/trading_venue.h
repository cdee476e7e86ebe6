#pragma once

#include <memory>
#include <string>
#include <unordered_map>

#include "exchange/binance/cancel_batches.h"
#include "exchange/binance/decode_rest.h"
#include "exchange/binance/rest.h"
#include "exchange/binance/user_stream.h"

namespace quantum::binance {

// Trading at Binance USD-M futures. Plain orders go to /fapi/v1/order, conditional ones to /fapi/v1/algoOrder; a
// conditional order that triggered is asked for, and reported, through the plain order it spawned (status.h).
class TradingVenue final : public exchange::TradingVenue {
 public:
  TradingVenue(fiber::Loop& loop, std::shared_ptr<Rest> rest, const Clock& clock, Random& random);
  ~TradingVenue() override;

  void SetSendGuard(exchange::SendGuard guard) override { rest_->SetSendGuard(std::move(guard)); }
  // Takes the venue's request limits over as well.
  Result<std::vector<trading::SymbolRules>> Rules() override;
  exchange::Outcome Place(const exchange::NewOrder& order) override;
  Status Cancel(const std::string& symbol, const std::string& client_order_id, bool conditional) override;
  Status CancelAll(const std::string& symbol) override;
  Result<exchange::VenueOrder> Find(const std::string& symbol, const std::string& client_order_id,
                                    bool conditional) override;
  Result<std::vector<exchange::VenueOrder>> OpenOrders() override;
  Result<std::vector<exchange::VenueOrder>> OpenOrdersOf(const std::vector<std::string>& symbols) override;
  // Client order ids are filled in from what is known, or asked for order by order; empty where the venue forgot it.
  Result<std::vector<trading::Fill>> Fills(const std::string& symbol, int64_t from_trade_id) override;
  Result<std::vector<trading::Fill>> FillsUnnamed(const std::string& symbol, int64_t from_trade_id) override;
  Result<exchange::OrderPage> OrderHistory(const std::string& symbol, int64_t from_id, bool conditional) override;
  Result<std::vector<exchange::FundingPayment>> Funding(WallTime from) override;
  Result<std::vector<exchange::VenuePosition>> Positions() override;
  Result<exchange::Account> GetAccount() override;
  Status SetLeverage(const std::string& symbol, int leverage) override;
  Status SetMarginType(const std::string& symbol, exchange::MarginType type) override;
  Result<exchange::SymbolConfig> GetSymbolConfig(const std::string& symbol) override;
  Result<bool> IsHedgeMode() override;
  Status CountdownCancelAll(const std::string& symbol, Duration countdown) override;
  void StreamUser(std::function<void(const exchange::UserEvent&)> on_event) override;
  bool user_stream_connected() const override { return stream_->connected(); }
  std::optional<Duration> clock_offset() const override { return rest_->clock_offset(); }
  Status Ping() override;
  void Stop() override;

 private:
  Result<std::string> Ask(std::string_view path, const Parameters& parameters, int weight, std::string_view what);
  Result<std::vector<exchange::VenueOrder>> ListOpen(const Parameters& which, int weight);
  Result<exchange::VenueOrder> FindPlain(const Parameters& which);
  Result<exchange::VenueOrder> FindConditional(const std::string& symbol, const std::string& client_order_id);
  void Remember(const exchange::VenueOrder& order);
  std::string ClientIdOf(const std::string& symbol, const std::string& order_id);

  fiber::Loop& loop_;
  std::shared_ptr<Rest> rest_;
  CancelBatches cancels_;
  std::shared_ptr<UserStream> stream_;
  std::shared_ptr<fiber::Event> stop_;
  // Order id → client order id, of orders seen since the start; emptied when it grows too large.
  std::unordered_map<std::string, std::string> client_ids_;
};

}  // namespace quantum::binance
