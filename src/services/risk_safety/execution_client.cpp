#include "services/risk_safety/execution_client.h"

#include <boost/json.hpp>

#include "trading/order.h"

namespace quantum::risk_safety {
namespace {

namespace json = boost::json;
using trading::Decimal;

Result<http::Response> Get(http::Client& client, const std::string& url) {
  return client.Send({.url = url, .timeout = std::chrono::seconds(2), .idempotent = true});
}

Result<json::value> GetJson(http::Client& client, const std::string& url) {
  QUANTUM_TRY(const http::Response response, Get(client, url));
  if (response.status != 200) {
    return Error{Errc::kUnavailable, "execution answered " + std::to_string(response.status)};
  }
  boost::system::error_code error;
  json::value value = json::parse(response.body, error);
  if (error) {
    return Error{Errc::kInternal, "execution's answer is not JSON"};
  }
  return value;
}

Result<Decimal> ReadDecimal(const json::object& object, std::string_view field) {
  const json::value* found = object.if_contains(field);
  if (found == nullptr || !found->is_string()) {
    return Error{Errc::kInternal, "execution's answer lacks the decimal '" + std::string(field) + "'"};
  }
  return Decimal::Parse(std::string_view(found->get_string()));
}

Result<std::string> ReadString(const json::object& object, std::string_view field) {
  const json::value* found = object.if_contains(field);
  if (found == nullptr || !found->is_string()) {
    return Error{Errc::kInternal, "execution's answer lacks the text '" + std::string(field) + "'"};
  }
  return std::string(found->get_string());
}

Result<int64_t> ReadMs(const json::object& object, std::string_view field) {
  const json::value* found = object.if_contains(field);
  if (found == nullptr || !found->is_int64()) {
    return Error{Errc::kInternal, "execution's answer lacks the time '" + std::string(field) + "'"};
  }
  return found->get_int64();
}

Result<json::array> ReadItems(json::value value) {
  json::object* object = value.if_object();
  json::value* items = object == nullptr ? nullptr : object->if_contains("items");
  if (items == nullptr || !items->is_array()) {
    return Error{Errc::kInternal, "execution's answer lacks the list 'items'"};
  }
  return std::move(items->get_array());
}

Result<trading::SymbolRules> ParseRules(const json::object& object) {
  trading::SymbolRules rules;
  QUANTUM_TRY(rules.symbol, ReadString(object, "symbol"));
  QUANTUM_TRY(rules.tick_size, ReadDecimal(object, "tick_size"));
  QUANTUM_TRY(rules.step_size, ReadDecimal(object, "step_size"));
  QUANTUM_TRY(rules.min_quantity, ReadDecimal(object, "min_quantity"));
  QUANTUM_TRY(rules.max_quantity, ReadDecimal(object, "max_quantity"));
  QUANTUM_TRY(rules.market_max_quantity, ReadDecimal(object, "market_max_quantity"));
  QUANTUM_TRY(rules.min_price, ReadDecimal(object, "min_price"));
  QUANTUM_TRY(rules.max_price, ReadDecimal(object, "max_price"));
  QUANTUM_TRY(rules.min_notional, ReadDecimal(object, "min_notional"));
  if (!rules.tick_size.is_positive() || !rules.step_size.is_positive()) {
    return Error{Errc::kInternal, "execution's rules for " + rules.symbol + " have no tick or step size"};
  }
  return rules;
}

}  // namespace

Result<std::map<std::string, trading::SymbolRules>> FetchRules(http::Client& client, const std::string& url) {
  QUANTUM_TRY(json::value value, GetJson(client, url));
  QUANTUM_TRY(const json::array items, ReadItems(std::move(value)));
  std::map<std::string, trading::SymbolRules> rules;
  for (const json::value& item : items) {
    if (!item.is_object()) {
      return Error{Errc::kInternal, "execution's rules hold something that is no object"};
    }
    QUANTUM_TRY(trading::SymbolRules parsed, ParseRules(item.get_object()));
    rules[parsed.symbol] = std::move(parsed);
  }
  return rules;
}

Result<trading::AccountReport> FetchAccount(http::Client& client, const std::string& url) {
  QUANTUM_TRY(const http::Response response, Get(client, url));
  if (response.status != 200) {
    return Error{Errc::kUnavailable, "execution answered " + std::to_string(response.status)};
  }
  return trading::ParseAccountReport(response.body);
}

Result<std::vector<PositionFact>> FetchPositions(http::Client& client, const std::string& url) {
  QUANTUM_TRY(json::value value, GetJson(client, url));
  QUANTUM_TRY(const json::array items, ReadItems(std::move(value)));
  std::vector<PositionFact> positions;
  for (const json::value& item : items) {
    const json::value* is_protected = item.is_object() ? item.get_object().if_contains("protected") : nullptr;
    if (is_protected == nullptr || !is_protected->is_bool()) {
      return Error{Errc::kInternal, "execution's positions lack 'protected'"};
    }
    PositionFact fact{.is_protected = is_protected->get_bool()};
    QUANTUM_TRY(fact.symbol, ReadString(item.get_object(), "symbol"));
    QUANTUM_TRY(fact.quantity, ReadDecimal(item.get_object(), "quantity"));
    QUANTUM_TRY(fact.entry_price, ReadDecimal(item.get_object(), "entry_price"));
    QUANTUM_TRY(fact.time_ms, ReadMs(item.get_object(), "time"));
    positions.push_back(std::move(fact));
  }
  return positions;
}

Result<ExecutionHalt> FetchHalt(http::Client& client, const std::string& url) {
  QUANTUM_TRY(const json::value value, GetJson(client, url));
  const json::value* halted = value.is_object() ? value.get_object().if_contains("halted") : nullptr;
  if (halted == nullptr || !halted->is_bool()) {
    return Error{Errc::kInternal, "execution's answer lacks 'halted'"};
  }
  ExecutionHalt halt{.halted = halted->get_bool()};
  if (halt.halted) {
    QUANTUM_TRY(const std::string by, ReadString(value.get_object(), "by"));
    halt.by_operator = by != "ess";  // whoever is not us is a person
    QUANTUM_TRY(halt.reason, ReadString(value.get_object(), "reason"));
    QUANTUM_TRY(const std::string asked, ReadString(value.get_object(), "asked"));
    QUANTUM_TRY(halt.since, ParseIso8601(asked));
  }
  return halt;
}

Result<std::vector<TroubledOrder>> FetchTroubledOrders(http::Client& client, const std::string& url) {
  QUANTUM_TRY(json::value value, GetJson(client, url));
  QUANTUM_TRY(const json::array items, ReadItems(std::move(value)));
  std::vector<TroubledOrder> orders;
  for (const json::value& item : items) {
    if (!item.is_object()) {
      return Error{Errc::kInternal, "execution's orders hold something that is no object"};
    }
    TroubledOrder order;
    QUANTUM_TRY(order.client_order_id, ReadString(item.get_object(), "client_order_id"));
    QUANTUM_TRY(const int64_t time_ms, ReadMs(item.get_object(), "time"));
    order.at = FromUnixMs(time_ms);
    orders.push_back(std::move(order));
  }
  return orders;
}

Result<EntryState> FetchEntryState(http::Client& client, const std::string& url, const std::string& decision_id) {
  const std::string id = trading::ClientOrderId(decision_id, trading::Leg::kEntry);
  QUANTUM_TRY(const http::Response response, Get(client, url + id));
  if (response.status == 404) {
    return EntryState::kNothing;
  }
  if (response.status != 200) {
    return Error{Errc::kUnavailable, "execution answered " + std::to_string(response.status)};
  }
  boost::system::error_code error;
  const json::value value = json::parse(response.body, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInternal, "execution's order is no JSON object"};
  }
  QUANTUM_TRY(const std::string text, ReadString(value.get_object(), "status"));
  QUANTUM_TRY(const trading::OrderStatus status, trading::ParseOrderStatus(text));
  QUANTUM_TRY(const Decimal filled, ReadDecimal(value.get_object(), "filled_quantity"));
  if (filled.is_positive()) {
    return EntryState::kFilled;
  }
  return IsFinal(status) ? EntryState::kNothing : EntryState::kMayStillFill;
}

}  // namespace quantum::risk_safety
