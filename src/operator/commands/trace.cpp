#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/commands/market.h"
#include "operator/output.h"
#include "operator/table.h"
#include "platform/base/id.h"

namespace quantum::operate {

void AddTrace(CLI::App& app, Context& context) {
  CLI::App* command = app.add_subcommand("trace", "The way of one order through all services, with times");
  auto id = std::make_shared<std::string>();
  command
      ->add_option("CORRELATION_ID", *id, "From a log line, an answer's X-Correlation-ID or `./quantum orders --json`")
      ->required();
  command->add_flag("--json", context.json, "Print the service's answer as JSON");
  command->callback([&context, id] {
    const auto show = [&]() -> Status {
      if (!IsCorrelationId(*id)) {
        return Error{Errc::kInvalidArgument,
                     fmt::format("'{}' is no correlation id ([A-Za-z0-9-], 8 to 64 of them)", *id)};
      }
      QUANTUM_TRY(const Running running, FindRunning(context));
      QUANTUM_TRY(const http::Response answer,
                  CallService(running, "monitoring-health", "GET", "/api/health/trace/" + *id));
      PrintRows(context, running, answer.body, {"time", "elapsed_ms", "service", "what", "details"});
      return {};
    };
    context.Finish(show());
  });
}

}  // namespace quantum::operate
