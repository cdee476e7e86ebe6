#pragma once

#include <optional>
#include <string>

#include "platform/http/client.h"
#include "platform/http/message.h"
#include "platform/postgres/pool.h"
#include "services/execution/desk.h"

namespace quantum::execution {

// A person's order as they wrote it: {symbol, side, quantity, price?, leverage?, stop_loss, take_profit?, reduce_only,
// idempotency_key}. Numbers are decimal strings.
struct ManualOrder {
  std::string idempotency_key;
  Decision decision;  // decision_id derived from the key; reference_price and expiry still to be filled in
};
// kInvalidArgument names the field.
Result<ManualOrder> ParseManualOrder(const std::string& body, const std::string& header_key, const std::string& mode);

// POST /api/execution/order. A manual order goes the way of every other: it is a decision that risk-safety decides on,
// and that comes back as risk.approved. The same key gives the same order and the same answer, also when an answer was
// lost or two requests race: risk-safety gives its recorded verdict for a decision that it has decided, and the first
// answer that is kept is everybody's. With another body the key is a conflict.
class ManualOrders {
 public:
  struct Options {
    std::string decide_url;  // risk-safety's /api/risk/decide
    std::string price_url;   // marketdata's /api/market/price
    http::Headers headers;   // the service token
  };
  ManualOrders(Desk& desk, postgres::Pool& pool, http::Client& client, Options options)
      : desk_(desk), pool_(pool), client_(client), options_(std::move(options)) {}

  http::Response Handle(const http::Request& request);

 private:
  Result<http::Response> Place(ManualOrder order, const std::string& body_hash);
  // A decision of this key that was asked for before: the answer that another request has kept, or what came of it,
  // whatever halts entries now. Nothing: it has not arrived, and risk-safety says whether it decided.
  Result<std::optional<http::Response>> CarriedOut(const ManualOrder& order);
  Result<http::Response> Decide(const ManualOrder& order);
  // Keeps the answer under the key, unless another request was faster: then that one's answer.
  http::Response Keep(const ManualOrder& order, http::Response answer);
  std::optional<trading::event::Refusal> RefusedNow(Decision decision);
  Result<Decimal> ReferencePrice(const std::string& symbol);

  Desk& desk_;
  postgres::Pool& pool_;
  http::Client& client_;
  Options options_;
};

}  // namespace quantum::execution
