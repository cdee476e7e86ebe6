// What changed the wallet, and the history of funding rates.
#include <algorithm>
#include <boost/json.hpp>

#include "exchange/paper/protocol/rest.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;

struct IncomeRow {
  std::string symbol;
  const char* type = "";
  Decimal amount;
  const char* info = "";
  int64_t time_ms = 0;
  int64_t id = 0;  // unique among rows of one type
  int64_t trade_id = 0;
};

void AddFills(const Account& account, std::vector<IncomeRow>& rows) {
  for (const PaperFill& fill : account.fills()) {
    const auto add = [&](const char* type, Decimal amount) {
      if (!amount.is_zero()) {
        rows.push_back({fill.symbol, type, amount, "", fill.time_ms, fill.trade_id, fill.trade_id});
      }
    };
    add("REALIZED_PNL", fill.realized_pnl);
    add("COMMISSION", -(fill.fee - fill.liquidation_fee));
    add("INSURANCE_CLEAR", -fill.liquidation_fee);
  }
}

void AddFundings(const Account& account, std::vector<IncomeRow>& rows) {
  for (const FundingSettled& funding : account.fundings()) {
    if (!funding.paid.is_zero()) {
      rows.push_back({funding.symbol, "FUNDING_FEE", -funding.paid, "FUNDING_FEE", funding.time_ms, funding.id, 0});
    }
  }
}

json::object ToJson(const IncomeRow& row) {
  return {{"symbol", row.symbol},
          {"incomeType", row.type},
          {"income", row.amount.ToString(8)},
          {"asset", "USDT"},
          {"info", row.trade_id == 0 ? std::string(row.info) : std::to_string(row.trade_id)},
          {"time", row.time_ms},
          {"tranId", row.id},
          {"tradeId", row.trade_id == 0 ? std::string() : std::to_string(row.trade_id)}};
}

}  // namespace

Answer<std::string> Rest::Income(Parameters& parameters, int64_t) {
  const std::string symbol = parameters.Has("symbol") ? Symbol(parameters) : "";
  const std::string type = parameters.Text("incomeType", "");
  const auto start = parameters.MaybeInt("startTime");
  const auto end = parameters.MaybeInt("endTime");
  const int64_t page = std::max<int64_t>(parameters.MaybeInt("page").value_or(1), 1);
  const int64_t limit = std::clamp<int64_t>(parameters.MaybeInt("limit").value_or(100), 1, 1000);
  if (start && end && *start > *end) {
    parameters.Refuse({-1023, "Start time is greater than end time."});
  }
  if (parameters.error()) {
    return *parameters.error();
  }
  const Account& account = engine_.account();
  std::vector<IncomeRow> rows{{"", "TRANSFER", account.start(), "TRANSFER", account.opened_ms(), 1, 0}};
  AddFills(account, rows);
  AddFundings(account, rows);
  std::erase_if(rows, [&](const IncomeRow& row) {
    return (!symbol.empty() && row.symbol != symbol) || (!type.empty() && row.type != type) ||
           (start && row.time_ms < *start) || (end && row.time_ms > *end);
  });
  std::stable_sort(rows.begin(), rows.end(), [](const auto& a, const auto& b) { return a.time_ms < b.time_ms; });
  // From a time on: the oldest; otherwise the newest.
  const auto size = static_cast<int64_t>(rows.size());
  const int64_t skipped = std::min(size, page > size ? size : (page - 1) * limit);
  const int64_t shown = std::min(limit, size - skipped);
  const int64_t first = start ? skipped : size - skipped - shown;
  json::array answer;
  for (int64_t i = first; i < first + shown; ++i) {
    answer.push_back(ToJson(rows[static_cast<size_t>(i)]));
  }
  return json::serialize(answer);
}

Answer<std::string> Rest::FundingRate(Parameters& parameters, int64_t) {
  const std::vector<std::string> symbols = Symbols(parameters);
  const auto start = parameters.MaybeInt("startTime");
  const auto end = parameters.MaybeInt("endTime");
  const int64_t limit = std::clamp<int64_t>(parameters.MaybeInt("limit").value_or(100), 1, 1000);
  if (parameters.error()) {
    return *parameters.error();
  }
  std::vector<const FundingSettled*> found;
  for (const FundingSettled& funding : engine_.account().fundings()) {
    if (std::find(symbols.begin(), symbols.end(), funding.symbol) != symbols.end() &&
        (!start || funding.funding_ms >= *start) && (!end || funding.funding_ms <= *end)) {
      found.push_back(&funding);
    }
  }
  if (static_cast<int64_t>(found.size()) > limit) {
    if (start) {
      found.resize(static_cast<size_t>(limit));
    } else {
      found.erase(found.begin(), found.end() - limit);
    }
  }
  json::array answer;
  for (const FundingSettled* funding : found) {
    answer.push_back(json::object{{"symbol", funding->symbol},
                                  {"fundingRate", funding->rate.ToString(8)},
                                  {"fundingTime", funding->funding_ms},
                                  {"markPrice", funding->mark_price.ToString(8)}});
  }
  return json::serialize(answer);
}

}  // namespace quantum::paper
