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
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <set>
#include <thread>

#include "operator/output.h"
#include "operator/process/process.h"
#include "operator/process/words.h"
#include "operator/state/disk.h"
#include "operator/state/environment.h"
#include "operator/state/launch.h"
#include "operator/state/rotate.h"
#include "operator/supervisor/control.h"
#include "operator/supervisor/core.h"
#include "operator/supervisor/halt.h"
#include "operator/supervisor/leftovers.h"
#include "operator/supervisor/prober.h"
#include "operator/supervisor/record.h"
#include "platform/config/secrets.h"
#include "platform/fiber/fiber.h"
#include "platform/log/setup.h"

namespace quantum::operate {

namespace {

using std::chrono::milliseconds;

constexpr milliseconds kWakeMin(5);
constexpr std::chrono::seconds kWakeMax(1);
constexpr uint64_t kOutputBytesMax = 50u << 20;  // per unit; one older file is kept
constexpr std::chrono::minutes kOutputCheck(1);
constexpr int kLastWords = 5;                     // lines of a unit that ended the start
constexpr std::chrono::seconds kTellFailure(3);   // how long a failed start waits for somebody who asks about it
constexpr std::chrono::seconds kLockPatience(3);  // the predecessor may be on its way out
constexpr std::chrono::seconds kKeeperPause(1);
constexpr milliseconds kWithoutPidfd(100);

class Daemon {
 public:
  Daemon(Layout layout, Launch launch, config::Manifest manifest, Accounts accounts)
      : layout_(std::move(layout)),
        launch_(std::move(launch)),
        manifest_(std::move(manifest)),
        accounts_(std::move(accounts)),
        core_(UnitsWithOffset(manifest_), SystemClock()),
        loop_("supervisor"),
        control_(loop_, core_,
                 {.wake = [this] { wake_.Set(); },
                  .last_words = [this](const std::string& unit) { return LastWords(unit); },
                  .disk_full = [this] { return disk_full_; }}) {}

