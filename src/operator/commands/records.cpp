#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/commands/market.h"
#include "operator/output.h"
#include "operator/table.h"

namespace quantum::operate {

namespace {

struct Query {
  std::string status;
  int limit = 50;
  bool all = false;
};

std::string PathOf(const char* name, const Query& query) {
  return fmt::format("/api/execution/{}?limit={}{}", name, query.limit,
                     query.status.empty() ? "" : "&status=" + query.status);
}

void AddFiltered(CLI::App& app, Context& context, const char* name, const char* help,
                 const std::vector<Column>& columns) {
  CLI::App* command = app.add_subcommand(name, help);
  auto query = std::make_shared<Query>();
  command->add_flag("--json", context.json, "Print the service's answer as JSON");
  command->add_option("--status", query->status, "Only those of this status")->type_name("STATUS");
  command->add_option("--limit", query->limit, "At most so many")->check(CLI::Range(1, 1000))->type_name("N");
  command->callback([&context, query, name, &columns] {
    const auto show = [&]() -> Status {
      QUANTUM_TRY(const Running running, FindRunning(context));
      QUANTUM_TRY(const http::Response answer, CallService(running, "execution", "GET", PathOf(name, *query)));
      PrintRows(context, running, answer.body, columns);
      return {};
    };
    context.Finish(show());
  });
}

Status ShowPositions(const Context& context, bool all) {
  QUANTUM_TRY(const Running running, FindRunning(context));
  QUANTUM_TRY(const http::Response answer, CallService(running, "execution", "GET", "/api/execution/positions"));
  PrintRows(context, running, all ? answer.body : OnlyOpen(answer.body),
            {"symbol", "quantity", "entry_price", "realized_pnl", "fees", "protected", "time"});
  return {};
}

}  // namespace

void AddRecords(CLI::App& app, Context& context) {
  AddFiltered(app, context, "orders", "Orders, newest first; all of their fields by --json", OrderColumns());
  AddFiltered(app, context, "trades", "Trades, newest first; all of their fields by --json", TradeColumns());
  CLI::App* positions = app.add_subcommand("positions", "Open positions with their stop");
  auto query = std::make_shared<Query>();
  positions->add_flag("--json", context.json, "One JSON object");
  positions->add_flag("--all", query->all, "Also the symbols that are flat, with what was realized there");
  positions->callback([&context, query] { context.Finish(ShowPositions(context, query->all)); });
}

}  // namespace quantum::operate
