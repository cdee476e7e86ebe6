#include <fmt/format.h>
#include <poll.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "operator/output.h"
#include "operator/process/process.h"
#include "operator/supervisor/daemon.h"
#include "operator/supervisor/record.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::milliseconds kFirstPause(200);
constexpr std::chrono::seconds kLongestPause(10);
constexpr std::chrono::seconds kGoodRun(60);  // a supervisor that lived this long starts with the shortest pause again

volatile sig_atomic_t g_supervisor = 0;
volatile sig_atomic_t g_told_to_stop = 0;

void PassOn(int signal) {
  g_told_to_stop = 1;
  if (g_supervisor > 0) {
    ::kill(g_supervisor, signal);
  }
}

// Reaps until the supervisor is gone; orphans of a dead supervisor come to us as their nearest subreaper.
int WaitFor(pid_t supervisor) {
  while (true) {
    int status = 0;
    const pid_t ended = ::waitpid(-1, &status, 0);
    if (ended == supervisor) {
      return status;
    }
    if (ended < 0 && errno != EINTR) {
      return 0;
    }
  }
}

// Waits for the end of a supervisor that is not our child. True when it ended by itself: then it took its socket away.
bool AwaitStranger(const Layout& layout, pid_t supervisor) {
  const int pidfd = OpenPidfd(supervisor);
  pollfd wait{.fd = pidfd, .events = POLLIN, .revents = 0};
  while (pidfd >= 0 && ::poll(&wait, 1, -1) < 0 && errno == EINTR) {
  }
  if (pidfd >= 0) {
    ::close(pidfd);
  }
  return ::access(layout.Socket().c_str(), F_OK) != 0;
}

Result<pid_t> Execute(const Layout& layout, std::vector<std::string> options,
                      std::map<std::string, std::string> environment = {}) {
  std::vector<std::string> command{layout.Bin() + "/quantum", "supervise"};
  command.insert(command.end(), options.begin(), options.end());
  command.insert(command.end(), {"--state", layout.root});
  environment.insert({{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                      {"LANG", "C.UTF-8"},
                      {"HOME", layout.root}});
  return Spawn({.command = std::move(command),
                .environment = std::move(environment),
                .output_path = layout.UnitOutput("supervisor")});
}

// Whether the supervisor's own end is the end of everything. One that cannot begin while units live is tried again:
// somebody must watch them.
bool IsOver(const Layout& layout, int exit_code) {
  return exit_code == kAllStopped || exit_code == kOtherSupervisor || LivingRecords(layout.Records()).empty();
}

}  // namespace

int RunKeeper(const Layout& layout, pid_t watched) {
  ::signal(SIGHUP, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = PassOn;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  g_supervisor = watched;
  if (watched > 0 && AwaitStranger(layout, watched)) {
    return kAllStopped;
  }
  g_supervisor = 0;
  std::chrono::milliseconds pause = kFirstPause;
  while (g_told_to_stop == 0) {
    const auto begin = std::chrono::steady_clock::now();
    const auto pid = Execute(layout, {}, {{"QUANTUM_KEEPER", std::to_string(::getpid())}});
    if (pid.ok()) {
      g_supervisor = pid.value();
      const int status = WaitFor(pid.value());
      g_supervisor = 0;
      if (WIFEXITED(status) && (g_told_to_stop != 0 || IsOver(layout, WEXITSTATUS(status)))) {
        return WEXITSTATUS(status);
      }
      PrintError("keeper: the supervisor {} {}; starting it again\n", pid.value(),
                 WIFEXITED(status) ? fmt::format("exited with code {} and left units behind", WEXITSTATUS(status))
                                   : fmt::format("was killed by signal {}", WTERMSIG(status)));
    } else {
      PrintError("keeper: {}\n", pid.error().message);
    }
    std::fflush(stderr);
    if (std::chrono::steady_clock::now() - begin > kGoodRun) {
      pause = kFirstPause;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
  }
  return kCannotBegin;  // told to stop while there was no supervisor to tell
}

Result<pid_t> LaunchKeeper(const Layout& layout, pid_t watched) {
  std::vector<std::string> options{"--keep"};
  if (watched > 0) {
    options.insert(options.end(), {"--watch", std::to_string(watched)});
  }
  auto pid = Execute(layout, std::move(options));
  return pid.ok() ? pid : pid.error().Within("starting the supervisor");
}

Result<pid_t> LaunchStopper(const Layout& layout) {
  auto pid = Execute(layout, {"--stop"});
  return pid.ok() ? pid : pid.error().Within("starting the supervisor");
}

}  // namespace quantum::operate
