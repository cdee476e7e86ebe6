#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <filesystem>

#include "operator/local_fleet.h"
#include "operator/process/process.h"
#include "operator/state/layout.h"
#include "operator/supervisor/record.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/process.h"

// The real program `quantum` with toy units: every promise of the supervisor, kept against real processes.
namespace quantum::operate {
namespace {

using quantum::testing::Eventually;
using quantum::testing::FreePorts;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

const std::string kProgram = checkout::BinaryDirectory() + "/quantum";
const std::string kToy = checkout::BinaryDirectory() + "/toy-server";

struct Outcome {
  int exit_code = -1;
  std::string output;
};

Outcome Shell(const std::string& command) {
  Outcome outcome;
  FILE* pipe = ::popen((command + " 2>&1").c_str(), "r");
  char chunk[4096];
  for (size_t got = 0; (got = std::fread(chunk, 1, sizeof(chunk), pipe)) > 0;) {
    outcome.output.append(chunk, got);
  }
  const int status = ::pclose(pipe);
  outcome.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return outcome;
}

// A platform in a temporary directory. Whatever happens to the test, it is taken down: a guard process waits for the
// end of this one.
class Supervisor : public ::testing::Test {
 protected:
  Supervisor() : directory_("operator"), layout_{(directory_.path() / "s").string()}, fleet_(layout_) {
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

  ~Supervisor() override {
    Quantum("down");
    ::kill(guard_, SIGKILL);
    ::waitpid(guard_, nullptr, 0);
    ::close(alive_[1]);
    for (const int port : ports_) {
      EXPECT_FALSE(ListeningPorts().contains(port)) << "something still listens on " << port;
    }
  }

  // `units` is the YAML below `units:`.
  void WriteManifest(const std::string& units) {
    quantum::testing::WriteFile(directory_.path() / "quantum.yml",
                                "version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\nunits:\n" + units);
  }

  std::string Server(const std::string& name, const std::string& more = {}) {
    const int port = FreePorts(1).front();
    ports_.push_back(port);
    return fmt::format("  {}:\n    command: [{}, \"{}\"]\n    port: {}\n    ready: {{tcp: true, interval: 20ms}}\n{}",
                       name, kToy, port, port, more);
  }

  Outcome Quantum(const std::string& arguments) {
    return Shell(fmt::format("{} {} --state {} --manifest {}", kProgram, arguments, layout_.root,
                             (directory_.path() / "quantum.yml").string()));
  }

  void Up() {
    const Outcome up = Quantum("up");
    ASSERT_EQ(up.exit_code, 0) << up.output;
  }

  UnitStatus Unit(const std::string& name) {
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

  bool ReadyWithin(milliseconds time, const std::string& name, int other_than) {
    return Eventually(time, [&] {
      const UnitStatus unit = Unit(name);
      return unit.state == State::kReady && unit.pid != other_than;
    });
  }

  // The supervisor's process, by the lock it holds.
  pid_t SupervisorPid() {
    const Outcome found =
        Shell(fmt::format("pgrep -f '^{}/bin/quantum supervise --state {}$'", layout_.root, layout_.root));
    return static_cast<pid_t>(std::atoi(found.output.c_str()));
  }
  pid_t KeeperPid() {
    const Outcome found =
        Shell(fmt::format("pgrep -f '^{}/bin/quantum supervise --keep --state {}$'", layout_.root, layout_.root));
    return static_cast<pid_t>(std::atoi(found.output.c_str()));
  }

  quantum::testing::TemporaryDirectory directory_;
  Layout layout_;
  LocalFleet fleet_;
  std::vector<int> ports_;
  int alive_[2] = {-1, -1};
  pid_t guard_ = -1;
};

TEST_F(Supervisor, StartsInOrderOfDependenceAndStopsInReverse) {
  WriteManifest(Server("c", "    depends: [b]\n") + Server("a") +
                "  b:\n    kind: task\n    command: [/bin/sleep, \"0.2\"]\n    depends: [a]\n");
  const Outcome up = Quantum("up");
  ASSERT_EQ(up.exit_code, 0) << up.output;
  EXPECT_LT(up.output.find("ready    a"), up.output.find("done     b")) << up.output;
  EXPECT_LT(up.output.find("done     b"), up.output.find("ready    c")) << up.output;
  EXPECT_NE(::getsid(Unit("a").pid), ::getsid(0)) << "the terminal's end would reach it";
  const Outcome down = Quantum("down");
  ASSERT_EQ(down.exit_code, 0) << down.output;
  EXPECT_LT(down.output.find("stopped  c"), down.output.find("stopped  a")) << down.output;
  EXPECT_EQ(Quantum("status").exit_code, 3);
}

TEST_F(Supervisor, ASecondUpSaysThatItRunsAndStartsNothing) {
  WriteManifest(Server("a"));
  Up();
  const int pid = Unit("a").pid;
  const Outcome again = Quantum("up");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, HasSubstr("runs already"));
  EXPECT_EQ(Unit("a").pid, pid);
}

TEST_F(Supervisor, AUnitKilledWithSigkillIsBackWithinFiveSeconds) {
  WriteManifest(Server("a"));
  Up();
  const int pid = Unit("a").pid;
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(ReadyWithin(seconds(5), "a", pid));
  EXPECT_EQ(Unit("a").restarts, 1);
}

TEST_F(Supervisor, AUnitThatKeepsCrashingHasFailedAfterItsBurstLimit) {
  WriteManifest(Server("a", "    restarts_max: 2\n"));
  Up();
  int pid = Unit("a").pid;
  for (int i = 0; i < 2; ++i) {
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(ReadyWithin(seconds(5), "a", pid));
    pid = Unit("a").pid;
  }
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually(seconds(5), [&] { return Unit("a").state == State::kFailed; }));
  EXPECT_THAT(Unit("a").detail, HasSubstr("given up"));
  EXPECT_EQ(Quantum("start a").exit_code, 0) << "the operator may start it again";
}

TEST_F(Supervisor, AProcessThatIsStoppedInItsTracksIsRestartedByLiveness) {
  WriteManifest(
      Server("a", "    live: {http: /health/live, interval: 200ms, timeout: 200ms}\n    stop_deadline: 300ms\n"));
  Up();
  const int pid = Unit("a").pid;
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_TRUE(ReadyWithin(seconds(10), "a", pid));
  EXPECT_NE(::kill(pid, 0), 0) << "the stopped process is gone";
}

TEST_F(Supervisor, ThatDiesComesBackAndFindsItsChildrenInsteadOfStartingTwins) {
  const std::string first_unit = Server("a");
  WriteManifest(first_unit + Server("b", "    depends: [a]\n"));
  Up();
  const int a = Unit("a").pid;
  const int b = Unit("b").pid;
  const pid_t first = SupervisorPid();
  ASSERT_GT(first, 0);
  ::kill(first, SIGKILL);
  ::kill(b, SIGKILL);  // dies while nobody watches
  ASSERT_TRUE(ReadyWithin(seconds(10), "b", b));
  EXPECT_NE(SupervisorPid(), first);
  EXPECT_EQ(Unit("a").pid, a);
  EXPECT_EQ(Shell(fmt::format("pgrep -cf '^{} {}'", kToy, ports_[0])).output, "1\n");
  ::kill(a, SIGKILL);
  EXPECT_TRUE(ReadyWithin(seconds(5), "a", a)) << "an adopted process is watched as well";
}

TEST_F(Supervisor, AfterLosingKeeperAndSupervisorUpFindsTheUnitsAgain) {
  WriteManifest(Server("a"));
  Up();
  const int a = Unit("a").pid;
  const pid_t keeper = KeeperPid();
  const pid_t supervisor = SupervisorPid();
  ASSERT_GT(keeper, 0);
  ::kill(keeper, SIGKILL);
  ::kill(supervisor, SIGKILL);
  ASSERT_TRUE(Eventually(seconds(5), [&] { return !fleet_.Running(); }));
  EXPECT_EQ(::kill(a, 0), 0) << "units live on";
  Up();
  EXPECT_EQ(Unit("a").pid, a);
}

TEST_F(Supervisor, AStrangerOnAPortIsNamedBeforeAnythingIsStarted) {
  const std::string a = Server("a");  // one statement each: ports_ keeps their order
  WriteManifest(a + Server("b"));
  const int listener = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_port = htons(static_cast<uint16_t>(ports_[1]));
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  ASSERT_EQ(::bind(listener, reinterpret_cast<sockaddr*>(&address), sizeof(address)), 0);
  ASSERT_EQ(::listen(listener, 1), 0);
  const Outcome up = Quantum("up");
  ::close(listener);
  EXPECT_EQ(up.exit_code, 1) << up.output;
  EXPECT_THAT(up.output, HasSubstr(fmt::format("port {} (for b) is held by pid {}", ports_[1], ::getpid())));
  EXPECT_THAT(up.output, Not(HasSubstr("ready")));
}

TEST_F(Supervisor, TheFailureOfOneUnitEndsUpWithItsLastWordsAndEverythingStopped) {
  WriteManifest(Server("a") +
                "  broken:\n    command: [/bin/sh, -c, \"echo wrong password >&2; exit 3\"]\n    depends: [a]\n"
                "    ready: {exec: [/bin/false], interval: 20ms}\n");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1);
  EXPECT_THAT(up.output, HasSubstr("broken exited with code 3"));
  EXPECT_THAT(up.output, HasSubstr("wrong password"));
  EXPECT_FALSE(fleet_.Running());
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
}

TEST_F(Supervisor, AUnitStoppedByTheOperatorStaysDownEvenAcrossTheSupervisorsDeath) {
  WriteManifest(Server("a") + Server("b"));
  Up();
  ASSERT_EQ(Quantum("stop a").exit_code, 0);
  const pid_t first = SupervisorPid();
  ::kill(first, SIGKILL);
  ASSERT_TRUE(Eventually(seconds(5), [&] { return Unit("b").state == State::kReady && SupervisorPid() != first; }));
  EXPECT_EQ(Unit("a").state, State::kStopped);
  EXPECT_EQ(Quantum("restart nonsense").exit_code, 1);
}

TEST_F(Supervisor, ADamagedManifestIsRefusedWithItsLine) {
  WriteManifest("  a:\n    command: [/bin/true]\n    colour: red\n");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 2) << up.output;
  EXPECT_THAT(up.output, HasSubstr("quantum.yml:"));
  EXPECT_THAT(up.output, HasSubstr("colour"));
}

}  // namespace
}  // namespace quantum::operate
