#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/commands/table.h"

namespace quantum::operate {

namespace {

struct Query {
  std::string status;
  int limit = 50;
};

void Add(CLI::App& app, Context& context, const char* name, const char* help, std::vector<std::string> columns,
         bool filtered) {
  CLI::App* command = app.add_subcommand(name, help);
  auto query = std::make_shared<Query>();
  command->add_flag("--json", context.json, "Print the service's answer as JSON");
  if (filtered) {
    command->add_option("--status", query->status, "Only those of this status")->type_name("STATUS");
    command->add_option("--limit", query->limit, "At most so many")->check(CLI::Range(1, 1000))->type_name("N");
  }
  command->callback([&context, query, name, columns, filtered] {
    const auto show = [&]() -> Status {
      QUANTUM_TRY(const Running running, FindRunning(context));
      std::string path = fmt::format("/api/execution/{}", name);
      if (filtered) {
        path += fmt::format("?limit={}", query->limit);
        path += query->status.empty() ? "" : "&status=" + query->status;
      }
      QUANTUM_TRY(const http::Response answer, CallService(running, "execution", "GET", path));
      fmt::print("{}", context.json ? answer.body + "\n" : FormatJsonRows(answer.body, columns));
      return {};
    };
    context.Finish(show());
  });
}

}  // namespace

void AddRecords(CLI::App& app, Context& context) {
  Add(app, context, "orders", "Orders, newest first",
      {"time", "client_order_id", "symbol", "leg", "side", "order_type", "status", "quantity", "price",
       "filled_quantity", "average_price", "correlation_id"},
      true);
  Add(app, context, "trades", "Trades, newest first",
      {"entry_time", "trade_id", "symbol", "side", "status", "quantity", "entry_price", "exit_price", "pnl_usd",
       "close_reason", "strategy"},
      true);
  Add(app, context, "positions", "Open positions with their stop",
      {"symbol", "quantity", "entry_price", "realized_pnl", "fees", "protected", "time"}, false);
}

}  // namespace quantum::operate
