#include "trading/account_report.h"

#include "trading/event_codec.h"

namespace quantum::trading {

Result<AccountReport> ParseAccountReport(std::string_view json) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({json.data(), json.size()}, error);
  const boost::json::object* const object = error ? nullptr : value.if_object();
  if (object == nullptr) {
    return Error{Errc::kInvalidArgument, "execution's account is not a JSON object"};
  }
  AccountReport report;
  event::Reader reader(*object, "account.");
  reader.Required("wallet_balance", report.wallet_balance);
  reader.Required("available_balance", report.available_balance);
  reader.Required("unrealized_pnl", report.unrealized_pnl);
  reader.Optional("time_ms", report.time_ms);
  reader.Optional("as_of_ms", report.as_of_ms);
  if (reader.error()) {
    return *reader.error();
  }
  return report;
}

}  // namespace quantum::trading
