#include "services/execution/manual_orders.h"

#include <openssl/sha.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>

#include "platform/log/log.h"
#include "services/execution/body.h"
#include "services/execution/refusals.h"
#include "trading/events.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
namespace event = trading::event;

constexpr Duration kValidFor = 30s;

std::string Sha256Hex(std::string_view text) {
  std::array<unsigned char, SHA256_DIGEST_LENGTH> digest{};
  SHA256(reinterpret_cast<const unsigned char*>(text.data()), text.size(), digest.data());
  static constexpr std::string_view kHex = "0123456789abcdef";
  std::string hex;
  for (const unsigned char byte : digest) {
    hex += kHex[byte >> 4];
    hex += kHex[byte & 15];
  }
  return hex;
}

std::string OrderIdOf(const Decision& decision) {
  return trading::ClientOrderId(decision.decision_id,
                                decision.intent == event::Intent::kClose ? trading::Leg::kClose : trading::Leg::kEntry);
}

http::Response Accepted(const Decision& decision) {
  return http::Json(
      json::serialize(json::object{
          {"decision_id", decision.decision_id}, {"client_order_id", OrderIdOf(decision)}, {"status", "ACCEPTED"}}),
      202);
}

bool Names(const json::value& refusals, std::string_view code) {
  const json::array* all = refusals.if_array();
  return all != nullptr && std::ranges::any_of(*all, [&](const json::value& one) {
           const json::value* named = one.is_object() ? one.get_object().if_contains("code") : nullptr;
           return named != nullptr && named->is_string() && named->get_string() == code;
         });
}

}  // namespace

Result<ManualOrder> ParseManualOrder(const std::string& text, const std::string& header_key, const std::string& mode) {
  QUANTUM_TRY(const Body body, Body::Parse(text));
  ManualOrder order;
  order.idempotency_key = header_key;
  if (order.idempotency_key.empty()) {
    QUANTUM_TRY(order.idempotency_key, body.Text("idempotency_key"));
  }
  if (order.idempotency_key.size() < 8 || order.idempotency_key.size() > 128 ||
      !std::ranges::all_of(order.idempotency_key, [](char c) { return c > ' ' && c < 127; })) {
    return Error{Errc::kInvalidArgument,
                 "field 'idempotency_key' must have 8 to 128 characters of ASCII, without blanks"};
  }
  Decision& decision = order.decision;
  decision.decision_id = "manual-" + Sha256Hex(order.idempotency_key).substr(0, 32);
  QUANTUM_TRY(decision.symbol, body.Text("symbol"));
  QUANTUM_TRY(const std::string side, body.Text("side"));
  const auto parsed_side = trading::ParseSide(side);
  if (!parsed_side.ok()) {
    return parsed_side.error().Within("field 'side'");
  }
  decision.side = *parsed_side;
  QUANTUM_TRY(decision.quantity, body.Number("quantity"));
  QUANTUM_TRY(decision.price, body.NumberIf("price"));
  QUANTUM_TRY(decision.leverage, body.Int("leverage", 1, 1, 125));
  QUANTUM_TRY(decision.stop_loss, body.NumberIf("stop_loss"));
  QUANTUM_TRY(decision.take_profit, body.NumberIf("take_profit"));
  QUANTUM_TRY(decision.trail, body.NumberIf("trail_percent"));
  QUANTUM_TRY(decision.slippage_percent, body.NumberIf("slippage_percent"));
  if (body.Has("time_in_force")) {
    QUANTUM_TRY(const std::string time_in_force, body.Text("time_in_force"));
    const auto parsed = trading::ParseTimeInForce(time_in_force);
    if (!parsed.ok()) {
      return parsed.error().Within("field 'time_in_force'");
    }
    decision.time_in_force = *parsed;
  }
  if (!body.Has("reduce_only")) {
    return Error{Errc::kInvalidArgument, "field 'reduce_only' is missing"};  // a safety field is never assumed
  }
  QUANTUM_TRY(const bool reduce_only, body.Flag("reduce_only", false));
  decision.intent = reduce_only ? event::Intent::kClose : event::Intent::kOpen;
  if (!reduce_only && !decision.stop_loss) {
    return Error{Errc::kInvalidArgument, "field 'stop_loss' is missing: every entry needs a stop"};
  }
  if (reduce_only && decision.price) {
    return Error{Errc::kInvalidArgument, "field 'price': a reduce-only order closes at the market; leave it out"};
  }
  decision.confidence = 1;
  decision.model = "manual";
  decision.strategy = "manual";
  decision.mode = mode;
  return order;
}

