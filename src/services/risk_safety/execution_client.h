#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/http/client.h"
#include "services/risk_safety/ess_agreement.h"
#include "services/risk_safety/views.h"
#include "trading/account_report.h"
#include "trading/types.h"

// What risk-safety asks of execution over HTTP, parsed. A field that is missing or malformed is an error, never a
// default (pains.md 9).
namespace quantum::risk_safety {

// What can still become of an entry.
enum class EntryState { kMayStillFill, kFilled, kNothing };

Result<std::map<std::string, trading::SymbolRules>> FetchRules(http::Client& client, const std::string& url);
Result<trading::AccountReport> FetchAccount(http::Client& client, const std::string& url);
Result<std::vector<PositionFact>> FetchPositions(http::Client& client, const std::string& url);
Result<ExecutionHalt> FetchHalt(http::Client& client, const std::string& url);

// An order that failed, or whose outcome is not known.
struct TroubledOrder {
  std::string client_order_id;
  WallTime at{};
};
// `url` lists orders of one status, newest first.
Result<std::vector<TroubledOrder>> FetchTroubledOrders(http::Client& client, const std::string& url);

// `url` ends where the client order id goes.
Result<EntryState> FetchEntryState(http::Client& client, const std::string& url, const std::string& decision_id);

}  // namespace quantum::risk_safety
