#include "platform/lifecycle/runtime.h"

#include <fmt/format.h>

#include <cstdlib>
#include <limits>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/config/secrets.h"
#include "platform/http/message.h"
#include "platform/lifecycle/bus_health.h"
#include "platform/lifecycle/servers.h"
#include "platform/lifecycle/signals.h"
#include "platform/lifecycle/unit_url.h"
#include "platform/log/log.h"
#include "platform/log/setup.h"

namespace quantum::lifecycle {
namespace {

constexpr auto kLoopStandsStill = std::chrono::seconds(5);
constexpr auto kRedisSlow = std::chrono::milliseconds(100);
constexpr auto kPostgresSlow = std::chrono::milliseconds(200);
constexpr auto kHttpSlow = std::chrono::milliseconds(500);
constexpr auto kCheckTimeout = std::chrono::milliseconds(900);  // a little less than the second that /health waits

}  // namespace

Runtime::Runtime(ServiceSpec spec, config::Manifest manifest, bool check, const Clock& clock, Random& random)
    : spec_(std::move(spec)),
      manifest_(std::move(manifest)),
      check_(check),
      clock_(clock),
      random_(random),
      watchdog_(kLoopStandsStill, clock.Steady()) {}

Runtime::~Runtime() = default;

Result<std::unique_ptr<Runtime>> Runtime::Make(ServiceSpec spec, config::Manifest manifest, bool check,
                                               const Clock& clock, Random& random) {
  std::unique_ptr<Runtime> runtime(new Runtime(std::move(spec), std::move(manifest), check, clock, random));
  QUANTUM_CHECK(runtime->MakeServer());
  QUANTUM_CHECK(runtime->Connect());
  runtime->AddPlatformDependencies();
  return runtime;
}

Status Runtime::MakeServer() {
  http::ServerOptions options;
  options.address = manifest_.bind_address();
  options.port = manifest_.Port(spec_.unit);
  options.exchange_protocol = spec_.exchange_protocol;
  if (options.exchange_protocol) {
    options.websocket_idle_timeout = std::chrono::minutes(6);  // pings after three minutes, as Binance does
  }
  QUANTUM_TRY(options.operator_token, Secret(config::kOperatorToken));
  QUANTUM_TRY(options.service_token, Secret(config::kServiceToken));
  config::Section limits = manifest_.Top("limits");
  options.allowed_origins = limits.GetStrings("cors_origins", {});
  options.allowed_hosts.push_back(config::InUrl(options.address));
  for (std::string& host : limits.GetStrings("allowed_hosts", {})) {
    options.allowed_hosts.push_back(std::move(host));
  }
  service_token_ = options.service_token;
  server_ = std::make_unique<http::Server>(http_loop_, std::move(options), clock_, random_);
  http_client_ = std::make_unique<http::Client>(main_loop_, http::ClientOptions{.standbys = StandbysOf(manifest_)},
                                                random_, clock_);
  health_client_ = std::make_unique<http::Client>(
      main_loop_,
      http::ClientOptions{
          .attempts_max = 1, .breaker_failures = std::numeric_limits<int>::max(), .standbys = StandbysOf(manifest_)},
      random_, clock_);
  return {};
}

Status Runtime::Connect() {
  const SecretReader secret = [this](std::string_view name) { return Secret(name); };
  if (spec_.postgres) {
    QUANTUM_TRY(postgres::PoolOptions options, PostgresOptions(manifest_, secret));
    postgres_ = std::make_unique<postgres::Pool>(main_loop_, std::move(options), clock_, random_);
  }
  if (spec_.redis) {
    QUANTUM_TRY(redis::ClientOptions options, RedisOptions(manifest_, secret));
    redis_ = std::make_unique<redis::Client>(main_loop_, std::move(options), clock_, random_);
    bus::BusOptions options_of_bus{
        .producer = spec_.Process(),
        .outbox = spec_.name,
        .group = spec_.name,
        .works_from_start = !spec_.process.empty() || manifest_.FindUnit(spec_.unit + "-standby") != nullptr,
        .replicas_required = ReplicasRequired(manifest_)};
    options_of_bus.fenced = [this](const std::string& reason) { RequestShutdown("fenced: " + reason, kExitTakenOver); };
    bus::RegisterEventType({bus::kRedisRecovered});
    options_of_bus.recovered = [this](size_t buffered, uint64_t replayed) { AnnounceRecovery(buffered, replayed); };
    if (!check_) {  // a check leaves nothing behind, and may run beside the service
      options_of_bus.journal_directory = fmt::format("{}/data/{}/journal", manifest_.state_directory(), spec_.unit);
    }
    QUANTUM_TRY(bus_, bus::Bus::Open(main_loop_, *redis_, postgres_.get(), std::move(options_of_bus), clock_, random_));
  }
  return {};
}

void Runtime::AnnounceRecovery(size_t buffered, uint64_t replayed) {
  // Not in the caller's fiber: without a journal a publish waits for the very sender that calls.
  main_loop_.Spawn([this, buffered, replayed] {
    const CorrelationScope scope(NewUuid(clock_, random_));
    const auto published =
        bus_->Publish({.type = bus::kRedisRecovered,
                       .key = spec_.name,
                       .payload = fmt::format(R"({{"buffered": {}, "replayed": {}}})", buffered, replayed)});
    if (!published) {
      log::Warning("not announced that Redis is back", {{"reason", published.error().message}});
    }
  });
}

void Runtime::AddPlatformDependencies() {
  if (spec_.redis) {
    dependencies_.Add({"redis", kRedisSlow, true, [this]() -> Result<std::string> {
                         QUANTUM_TRY(const auto health, redis_->Check(kCheckTimeout));
                         return RedisDetails(health);
                       }});
    dependencies_.Add({"eventbus", kRedisSlow, true,
                       [this]() -> Result<std::string> {
                         const bus::Bus::Health health = bus_->health();
                         if (!health.connected) {
                           return Error{Errc::kUnavailable, fmt::format("not connected to the broker; {} events wait",
                                                                        health.outbox_pending)};
                         }
                         if (!health.journal_trouble.empty()) {
                           return Error{Errc::kUnavailable, health.journal_trouble};
                         }
                         return std::string();
                       },
                       [this] { return BusDetails(bus_->health()); }});
  }
  if (spec_.postgres) {
    dependencies_.Add({"postgres", kPostgresSlow, true, [this]() -> Result<std::string> {
                         QUANTUM_TRY(const auto health, postgres_->Check(kCheckTimeout));
                         return fmt::format(R"({{"connections": {}, "waiting": {}, "synchronous": {}}})",
                                            health.connections, health.waiting, health.synchronous);
                       }});
  }
}

Result<std::string> Runtime::Secret(std::string_view name) {
  Result<std::string> secret = SecretsOf(manifest_)(name);
  if (!secret.ok() && check_ && secret.error().code == Errc::kNotFound) {
    return std::string("created-by-up");  // --check runs before the first `up` too
  }
  return secret;
}

redis::Client& Runtime::redis() {
  QUANTUM_ASSERT(redis_ != nullptr);  // the spec asks for it
  return *redis_;
}

bus::Bus& Runtime::bus() {
  QUANTUM_ASSERT(bus_ != nullptr);
  return *bus_;
}

postgres::Pool& Runtime::postgres() {
  QUANTUM_ASSERT(postgres_ != nullptr);
  return *postgres_;
}

http::Headers Runtime::ServiceHeaders() {
  http::Headers headers;
  headers.Set("Authorization", "Bearer " + service_token_);
  headers.Set("Content-Type", "application/json");
  return headers;
}

void Runtime::Route(std::string method, std::string pattern, http::Handler handler) {
  // Until the component has started its state is not there yet: restored, reconciled, connected. Every answer names the
  // market's source, so that nobody takes a synthetic result for a real one.
  http::Handler guarded = [this, source = manifest_.MarketSource(),
                           handler = std::move(handler)](const http::Request& request) {
    if (phase_ == Phase::kStandby) {
      return NotLeader();
    }
    if (phase_ == Phase::kStarting) {
      http::Response response = http::Problem(503, "STARTING", "the service is still starting: try again in a second");
      response.headers.Set("Retry-After", "1");
      return response;
    }
    http::Response response = handler(request);
    if (!response.headers.Find("X-Market-Source")) {
      response.headers.Set("X-Market-Source", source);
    }
    return response;
  };
  const http::Auth auth = method == "GET" ? http::Auth::kOpen : http::Auth::kToken;
  server_->Route(std::move(method), std::move(pattern), std::move(guarded), {.auth = auth, .loop = &main_loop_});
}

void Runtime::AddDependency(DependencyCheck check) {
  dependencies_.Add(
      {std::move(check.name), check.slow, check.required, [ask = std::move(check.check)]() -> Result<std::string> {
         QUANTUM_CHECK(ask());
         return std::string();
       }});
}

void Runtime::AddHttpDependency(std::string_view unit) {
  AddDependency({std::string(unit), kHttpSlow, false, [this, url = UrlOf(unit, "/health/ready")]() -> Status {
                   QUANTUM_TRY(const http::Response answer,
                               health_client_->Send({.url = url, .timeout = kCheckTimeout}));
                   if (answer.status != 200) {
                     return Error{Errc::kUnavailable, fmt::format("GET {} answers {}", url, answer.status)};
                   }
                   return {};
                 }});
}

void Runtime::SetDegraded(std::string_view topic, std::string_view reason) {
  const auto known = degraded_.find(std::string(topic));
  if (reason.empty()) {
    if (known != degraded_.end()) {
      degraded_.erase(known);
      log::Info("no longer degraded", {{"topic", topic}});
    }
    return;
  }
  const std::string before = known == degraded_.end() ? "" : known->second;
  degraded_[std::string(topic)] = reason;
  // A reason that counts seconds is told once, not once a second; /health has its newest number.
  if (!SameButForDurations(before, reason)) {
    log::Warning("degraded", {{"topic", topic}, {"reason", reason}});
  }
}

http::Response NotLeader() {
  http::Response response = http::Problem(503, "NOT_LEADER", "another process of this service does the work");
  response.headers.Set("Retry-After", "1");
  response.headers.Set("X-Accel-Redirect", "@other_process");  // nginx: the same request, to the other one
  return response;
}

void Runtime::StandBy(bool standing_by) {
  Phase from = standing_by ? Phase::kStarting : Phase::kStandby;
  if (phase_.compare_exchange_strong(from, standing_by ? Phase::kStandby : Phase::kStarting)) {
    log::Info(standing_by ? "standing by: another process of this service does the work" : "standing by no longer");
  }
}

void Runtime::Abandon(std::string_view reason) {
  log::Critical("the process is ended", {{"reason", reason}});
  log::Shutdown();
  std::_Exit(kExitFailed);
}

std::string_view Version() { return QUANTUM_VERSION; }

std::string StateKey(std::string_view service) { return fmt::format("quantum:state:{{{}}}", service); }

}  // namespace quantum::lifecycle
