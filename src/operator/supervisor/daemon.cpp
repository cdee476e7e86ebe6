#include "operator/supervisor/daemon.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <boost/asio/signal_set.hpp>
#include <cerrno>
#include <csignal>
#include <filesystem>

#include "operator/process/process.h"
#include "operator/state/environment.h"
#include "operator/state/launch.h"
#include "operator/supervisor/control.h"
#include "operator/supervisor/core.h"
#include "operator/supervisor/prober.h"
#include "operator/supervisor/record.h"
#include "platform/fiber/fiber.h"
#include "platform/log/setup.h"

namespace quantum::operate {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWakeMin(5);
constexpr std::chrono::seconds kWakeMax(1);
constexpr uint64_t kOutputBytesMax = 50u << 20;  // per unit; one older file is kept
constexpr std::chrono::minutes kOutputCheck(1);

class Daemon {
 public:
  Daemon(Layout layout, Launch launch, config::Manifest manifest, Accounts accounts)
      : layout_(std::move(layout)),
        launch_(std::move(launch)),
        manifest_(std::move(manifest)),
        accounts_(std::move(accounts)),
        core_(UnitsWithOffset(manifest_), SystemClock()),
        loop_("supervisor"),
        control_(loop_, core_, [this] { wake_.Set(); }) {}

  Status Run() {
    QUANTUM_CHECK(control_.Listen(layout_.Socket()));
    const bool continues = AdoptPredecessor();
    if (!continues || ::access(layout_.StartedFile().c_str(), F_OK) != 0) {
      core_.StartAll();
    }
    boost::asio::signal_set signals(loop_.context(), SIGTERM, SIGINT);
    signals.async_wait([this](boost::system::error_code error, int signal) {
      if (!error) {
        log::Info("stopping everything", {{"signal", signal}});
        core_.StopAll();
        wake_.Set();
      }
    });
    loop_.Spawn([this] { MainFiber(); });
    loop_.Spawn([this] { OutputFiber(); });
    loop_.Run();
    return {};
  }

 private:
  static std::vector<config::Unit> UnitsWithOffset(const config::Manifest& manifest) {
    std::vector<config::Unit> units = manifest.units();
    for (config::Unit& unit : units) {
      unit.port = unit.port == 0 ? 0 : manifest.Port(unit.name);
    }
    return units;
  }

  // True when there were records: then the units continue where they are.
  bool AdoptPredecessor() {
    const std::vector<UnitRecord> records = ReadRecords(layout_.Records());
    for (const UnitRecord& record : records) {
      if (!core_.Has(record.status.name)) {
        continue;
      }
      const bool alive = record.process && IsAlive(*record.process);
      identities_[record.status.name] = record.process;
      core_.Adopt(record.status.name, {.state = record.status.state,
                                       .pid = alive ? record.process->pid : 0,
                                       .since = record.status.since,
                                       .restarts = record.status.restarts,
                                       .detail = record.status.detail});
      if (alive) {
        log::Info("found a unit of the earlier supervisor",
                  {{"unit", record.status.name}, {"pid", record.process->pid}});
        Watch(record.status.name, record.process->pid, false);
      }
    }
    return !records.empty();
  }

  void MainFiber() {
    while (true) {
      bool acted = true;
      while (acted) {
        const std::vector<Action> actions = core_.Advance();
        acted = !actions.empty();
        for (const Action& action : actions) {
          Perform(action);
        }
      }
      if (!core_.starting_up() && !core_.shutting_down() && !core_.startup_error() && !started_) {
        started_ = true;
        if (auto written = WriteFileAtomically(layout_.StartedFile(), "", 0600); !written.ok()) {
          log::Error(written.error().message);
        }
      }
      if (core_.shutting_down() && core_.all_stopped()) {
        log::Info("everything is stopped");
        RemoveRecords(layout_.Records());
        ::unlink(layout_.StartedFile().c_str());
        control_.Close();
        loop_.Stop();
        return;
      }
      const auto next = core_.NextDeadline();
      const Duration wait = next ? *next - SystemClock().Steady() : Duration(kWakeMax);
      wake_.WaitFor(std::clamp<Duration>(wait, kWakeMin, kWakeMax));
      wake_.Reset();
    }
  }

  void Perform(const Action& action) {
    switch (action.kind) {
      case Action::Kind::kSpawn:
        StartProcess(action.unit);
        break;
      case Action::Kind::kSignal:
        SendSignal(action.unit, action.signal);
        break;
      case Action::Kind::kProbe:
        loop_.Spawn([this, action] { ProbeUnit(action.unit, action.liveness); });
        break;
      case Action::Kind::kChanged:
        Changed(action.unit);
        break;
    }
  }

  void StartProcess(const std::string& name) {
    const config::Unit& unit = *manifest_.FindUnit(name);
    auto spec = UnitProcess(layout_, launch_, manifest_, unit, accounts_);
    if (!spec.ok()) {
      core_.SpawnFailed(name, spec.error().message);
      return;
    }
    const auto pid = Spawn(spec.value(), [&](pid_t child) -> Status {
      QUANTUM_TRY(identities_[name], Identify(child));
      UnitRecord record{.status = core_.Find(name), .process = identities_[name]};
      record.status.pid = child;
      return WriteRecord(layout_.Records(), record);
    });
    if (!pid.ok()) {
      identities_.erase(name);
      core_.SpawnFailed(name, "could not be started: " + pid.error().message);
      return;
    }
    core_.Spawned(name, pid.value());
    Watch(name, pid.value(), true);
  }

