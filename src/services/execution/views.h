#pragma once

#include <boost/json.hpp>
#include <string>

#include "platform/http/message.h"
#include "platform/postgres/pool.h"
#include "services/execution/body.h"
#include "services/execution/emergency.h"
#include "trading/tradestore/trade_row.h"
#include "trading/types.h"

// For .cpp files: JSON of rows and answers, with the field names of the events.
namespace quantum::execution {

boost::json::object OrderJson(const postgres::Rows& rows, size_t row);
boost::json::object TradeJson(const tradestore::TradeRow& trade);
boost::json::object PositionJson(const postgres::Rows& rows, size_t row);
boost::json::object RulesJson(const trading::SymbolRules& rules);
boost::json::object ReportJson(const Emergency::Report& report);
// {halted, by, reason, since, close}: by "operator" or "ess", and when that owner halted (ISO 8601; null: not halted).
boost::json::object HaltJson(const std::optional<trading::HaltRecord>& record);
// `by` of a halt or rearm; absent: the operator.
Result<std::string> ReadHaltOwner(const Body& body);
// Nothing when the field is absent.
Result<std::optional<WallTime>> ReadTime(const Body& body, std::string_view field);

// ?status=&symbol=&limit= of a list. Errors name the field.
struct ListQuery {
  std::string status;  // empty: all
  std::string symbol;
  int limit = 100;  // 1 to 1000
};
Result<ListQuery> ReadListQuery(const http::Request& request);

}  // namespace quantum::execution