  Status Run(bool stop) {
    QUANTUM_CHECK(control_.Listen(layout_.Socket()));
    for (const auto& [task, run] : ReadRuns(RunsFile())) {
      if (core_.Has(task)) {
        core_.SetLastRun(task, run);
        runs_[task] = run;
      }
    }
    AdoptPredecessor();
    if (stop) {
      core_.StopAll();
    } else if (::access(layout_.StartedFile().c_str(), F_OK) != 0) {
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
    if (const char* keeper = std::getenv("QUANTUM_KEEPER"); keeper != nullptr) {
      loop_.Spawn([this, pid = std::atoi(keeper)] { KeeperFiber(pid); });
    }
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

  std::string RunsFile() const { return layout_.Data() + "/schedule.json"; }

  // The units continue where an earlier supervisor left them. When none of its processes lives (the machine was
  // switched off, or all were killed), what it wrote down is worth nothing: tasks must run again, and the start is a
  // new one.
  void AdoptPredecessor() {
    if (LivingRecords(layout_.Records()).empty()) {
      RemoveRecords(layout_.Records());
      ::unlink(layout_.StartedFile().c_str());
      return;
    }
    std::set<std::string> unknown;
    for (const config::Unit& unit : manifest_.units()) {
      unknown.insert(unit.name);
    }
    for (const UnitRecord& record : ReadRecords(layout_.Records())) {
      if (!core_.Has(record.status.name)) {
        continue;
      }
      unknown.erase(record.status.name);
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
    for (const std::string& name : unknown) {
      core_.Adopt(name, {.state = State::kWaiting});  // it is new in the manifest, or its record was damaged
    }
  }

  // Nobody brings the supervisor back without its keeper, so it looks after that in turn.
  void KeeperFiber(pid_t keeper) {
    while (!core_.shutting_down()) {
      const int pidfd = OpenPidfd(keeper);
      if (pidfd >= 0) {
        WaitForExit(pidfd, {});
      }
      ::waitpid(keeper, nullptr, WNOHANG);  // ours, from the second one on
      if (core_.shutting_down()) {
        return;
      }
      fiber::SleepFor(kKeeperPause);
      const auto next = LaunchKeeper(layout_, ::getpid());
      log::Error("the keeper was gone", {{"pid", keeper}, {"next", next.ok() ? next.value() : 0}});
      keeper = next.ok() ? next.value() : keeper;
    }
  }

  std::string LastWords(const std::string& unit) const {
    const auto from = printed_before_.find(unit);
    return TailSince(layout_.UnitOutput(unit), from == printed_before_.end() ? 0 : from->second, kLastWords);
  }

  // A failed start stays a little for the command that asks what happened.
  bool MayLeave() {
    if (!core_.startup_failure() || control_.failure_told()) {
      return true;
    }
    if (!leave_at_) {
      leave_at_ = SystemClock().Steady() + kTellFailure;
    }
    return SystemClock().Steady() >= *leave_at_;
  }

  // While everything starts: what a server that fails takes away again with itself would hide why it did.
  void LookAtDisk() { disk_full_ = disk_full_ || (core_.starting_up() && FreeBytes(layout_.root) < kFullBytes); }

  void MainFiber() {
    while (true) {
      LookAtDisk();
      bool acted = true;
      while (acted) {
        const std::vector<Action> actions = core_.Advance();
        acted = !actions.empty();
        for (const Action& action : actions) {
          Perform(action);
        }
      }
      if (!core_.starting_up() && !core_.shutting_down() && !started_) {
        started_ = true;
        if (auto written = WriteFileAtomically(layout_.StartedFile(), "", 0600); !written.ok()) {
          log::Error(written.error().message);
        }
      }
      if (core_.shutting_down() && core_.all_stopped() && MayLeave()) {
        StopLeftovers();
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

  void StopLeftovers() {
    for (const Leftover& leftover : Leftovers(layout_, manifest_)) {
      const config::Unit& unit = *manifest_.FindUnit(leftover.unit);
      const pid_t pid = leftover.process.pid;
      log::Warning("stopping what a killed unit left behind", {{"unit", unit.name}, {"pid", pid}});
      const int pidfd = OpenPidfd(pid);
      ::kill(pid, unit.stop_signal);
      if (pidfd < 0 || !WaitForExit(pidfd, unit.stop_deadline)) {
        ::kill(pid, SIGKILL);
      }
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
    spec->limits = {.data_bytes = unit.limits.memory_bytes,
                    .open_files = static_cast<uint64_t>(unit.limits.open_files),
                    .cpu_seconds = static_cast<uint64_t>(
                        std::chrono::duration_cast<std::chrono::seconds>(unit.limits.cpu).count())};
    printed_before_[name] = SizeOf(spec->output_path);
    const auto pid = Spawn(spec.value(), [&](pid_t child) -> Status {
      QUANTUM_TRY(identities_[name], Identify(child));
      UnitRecord record{.status = core_.Find(name), .process = identities_[name]};
      record.status.pid = child;
      return WriteRecord(layout_.Records(), record);
    });
    if (!pid.ok()) {
      identities_.erase(name);
      core_.SpawnFailed(name, "could not be started: " + pid.error().message, pid.error().code != Errc::kExhausted);
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
      while (Identify(pid).ok()) {  // no descriptor was left for it
        fiber::SleepFor(kWithoutPidfd);
      }
      // Its children in the same group must not go on without it: nginx' workers would keep the port.
      ::kill(-pid, SIGKILL);
      int code = -1;
      int status = 0;
      if (own_child && ::waitpid(pid, &status, 0) == pid) {
        code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
      }
      identities_.erase(name);
      LookAtDisk();
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
    std::string password;
    if (!probe.secret.empty()) {
      const auto secret = config::ReadSecret(layout_.Secrets(), probe.secret);
      if (secret.ok()) {
        password = secret.value();
      } else {
        answer = secret.error();
      }
    }
    if (answer.ok()) {
      answer = RunProbe({.probe = probe,
                         .host = manifest_.AddressOf(name),
                         .port = unit.port == 0 && probe.port.empty() ? 0 : manifest_.Port(name, probe.port),
                         .exec = std::move(exec),
                         .password = std::move(password)});
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
    if (status.last_run && runs_[name].started != status.last_run->started) {
      KeepRun(name, *status.last_run);
    }
    if (status.state == State::kFailed && !core_.startup_failure() && manifest_.FindUnit(name)->halts_entries) {
      Halt(status);
    }
  }

  void KeepRun(const std::string& task, const TaskRun& run) {
    runs_[task] = run;
    log::Write(run.ok ? log::Level::kInfo : log::Level::kError, "scheduled task ended",
               {{"unit", task}, {"ok", run.ok}, {"detail", run.detail}});
    if (auto written = WriteRuns(RunsFile(), runs_); !written.ok()) {
      log::Error(written.error().message);
    }
  }

  void Halt(const UnitStatus& lost) {
    const std::string reason = fmt::format("{} was given up: {}", lost.name, lost.detail);
    const Status halted = HaltEntries(layout_, reason, SystemClock().Now());
    log::Critical(halted.ok() ? "new entries are halted until the operator rearms" : "new entries cannot be halted",
                  {{"reason", reason}, {"error", halted.ok() ? "" : halted.error().message}});
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
      RotateGatewayLogs();
    }
  }

  // nginx keeps its files open: they are renamed, and USR1 makes it open new ones.
  void RotateGatewayLogs() {
    const std::string gateway = "gateway";
    const auto rotate = [this](const char* name, const Rotation& rotation) {
      const auto rotated = RotateLog(fmt::format("{}/{}", layout_.Log(), name), rotation.bytes_max, rotation.kept);
      if (!rotated.ok()) {
        log::Error(rotated.error().message);
      }
      return rotated.ok() && *rotated;
    };
    const bool access = rotate("gateway-access.log", kAccessLogRotation);
    const bool error = rotate("gateway-error.log", kErrorLogRotation);
    if ((access || error) && core_.Has(gateway)) {
      SendSignal(gateway, SIGUSR1);
    }
  }

  Layout layout_;
  Launch launch_;
  config::Manifest manifest_;
  Accounts accounts_;
  SupervisorCore core_;
  std::map<std::string, std::optional<Identity>> identities_;
  std::map<std::string, uint64_t> printed_before_;  // bytes of a unit's output when it was last started
  std::map<std::string, TaskRun> runs_;
  std::optional<SteadyTime> leave_at_;
  fiber::Event wake_;
  fiber::Event stopping_;
  fiber::Loop loop_;  // goes before what its fibers still wait for
  ControlServer control_;
  bool started_ = false;
  bool disk_full_ = false;  // was seen while everything started
};

Result<int> TakeLock(const std::string& path) {
  const int file = ::open(path.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
  if (file < 0) {
    return Error{Errc::kInternal, fmt::format("opening {}: {}", path, std::strerror(errno))};
  }
  const auto until = std::chrono::steady_clock::now() + kLockPatience;
  while (::flock(file, LOCK_EX | LOCK_NB) != 0) {
    if (std::chrono::steady_clock::now() > until) {
      ::close(file);
      return Error{Errc::kConflict, fmt::format("another supervisor holds {}", path)};
    }
    std::this_thread::sleep_for(milliseconds(20));
  }
  return file;
}

Status Supervise(const Layout& layout, bool stop) {
  QUANTUM_TRY([[maybe_unused]] const int lock, TakeLock(layout.Lock()));
  QUANTUM_TRY(Launch launch, LoadLaunch(layout));
  QUANTUM_TRY(config::Manifest manifest, LoadRunningManifest(layout, launch));
  QUANTUM_TRY(Accounts accounts, FindAccounts(manifest, false));
  config::Section limits = manifest.Top("limits");
  QUANTUM_CHECK(log::Setup(
      {.service = "supervisor", .directory = layout.Log(), .masked_keys = limits.GetStrings("masked_keys", {})}));
  log::Info("supervisor started", {{"pid", ::getpid()}});
  Daemon daemon(layout, std::move(launch), std::move(manifest), std::move(accounts));
  const Status status = daemon.Run(stop);
  log::Shutdown();
  return status;
}

}  // namespace

int RunSupervisor(const Layout& layout, bool stop) {
  ::umask(0077);
  ::signal(SIGHUP, SIG_IGN);
  ::signal(SIGPIPE, SIG_IGN);
  if (const Status status = Supervise(layout, stop); !status.ok()) {
    PrintError("supervisor: {}\n", status.error().message);
    return status.error().code == Errc::kConflict ? kOtherSupervisor : kCannotBegin;
  }
  return kAllStopped;
}

}  // namespace quantum::operate
