#pragma once

#include <map>
#include <string>
#include <vector>

#include "platform/http/client.h"
#include "trading/types.h"

// What risk-safety asks of execution over HTTP, parsed. A field that is missing or malformed is an error, never a
// default (pains.md 9).
namespace quantum::risk_safety {

struct AccountFact {
  trading::Decimal wallet_balance;
  trading::Decimal available_balance;
  trading::Decimal unrealized_pnl;
};

struct PositionFact {
  std::string symbol;
  trading::Decimal quantity;
  bool is_protected = false;
};

// What can still become of an entry.
enum class EntryState { kMayStillFill, kFilled, kNothing };

Result<std::map<std::string, trading::SymbolRules>> FetchRules(http::Client& client, const std::string& url);
Result<AccountFact> FetchAccount(http::Client& client, const std::string& url);
Result<std::vector<PositionFact>> FetchPositions(http::Client& client, const std::string& url);
// `url` ends where the client order id goes.
Result<EntryState> FetchEntryState(http::Client& client, const std::string& url, const std::string& decision_id);

}  // namespace quantum::risk_safety
