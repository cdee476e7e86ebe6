#include <fmt/format.h>

#include <cstdio>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/config/port_holder.h"
#include "platform/lifecycle/runtime.h"
#include "platform/log/log.h"
#include "platform/resilience/resilience.h"

namespace quantum::lifecycle {
namespace {

constexpr auto kRepeatWarningEvery = std::chrono::seconds(30);
constexpr auto kRetryFirst = std::chrono::milliseconds(100);
constexpr auto kRetryCap = std::chrono::seconds(3);
constexpr auto kRestoreWithin = std::chrono::seconds(3);  // a failover of Redis, and no longer

// The other side is away, did not answer, or has no room at present: that may pass.
bool MayPass(const Error& error) {
  return error.code == Errc::kUnavailable || error.code == Errc::kTimeout || error.code == Errc::kUnknownOutcome ||
         error.code == Errc::kExhausted;
}

// A password that Redis refuses is waited out, too: ending the process would only have it restarted with the same one.
Error AsWaiting(Error error) {
  if (error.code == Errc::kPermission) {
    error.code = Errc::kUnavailable;
  }
  return error;
}

}  // namespace

void Runtime::StartUp(const ComponentFactory& factory) {
  const CorrelationScope scope(NewUuid(clock_, random_));
  component_ = factory(*this);
  if (const Status configured = component_->Configure(); !configured.ok()) {
    Fail(kExitUsage, configured.error());
    return;
  }
  if (const Status listening = Listen(); !listening.ok()) {
    Fail(kExitFailed, listening.error());
    return;
  }
  resilience::Backoff backoff({.base = kRetryFirst, .cap = kRetryCap}, random());
  std::string reported;
  SteadyTime report_again{};
  while (!draining()) {
    const Status started = StartComponent();
    if (draining()) {
      return;  // told to stop meanwhile: Shutdown does the rest
    }
    if (started.ok()) {
      break;
    }
    if (!MayPass(started.error())) {
      Fail(kExitFailed, started.error());
      return;
    }
    WaitingFor(started.error().message);
    if (started.error().message != reported || clock().Steady() >= report_again) {
      reported = started.error().message;
      report_again = clock().Steady() + kRepeatWarningEvery;
      log::Warning("waiting for a dependency", {{"error", reported}, {"attempt", backoff.attempt() + 1}});
    }
    stopping_.WaitFor(backoff.Next());
  }
  Phase starting = Phase::kStarting;
  if (!phase_.compare_exchange_strong(starting, Phase::kReady)) {
    return;
  }
  if (paused_) {
    component_->Pause();
  }
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock().Steady() - started_).count();
  log::Info("service ready", {{"after_ms", ms}});
}

Status Runtime::Listen() {
  AddEndpoints();
  const Status started = fiber::RunOn(http_loop_, [this] { return server_->Start(); });
  if (!started.ok()) {
    const int port = manifest_.Port(spec_.unit);
    const std::string holder = started.error().code == Errc::kConflict ? config::PortHolder(port) : std::string();
    return holder.empty() ? started.error()
                          : Error{Errc::kConflict, fmt::format("port {} of {} is held by {}: stop it, or start with "
                                                               "another --port-offset",
                                                               port, spec_.unit, holder)};
  }
  log::Info("service started", {{"version", Version()},
                                {"mode", config::ToString(manifest_.mode())},
                                {"port", server_->port()},
                                {"unit", spec_.unit}});
  http_loop_.Spawn([this] { Observe(); });
  return {};
}

Status Runtime::StartComponent() {
  QUANTUM_CHECK(RestoreState());
  if (!component_started_) {
    QUANTUM_CHECK(component_->Start());
    component_started_ = true;  // a bus that is away is tried again without starting the component twice
  }
  if (bus_ != nullptr) {
    if (const Status consuming = bus_->Start(); !consuming.ok()) {
      return AsWaiting(consuming.error());
    }
    // From here on the saved state is out of date. A failure only means that it expires by itself.
    static_cast<void>(redis_->Run({"DEL", StateKey(spec_.name)}, std::chrono::seconds(1)));
  }
  return {};
}

Status Runtime::RestoreState() {
  if (redis_ == nullptr || state_restored_) {
    return {};
  }
  const Result<redis::Reply> state = redis_->Run({"GET", StateKey(spec_.name)}, kRestoreWithin);
  if (!state && state.error().code == Errc::kPermission) {
    return AsWaiting(state.error());
  }
  state_restored_ = true;
  if (!state) {
    // It only saves time: everything in it can be rebuilt, and what must be done does not wait for Redis.
    log::Warning("starting without the saved state", {{"error", state.error().message}});
  } else if (!state->is_nil() && !state->text.empty()) {
    log::Info("restoring saved state", {{"bytes", state->text.size()}});
    component_->RestoreState(state->text);
  }
  return {};
}

void Runtime::WaitingFor(std::string reason) {
  const std::lock_guard lock(waiting_mutex_);
  waiting_for_ = std::move(reason);
}

void Runtime::Fail(int exit_code, const Error& error) {
  log::Critical("service failed to start", {{"error", error.message}});
  std::fprintf(stderr, "%s: %s\n", spec_.name.c_str(), error.message.c_str());
  End(exit_code);
}

}  // namespace quantum::lifecycle
