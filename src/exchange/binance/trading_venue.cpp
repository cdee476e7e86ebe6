#include "exchange/binance/trading_venue.h"

#include <algorithm>

#include "exchange/binance/encode_order.h"
#include "exchange/binance/outcome.h"
#include "exchange/binance/weights.h"
#include "platform/log/log.h"

namespace quantum::binance {
namespace {

using exchange::Accepted;
using exchange::NewOrder;
using exchange::Outcome;
using exchange::Rejected;
using exchange::Unknown;
using exchange::VenueOrder;
using trading::Fill;

constexpr Duration kClockInterval = std::chrono::seconds(30);
constexpr size_t kClientIdsMax = 10'000;
constexpr int64_t kPageMax = 1000;  // what the venue gives at a time

// The report of an order as its acknowledgement tells it.
Result<trading::OrderReport> ReadReport(const NewOrder& order, const std::string& body) {
  if (IsConditional(order.type)) {
    QUANTUM_TRY(AlgoOrder algo, DecodeAlgoOrder(body));
    return algo.order.report;
  }
  QUANTUM_TRY(VenueOrder plain, DecodeOrder(body));
  return plain.report;
}

}  // namespace

TradingVenue::TradingVenue(fiber::Loop& loop, std::shared_ptr<Rest> rest, const Clock& clock, Random& random)
    : loop_(loop),
      rest_(std::move(rest)),
      cancels_(rest_),
      stream_(std::make_shared<UserStream>(loop, rest_, UserStreamOptions{}, clock, random)),
      stop_(std::make_shared<fiber::Event>()) {
  loop_.Spawn([rest = rest_, stop = stop_] {
    while (!stop->is_set()) {
      if (const Status synced = rest->SyncClock(); !synced.ok()) {
        log::Warning("the venue's clock could not be asked", {{"error", synced.error().message}});
      }
      stop->WaitFor(kClockInterval);
    }
  });
}

TradingVenue::~TradingVenue() { Stop(); }

Result<std::string> TradingVenue::Ask(std::string_view path, const Parameters& parameters, int weight,
                                      std::string_view what) {
  Result<http::Response> result = rest_->Query(path, parameters, weight);
  if (!result.ok()) {
    // Asking changes nothing, so an unanswered question is only unanswered.
    const Errc code = result.error().code == Errc::kUnknownOutcome ? Errc::kUnavailable : result.error().code;
    return Error{code, result.error().message}.Within(what);
  }
  QUANTUM_CHECK(CheckAnswer(*result, what));
  return std::move(result->body);
}

Result<std::vector<trading::SymbolRules>> TradingVenue::Rules() {
  QUANTUM_TRY(const std::string info, rest_->Info());
  QUANTUM_TRY(std::vector<trading::SymbolRules> rules, DecodeRules(info));
  QUANTUM_TRY(const std::string body, Ask("/fapi/v1/leverageBracket", {}, 1, "asking the leverage brackets"));
  QUANTUM_TRY(const std::vector<LeverageBracket> brackets, DecodeLeverageBrackets(body));
  for (trading::SymbolRules& rule : rules) {
    const auto found = std::find_if(brackets.begin(), brackets.end(),
                                    [&](const LeverageBracket& bracket) { return bracket.symbol == rule.symbol; });
    if (found != brackets.end()) {
      rule.leverage_max = found->leverage_max;
      rule.maintenance_margin_ratio = found->maintenance_margin_ratio;
    }
  }
  return rules;
}

Outcome TradingVenue::Place(const NewOrder& order) {
  const Result<OrderRequest> request = EncodeOrder(order);
  if (!request.ok()) {
    return Rejected{0, request.error().message};
  }
  const Budget::Kind kind = order.reduce_only ? Budget::Kind::kExit : Budget::Kind::kEntry;
  const auto [result, signed_ms] =
      rest_->Write("POST", request->path, request->parameters, kind, weight::kOrder, order.allowed_in_doubt);
  const auto unknown = [&signed_ms = signed_ms](std::string reason) {
    return Unknown{std::move(reason), signed_ms ? std::optional(FromUnixMs(*signed_ms)) : std::nullopt};
  };
  const Classified classified = result.ok() ? Classify(*result) : Classify(result.error());
  if (classified.verdict == Verdict::kRejected) {
    return Rejected{classified.error.code, classified.error.message};
  }
  if (classified.verdict == Verdict::kUnknown) {
    return unknown("code " + std::to_string(classified.error.code) + ": " + classified.error.message);
  }
  Result<trading::OrderReport> report = ReadReport(order, result->body);
  if (!report.ok()) {
    return unknown("the answer cannot be read: " + report.error().message);
  }
  if (report->client_order_id != order.client_order_id || report->symbol != order.symbol) {
    return unknown("the answer speaks of another order: " + report->client_order_id + " " + report->symbol);
  }
  Remember({.report = *report});
  return Accepted{std::move(*report)};
}

Status TradingVenue::Cancel(const std::string& symbol, const std::string& client_order_id, bool conditional) {
  if (!conditional) {
    return cancels_.Cancel(symbol, client_order_id);
  }
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("clientAlgoId", client_order_id);
  const auto written = rest_->Write("DELETE", kAlgoOrderPath, parameters, Budget::Kind::kCancel, 1);
  return WriteStatus(written.answer, "cancelling order " + client_order_id);
}

Status TradingVenue::CancelAll(const std::string& symbol) {
  Parameters parameters;
  parameters.Add("symbol", symbol);
  // Both are sent, whatever becomes of the first.
  const Status plain =
      WriteStatus(rest_->Write("DELETE", "/fapi/v1/allOpenOrders", parameters, Budget::Kind::kCancel, 1).answer,
                  "cancelling all orders of " + symbol);
  const Status conditional =
      WriteStatus(rest_->Write("DELETE", "/fapi/v1/algoOpenOrders", parameters, Budget::Kind::kCancel, 1).answer,
                  "cancelling all conditional orders of " + symbol);
  return plain.ok() ? conditional : plain;
}

Result<VenueOrder> TradingVenue::FindPlain(const Parameters& which) {
  QUANTUM_TRY(const std::string body, Ask(kOrderPath, which, 1, "asking for an order"));
  QUANTUM_TRY(VenueOrder order, DecodeOrder(body));
  Remember(order);
  return order;
}

Result<VenueOrder> TradingVenue::FindConditional(const std::string& symbol, const std::string& client_order_id) {
  Parameters which;
  which.Add("symbol", symbol).Add("clientAlgoId", client_order_id);
  QUANTUM_TRY(const std::string body, Ask(kAlgoOrderPath, which, 1, "asking for conditional order " + client_order_id));
  QUANTUM_TRY(const AlgoOrder algo, DecodeAlgoOrder(body));
  if (!algo.triggered && algo.spawned_order_id.empty()) {
    return algo.order;
  }
  Parameters spawned;
  spawned.Add("symbol", symbol);
  if (algo.spawned_order_id.empty()) {
    spawned.Add("origClientOrderId", client_order_id);
  } else {
    spawned.Add("orderId", algo.spawned_order_id);
    stream_->decoder().Link(algo.spawned_order_id, client_order_id);
  }
  Result<VenueOrder> order = FindPlain(spawned);
  if (!order.ok() && order.error().code == Errc::kNotFound) {
    return Error{Errc::kUnavailable, "conditional order " + client_order_id +
                                         " has triggered and its market order is not visible yet: ask again"};
  }
  if (order.ok()) {
    order->report.client_order_id = client_order_id;
    order->type = algo.order.type;
    order->trigger_price = algo.order.trigger_price;
    Remember(*order);
  }
  return order;
}

Result<VenueOrder> TradingVenue::Find(const std::string& symbol, const std::string& client_order_id, bool conditional) {
  if (conditional) {
    return FindConditional(symbol, client_order_id);
  }
  Parameters which;
  which.Add("symbol", symbol).Add("origClientOrderId", client_order_id);
  return FindPlain(which);
}

Result<std::vector<VenueOrder>> TradingVenue::OpenOrders() { return ListOpen({}, weight::kOpenOrdersOfAll); }

Result<std::vector<VenueOrder>> TradingVenue::OpenOrdersOf(const std::vector<std::string>& symbols) {
  std::vector<VenueOrder> orders;
  for (const std::string& symbol : symbols) {
    Parameters parameters;
    parameters.Add("symbol", symbol);
    QUANTUM_TRY(std::vector<VenueOrder> more, ListOpen(parameters, weight::kOpenOrdersOfOne));
    std::move(more.begin(), more.end(), std::back_inserter(orders));
  }
  return orders;
}

Result<std::vector<VenueOrder>> TradingVenue::ListOpen(const Parameters& which, int weight) {
  QUANTUM_TRY(const std::string plain, Ask("/fapi/v1/openOrders", which, weight, "asking for open orders"));
  QUANTUM_TRY(std::vector<VenueOrder> orders, DecodeOrders(plain));
  QUANTUM_TRY(const std::string conditional,
              Ask("/fapi/v1/openAlgoOrders", which, weight, "asking for open conditional orders"));
  QUANTUM_TRY(const std::vector<AlgoOrder> algos, DecodeAlgoOrders(conditional));
  for (const AlgoOrder& algo : algos) {
    if (!algo.triggered) {
      orders.push_back(algo.order);
    }
  }
  for (VenueOrder& order : orders) {
    order.report.client_order_id =
        stream_->decoder().ClientIdOf(order.report.exchange_order_id, order.report.client_order_id);
    Remember(order);
  }
  return orders;
}

Result<std::vector<Fill>> TradingVenue::FillsUnnamed(const std::string& symbol, int64_t from_trade_id) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("limit", kPageMax);
  if (from_trade_id > 0) {
    parameters.Add("fromId", from_trade_id);
  }
  QUANTUM_TRY(const std::string body,
              Ask("/fapi/v1/userTrades", parameters, weight::kHistory, "asking for fills of " + symbol));
  QUANTUM_TRY(std::vector<Fill> fills, DecodeFills(body));
  std::sort(fills.begin(), fills.end(), [](const Fill& a, const Fill& b) { return a.trade_id < b.trade_id; });
  stream_->OnFillsListed(symbol, fills);
  return fills;
}

