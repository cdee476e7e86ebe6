#include "operator/chaos/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <fmt/ranges.h>
#include <sched.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

namespace quantum::operate::chaos {

namespace {

[[noreturn]] void Become(const ChildSpec& spec, char* const* arguments, int output, pid_t parent) {
  ::umask(077);
  const int input = ::open("/dev/null", O_RDONLY | O_CLOEXEC);
  ::dup2(input, STDIN_FILENO);
  ::dup2(output, STDOUT_FILENO);
  ::dup2(output, STDERR_FILENO);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != parent || (spec.network >= 0 && ::setns(spec.network, CLONE_NEWNET) != 0)) {
    ::_exit(126);
  }
  ::execvp(arguments[0], arguments);
  ::_exit(127);
}

Result<pid_t> Fork(const ChildSpec& spec, int output) {
  std::vector<char*> arguments;
  for (const std::string& word : spec.command) {
    arguments.push_back(const_cast<char*>(word.c_str()));
  }
  arguments.push_back(nullptr);
  const pid_t parent = ::getpid();
  const pid_t pid = ::fork();
  if (pid == 0) {
    Become(spec, arguments.data(), output, parent);
  }
  if (pid < 0) {
    return Error{Errc::kExhausted, fmt::format("starting {}: {}", spec.command.front(), std::strerror(errno))};
  }
  return pid;
}

int ExitCodeOf(int status) { return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status); }

}  // namespace

Result<Child> Child::Start(const ChildSpec& spec) {
  const std::string path = spec.output.empty() ? "/dev/null" : spec.output;
  const int output = ::open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (output < 0) {
    return Error{Errc::kInternal, fmt::format("opening {}: {}", path, std::strerror(errno))};
  }
  auto pid = Fork(spec, output);
  ::close(output);
  QUANTUM_TRY(const pid_t child, std::move(pid));
  return Child(child);
}

Child::Child(Child&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

Child& Child::operator=(Child&& other) noexcept {
  std::swap(pid_, other.pid_);
  std::swap(status_, other.status_);
  return *this;
}

bool Child::Running() {
  if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ > 0;
}

void Child::Signal(int signal) {
  if (Running()) {
    ::kill(pid_, signal);
  }
}

void Child::Kill() {
  Signal(SIGKILL);
  Wait();
}

int Child::Wait() {
  while (pid_ > 0) {
    if (::waitpid(pid_, &status_, 0) == pid_ || errno != EINTR) {
      pid_ = -1;
    }
  }
  return ExitCodeOf(status_);
}

Status RunCommand(const std::vector<std::string>& command, int network) {
  int ends[2];
  if (::pipe2(ends, O_CLOEXEC) != 0) {
    return Error{Errc::kExhausted, fmt::format("a pipe for {}: {}", command.front(), std::strerror(errno))};
  }
  auto pid = Fork({.command = command, .network = network}, ends[1]);
  ::close(ends[1]);
  std::string said;
  char buffer[512];
  for (ssize_t size = 0; pid.ok() && (size = ::read(ends[0], buffer, sizeof(buffer))) > 0;) {
    said.append(buffer, static_cast<size_t>(size));
  }
  ::close(ends[0]);
  QUANTUM_TRY(const pid_t child, std::move(pid));
  int status = 0;
  while (::waitpid(child, &status, 0) < 0 && errno == EINTR) {
  }
  if (ExitCodeOf(status) != 0) {
    return Error{Errc::kUnavailable, fmt::format("{} ended with {}: {}", fmt::join(command, " "), ExitCodeOf(status),
                                                 said.empty() ? "it said nothing" : said)};
  }
  return {};
}

}  // namespace quantum::operate::chaos
