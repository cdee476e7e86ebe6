#pragma once

#include <optional>
#include <string>

#include "exchange/paper/engine/api_error.h"
#include "exchange/paper/faults/fault.h"
#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {

// A symbol that the exchange has altered: halted, or under other filters. `spec` is a symbol-halted or filters-changed.

// GET /fapi/v1/exchangeInfo as it reads then.
std::string AlterExchangeInfo(const FaultSpec& spec, const std::string& body);

// Why an order of that symbol is refused; nothing when these filters let it pass (the exchange's own come after).
std::optional<ApiError> RefuseAltered(const FaultSpec& spec, const RestRequest& request);

}  // namespace quantum::paper