http::Response ManualOrders::Handle(const http::Request& request) {
  const std::string header_key(request.headers.Find("Idempotency-Key").value_or(""));
  auto order = ParseManualOrder(request.body, header_key, desk_.settings.mode);
  if (!order.ok()) {
    return http::Problem(order.error());
  }
  const trading::SymbolRules* rules = desk_.RulesOf(order->decision.symbol);
  if (rules == nullptr) {
    return http::Problem(400, "UNKNOWN_SYMBOL",
                         "field 'symbol': '" + order->decision.symbol.substr(0, 40) + "' is not listed by the venue");
  }
  // A close takes what there is in whole steps: an exit is not refused for its form.
  const Decimal quantity = order->decision.quantity;
  if (order->decision.intent == event::Intent::kOpen && !quantity.IsMultipleOf(rules->step_size)) {
    return http::Problem(
        400, "QUANTITY_PRECISION",
        "field 'quantity' must be in whole steps: step=" + rules->step_size.ToString() + " got=" + quantity.ToString());
  }
  auto answer = Place(std::move(*order), Sha256Hex(request.body));
  return answer.ok() ? std::move(*answer) : http::Problem(answer.error());
}

Result<http::Response> ManualOrders::Place(ManualOrder order, const std::string& body_hash) {
  QUANTUM_TRY(const auto rows,
              pool_.Batch({{"INSERT INTO manual_orders (idempotency_key, body_hash, decision_id) VALUES ($1, $2, $3) "
                            "ON CONFLICT (idempotency_key) DO NOTHING",
                            {order.idempotency_key, body_hash, order.decision.decision_id}},
                           {"SELECT body_hash, status, answer FROM manual_orders WHERE idempotency_key = $1",
                            {order.idempotency_key}}},
                          {.idempotent = true}));
  const bool repeated = rows.at(0).affected() == 0;
  const postgres::Rows& stored = rows.at(1);
  if (stored.empty()) {
    return Error{Errc::kUnavailable, "a request of the same key was given up just now; send it again"};
  }
  if (stored.Text(0, "body_hash") != body_hash) {
    return http::Problem(409, "IDEMPOTENCY_KEY_REUSED", "this idempotency key was used for another order");
  }
  if (!stored.IsNull(0, "answer")) {
    return http::Json(std::string(stored.Text(0, "answer")), static_cast<int>(stored.Int(0, "status")));
  }
  if (repeated) {
    QUANTUM_TRY(auto carried_out, CarriedOut(order));
    if (carried_out) {
      return Keep(order, std::move(*carried_out));
    }
  } else if (const auto refusal = RefusedNow(order.decision)) {
    // Nobody has decided on it: it never was, and may come again when entries go out.
    QUANTUM_TRY(const auto forgotten,
                pool_.Batch({{"DELETE FROM manual_orders WHERE idempotency_key = $1 AND answer IS NULL",
                              {order.idempotency_key}},
                             RecordManualRefusal(order.decision, *refusal)},
                            {.idempotent = true}));  // a second record of it does no harm
    static_cast<void>(forgotten);
    CountRefusal(*refusal);
    return http::Problem(409, refusal->code, refusal->detail);
  }
  QUANTUM_TRY(order.decision.reference_price, ReferencePrice(order.decision.symbol));
  order.decision.expires_at = ToUnixMs(desk_.Now() + kValidFor);
  QUANTUM_TRY(http::Response answer, Decide(order));
  return answer.status == 202 || answer.status == 422 ? Keep(order, std::move(answer)) : std::move(answer);
}

// What halts entries here and now, the expiry aside: that is set when risk-safety is asked.
std::optional<event::Refusal> ManualOrders::RefusedNow(Decision decision) {
  if (decision.intent != event::Intent::kOpen) {
    return std::nullopt;
  }
  Gates gates = desk_.GatesFor(decision.symbol);
  gates.now = WallTime{};
  decision.expires_at = 1;
  return RefusedBy(gates, decision);
}

