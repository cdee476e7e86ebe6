#include "exchange/paper/faults/admin.h"

#include <fmt/format.h>

#include <charconv>

#include "platform/log/log.h"

namespace quantum::paper {
namespace {

http::ServerOptions LoopbackOptions(int port, std::string token) {
  http::ServerOptions options;
  options.port = port;
  options.operator_token = std::move(token);
  return options;
}

}  // namespace

FaultAdmin::FaultAdmin(Exchange& exchange, fiber::Loop& exchange_loop, int port, std::string token)
    : exchange_(exchange), server_(exchange_loop, LoopbackOptions(port, std::move(token))) {
  const http::RouteOptions guarded{.auth = http::Auth::kOperator};
  server_.Route(
      "POST", "/faults", [this](const http::Request& request) { return Add(request); }, guarded);
  server_.Route(
      "GET", "/faults", [this](const http::Request&) { return http::Json(exchange_.FaultsJson()); }, guarded);
  server_.Route(
      "DELETE", "/faults",
      [this](const http::Request&) {
        exchange_.EndFaults();
        log::Info("no fault is in force any more");
        return http::Json("{}");
      },
      guarded);
  server_.Route(
      "DELETE", "/faults/{id}", [this](const http::Request& request) { return Remove(request); }, guarded);
}

http::Response FaultAdmin::Add(const http::Request& request) {
  const Result<FaultSpec> spec = ParseFault(request.body);
  if (!spec.ok()) {
    return http::Problem(spec.error());
  }
  const Result<int64_t> id = exchange_.Inject(*spec);
  if (!id.ok()) {
    return http::Problem(id.error());
  }
  log::Info("a fault is in force", {{"fault", spec->name},
                                    {"id", *id},
                                    {"seed", spec->seed},
                                    {"share", spec->share.ToString()},
                                    {"count", spec->count},
                                    {"for_ms", spec->for_ms}});
  return http::Json(fmt::format(R"({{"id":{}}})", *id), 201);
}

http::Response FaultAdmin::Remove(const http::Request& request) {
  const std::string& text = request.Parameter("id");
  int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || !exchange_.EndFault(id)) {
    return http::Problem(404, "NOT_FOUND",
                         fmt::format("there is no fault {}: GET /faults tells those there are", text));
  }
  return http::Json("{}");
}

}  // namespace quantum::paper