  // Waits for the end of a process in a fiber of its own.
  void Watch(const std::string& name, pid_t pid, bool own_child) {
    const int pidfd = OpenPidfd(pid);
    loop_.Spawn([this, name, pid, own_child, pidfd] {
      if (pidfd >= 0) {
        WaitForExit(pidfd, {});
      }
      // Its children in the same group must not go on without it: nginx' workers would keep the port.
      ::kill(-pid, SIGKILL);
      int code = -1;
      int status = 0;
      if (own_child && ::waitpid(pid, &status, 0) == pid) {
        code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      }
      identities_.erase(name);
      log::Info("process ended", {{"unit", name}, {"pid", pid}, {"exit_code", code}});
      core_.Exited(name, code);
      wake_.Set();
    });
  }

  void SendSignal(const std::string& name, int signal) {
    const auto found = identities_.find(name);
    if (found == identities_.end() || !found->second || !IsAlive(*found->second)) {
      return;  // its end is on the way to us
    }
    const pid_t pid = found->second->pid;
    log::Info("signal sent", {{"unit", name}, {"pid", pid}, {"signal", signal}});
    ::kill(signal == SIGKILL ? -pid : pid, signal);
  }

  void ProbeUnit(const std::string& name, bool liveness) {
    const config::Unit& unit = *manifest_.FindUnit(name);
    const config::Probe& probe = liveness ? unit.live : unit.ready;
    const pid_t asked = core_.Find(name).pid;
    Status answer;
    ProcessSpec exec;
    if (probe.kind == config::Probe::Kind::kExec) {
      config::Unit command = unit;
      command.command = {probe.target};
      command.command.insert(command.command.end(), probe.arguments.begin(), probe.arguments.end());
      auto spec = UnitProcess(layout_, launch_, manifest_, command, accounts_);
      if (spec.ok()) {
        exec = std::move(spec).value();
        exec.output_path.clear();
      } else {
        answer = spec.error();
      }
    }
    if (answer.ok()) {
      const int port = unit.port == 0 ? 0 : manifest_.Port(name);
      answer = RunProbe(probe, manifest_.bind_address(), port, exec);
    }
    if (core_.Find(name).pid != asked) {
      return;  // an answer about a process that is gone
    }
    if (liveness && !answer.ok()) {
      log::Warning("liveness check failed", {{"unit", name}, {"error", answer.error().message}});
    }
    core_.Probed(name, liveness, answer.ok(), answer.ok() ? "" : answer.error().message);
    wake_.Set();
  }

  void Changed(const std::string& name) {
    const UnitStatus& status = core_.Find(name);
    UnitRecord record{.status = status, .process = std::nullopt};
    if (const auto found = identities_.find(name); found != identities_.end()) {
      record.process = found->second;
    }
    // A full disk must not end supervision; without the record only a second supervisor would be blind.
    if (auto written = WriteRecord(layout_.Records(), record); !written.ok()) {
      log::Error(written.error().message);
    }
    const log::Level level = status.state == State::kFailed ? log::Level::kError : log::Level::kInfo;
    log::Write(level, "unit changed",
               {{"unit", name}, {"state", ToString(status.state)}, {"pid", status.pid}, {"detail", status.detail}});
    control_.Changed(status);
  }

  // What units print goes straight to a file that they hold open for appending; it is cut here, keeping one older.
  void OutputFiber() {
    while (!stopping_.WaitFor(kOutputCheck)) {
      for (const config::Unit& unit : manifest_.units()) {
        const std::string path = layout_.UnitOutput(unit.name);
        std::error_code error;
        if (const auto size = std::filesystem::file_size(path, error); !error && size > kOutputBytesMax) {
          std::filesystem::copy_file(path, path + ".1", std::filesystem::copy_options::overwrite_existing, error);
          std::filesystem::resize_file(path, 0, error);
        }
      }
    }
  }

  Layout layout_;
  Launch launch_;
  config::Manifest manifest_;
  Accounts accounts_;
  SupervisorCore core_;
  std::map<std::string, std::optional<Identity>> identities_;
  fiber::Loop loop_;
  fiber::Event wake_;
  fiber::Event stopping_;
  ControlServer control_;
  bool started_ = false;
};

Result<int> TakeLock(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0 || ::flock(file, LOCK_EX | LOCK_NB) != 0) {
    return Error{Errc::kConflict, fmt::format("another supervisor holds {}", path)};
  }
  return file;
}

Status Supervise(const Layout& layout) {
  QUANTUM_TRY([[maybe_unused]] const int lock, TakeLock(layout.Lock()));
  QUANTUM_TRY(Launch launch, LoadLaunch(layout));
  QUANTUM_TRY(config::Manifest manifest, LoadRunningManifest(layout, launch));
  QUANTUM_TRY(Accounts accounts, FindAccounts(manifest, false));
  QUANTUM_CHECK(log::Setup({.service = "supervisor", .directory = layout.Log()}));
  log::Info("supervisor started", {{"pid", ::getpid()}});
  Daemon daemon(layout, std::move(launch), std::move(manifest), std::move(accounts));
  const Status status = daemon.Run();
  log::Shutdown();
  return status;
}

}  // namespace

int RunSupervisor(const Layout& layout) {
  ::umask(0077);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  if (const Status status = Supervise(layout); !status.ok()) {
    fmt::print(stderr, "supervisor: {}\n", status.error().message);
    return 1;
  }
  return 0;
}

}  // namespace quantum::operate
