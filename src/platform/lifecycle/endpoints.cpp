#include <fmt/format.h>

#include <boost/json.hpp>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/lifecycle/bus_health.h"
#include "platform/lifecycle/runtime.h"
#include "platform/log/log.h"
#include "platform/log/setup.h"
#include "platform/metrics/names.h"

namespace quantum::lifecycle {
namespace {

namespace json = boost::json;

constexpr auto kObserveEvery = std::chrono::milliseconds(500);
constexpr int kGaugesEvery = 10;  // observations
constexpr std::string_view kStages = R"json({"status": "draining", "stages": ["unready, new requests are refused",
"requests in flight finish within 5 s", "the service stops what it initiates", "events are no longer consumed",
"the outbox is flushed", "state is saved", "connections are closed", "exit 0"]})json";

http::Response SetLogLevel(const http::Request& request) {
  json::error_code error;
  const json::value body = json::parse(request.body, error);
  const json::value* const level = !error && body.is_object() ? body.as_object().if_contains("level") : nullptr;
  if (level == nullptr || !level->is_string()) {
    return http::Problem(400, "INVALID_ARGUMENT", R"(expected {"level": "DEBUG"})");
  }
  const Result<log::Level> parsed = log::ParseLevel(level->as_string());
  if (!parsed.ok()) {
    return http::Problem(parsed.error());
  }
  log::SetLevel(*parsed);
  log::Warning("log level changed", {{"level", log::ToString(*parsed)}});
  return http::Json(fmt::format(R"({{"level": "{}"}})", log::ToString(*parsed)));
}

}  // namespace

void Runtime::AddEndpoints() {
  monitor_ = std::make_shared<HealthMonitor>(main_loop_, http_loop_, clock(), [this] { return TakeSnapshot(); });
  const http::RouteOptions open{.auth = http::Auth::kOpen, .always = true};
  const http::RouteOptions admin{.auth = http::Auth::kOperator, .always = true};
  http::RouteOptions admin_on_main = admin;
  admin_on_main.loop = &main_loop_;
  const http::Handler health = [this](const http::Request&) { return Health(); };
  server_->Route("GET", "/health", health, open);
  // Through the gateway it is the service that is asked for, not this process of it.
  server_->Route(
      "GET", fmt::format("/api/{}/health", spec_.api_prefix),
      [this](const http::Request&) { return standing_by() ? NotLeader() : Health(); }, open);
  server_->Route(
      "GET", "/health/live", [this](const http::Request&) { return Live(); }, open);
  server_->Route(
      "GET", "/health/ready", [this](const http::Request&) { return Ready(); }, open);
  server_->Route(
      "GET", "/metrics",
      [](const http::Request&) {
        return http::Response{.status = 200, .body = metrics::Scrape(), .content_type = "text/plain; version=0.0.4"};
      },
      open);
  server_->Route(
      "POST", "/admin/shutdown",
      [this](const http::Request&) {
        RequestShutdown("POST /admin/shutdown");
        return http::Json(std::string(kStages), 202);
      },
      admin);
  server_->Route(
      "POST", "/admin/pause", [this](const http::Request&) { return SetPaused(true); }, admin_on_main);
  server_->Route(
      "POST", "/admin/resume", [this](const http::Request&) { return SetPaused(false); }, admin_on_main);
  server_->Route("PUT", "/admin/log-level", SetLogLevel, admin);
}

http::Response Runtime::Health() {
  const HealthSnapshot& snapshot = monitor_->Get();
  const HealthFacts facts = Facts();
  const int status = Overall(facts, snapshot) == HealthStatus::kDown ? 503 : 200;
  return http::Json(HealthJson(facts, snapshot), status);
}

http::Response Runtime::Live() const {
  const SteadyTime now = clock().Steady();
  if (watchdog_.Alive(now)) {
    return http::Json(R"({"status": "alive"})");
  }
  const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(watchdog_.StandingFor(now)).count();
  return http::Problem(503, "NO_PROGRESS", fmt::format("the main loop has stood still for {} s", seconds));
}

http::Response Runtime::Ready() {
  const Phase phase = phase_;
  if (phase == Phase::kReady) {
    return http::Json(R"({"status": "ready"})");
  }
  if (phase == Phase::kStandby) {
    return http::Json(R"({"status": "standby"})");
  }
  if (phase != Phase::kStarting) {
    return http::Problem(503, ToString(phase), "the service is stopping");
  }
  const std::lock_guard lock(waiting_mutex_);
  return http::Problem(503, ToString(phase),
                       waiting_for_.empty() ? "the service is still starting"
                                            : "the service is still starting and waits: " + waiting_for_);
}

http::Response Runtime::SetPaused(bool paused) {
  if (draining()) {
    return http::Problem(409, "DRAINING", "the service is stopping");
  }
  if (paused_.exchange(paused) != paused) {
    log::Warning(paused ? "paused" : "resumed");
    if (phase_ == Phase::kReady && paused) {
      component_->Pause();
    } else if (phase_ == Phase::kReady) {
      component_->Resume();
    }
  }
  return http::Json(fmt::format(R"({{"paused": {}}})", paused));
}

HealthFacts Runtime::Facts() const {
  return {.service = spec_.name,
          .version = std::string(Version()),
          .mode = std::string(config::ToString(manifest_.mode())),
          .phase = std::string(ToString(phase_.load())),
          .paused = paused_,
          .main_loop_alive = watchdog_.Alive(clock().Steady()),
          .now = clock().Now(),
          .uptime = clock().Steady() - started_};
}

HealthSnapshot Runtime::TakeSnapshot() {
  HealthSnapshot snapshot;
  snapshot.dependencies = dependencies_.Ask();
  snapshot.degraded = degraded_;
  if (bus_) {
    const bus::Bus::Health health = bus_->health();
    if (const auto waits = OutboxWaits(health)) {
      snapshot.degraded[kOutboxTopic] = *waits;
    }
    if (!health.dead_letters_trouble.empty()) {
      snapshot.degraded[kDeadLettersTopic] = health.dead_letters_trouble;
    }
  }
  // Before it has started a component has nothing to say.
  if (phase_ == Phase::kReady) {
    snapshot.component_metrics = component_->HealthMetrics();
  }
  snapshot.taken = clock().Steady();
  return snapshot;
}

void Runtime::Observe() {
  for (int turn = 0;; ++turn) {
    const CorrelationScope round(NewUuid(clock_, random_));
    watchdog_.Observe(main_loop_.turns(), clock().Steady());
    if (turn % kGaugesEvery == 0) {
      const HealthSnapshot& snapshot = monitor_->Get();
      metrics::GetGauge(metrics::kServiceHealth, {{"component", spec_.name}}).Set(ToGauge(Overall(Facts(), snapshot)));
      for (const auto& [name, dependency] : snapshot.dependencies) {
        metrics::GetGauge(metrics::kDependencyHealth, {{"dependency", name}}).Set(ToGauge(dependency.status));
      }
    }
    fiber::SleepFor(kObserveEvery);
  }
}

}  // namespace quantum::lifecycle
