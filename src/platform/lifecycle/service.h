#pragma once

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/bus/bus.h"
#include "platform/config/manifest.h"
#include "platform/fiber/fiber.h"
#include "platform/http/client.h"
#include "platform/http/server.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"

// Everything that every service has: configuration, logs, metrics, health, HTTP, tokens, Redis, bus, Postgres, and one
// lifecycle STARTING → READY → DRAINING → STOPPED. A service is a Component and a main of a dozen lines:
//
//   int main(int argc, char** argv) {
//     return quantum::lifecycle::Main(argc, argv,
//         {.name = "ai-engine-service", .unit = "ai-engine", .api_prefix = "ai", .postgres = false},
//         [](Service& service) { return std::make_unique<AiEngine>(service); });
//   }
namespace quantum::lifecycle {

class Service;

// What a service itself is. All calls come from a fiber of the main loop.
class Component {
 public:
  virtual ~Component() = default;
  // Reads configuration, adds routes and subscriptions. Nothing runs yet. An error ends the start with its message.
  virtual Status Configure() = 0;
  // Connects, reconciles; the service is READY when it returns, and only then are events delivered and routes of the
  // component answered (503 STARTING before). kUnavailable, kTimeout, kUnknownOutcome and kExhausted are retried with
  // back-off until the process is told to stop, so it must be able to run again; any other error ends the process with
  // exit code 1.
  virtual Status Start() = 0;
  // POST /admin/pause and resume: stop and resume what the service initiates.
  virtual void Pause() {}
  virtual void Resume() {}
  // DRAINING, requests in flight are answered: stop initiating.
  virtual void Drain() {}
  // State worth keeping, as JSON; saved to Redis on the way down and given to RestoreState on the way up, before Start,
  // unless it is older than a day. Empty: none. After a SIGKILL there is none: it must be possible to rebuild it.
  virtual std::string SaveState() { return {}; }
  virtual void RestoreState(std::string_view /*json*/) {}
  // Numbers for the `metrics` part of /health, as a JSON object; empty: none.
  virtual std::string HealthMetrics() { return {}; }
};

struct ServiceSpec {
  std::string name;  // "ai-engine-service": logs, bus producer and group
  // "ai-engine": the manifest's unit. A second process of the same service is a unit of its own, told to it by
  // QUANTUM_UNIT; it has its own port, log files and journal.
  std::string unit;
  std::string api_prefix;  // "ai": /health is also served as /api/ai/health
  bool redis = true;       // with Redis comes the bus
  bool postgres = false;
  bool exchange_protocol = false;  // the paper exchange: its HTTP server follows the exchange's rules (http/server.h)
  // What this process is called where those of one service must differ (log files, bus producer): `name`, or for a
  // second process "<unit>-service".
  std::string process;
  const std::string& Process() const { return process.empty() ? name : process; }
};

using ComponentFactory = std::function<std::unique_ptr<Component>(Service&)>;

class Service {
 public:
  virtual ~Service() = default;
  virtual const ServiceSpec& spec() const = 0;
  virtual const config::Manifest& manifest() const = 0;
  virtual Result<std::string> Secret(std::string_view name) = 0;
  virtual const Clock& clock() const = 0;
  virtual Random& random() = 0;
  virtual fiber::Loop& loop() = 0;  // the main loop: the service's own code
  virtual http::Server& http() = 0;
  virtual http::Client& http_client() = 0;     // with the service token for calls between services, see ServiceHeaders
  virtual redis::Client& redis() = 0;          // spec().redis
  virtual bus::Bus& bus() = 0;                 // spec().redis
  virtual postgres::Pool& postgres() = 0;      // spec().postgres
  virtual http::Headers ServiceHeaders() = 0;  // Authorization and Content-Type for a write to another service
  // Where another unit's HTTP is: UrlOf("execution", "/api/execution/orders"). The unit must have a port.
  std::string UrlOf(std::string_view unit, std::string_view path) const;
  // A route whose handler runs on the main loop; anything but GET asks for a token. Answers say X-Market-Source.
  virtual void Route(std::string method, std::string pattern, http::Handler handler) = 0;

  // A named dependency checked in parallel for /health; latency above `slow` makes it DEGRADED. Redis and Postgres are
  // there already.
  struct DependencyCheck {
    std::string name;
    Duration slow;
    bool required = true;  // DOWN makes the service DOWN; otherwise DEGRADED
    std::function<Status()> check;
  };
  virtual void AddDependency(DependencyCheck check) = 0;
  // Another service, by its unit, as a dependency of that name: asked for /health/ready over HTTP, slow above 500 ms,
  // not required. The unit must have a port.
  virtual void AddHttpDependency(std::string_view unit) = 0;
  // The service's own word on itself: a reason makes /health DEGRADED until it is cleared by an empty one.
  virtual void SetDegraded(std::string_view topic, std::string_view reason) = 0;
  // While Start waits for another process of this service to give up its place: ready as a standby, and routes answer
  // 503 NOT_LEADER.
  virtual void StandBy(bool standing_by) = 0;
  virtual bool standing_by() const = 0;
  // Ends the process at once with exit code 1, for one that may do nothing any more; the supervisor starts it anew.
  [[noreturn]] virtual void Abandon(std::string_view reason) = 0;
  virtual bool paused() const = 0;
  virtual bool draining() const = 0;
  // For periodic fibers. A fiber inherits the correlation id of the one that spawned it, so each round takes its own:
  //   while (!service.stopping().WaitFor(1s)) {
  //     const CorrelationScope round(NewUuid());
  virtual fiber::Event& stopping() = 0;
};

// What a standby answers, before it does anything: 503 NOT_LEADER. The gateway then asks the other process.
http::Response NotLeader();

// Runs a service until SIGTERM, SIGINT or POST /admin/shutdown, then ends the process: 0 clean stop, 1 failed to start
// or hung on the way down (20 s), 2 wrong usage or configuration. `--check` only reads the configuration, `--version`
// prints the version. The process ends by _exit, without destructors: the component is told everything by Drain and
// SaveState. Reads QUANTUM_UNIT, QUANTUM_MANIFEST, QUANTUM_OVERRIDES, QUANTUM_PORT_OFFSET, QUANTUM_STATE_DIR and
// QUANTUM_LOG_LEVEL.
int Main(int argc, char** argv, ServiceSpec spec, const ComponentFactory& factory);

}  // namespace quantum::lifecycle
