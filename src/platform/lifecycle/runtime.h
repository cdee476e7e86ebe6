#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>

#include "platform/base/exit_code.h"
#include "platform/config/manifest.h"
#include "platform/lifecycle/dependency_checks.h"
#include "platform/lifecycle/health_monitor.h"
#include "platform/lifecycle/phase.h"
#include "platform/lifecycle/service.h"
#include "platform/lifecycle/watchdog.h"

namespace quantum::lifecycle {

// One service in its process: the component on the main loop, HTTP on a loop and thread of its own. It is made once and
// lives until the process ends, which is by _exit: fibers may still stand anywhere then, and nothing they could destroy
// matters any more, because everything worth keeping has been saved by Shutdown.
class Runtime final : public Service {
 public:
  // `check`: only the configuration is read; nothing listens and missing secrets do not matter.
  // Clock and chance go to everything that the service is made of; they outlive it.
  static Result<std::unique_ptr<Runtime>> Make(ServiceSpec spec, config::Manifest manifest, bool check,
                                               const Clock& clock = SystemClock(), Random& random = SystemRandom());
  ~Runtime() override;

  // The exit code. Blocks the thread until the service has stopped.
  int Run(const ComponentFactory& factory);
  int RunCheck(const ComponentFactory& factory);

  const ServiceSpec& spec() const override { return spec_; }
  const config::Manifest& manifest() const override { return manifest_; }
  Result<std::string> Secret(std::string_view name) override;
  const Clock& clock() const override { return clock_; }
  Random& random() override { return random_; }
  fiber::Loop& loop() override { return main_loop_; }
  http::Server& http() override { return *server_; }
  http::Client& http_client() override { return *http_client_; }
  redis::Client& redis() override;
  bus::Bus& bus() override;
  postgres::Pool& postgres() override;
  http::Headers ServiceHeaders() override;
  void Route(std::string method, std::string pattern, http::Handler handler) override;
  void AddDependency(DependencyCheck check) override;
  void AddHttpDependency(std::string_view unit) override;
  void SetDegraded(std::string_view topic, std::string_view reason) override;
  void StandBy(bool standing_by) override;
  bool standing_by() const override { return phase_ == Phase::kStandby; }
  [[noreturn]] void Abandon(std::string_view reason) override;
  const DependencyChecks& dependencies() const { return dependencies_; }
  bool paused() const override { return paused_; }
  bool draining() const override { return phase_ >= Phase::kDraining; }
  fiber::Event& stopping() override { return stopping_; }

 private:
  Runtime(ServiceSpec spec, config::Manifest manifest, bool check, const Clock& clock, Random& random);
  Status Connect();
  Status MakeServer();
  void AddPlatformDependencies();
  void AnnounceRecovery(size_t buffered, uint64_t replayed);  // to all, by the event system.redis_recovered

  // endpoints.cpp: what every service answers.
  void AddEndpoints();
  http::Response Health();
  http::Response Live() const;
  http::Response Ready();
  http::Response SetPaused(bool paused);
  HealthFacts Facts() const;
  HealthSnapshot TakeSnapshot();
  void Observe();  // on the HTTP loop, for as long as the process lives

  // startup.cpp, in a fiber of the main loop.
  void StartUp(const ComponentFactory& factory);
  Status Listen();
  Status StartComponent();
  Status RestoreState();
  void WaitingFor(std::string reason);
  void Fail(int exit_code, const Error& error);

  // shutdown.cpp
  void WatchSignals();  // on the HTTP loop, so that a main loop that hangs can still be ended
  // From any thread; the second call does nothing.
  void RequestShutdown(std::string reason, int exit_code = kExitOk);
  void Shutdown(const std::string& reason, bool was_ready, int exit_code);  // in a fiber of the main loop
  void ForceExitAfterDeadline();
  template <class Stage>
  void RunStage(std::string_view name, Stage stage);
  Status SaveState();
  void End(int exit_code);

  const ServiceSpec spec_;
  const config::Manifest manifest_;
  const bool check_;
  const Clock& clock_;
  Random& random_;
  const SteadyTime started_ = clock_.Steady();
  std::string service_token_;

  fiber::Loop main_loop_{"main"};
  fiber::Loop http_loop_{"http"};
  std::unique_ptr<http::Server> server_;
  std::unique_ptr<http::Client> http_client_;
  std::unique_ptr<http::Client> health_client_;  // apart, so that checks neither trip nor feel the services' breakers
  std::unique_ptr<redis::Client> redis_;
  std::unique_ptr<postgres::Pool> postgres_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<Component> component_;
  DependencyChecks dependencies_{main_loop_, clock_};
  std::shared_ptr<HealthMonitor> monitor_;
  Watchdog watchdog_;  // on the HTTP loop
  std::map<std::string, std::string> degraded_;
  fiber::Event stopping_;
  bool state_restored_ = false;
  std::mutex waiting_mutex_;
  std::string waiting_for_;  // why it is still starting, for /health/ready on the HTTP loop
  bool component_started_ = false;

  std::atomic<Phase> phase_{Phase::kStarting};
  std::atomic<bool> paused_{false};
  std::atomic<bool> shutdown_requested_{false};
  std::atomic<int> exit_code_{kExitOk};

  class Signals;
  std::unique_ptr<Signals> signals_;
};

std::string_view Version();

// The Redis key of a service's saved state.
std::string StateKey(std::string_view service);

}  // namespace quantum::lifecycle
