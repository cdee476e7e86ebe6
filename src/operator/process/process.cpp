#include "operator/process/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <grp.h>
#include <pwd.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <cstring>
#include <string_view>

namespace quantum::operate {

namespace {

Error FromErrno(std::string_view what, int error) {
  const Errc code = error == ENOSPC || error == EDQUOT  ? Errc::kExhausted
                    : error == EACCES || error == EPERM ? Errc::kPermission
                    : error == ENOENT                   ? Errc::kNotFound
                                                        : Errc::kInternal;
  return Error{code, fmt::format("{}: {}", what, std::strerror(error))};
}

// Everything the child needs, prepared before the fork: between fork and exec only plain system calls are allowed.
struct Prepared {
  std::vector<char*> argv;
  std::vector<std::string> environment;
  std::vector<char*> envp;
  int output = -1;
  int gate = -1;   // the child waits for one byte here
  int error = -1;  // the child reports errno here
  pid_t parent = 0;
};

// Soft and hard at once: a limit that the process may lift itself is none.
bool SetLimit(int resource, uint64_t value) {
  rlimit limit{};
  if (value == 0) {
    return true;
  }
  if (::getrlimit(static_cast<__rlimit_resource_t>(resource), &limit) != 0) {
    return false;
  }
  const rlim_t hard = limit.rlim_max;
  limit = {.rlim_cur = value, .rlim_max = value};
  if (::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0) {
    return true;
  }
  // Only who has CAP_SYS_RESOURCE may go beyond: root in a container has it not.
  limit = {.rlim_cur = hard, .rlim_max = hard};
  return errno == EPERM && ::setrlimit(static_cast<__rlimit_resource_t>(resource), &limit) == 0;
}

[[noreturn]] void Child(const ProcessSpec& spec, const Prepared& prepared) {
  const auto fail = [&]() {
    const int error = errno;
    [[maybe_unused]] const ssize_t written = ::write(prepared.error, &error, sizeof(error));
    ::_exit(127);
  };
  char byte = 0;
  if (::read(prepared.gate, &byte, 1) != 1) {
    ::_exit(127);
  }
  ::setsid();
  ::umask(0077);
  for (int signal = 1; signal < NSIG; ++signal) {
    if (signal != SIGKILL && signal != SIGSTOP) {
      struct sigaction action {};
      action.sa_handler = SIG_DFL;
      ::sigaction(signal, &action, nullptr);
    }
  }
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  const int null = ::open("/dev/null", O_RDONLY);
  if (null < 0 || ::dup2(null, 0) < 0 || ::dup2(prepared.output, 1) < 0 || ::dup2(prepared.output, 2) < 0) {
    fail();
  }
  ::close_range(3, ~0U, CLOSE_RANGE_CLOEXEC);
  if (!SetLimit(RLIMIT_DATA, kLimitsMemory ? spec.limits.data_bytes : 0) ||
      !SetLimit(RLIMIT_NOFILE, spec.limits.open_files) || !SetLimit(RLIMIT_CPU, spec.limits.cpu_seconds)) {
    fail();
  }
  if (spec.account != nullptr) {
    if (::setgroups(spec.account->groups.size(), spec.account->groups.data()) != 0 ||
        ::setgid(spec.account->gid) != 0 || ::setuid(spec.account->uid) != 0) {
      fail();
    }
  }
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || ::chdir(spec.directory.c_str()) != 0) {
    fail();
  }
  // After the change of account, which forgets it.
  if (spec.parent_death_signal != 0 &&
      (::prctl(PR_SET_PDEATHSIG, spec.parent_death_signal) != 0 || ::getppid() != prepared.parent)) {
    fail();
  }
  ::execvpe(prepared.argv[0], prepared.argv.data(), prepared.envp.data());
  fail();
  ::_exit(127);
}

}  // namespace