Result<std::vector<Fill>> TradingVenue::Fills(const std::string& symbol, int64_t from_trade_id) {
  QUANTUM_TRY(std::vector<Fill> fills, FillsUnnamed(symbol, from_trade_id));
  for (Fill& fill : fills) {
    fill.client_order_id = ClientIdOf(symbol, fill.exchange_order_id);
  }
  return fills;
}

Result<exchange::OrderPage> TradingVenue::OrderHistory(const std::string& symbol, int64_t from_id, bool conditional) {
  Parameters parameters;
  parameters.Add("symbol", symbol).Add("limit", kPageMax);
  // Without an id the venue would answer with the newest ones.
  parameters.Add(conditional ? "algoId" : "orderId", std::max<int64_t>(from_id, 1));
  QUANTUM_TRY(const std::string body, Ask(conditional ? "/fapi/v1/allAlgoOrders" : "/fapi/v1/allOrders", parameters,
                                          weight::kHistory, "asking for the orders of " + symbol));
  exchange::OrderPage page;
  int64_t last_id = 0;
  if (conditional) {
    QUANTUM_TRY(std::vector<AlgoOrder> algos, DecodeAlgoOrders(body));
    for (AlgoOrder& algo : algos) {
      last_id = std::max<int64_t>(last_id, std::stoll(algo.order.report.exchange_order_id));
      if (algo.triggered || !algo.spawned_order_id.empty()) {
        algo.order.report.status = trading::OrderStatus::kTriggered;
        algo.order.report.exchange_order_id = algo.spawned_order_id;
      }
      page.orders.push_back(std::move(algo.order));
    }
  } else {
    QUANTUM_TRY(page.orders, DecodeOrders(body));
    for (const VenueOrder& order : page.orders) {
      last_id = std::max<int64_t>(last_id, std::stoll(order.report.exchange_order_id));
    }
  }
  page.next_id = static_cast<int64_t>(page.orders.size()) < kPageMax ? 0 : last_id + 1;
  return page;
}

