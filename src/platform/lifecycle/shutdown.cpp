#include <fmt/format.h>

#include <cstdlib>
#include <thread>

#include "platform/base/correlation.h"
#include "platform/base/id.h"
#include "platform/lifecycle/runtime.h"
#include "platform/lifecycle/signals.h"
#include "platform/log/log.h"
#include "platform/log/setup.h"

namespace quantum::lifecycle {
namespace {

// All stages together stay below the 10 s that a unit gets to stop.
constexpr auto kFinishRequests = std::chrono::seconds(5);
constexpr auto kStopConsuming = std::chrono::milliseconds(1500);
constexpr auto kFlush = std::chrono::milliseconds(1500);
constexpr auto kSaveState = std::chrono::seconds(1);
constexpr auto kStateLivesSeconds = 24 * 3600;                 // a state older than a day is worth nothing
constexpr auto kLastAnswers = std::chrono::milliseconds(100);  // for answers of /admin that are still being written
constexpr auto kDeadline = std::chrono::seconds(20);           // whatever hangs

}  // namespace

void Runtime::WatchSignals() {
  signals_ = std::make_unique<Signals>(
      http_loop_.context(), [this](int signal) { RequestShutdown(signal == SIGTERM ? "SIGTERM" : "SIGINT"); });
}

void Runtime::RequestShutdown(std::string reason, int exit_code) {
  if (shutdown_requested_.exchange(true)) {
    return;
  }
  const bool was_ready = phase_.exchange(Phase::kDraining) == Phase::kReady;
  http_loop_.Spawn([this] { ForceExitAfterDeadline(); });
  main_loop_.Spawn(
      [this, reason = std::move(reason), was_ready, exit_code] { Shutdown(reason, was_ready, exit_code); });
}

void Runtime::ForceExitAfterDeadline() {
  fiber::SleepFor(kDeadline);
  log::Critical("shutdown hangs, the process is ended", {{"phase", ToString(phase_.load())}});
  log::Shutdown();
  std::_Exit(kExitFailed);
}

template <class Stage>
void Runtime::RunStage(std::string_view name, Stage stage) {
  const SteadyTime begin = clock().Steady();
  const Status done = stage();
  const auto ms = std::chrono::duration_cast<std::chrono::milliseconds>(clock().Steady() - begin).count();
  if (done.ok()) {
    log::Info("shutdown stage done", {{"stage", name}, {"ms", ms}});
  } else {
    log::Warning("shutdown stage incomplete", {{"stage", name}, {"ms", ms}, {"error", done.error().message}});
  }
}

void Runtime::Shutdown(const std::string& reason, bool was_ready, int exit_code) {
  const CorrelationScope scope(NewUuid(clock_, random_));
  log::Info("shutdown", {{"reason", reason}});
  RunStage("finish requests in flight", [this]() -> Status {
    if (server_->Drain(kFinishRequests)) {
      return {};
    }
    return Error{Errc::kTimeout, "some requests were still being handled after 5 s"};
  });
  stopping_.Set();
  if (was_ready) {
    RunStage("stop what the service initiates", [this]() -> Status {
      component_->Drain();
      return {};
    });
    if (bus_ != nullptr) {
      RunStage("stop consuming events", [this]() -> Status {
        bus_->StopConsuming(kStopConsuming);
        return {};
      });
      RunStage("flush the outbox", [this] { return bus_->Flush(kFlush); });
      RunStage("save state", [this] { return SaveState(); });
    }
  }
  RunStage("close connections", [this]() -> Status {
    if (bus_ != nullptr) {
      bus_->Stop();
    }
    fiber::SleepFor(kLastAnswers);
    server_->Stop();
    if (postgres_ != nullptr) {
      postgres_->Close();  // last: an answer may still have needed it
    }
    return {};
  });
  End(exit_code);
}

Status Runtime::SaveState() {
  const std::string state = component_->SaveState();
  if (state.empty()) {
    return {};
  }
  QUANTUM_TRY(const redis::Reply reply,
              redis_->Run({"SET", StateKey(spec_.name), state, "EX", std::to_string(kStateLivesSeconds)}, kSaveState));
  return {};
}

void Runtime::End(int exit_code) {
  exit_code_ = exit_code;
  phase_ = Phase::kStopped;
  if (exit_code == kExitOk || exit_code == kExitTakenOver) {
    const auto seconds = std::chrono::duration_cast<std::chrono::seconds>(clock().Steady() - started_).count();
    log::Info("service stopped", {{"uptime_seconds", seconds}});
  }
  main_loop_.Stop();
}

int Runtime::Run(const ComponentFactory& factory) {
  WatchSignals();
  std::thread http_thread([this] { http_loop_.Run(); });
  main_loop_.Spawn([this, &factory] { StartUp(factory); });
  main_loop_.Run();
  http_loop_.Stop();
  http_thread.join();
  return exit_code_;
}

int Runtime::RunCheck(const ComponentFactory& factory) {
  main_loop_.Spawn([this, &factory] {
    component_ = factory(*this);
    if (const Status configured = component_->Configure(); !configured.ok()) {
      Fail(kExitUsage, configured.error());
      return;
    }
    End(kExitOk);
  });
  main_loop_.Run();
  return exit_code_;
}

}  // namespace quantum::lifecycle