Result<Account> FindAccount(const std::string& name) {
  std::vector<char> buffer(16384);
  passwd entry{};
  passwd* found = nullptr;
  if (::getpwnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found) != 0 || found == nullptr) {
    return Error{Errc::kNotFound, fmt::format("there is no user '{}' on this machine", name)};
  }
  Account account{.name = name, .uid = entry.pw_uid, .gid = entry.pw_gid, .groups = {}};
  int count = 64;
  account.groups.resize(64);
  if (::getgrouplist(name.c_str(), entry.pw_gid, account.groups.data(), &count) < 0) {
    return Error{Errc::kInternal, fmt::format("the user '{}' is in more than 64 groups", name)};
  }
  account.groups.resize(static_cast<size_t>(count));
  return account;
}

Result<Account> EnsureSystemUser(const std::string& name) {
  if (auto account = FindAccount(name); account.ok()) {
    return account;
  }
  const auto pid = Spawn({.command = {"/usr/sbin/useradd", "--system", "--user-group", "--no-create-home", "--home-dir",
                                      "/nonexistent", "--shell", "/usr/sbin/nologin", name},
                          .environment = {{"PATH", "/usr/sbin:/usr/bin:/sbin:/bin"}}});
  if (!pid.ok()) {
    return pid.error();
  }
  int status = 0;
  while (::waitpid(pid.value(), &status, 0) < 0 && errno == EINTR) {
  }
  auto account = FindAccount(name);
  if (!account.ok()) {
    return Error{Errc::kInternal,
                 fmt::format("useradd could not create the system user '{}' (status {}); create it by hand", name,
                             WEXITSTATUS(status))};
  }
  return account;
}

Result<pid_t> Spawn(const ProcessSpec& spec, const std::function<Status(pid_t)>& before) {
  QUANTUM_ASSERT(!spec.command.empty());
  Prepared prepared;
  for (const std::string& argument : spec.command) {
    prepared.argv.push_back(const_cast<char*>(argument.c_str()));
  }
  prepared.argv.push_back(nullptr);
  prepared.environment.reserve(spec.environment.size());
  for (const auto& [key, value] : spec.environment) {
    prepared.environment.push_back(fmt::format("{}={}", key, value));
    prepared.envp.push_back(prepared.environment.back().data());
  }
  prepared.envp.push_back(nullptr);

  const std::string output = spec.output_path.empty() ? "/dev/null" : spec.output_path;
  prepared.output = ::open(output.c_str(), O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, 0640);
  if (prepared.output < 0) {
    return FromErrno("opening " + output, errno);
  }
  int gate[2] = {-1, -1};
  int error_pipe[2] = {-1, -1};
  if (::pipe2(gate, O_CLOEXEC) != 0 || ::pipe2(error_pipe, O_CLOEXEC) != 0) {
    const int error = errno;
    ::close(prepared.output);
    return FromErrno("making a pipe", error);
  }
  prepared.gate = gate[0];
  prepared.error = error_pipe[1];
  prepared.parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::close(gate[1]);
    Child(spec, prepared);
  }
  const int fork_error = errno;
  ::close(prepared.output);
  ::close(gate[0]);
  ::close(error_pipe[1]);
  const auto abandon = [&](Error error) -> Result<pid_t> {
    ::close(gate[1]);
    ::close(error_pipe[0]);
    if (pid > 0) {
      ::waitpid(pid, nullptr, 0);
    }
    return error;
  };
  if (pid < 0) {
    return abandon(FromErrno("starting " + spec.command[0], fork_error));
  }
  if (before) {
    if (auto written = before(pid); !written.ok()) {
      return abandon(written.error());
    }
  }
  const char go = 1;
  [[maybe_unused]] const ssize_t sent = ::write(gate[1], &go, 1);
  int child_error = 0;
  ssize_t got = 0;
  do {
    got = ::read(error_pipe[0], &child_error, sizeof(child_error));
  } while (got < 0 && errno == EINTR);
  if (got == sizeof(child_error)) {
    return abandon(FromErrno("starting " + spec.command[0], child_error));
  }
  ::close(gate[1]);
  ::close(error_pipe[0]);
  return pid;
}

int OpenPidfd(pid_t pid) { return static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)); }

}  // namespace quantum::operate