void TradingVenue::StreamUser(std::function<void(const exchange::UserEvent&)> on_event) {
  stream_->Start(std::move(on_event));
}

Status TradingVenue::Ping() {
  QUANTUM_TRY(const http::Response response, rest_->Public("/fapi/v1/ping", {}, 1));
  return CheckAnswer(response, "ping");
}

void TradingVenue::Stop() {
  stop_->Set();
  stream_->Stop();
}

void TradingVenue::Remember(const VenueOrder& order) {
  if (client_ids_.size() >= kClientIdsMax) {
    client_ids_.clear();
  }
  client_ids_.insert_or_assign(order.report.exchange_order_id, order.report.client_order_id);
}

std::string TradingVenue::ClientIdOf(const std::string& symbol, const std::string& order_id) {
  if (const auto found = client_ids_.find(order_id); found != client_ids_.end()) {
    return found->second;
  }
  Parameters which;
  which.Add("symbol", symbol).Add("orderId", order_id);
  const Result<VenueOrder> order = FindPlain(which);
  if (!order.ok()) {
    log::Warning("a fill's order could not be asked for", {{"order_id", order_id}, {"error", order.error().message}});
    return {};
  }
  return stream_->decoder().ClientIdOf(order_id, order->report.client_order_id);
}

}  // namespace quantum::binance
