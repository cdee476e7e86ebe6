#include "services/risk_safety/ess_shell.h"

#include <sys/stat.h>

#include <boost/json.hpp>
#include <cerrno>

#include "platform/base/durable_file.h"
#include "services/risk_safety/execution_client.h"
#include "services/risk_safety/store.h"
#include "trading/halt/halt_flag.h"

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;

}  // namespace

EssShell::EssShell(lifecycle::Service& service)
    : service_(service), file_(service.manifest().state_directory() + "/data/risk-safety/ess.json") {}

Result<std::optional<std::string>> EssShell::ReadKept() {
  struct stat found {};
  if (::stat(file_.c_str(), &found) != 0 && errno == ENOENT) {
    return std::optional<std::string>();
  }
  QUANTUM_TRY(std::string text, ReadFile(file_));
  return std::optional<std::string>(std::move(text));
}

Status EssShell::Keep(const std::string& text) { return WriteFileDurably(file_, text); }

Result<ExecutionHalt> EssShell::AskExecution() {
  return FetchHalt(service_.http_client(), service_.UrlOf("execution", "/api/execution/halt"));
}

Status EssShell::TellExecution(EssOrder order) {
  // A re-arm lifts only what was halted before it, however late it lands.
  const boost::json::object body{{"reason", order.reason},
                                 {"close", order.close},
                                 {"by", order.by},
                                 {order.halt ? "since" : "until", FormatIso8601(order.since)}};
  // A halt may be repeated at will.
  QUANTUM_TRY(const http::Response answer,
              service_.http_client().Send(
                  {.method = "POST",
                   .url = service_.UrlOf("execution", order.halt ? "/api/execution/halt" : "/api/execution/rearm"),
                   .headers = service_.ServiceHeaders(),
                   .body = boost::json::serialize(body),
                   .timeout = 2s,
                   .idempotent = order.halt}));
  return answer.status < 300
             ? Status()
             : Status(Error{answer.status == 409 ? Errc::kConflict : Errc::kUnavailable,
                            "execution answered " + std::to_string(answer.status) + ": " + answer.body.substr(0, 200)});
}

Status EssShell::LeaveHalt(const EssOrder& order) {
  return trading::WriteHaltIfAbsent(
      service_.manifest().state_directory() + "/run/halt.json",
      {.reason = order.reason, .close = order.close, .since = order.since, .by = std::string(trading::kHaltedByEss)});
}

Result<std::optional<EssRecord>> EssShell::LoadStored() { return LoadEss(service_.postgres(), service_.clock().Now()); }

Status EssShell::Save(EssMove move) { return SaveEss(service_.postgres(), service_.bus(), std::move(move)); }

}  // namespace quantum::risk_safety
