#include "services/execution/views.h"

#include <charconv>

#include "trading/tradestore/columns.h"

namespace quantum::execution {
namespace {

namespace json = boost::json;
using postgres::Rows;

json::value TextOf(const Rows& rows, size_t row, std::string_view column) {
  const auto text = rows.Optional(row, column);
  return text ? json::value(json::string(*text)) : json::value(nullptr);
}

// Shortest notation: "61800.2", not "61800.20000000".
json::value NumberOf(const Rows& rows, size_t row, std::string_view column) {
  if (rows.IsNull(row, column)) {
    return nullptr;
  }
  const auto number = trading::Decimal::Parse(rows.Text(row, column));
  return json::string(number.ok() ? number->ToString() : std::string(rows.Text(row, column)));
}

json::value TimeOf(const Rows& rows, size_t row, std::string_view column) {
  return rows.IsNull(row, column) ? json::value(nullptr) : json::value(rows.Int(row, column));
}

// As the events name them.
std::string_view JsonNameOf(const tradestore::Column& column) {
  return column.name == "created_at" ? "created_time" : column.name == "updated_at" ? "time" : column.name;
}

json::value CellJson(tradestore::Kind kind, const std::string& text) {
  using tradestore::Kind;
  if (kind == Kind::kTime) {
    const auto time = ParseIso8601(text);
    return time.ok() ? json::value(ToUnixMs(*time)) : json::value();
  }
  if (kind == Kind::kInteger || kind == Kind::kReal || kind == Kind::kJson) {
    json::error_code error;
    json::value value = json::parse(text, error);
    return error ? json::value(text) : value;
  }
  return json::value(text);
}

}  // namespace

json::object OrderJson(const Rows& rows, size_t row) {
  json::object order;
  for (const char* column : {"client_order_id", "exchange_order_id", "decision_id", "correlation_id", "symbol", "leg",
                             "side", "time_in_force", "status", "reason", "mode"}) {
    order[column] = TextOf(rows, row, column);
  }
  order["order_type"] = TextOf(rows, row, "type");
  for (const char* column : {"quantity", "price", "trigger_price", "filled_quantity", "average_price", "fee"}) {
    order[column] = NumberOf(rows, row, column);
  }
  order["reduce_only"] = rows.Bool(row, "reduce_only");
  order["order_version"] = rows.Int(row, "version");
  order["created_time"] = TimeOf(rows, row, "created_ms");
  order["time"] = TimeOf(rows, row, "updated_ms");
  return order;
}

json::object TradeJson(const tradestore::TradeRow& trade) {
  json::object object;
  for (size_t i = 0; i < trade.size(); ++i) {
    const tradestore::Column& column = tradestore::Columns()[i];
    object[JsonNameOf(column)] = trade[i] ? CellJson(column.kind, *trade[i]) : json::value();
  }
  json::object known;  // of its own, since adding a member moves those that are there
  if (const json::value* metadata = object.if_contains("metadata"); metadata->is_object()) {
    for (const char* member : {"reservation_id", "correlation_id"}) {
      if (const json::value* value = metadata->get_object().if_contains(member)) {
        known[member] = *value;
      }
    }
  }
  for (auto& member : known) {
    object[member.key()] = std::move(member.value());
  }
  return object;
}

json::object PositionJson(const Rows& rows, size_t row) {
  json::object position;
  position["symbol"] = TextOf(rows, row, "symbol");
  for (const char* column : {"quantity", "entry_price", "realized_pnl", "fees", "funding"}) {
    position[column] = NumberOf(rows, row, column);
  }
  position["protected"] = rows.Bool(row, "protected");
  position["time"] = TimeOf(rows, row, "updated_ms");
  return position;
}

json::object RulesJson(const trading::SymbolRules& rules) {
  const auto text = [](trading::Decimal value) { return json::string(value.ToString()); };
  return {{"symbol", rules.symbol},
          {"trading", rules.trading},
          {"tick_size", text(rules.tick_size)},
          {"step_size", text(rules.step_size)},
          {"min_quantity", text(rules.min_quantity)},
          {"max_quantity", text(rules.max_quantity)},
          {"market_max_quantity", text(rules.market_max_quantity)},
          {"min_price", text(rules.min_price)},
          {"max_price", text(rules.max_price)},
          {"min_notional", text(rules.min_notional)},
          {"price_up", text(rules.price_up)},
          {"price_down", text(rules.price_down)},
          {"leverage_max", rules.leverage_max},
          {"maintenance_margin_ratio", text(rules.maintenance_margin_ratio)}};
}

json::object ReportJson(const Emergency::Report& report) {
  json::array problems;
  for (const std::string& problem : report.problems) {
    problems.push_back(json::string(problem));
  }
  return {{"cancelled", report.cancelled}, {"closed", report.closed}, {"problems", std::move(problems)}};
}

json::object HaltJson(const std::optional<trading::HaltRecord>& record) {
  json::object state{{"halted", record.has_value()},
                     {"by", record ? record->by : std::string()},
                     {"reason", record ? record->reason : std::string()},
                     {"since", nullptr},
                     {"asked", nullptr},
                     {"close", record && record->close}};
  if (record) {
    state["since"] = FormatIso8601(record->since);
    state["asked"] = FormatIso8601(record->newest());
  }
  return state;
}

Result<std::string> ReadHaltOwner(const Body& body) {
  const std::string by = body.TextIf("by").value_or(std::string(trading::kHaltedByOperator));
  if (by != trading::kHaltedByOperator && by != trading::kHaltedByEss) {
    return Error{Errc::kInvalidArgument, "field 'by' must be \"operator\" or \"ess\""};
  }
  return by;
}

Result<std::optional<WallTime>> ReadTime(const Body& body, std::string_view field) {
  if (!body.Has(field)) {
    return std::optional<WallTime>();
  }
  QUANTUM_TRY(const std::string text, body.Text(field));
  const auto time = ParseIso8601(text);
  if (!time.ok()) {
    return time.error().Within("field '" + std::string(field) + "'");
  }
  return std::optional(*time);
}

Result<ListQuery> ReadListQuery(const http::Request& request) {
  ListQuery query;
  query.status = request.Query("status").value_or("");
  query.symbol = request.Query("symbol").value_or("");
  if (const auto limit = request.Query("limit"); limit && !limit->empty()) {
    const auto [end, failed] = std::from_chars(limit->data(), limit->data() + limit->size(), query.limit);
    if (failed != std::errc() || end != limit->data() + limit->size() || query.limit < 1 || query.limit > 1000) {
      return Error{Errc::kInvalidArgument, "field 'limit' must be a whole number from 1 to 1000"};
    }
  }
  return query;
}

}  // namespace quantum::execution
