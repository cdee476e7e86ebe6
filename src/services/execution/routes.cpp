#include "services/execution/routes.h"

#include <boost/json.hpp>

#include "services/execution/body.h"
#include "services/execution/refusals.h"
#include "services/execution/store_rows.h"
#include "services/execution/views.h"

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;
namespace json = boost::json;
using postgres::Rows;

constexpr Duration kAccountServes = 400ms;

template <class ToJson>
http::Response List(const Rows& rows, ToJson to_json) {
  json::array items;
  for (size_t row = 0; row < rows.size(); ++row) {
    items.push_back(to_json(rows, row));
  }
  return http::Json(json::serialize(json::object{{"items", std::move(items)}}));
}

}  // namespace

void Routes::Add() {
  const std::string api = "/api/execution/";
  service_.Route("GET", api + "orders", [this](const http::Request& request) { return Orders(request); });
  service_.Route("GET", api + "orders/{id}", [this](const http::Request& request) { return OneOrder(request); });
  service_.Route("GET", api + "positions", [this](const http::Request&) { return Positions(); });
  service_.Route("GET", api + "trades", [this](const http::Request& request) { return Trades(request); });
  service_.Route("GET", api + "trades/{id}", [this](const http::Request& request) { return OneTrade(request); });
  service_.Route("GET", api + "refusals/{correlation_id}", [this](const http::Request& request) {
    const auto refusals = LoadRefusals(service_.postgres(), request.Parameter("correlation_id"));
    return refusals.ok() ? http::Json(trading::ToJson(*refusals)) : http::Problem(refusals.error());
  });
  service_.Route("GET", api + "account", [this](const http::Request&) { return Account(); });
  service_.Route("GET", api + "rules", [this](const http::Request&) { return SymbolRules(); });
  service_.Route("POST", api + "order", [this](const http::Request& request) { return manual_.Handle(request); });
  service_.Route("POST", api + "cancel-all", [this](const http::Request& request) { return CancelAll(request); });
  // Not through service_.Route, which answers 503 STARTING: a halt must be heard while the start waits for Postgres.
  const auto always = [this](const char* method, const std::string& path, http::Handler handler) {
    const http::Auth auth = std::string_view(method) == "GET" ? http::Auth::kOpen : http::Auth::kToken;
    http::Handler led = [this, handler = std::move(handler)](const http::Request& request) {
      return service_.standing_by() ? lifecycle::NotLeader() : handler(request);
    };
    service_.http().Route(method, path, std::move(led), {.auth = auth, .loop = &service_.loop()});
  };
  always("GET", api + "halt", [this](const http::Request&) { return HaltState(); });
  always("POST", api + "halt", [this](const http::Request& request) { return Halt(request); });
  always("POST", api + "rearm", [this](const http::Request& request) { return Rearm(request); });
}

http::Response Routes::Orders(const http::Request& request) {
  const auto query = ReadListQuery(request);
  if (!query.ok()) {
    return http::Problem(query.error());
  }
  if (!query->status.empty()) {
    if (const auto known = trading::ParseOrderStatus(query->status); !known.ok()) {
      return http::Problem(known.error().Within("field 'status'"));
    }
  }
  const auto rows =
      service_.postgres().Query("SELECT " + std::string(kOrderColumns) +
                                    " FROM orders WHERE ($1 = '' OR status = $1) AND ($2 = '' OR symbol = $2) ORDER BY "
                                    "created_at DESC LIMIT $3",
                                {query->status, query->symbol, std::to_string(query->limit)}, {.idempotent = true});
  return rows.ok() ? List(*rows, OrderJson) : http::Problem(rows.error());
}

http::Response Routes::OneOrder(const http::Request& request) {
  const std::string& id = request.Parameter("id");
  const auto rows = service_.postgres().Query(
      "SELECT " + std::string(kOrderColumns) + " FROM orders WHERE client_order_id = $1", {id}, {.idempotent = true});
  if (!rows.ok()) {
    return http::Problem(rows.error());
  }
  if (rows->empty()) {
    return http::Problem(404, "UNKNOWN_ORDER", "there is no order '" + id.substr(0, 64) + "'");
  }
  return http::Json(json::serialize(OrderJson(*rows, 0)));
}

http::Response Routes::Positions() {
  const auto rows = service_.postgres().Query(
      "SELECT symbol, quantity, entry_price, realized_pnl, fees, funding, protected, "
      "(extract(epoch from updated_at) * 1000)::bigint AS updated_ms FROM positions ORDER BY updated_at DESC",
      {}, {.idempotent = true});
  return rows.ok() ? List(*rows, PositionJson) : http::Problem(rows.error());
}

http::Response Routes::Trades(const http::Request& request) {
  const auto query = ReadListQuery(request);
  if (!query.ok()) {
    return http::Problem(query.error());
  }
  if (!query->status.empty()) {
    if (const auto known = ParseTradeStatus(query->status); !known.ok()) {
      return http::Problem(known.error().Within("field 'status'"));
    }
  }
  const auto trades = trades_.List(query->status, query->symbol, query->limit);
  if (!trades.ok()) {
    return http::Problem(trades.error());
  }
  json::array items;
  for (const tradestore::TradeRow& trade : *trades) {
    items.push_back(TradeJson(trade));
  }
  return WithStore(http::Json(json::serialize(json::object{{"items", std::move(items)}})));
}

