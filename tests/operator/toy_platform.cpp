#include "tests/operator/toy_platform.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <stdexcept>

#include "operator/process/process.h"
#include "tests/support/checkout/checkout.h"

namespace quantum::operate {

using quantum::testing::Eventually;
using quantum::testing::FreePorts;

namespace {

const std::string kProgram = checkout::BinaryDirectory() + "/quantum";

pid_t PidOf(const std::string& pattern) {
  return static_cast<pid_t>(std::atoi(Shell(fmt::format("pgrep -f '{}'", pattern)).output.c_str()));
}

}  // namespace

std::string ToyProgram() { return checkout::BinaryDirectory() + "/toy-server"; }

Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen(("timeout --foreground --kill-after=5 180 " + command + " 2>&1").c_str(), "r");
  char chunk[4096];
  for (size_t got = 0; (got = std::fread(chunk, 1, sizeof(chunk), pipe)) > 0;) {
    outcome.output.append(chunk, got);
  }
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

ToyPlatform::ToyPlatform() : directory_("operator"), layout_{(directory_.path() / "d/s").string()}, fleet_(layout_) {
  std::filesystem::permissions(directory_.path(), std::filesystem::perms(0755));
  if (::pipe2(alive_, O_CLOEXEC) != 0) {
    throw std::runtime_error("no pipe");
  }
  guard_ = ::fork();
  if (guard_ == 0) {
    ::setsid();
    ::close(alive_[1]);
    char byte = 0;
    [[maybe_unused]] const ssize_t end = ::read(alive_[0], &byte, 1);
    ::execl(kProgram.c_str(), "quantum", "down", "--state", layout_.root.c_str(), static_cast<char*>(nullptr));
    ::_exit(1);
  }
  ::close(alive_[0]);
}

ToyPlatform::~ToyPlatform() {
  Quantum("down");
  ::kill(guard_, SIGKILL);
  ::waitpid(guard_, nullptr, 0);
  ::close(alive_[1]);
  for (const int port : ports_) {
    EXPECT_FALSE(ListeningPorts().contains(port)) << "something still listens on " << port;
  }
}

void ToyPlatform::WriteManifest(const std::string& units, const std::string& more) {
  quantum::testing::WriteFile(directory_.path() / "quantum.yml",
                              "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\n" + more + "units:\n" + units);
}

std::string ToyPlatform::Server(const std::string& name, const std::string& more) {
  const int port = FreePorts(1).front();
  ports_.push_back(port);
  return fmt::format("  {}:\n    command: [{}, \"{}\"]\n    port: {}\n    ready: {{tcp: true, interval: 20ms}}\n{}",
                     name, ToyProgram(), port, port, more);
}

std::string ToyPlatform::Waiting(const std::string& name, const std::string& more) {
  const int port = FreePorts(1).front();
  ports_.push_back(port);
  // Three checks must leave it the time to begin, which under a sanitizer is seconds.
  const int interval = quantum::testing::kSlowdown > 1 ? 2000 : 100;
  return fmt::format(
      "  {}:\n    command: [{}, \"{}\", \"0\", {}]\n    port: {}\n    start_deadline: 5s\n"
      "    ready: {{http: /health/ready, interval: 20ms}}\n    live: {{http: /health/live, interval: {}ms}}\n{}",
      name, ToyProgram(), port, Away(), port, interval, more);
}

std::vector<std::string> ToyPlatform::Command(std::vector<std::string> arguments) const {
  arguments.insert(arguments.begin(), kProgram);
  arguments.insert(arguments.end(),
                   {"--state", layout_.root, "--manifest", (directory_.path() / "quantum.yml").string()});
  return arguments;
}

Outcome ToyPlatform::Quantum(const std::string& arguments) {
  return Shell(fmt::format("{} {} --state {} --manifest {}", kProgram, arguments, layout_.root,
                           (directory_.path() / "quantum.yml").string()));
}

void ToyPlatform::Up() {
  const Outcome up = Quantum("up");
  ASSERT_EQ(up.exit_code, 0) << up.output;
}

quantum::testing::Process ToyPlatform::UpInBackground(std::vector<std::string> options) {
  std::filesystem::remove(directory_.path() / "up.out");
  options.insert(options.begin(), "up");
  return quantum::testing::Process({.command = Command(std::move(options)), .output = directory_.path() / "up.out"});
}

std::string ToyPlatform::Said() const { return quantum::testing::ReadFile(directory_.path() / "up.out"); }

UnitStatus ToyPlatform::Unit(const std::string& name) {
  const auto list = fleet_.List();
  if (list.ok()) {
    for (const UnitStatus& unit : list.value()) {
      if (unit.name == name) {
        return unit;
      }
    }
  }
  return {};
}

bool ToyPlatform::ReadyWithin(std::chrono::milliseconds time, const std::string& name, int other_than) {
  return Eventually(time, [&] {
    const UnitStatus unit = Unit(name);
    return unit.state == State::kReady && unit.pid != other_than;
  });
}

pid_t ToyPlatform::SupervisorPid() {
  return PidOf(fmt::format("^{}/bin/quantum supervise --state {}$", layout_.root, layout_.root));
}

pid_t ToyPlatform::KeeperPid() {
  return PidOf(
      fmt::format("^{}/bin/quantum supervise --keep( --watch [0-9]+)? --state {}$", layout_.root, layout_.root));
}

void ToyPlatform::KillAllBehindTheSupervisorsBack() {
  const pid_t keeper = KeeperPid();
  const pid_t supervisor = SupervisorPid();
  ASSERT_GT(keeper, 0);
  ASSERT_GT(supervisor, 0);
  // The one would replace the other.
  for (const int signal : {SIGSTOP, SIGKILL}) {
    ::kill(keeper, signal);
    ::kill(supervisor, signal);
  }
  ASSERT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
}

}  // namespace quantum::operate
