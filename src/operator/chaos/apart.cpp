#include "operator/chaos/apart.h"

#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>

#include "operator/chaos/child.h"

namespace quantum::operate::chaos {

namespace {

constexpr int kFailedToBegin = 1;

volatile sig_atomic_t runner = 0;          // who is told when we are
volatile sig_atomic_t runner_is_init = 0;  // the first process of a namespace heeds SIGKILL alone

void Forward(int signal) {
  if (runner > 0) {
    ::kill(runner, runner_is_init != 0 ? SIGKILL : signal);
  }
}

int CodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

int Await(pid_t pid) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  return CodeOf(status);
}

void AwaitAll() {
  while (::wait(nullptr) > 0 || errno == EINTR) {
  }
}

[[noreturn]] void Play(pid_t parent, const Apart& apart, const std::function<int(const Apart&)>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::signal(signal, SIG_DFL);
  }
  const int code = ::getppid() == parent ? body(apart) : kFailedToBegin;
  std::fflush(nullptr);
  ::_exit(code);
}

std::string WhyNot(const char* what) { return std::string(what) + ": " + std::strerror(errno); }

// Why not; empty when it is done.
std::string FurnishMachine() {
  if (::unshare(CLONE_NEWNS | CLONE_NEWNET) != 0) {
    return WhyNot("namespaces of mounts and network");
  }
  if (::mount("none", "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0 ||
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) != 0) {
    return WhyNot("mounting /proc");
  }
  const Status up = RunCommand({"ip", "link", "set", "lo", "up"});
  return up.ok() ? "" : up.error().message;
}

// The first process of a namespace of processes: when it ends the kernel ends all the others.
[[noreturn]] void BeInit(const std::function<int(const Apart&)>& body) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (const std::string why_not = FurnishMachine(); !why_not.empty()) {
    std::fprintf(stderr, "quantum: %s\n", why_not.c_str());
    ::_exit(kFailedToBegin);
  }
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    Play(self, {.own_machine = true}, body);
  }
  int status = 0;
  for (pid_t ended = 0; (ended = ::wait(&status)) > 0 || errno == EINTR;) {
    if (ended == pid) {
      ::_exit(CodeOf(status));
    }
  }
  ::_exit(kFailedToBegin);
}

}  // namespace

int RunApart(bool own_machine, const std::function<int(const Apart&)>& body, const std::function<void()>& after) {
  std::fflush(nullptr);
  Apart apart;
  if (own_machine && ::geteuid() != 0) {
    apart.why_not = "namespaces of its own are for root";
  } else if (own_machine && ::unshare(CLONE_NEWPID) != 0) {
    apart.why_not = WhyNot("a namespace of processes");
  }
  const bool given = own_machine && apart.why_not.empty();
  ::prctl(PR_SET_CHILD_SUBREAPER, 1);
  for (const int signal : {SIGINT, SIGTERM, SIGHUP}) {
    ::signal(signal, Forward);
  }
  const pid_t self = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    if (given) {
      BeInit(body);
    }
    Play(self, apart, body);
  }
  runner_is_init = given ? 1 : 0;
  runner = pid;
  const int code = Await(pid);
  runner = 0;
  if (!given && after) {
    after();
  }
  AwaitAll();
  return code;
}

}  // namespace quantum::operate::chaos
