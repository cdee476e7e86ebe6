#include <set>

#include "platform/base/id.h"
#include "services/monitoring_health/page.h"
#include "services/monitoring_health/service.h"
#include "services/monitoring_health/trace.h"
#include "trading/events.h"

// The HTTP side of monitoring-health.
namespace quantum::monitoring_health {
namespace {

constexpr int kTracesMax = 4;  // at once: each reads a good part of the streams

// All durable families: what a correlation id may lead to.
std::vector<std::string> Families() {
  std::set<std::string> families;
  for (const std::string_view type : trading::event::AllTypes()) {
    if (!trading::event::IsVolatile(type)) {
      families.insert(bus::FamilyOf(type));
    }
  }
  return {families.begin(), families.end()};
}

// Looks through the streams on a connection of its own until all is found or the deadline passes.
Status Search(redis::Client& client, TraceSearch& search, const Clock& clock, Duration timeout) {
  const SteadyTime end = clock.Steady() + timeout;
  QUANTUM_TRY(const auto connection, client.Dedicated(timeout));
  for (auto commands = search.NextCommands(); !commands.empty(); commands = search.NextCommands()) {
    const Duration left = end - clock.Steady();
    if (left <= Duration::zero()) {
      return {};  // search.complete() says so
    }
    QUANTUM_TRY(const auto replies, connection->Run(commands, left));
    search.OnReplies(replies);
  }
  return {};
}

}  // namespace

void MonitoringHealth::AddRoutes() {
  service_.Route("GET", "/api/health/system", [this](const http::Request&) {
    return report_
               ? http::Json(ToJson(*report_))
               : http::Problem(503, "NOT_CHECKED_YET", "the first round of checks is not over; try again in a second");
  });
  service_.Route("GET", "/api/health/alerts", [this](const http::Request&) { return http::Json(AlertsJson()); });
  service_.Route("GET", "/api/health/trace/{correlation_id}",
                 [this](const http::Request& request) { return GetTrace(request.Parameter("correlation_id")); });
  service_.http().WebSocket("/api/health/live", [live = live_](const http::Request&, http::WebSocketSession& session) {
    live->Serve(session);
  });
}

http::Response MonitoringHealth::GetTrace(const std::string& correlation_id) {
  if (!IsCorrelationId(correlation_id)) {
    return http::Problem(400, "INVALID_ARGUMENT", "a correlation id has 8 to 64 characters of A-Z, a-z, 0-9 and -");
  }
  if (traces_running_ >= kTracesMax) {
    return http::Problem(429, "BUSY", "other traces are being looked up; try again in a second");
  }
  struct Running {
    int& count;
    explicit Running(int& running) : count(running) { ++count; }
    ~Running() { --count; }
  } const running(traces_running_);
  TraceSearch search(correlation_id, Families(), {});
  const Status searched = Search(service_.redis(), search, service_.clock(), trace_deadline_);
  const auto found = search.Result();
  if (found.empty() && !searched.ok()) {
    return http::Problem(searched.error().Within("looking through the streams"));
  }
  if (found.empty()) {
    return http::Problem(404, "UNKNOWN_CORRELATION_ID",
                         search.complete() ? "no event of the streams carries this correlation id; events older than "
                                             "the streams' retention are gone"
                                           : "none of the entries that could be looked through in time carries this "
                                             "correlation id");
  }
  return http::Json(TraceJson(correlation_id, found, searched.ok() && search.complete()));
}

// The status page: plain files, so that it passes a Content-Security-Policy without inline code. The policy is this
// one, at the gateway too, which adds its own only to answers that have none.
void MonitoringHealth::AddPages() {
  const auto add = [this](const char* path, const char* type, std::string_view body) {
    service_.http().Route("GET", path, [type, body](const http::Request&) {
      http::Response response{.status = 200, .body = std::string(body), .content_type = type};
      response.headers.Set(
          "Content-Security-Policy",
          "default-src 'self'; connect-src 'self' ws: wss:; img-src 'self' data:; frame-ancestors 'none'; "
          "base-uri 'none'; form-action 'none'");
      response.headers.Set("Cache-Control", "no-cache");
      return response;
    });
  };
  add("/", "text/html; charset=utf-8", page::kHtml);
  add("/status.js", "application/javascript; charset=utf-8", page::kScript);
  add("/status.css", "text/css; charset=utf-8", page::kStyle);
}

}  // namespace quantum::monitoring_health