Result<std::optional<http::Response>> ManualOrders::CarriedOut(const ManualOrder& order) {
  QUANTUM_TRY(
      const auto rows,
      pool_.Batch({{"SELECT status, answer FROM manual_orders WHERE idempotency_key = $1 AND answer IS NOT NULL",
                    {order.idempotency_key}},
                   {"SELECT 1 FROM orders WHERE client_order_id = $1", {OrderIdOf(order.decision)}}},
                  {.idempotent = true}));
  const postgres::Rows& stored = rows.at(0);
  if (!stored.empty()) {
    return std::optional(http::Json(std::string(stored.Text(0, "answer")), static_cast<int>(stored.Int(0, "status"))));
  }
  return rows.at(1).empty() ? std::optional<http::Response>() : std::optional(Accepted(order.decision));
}

http::Response ManualOrders::Keep(const ManualOrder& order, http::Response answer) {
  const auto kept =
      pool_.Batch({{"UPDATE manual_orders SET status = $2, answer = $3 WHERE idempotency_key = $1 AND answer IS NULL",
                    {order.idempotency_key, std::to_string(answer.status), answer.body}},
                   {"SELECT status, answer FROM manual_orders WHERE idempotency_key = $1", {order.idempotency_key}}},
                  {.idempotent = true});
  if (!kept.ok()) {
    log::Warning("the answer to a manual order is not kept; asking again finds out anew",
                 {{"error", kept.error().message}});
    return answer;
  }
  const postgres::Rows& stored = kept->at(1);
  if (stored.empty() || stored.IsNull(0, "answer")) {
    return answer;
  }
  return http::Json(std::string(stored.Text(0, "answer")), static_cast<int>(stored.Int(0, "status")));
}

Result<http::Response> ManualOrders::Decide(const ManualOrder& order) {
  http::ClientRequest request;
  request.method = "POST";
  request.url = options_.decide_url;
  request.headers = options_.headers;
  request.body = event::ToJson(order.decision);
  QUANTUM_TRY(const http::Response decided, client_.Send(request));
  boost::system::error_code error;
  const json::value value = json::parse(decided.body, error);
  if (decided.status != 200 || error || !value.is_object()) {
    return Error{Errc::kUnavailable, "risk-safety did not decide (status " + std::to_string(decided.status) +
                                         "); ask again with the same idempotency key"};
  }
  const json::value* approved = value.get_object().if_contains("approved");
  if (approved != nullptr && approved->is_bool() && approved->get_bool()) {
    return Accepted(order.decision);
  }
  const json::value* refusals = value.get_object().if_contains("refusals");
  if (refusals != nullptr && Names(*refusals, "DUPLICATE_DECISION")) {
    // No verdict: only that there is one. It may be an approval whose order is on its way.
    QUANTUM_TRY(auto carried_out, CarriedOut(order));
    if (carried_out) {
      return std::move(*carried_out);
    }
    return Error{Errc::kUnavailable,
                 "this order was decided already and its outcome is not known yet; ask again with the same key"};
  }
  json::object answer;
  answer["decision_id"] = order.decision.decision_id;
  answer["client_order_id"] = OrderIdOf(order.decision);
  answer["status"] = "REFUSED";
  answer["refusals"] = refusals == nullptr ? json::array() : *refusals;
  return http::Json(json::serialize(answer), 422);
}

Result<Decimal> ManualOrders::ReferencePrice(const std::string& symbol) {
  QUANTUM_TRY(const http::Response response,
              client_.Send({.url = options_.price_url + "?symbol=" + symbol, .timeout = 2s, .idempotent = true}));
  boost::system::error_code error;
  const json::value value = json::parse(response.body, error);
  const json::value* price = !error && value.is_object() ? value.get_object().if_contains("price") : nullptr;
  if (response.status != 200 || price == nullptr || !price->is_string()) {
    return Error{Errc::kUnavailable, "marketdata has no price for " + symbol + "; try again"};
  }
  return Decimal::Parse(std::string_view(price->get_string()));
}

}  // namespace quantum::execution
