#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <sstream>
#include <stdexcept>
#include <utility>

namespace quantum::testing {

namespace {

[[noreturn]] void Fail(const std::string& what) { throw std::runtime_error(what + ": " + std::strerror(errno)); }

bool Bindable(int port) {
  const int fd = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(port));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  const bool free = ::bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address)) == 0;
  ::close(fd);
  return free;
}

// From 10000 to 26000: below them are ports of the manifest, and from 26379 its sentinels'.
constexpr int kFirstPort = 10000;
constexpr int kPortsOfAProcess = 400;
constexpr int kShares = 40;

// The first of the ports that are this process' alone while it lives. What holds them is a name of the kernel's, which
// ends with the process; a port that was only looked at could be taken by a neighbour before its server listens.
int OwnPorts() {
  const int fd = ::socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
  for (int tries = 0; tries < kShares; ++tries) {
    const int share = (::getpid() + tries) % kShares;
    const std::string name = "quantum-test-ports-" + std::to_string(share);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::copy(name.begin(), name.end(), address.sun_path + 1);  // after a NUL: a name that is no file
    const auto size = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + name.size());
    if (::bind(fd, reinterpret_cast<sockaddr*>(&address), size) == 0) {
      return kFirstPort + share * kPortsOfAProcess;
    }
  }
  throw std::runtime_error(std::to_string(kShares) + " test programs run at once: no ports are left for this one");
}

}  // namespace

Process::Process(ProcessOptions options) {
  std::vector<char*> arguments;
  for (std::string& word : options.command) {
    arguments.push_back(word.data());
  }
  arguments.push_back(nullptr);
  const passwd* const user = options.user.empty() || ::geteuid() != 0 ? nullptr : ::getpwnam(options.user.c_str());
  if (!options.user.empty() && ::geteuid() == 0 && user == nullptr) {
    throw std::runtime_error("no user named " + options.user);
  }
  const std::string output = options.output.empty() ? "/dev/null" : options.output.string();
  const int fd = ::open(output.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  if (fd < 0) {
    Fail("opening " + output);
  }
  const pid_t parent = ::getpid();
  pid_ = ::fork();
  if (pid_ == 0) {
    // The rendered configuration that servers rewrite holds passwords.
    ::umask(077);
    ::dup2(fd, STDOUT_FILENO);
    ::dup2(fd, STDERR_FILENO);
    if (user != nullptr && (::initgroups(user->pw_name, user->pw_gid) != 0 || ::setgid(user->pw_gid) != 0 ||
                            ::setuid(user->pw_uid) != 0)) {
      ::_exit(126);
    }
    // After setuid, which clears it. The parent may have died before.
    ::prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (::getppid() != parent || (!options.directory.empty() && ::chdir(options.directory.c_str()) != 0)) {
      ::_exit(126);
    }
    for (std::string& variable : options.environment) {
      ::putenv(variable.data());
    }
    ::execvp(arguments[0], arguments.data());
    ::_exit(127);
  }
  ::close(fd);
  if (pid_ < 0) {
    Fail("fork");
  }
}

Process::Process(Process&& other) noexcept : pid_(std::exchange(other.pid_, -1)), status_(other.status_) {}

Process::~Process() { Stop(std::chrono::seconds(5)); }

bool Process::Running() {
  if (pid_ > 0 && ::waitpid(pid_, &status_, WNOHANG) == pid_) {
    pid_ = -1;
  }
  return pid_ > 0;
}

void Process::Signal(int signal) {
  if (Running()) {
    ::kill(pid_, signal);
  }
}

void Process::Kill() {
  if (Running()) {
    ::kill(pid_, SIGKILL);
    ::waitpid(pid_, &status_, 0);
    pid_ = -1;
  }
}

std::optional<int> Process::Stop(std::chrono::milliseconds timeout, int signal) {
  Signal(SIGCONT);  // a stopped process would not see the signal
  Signal(signal);
  if (Eventually(timeout, [this] { return !Running(); })) {
    return status_;
  }
  Kill();
  return std::nullopt;
}

std::vector<int> FreePorts(size_t count) {
  static const int first = OwnPorts();
  static int given = 0;
  std::vector<int> ports;
  for (int tries = 0; ports.size() < count && tries < kPortsOfAProcess; ++tries) {
    const int port = first + given++ % kPortsOfAProcess;
    if (Bindable(port)) {
      ports.push_back(port);
    }
  }
  if (ports.size() < count) {
    throw std::runtime_error("no free ports on 127.0.0.1");
  }
  return ports;
}

void ReportTimeout(std::chrono::milliseconds timeout, const std::string& exception) {
  std::cerr << "not within " << timeout.count() << " ms; the condition's last attempt threw: " << exception
            << std::endl;
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ifstream file(path, std::ios::binary);
  if (!file) {
    Fail("reading " + path.string());
  }
  std::ostringstream text;
  text << file.rdbuf();
  return text.str();
}

void WriteFile(const std::filesystem::path& path, const std::string& text) {
  std::ofstream file(path, std::ios::binary | std::ios::trunc);
  ::chmod(path.c_str(), 0600);
  file << text;
  file.close();
  if (!file) {
    Fail("writing " + path.string());
  }
}

}  // namespace quantum::testing
