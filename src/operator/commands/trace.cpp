#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <memory>

#include "operator/commands/api.h"
#include "operator/commands/command.h"
#include "operator/commands/market.h"
#include "operator/commands/refusals.h"
#include "operator/output.h"
#include "operator/table.h"
#include "platform/base/id.h"

namespace quantum::operate {

namespace {

namespace json = boost::json;

// The events, and below them what was refused, in words.
Status ShowTrace(const Context& context, const Running& running, const std::string& id) {
  const auto answer = CallService(running, "monitoring-health", "GET", "/api/health/trace/" + id);
  boost::system::error_code error;
  json::value trace = answer.ok() ? json::parse(answer->body, error) : json::value();
  const json::array refusals = CollectRefusals(trace, {AskJson(running, "risk-safety", "/api/risk/refusals/" + id),
                                                       AskJson(running, "execution", "/api/execution/refusals/" + id)});
  if (!answer.ok() && refusals.empty()) {
    return answer.error();
  }
  if (context.json) {
    if (!trace.is_object()) {
      trace = json::object{{"correlation_id", id}, {"complete", false}, {"items", json::array()}};
    }
    trace.get_object()["refusals"] = refusals;
    Write(json::serialize(trace) + "\n");
    return {};
  }
  if (answer.ok()) {
    PrintRows(context, running, answer->body, {"time", "elapsed_ms", "service", "what", "details"});
  } else {
    Write(Wrap("Its events cannot be told: " + answer.error().message));
  }
  for (const json::value& refusal : refusals) {
    Write(Wrap("Came to nothing at " + Explain(refusal)));
  }
  return {};
}

}  // namespace

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
      return ShowTrace(context, running, *id);
    };
    context.Finish(show());
  });
}

}  // namespace quantum::operate