http::Response Routes::OneTrade(const http::Request& request) {
  const std::string& id = request.Parameter("id");
  const auto trade = trades_.Find(id);
  if (!trade.ok()) {
    return http::Problem(trade.error());
  }
  if (!*trade) {
    return http::Problem(404, "UNKNOWN_TRADE", "there is no trade '" + id.substr(0, 64) + "'");
  }
  return WithStore(http::Json(json::serialize(TradeJson(**trade))));
}

// Which store the trades were read from, for who moves from one to the other.
http::Response Routes::WithStore(http::Response response) const {
  response.headers.Set("X-Trade-Store", trades_.ReadsFile() ? "sqlite" : "postgres");
  return response;
}

http::Response Routes::Account() {
  if (!account_ || desk_.clock.Steady() - account_read_ > kAccountServes) {
    const WallTime asked = desk_.Now();
    const auto account = desk_.venue.GetAccount();
    if (!account.ok()) {
      return http::Problem(account.error());  // unknown is not a default
    }
    account_ = *account;
    account_read_ = desk_.clock.Steady();
    account_asked_ = asked;
  }
  return http::Json(json::serialize(json::object{{"wallet_balance", account_->wallet_balance.ToString()},
                                                 {"available_balance", account_->available_balance.ToString()},
                                                 {"unrealized_pnl", account_->unrealized_pnl.ToString()},
                                                 {"initial_margin", account_->initial_margin.ToString()},
                                                 {"mode", desk_.settings.mode},
                                                 {"as_of_ms", ToUnixMs(account_asked_)},
                                                 {"time_ms", ToUnixMs(desk_.Now())}}));
}

http::Response Routes::SymbolRules() {
  if (desk_.rules.empty()) {
    return http::Problem(503, "RULES_UNKNOWN", "the venue's trading rules are not known yet");
  }
  json::array items;
  for (const auto& [symbol, rules] : desk_.rules) {
    items.push_back(RulesJson(rules));
  }
  return http::Json(json::serialize(json::object{{"items", std::move(items)}}));
}

http::Response Routes::HaltState() {
  desk_.halt.Look(desk_.Now());
  return http::Json(json::serialize(HaltJson(desk_.halt.record())));
}

http::Response Routes::Halt(const http::Request& request) {
  const auto body = Body::Parse(request.body);
  if (!body.ok()) {
    return http::Problem(body.error());
  }
  const auto close = body->Flag("close", false);
  if (!close.ok()) {
    return http::Problem(close.error());
  }
  const auto by = ReadHaltOwner(*body);
  if (!by.ok()) {
    return http::Problem(by.error());
  }
  // A halt without a reason is still a halt, and so is one whose time cannot be read.
  std::optional<WallTime> since;
  if (const auto time = ReadTime(*body, "since"); time.ok() && *by == trading::kHaltedByEss) {
    since = *time;
  }
  json::object answer = ReportJson(emergency_.Halt(body->TextIf("reason").value_or("by hand"), *close, *by, since));
  for (auto& [name, value] : HaltJson(desk_.halt.record())) {
    answer[name] = std::move(value);
  }
  return http::Json(json::serialize(answer));
}

http::Response Routes::Rearm(const http::Request& request) {
  const auto body = Body::Parse(request.body);
  if (!body.ok()) {
    return http::Problem(body.error());
  }
  const auto reason = body->Text("reason");
  if (!reason.ok()) {
    return http::Problem(reason.error());
  }
  const auto by = ReadHaltOwner(*body);
  if (!by.ok()) {
    return http::Problem(by.error());
  }
  const auto until = ReadTime(*body, "until");
  if (!until.ok()) {
    return http::Problem(until.error());
  }
  if (const Status rearmed = emergency_.Rearm(*reason, *by, *until); !rearmed.ok()) {
    const auto& halt = desk_.halt.record();
    const bool operators = *by == trading::kHaltedByEss && halt && halt->by == trading::kHaltedByOperator;
    return rearmed.error().code == Errc::kConflict
               ? http::Problem(409, operators ? "HALTED_BY_OPERATOR" : "HALTED_SINCE", rearmed.error().message)
               : http::Problem(rearmed.error());
  }
  return http::Json(json::serialize(HaltJson(desk_.halt.record())));
}

http::Response Routes::CancelAll(const http::Request& request) {
  std::string symbol;
  if (!request.body.empty()) {
    const auto body = Body::Parse(request.body);
    if (!body.ok()) {
      return http::Problem(body.error());
    }
    if (body->Has("symbol")) {
      const auto text = body->Text("symbol");
      if (!text.ok() || desk_.RulesOf(*text) == nullptr) {
        return http::Problem(400, "INVALID_ARGUMENT", "field 'symbol' is not a symbol that the venue lists");
      }
      symbol = *text;
    }
  }
  return http::Json(json::serialize(ReportJson(emergency_.CancelEntries(symbol))), 202);
}

}  // namespace quantum::execution
