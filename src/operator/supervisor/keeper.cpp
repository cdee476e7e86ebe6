#include <fcntl.h>
#include <fmt/format.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdio>
#include <thread>

#include "operator/process/process.h"
#include "operator/supervisor/daemon.h"

namespace quantum::operate {

namespace {

constexpr std::chrono::milliseconds kFirstPause(200);
constexpr std::chrono::seconds kLongestPause(10);
constexpr std::chrono::seconds kGoodRun(60);  // a supervisor that lived this long starts with the shortest pause again

volatile sig_atomic_t g_supervisor = 0;

void PassOn(int signal) {
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

}  // namespace

int RunKeeper(const Layout& layout) {
  ::signal(SIGHUP, SIG_IGN);
  struct sigaction action {};
  action.sa_handler = PassOn;
  ::sigaction(SIGTERM, &action, nullptr);
  ::sigaction(SIGINT, &action, nullptr);
  ::prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
  std::chrono::milliseconds pause = kFirstPause;
  while (true) {
    const auto begin = std::chrono::steady_clock::now();
    const auto pid = Spawn({.command = {layout.Bin() + "/quantum", "supervise", "--state", layout.root},
                            .environment = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                                            {"LANG", "C.UTF-8"},
                                            {"HOME", layout.root}},
                            .output_path = layout.UnitOutput("supervisor")});
    if (pid.ok()) {
      g_supervisor = pid.value();
      const int status = WaitFor(pid.value());
      g_supervisor = 0;
      if (WIFEXITED(status)) {
        return WEXITSTATUS(status);  // it ended by itself: everything is stopped, or it could not begin
      }
      fmt::print(stderr, "keeper: the supervisor {} was killed by signal {}; starting it again\n", pid.value(),
                 WTERMSIG(status));
    } else {
      fmt::print(stderr, "keeper: {}\n", pid.error().message);
    }
    std::fflush(stderr);
    if (std::chrono::steady_clock::now() - begin > kGoodRun) {
      pause = kFirstPause;
    }
    std::this_thread::sleep_for(pause);
    pause = std::min<std::chrono::milliseconds>(pause * 2, kLongestPause);
  }
}

Status LaunchKeeper(const Layout& layout) {
  const auto pid = Spawn({.command = {layout.Bin() + "/quantum", "supervise", "--keep", "--state", layout.root},
                          .environment = {{"PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"},
                                          {"LANG", "C.UTF-8"},
                                          {"HOME", layout.root}},
                          .output_path = layout.UnitOutput("supervisor")});
  return pid.ok() ? Status() : Status(pid.error().Within("starting the supervisor"));
}

}  // namespace quantum::operate
