#include <arpa/inet.h>
#include <fcntl.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <cstdio>
#include <cstring>
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
using quantum::testing::Process;
using std::chrono::milliseconds;
using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;

// What happens at once, on a machine that is busy with other things.
constexpr seconds kSoon(30);

const std::string kProgram = checkout::BinaryDirectory() + "/quantum";
const std::string kToy = checkout::BinaryDirectory() + "/toy-server";

struct Outcome {
  int exit_code = -1;
  std::string output;
};

// A program that hangs is ended after three minutes (exit code 124).
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

  // A toy service that is ready only while the file Away() does not exist, and alive all the time.
  std::string Away() const { return (directory_.path() / "away").string(); }
  std::string Waiting(const std::string& name, const std::string& more = {}) {
    const int port = FreePorts(1).front();
    ports_.push_back(port);
    return fmt::format(
        "  {}:\n    command: [{}, \"{}\", \"0\", {}]\n    port: {}\n    start_deadline: 400ms\n"
        "    ready: {{http: /health/ready, interval: 20ms}}\n    live: {{http: /health/live, interval: 100ms}}\n{}",
        name, kToy, port, Away(), port, more);
  }

  void KillAllBehindTheSupervisorsBack() {
    const pid_t keeper = KeeperPid();
    const pid_t supervisor = SupervisorPid();
    ASSERT_GT(keeper, 0);
    ASSERT_GT(supervisor, 0);
    ::kill(keeper, SIGKILL);
    ::kill(supervisor, SIGKILL);
    ASSERT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
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
    const Outcome found = Shell(fmt::format("pgrep -f '^{}/bin/quantum supervise --keep( --watch [0-9]+)? --state {}$'",
                                            layout_.root, layout_.root));
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
  EXPECT_TRUE(ReadyWithin(kSoon, "a", pid));
  EXPECT_EQ(Unit("a").restarts, 1);
}

TEST_F(Supervisor, AUnitThatKeepsCrashingHasFailedAfterItsBurstLimit) {
  WriteManifest(Server("a", "    restarts_max: 2\n"));
  Up();
  int pid = Unit("a").pid;
  for (int i = 0; i < 2; ++i) {
    ::kill(pid, SIGKILL);
    ASSERT_TRUE(ReadyWithin(kSoon, "a", pid));
    pid = Unit("a").pid;
  }
  ::kill(pid, SIGKILL);
  EXPECT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kFailed; }));
  EXPECT_THAT(Unit("a").detail, HasSubstr("given up"));
  EXPECT_EQ(Quantum("start a").exit_code, 0) << "the operator may start it again";
}

TEST_F(Supervisor, AProcessThatIsStoppedInItsTracksIsRestartedByLiveness) {
  WriteManifest(
      Server("a", "    live: {http: /health/live, interval: 200ms, timeout: 200ms}\n    stop_deadline: 300ms\n"));
  Up();
  const int pid = Unit("a").pid;
  ASSERT_EQ(::kill(pid, SIGSTOP), 0);
  EXPECT_TRUE(ReadyWithin(kSoon, "a", pid));
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
  ASSERT_TRUE(ReadyWithin(kSoon, "b", b));
  EXPECT_NE(SupervisorPid(), first);
  EXPECT_EQ(Unit("a").pid, a);
  EXPECT_EQ(Shell(fmt::format("pgrep -cf '^{} {}'", kToy, ports_[0])).output, "1\n");
  ::kill(a, SIGKILL);
  EXPECT_TRUE(ReadyWithin(kSoon, "a", a)) << "an adopted process is watched as well";
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
  ASSERT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
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
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("b").state == State::kReady && SupervisorPid() != first; }));
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

// --- After a reboot
// ---------------------------------------------------------------------------------------------------

TEST_F(Supervisor, AfterAllWasKilledUpRunsTheTasksAgainAndEndsOnlyWhenEverythingIsReady) {
  const std::string ran = (directory_.path() / "ran").string();
  WriteManifest(Server("a") +
                fmt::format("  init:\n    kind: task\n    command: [/bin/sh, -c, \"echo x >> {}\"]\n", ran) +
                Server("b", "    depends: [a, init]\n"));
  Up();
  const std::vector<int> units = {Unit("a").pid, Unit("b").pid};
  KillAllBehindTheSupervisorsBack();
  for (const int unit : units) {
    ::kill(unit, SIGKILL);
  }
  ASSERT_TRUE(Eventually(kSoon, [&] { return LivingRecords(layout_.Records()).empty(); }));
  ASSERT_FALSE(ReadRecords(layout_.Records()).empty()) << "what a power cut leaves";
  Up();
  EXPECT_EQ(Unit("a").state, State::kReady);
  EXPECT_EQ(Unit("b").state, State::kReady);
  EXPECT_EQ(quantum::testing::ReadFile(ran), "x\nx\n");
}

TEST_F(Supervisor, UpAfterLosingTheSupervisorAndOneUnitEndsOnlyWhenThatIsReadyAgain) {
  const std::string a = Server("a");
  WriteManifest(a + Server("b"));
  Up();
  const int b = Unit("b").pid;
  KillAllBehindTheSupervisorsBack();
  ::kill(b, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return LivingRecords(layout_.Records()).size() == 1; }));
  Up();
  EXPECT_EQ(Unit("b").state, State::kReady);
}

// --- A start that fails ----------------------------------------------------------------------------------------------

TEST_F(Supervisor, AFailedStartIsStoppedAlsoWhenUpItselfHasDied) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sh, -c, \"sleep 0.7; exit 3\"]\n");
  Process up(
      {.command = {kProgram, "up", "--state", layout_.root, "--manifest", (directory_.path() / "quantum.yml").string()},
       .output = directory_.path() / "up.out"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  up.Kill();
  EXPECT_TRUE(Eventually(seconds(15), [&] { return !fleet_.Running(); }));
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
}

TEST_F(Supervisor, ASecondUpJoinsTheStartAndFailsWithIt) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sh, -c, \"sleep 0.7; exit 3\"]\n");
  Process first(
      {.command = {kProgram, "up", "--state", layout_.root, "--manifest", (directory_.path() / "quantum.yml").string()},
       .output = directory_.path() / "up.out"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  const Outcome second = Quantum("up");
  EXPECT_EQ(second.exit_code, 1) << second.output;
  EXPECT_THAT(second.output, HasSubstr("slow exited with code 3"));
  EXPECT_THAT(second.output, HasSubstr("Everything is stopped again."));
}

TEST_F(Supervisor, UpOnAPlatformWithAFailedUnitFailsAndNamesIt) {
  WriteManifest(Server("a", "    restarts_max: 0\n"));
  Up();
  ::kill(Unit("a").pid, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kFailed; }));
  const Outcome again = Quantum("up");
  EXPECT_EQ(again.exit_code, 1) << again.output;
  EXPECT_THAT(again.output, HasSubstr("a is failed"));
  EXPECT_THAT(again.output, Not(HasSubstr("Everything is stopped")));
}

TEST_F(Supervisor, SigtermBeforeEverythingIsReadyStopsAForegroundUp) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"20\"]\n");
  Process up({.command = {kProgram, "up", "--foreground", "--state", layout_.root, "--manifest",
                          (directory_.path() / "quantum.yml").string()},
              .output = directory_.path() / "up.out"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  up.Signal(SIGTERM);
  EXPECT_TRUE(Eventually(kSoon, [&] { return !up.Running(); }));
  EXPECT_THAT(quantum::testing::ReadFile(directory_.path() / "up.out"), HasSubstr("everything is stopped"));
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
}

TEST_F(Supervisor, DownDuringUpIsNotTakenForTheFailureOfAUnit) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"20\"]\n");
  Process up(
      {.command = {kProgram, "up", "--state", layout_.root, "--manifest", (directory_.path() / "quantum.yml").string()},
       .output = directory_.path() / "up.out"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  ASSERT_EQ(Quantum("down").exit_code, 0);
  ASSERT_TRUE(Eventually(kSoon, [&] { return !up.Running(); }));
  const std::string said = quantum::testing::ReadFile(directory_.path() / "up.out");
  EXPECT_THAT(said, HasSubstr("stopped"));
  EXPECT_THAT(said, Not(HasSubstr("the.out")));
  EXPECT_THAT(said, Not(HasSubstr("Everything is stopped again")));
}

TEST_F(Supervisor, TheDeathOfTheSupervisorDuringUpIsSurvived) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"1\"]\n");
  Process up(
      {.command = {kProgram, "up", "--state", layout_.root, "--manifest", (directory_.path() / "quantum.yml").string()},
       .output = directory_.path() / "up.out"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  const pid_t supervisor = SupervisorPid();
  ASSERT_GT(supervisor, 0);
  ::kill(supervisor, SIGKILL);
  const auto ended = up.Stop(seconds(15), 0);
  EXPECT_EQ(ended, 0) << quantum::testing::ReadFile(directory_.path() / "up.out");
  EXPECT_EQ(Unit("slow").state, State::kDone);
}

TEST_F(Supervisor, LastWordsAreThoseOfThisRun) {
  const std::string broken =
      "  broken:\n    command: [/bin/sh, -c, \"echo WORD; exit 3\"]\n    ready: {exec: [/bin/false]}\n";
  std::string first = broken;
  first.replace(first.find("WORD"), 4, "No space left on device");
  WriteManifest(first);
  const Outcome full = Quantum("up");
  EXPECT_THAT(full.output, HasSubstr("the disk is full: free some space"));
  std::string second = broken;
  second.replace(second.find("WORD"), 4, "something else");
  WriteManifest(second);
  const Outcome other = Quantum("up");
  EXPECT_THAT(other.output, HasSubstr("something else"));
  EXPECT_THAT(other.output, Not(HasSubstr("disk")));
}

TEST_F(Supervisor, AServiceThatDoesNotGetReadySaysWhyInOneSentence) {
  WriteManifest(Waiting("a"));
  quantum::testing::WriteFile(Away(), "");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1);
  EXPECT_THAT(up.output, HasSubstr("a did not become ready within 0 s (waits: WRONGPASS"));
  EXPECT_THAT(up.output, HasSubstr("a password does not fit: put the files back into " + layout_.Secrets()));
  EXPECT_THAT(up.output, HasSubstr("Everything is stopped again."));
}

// --- While it runs ---------------------------------------------------------------------------------------------------

TEST_F(Supervisor, WhoRestartsWhileADependencyIsAwayIsLeftAlone) {
  WriteManifest(Waiting("a", "    restarts_max: 1\n"));
  Up();
  quantum::testing::WriteFile(Away(), "");
  const int killed = Unit("a").pid;
  ::kill(killed, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").detail.find("alive, but not ready") == 0; }));
  const int waits = Unit("a").pid;
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1);
  EXPECT_THAT(up.output, HasSubstr("WRONGPASS"));
  std::filesystem::remove(Away());
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  EXPECT_EQ(Unit("a").pid, waits);
  EXPECT_EQ(Unit("a").restarts, 1);
}

TEST_F(Supervisor, AKilledKeeperIsReplacedAndTheNewOneKeepsToo) {
  WriteManifest(Server("a"));
  Up();
  const pid_t keeper = KeeperPid();
  const pid_t first = SupervisorPid();
  ASSERT_GT(keeper, 0);
  ASSERT_GT(first, 0);
  const int unit = Unit("a").pid;
  ::kill(keeper, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return KeeperPid() > 0 && KeeperPid() != keeper; }));
  EXPECT_EQ(SupervisorPid(), first);
  ::kill(first, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return fleet_.Running() && SupervisorPid() != first; }));
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; })) << "it was found again";
  EXPECT_EQ(Unit("a").pid, unit);
  ASSERT_EQ(Quantum("down").exit_code, 0);
  EXPECT_TRUE(Eventually(kSoon, [&] { return KeeperPid() == 0; }));
}

TEST_F(Supervisor, DownStopsUnitsWhoseKeeperAndSupervisorWereKilled) {
  WriteManifest(Server("a"));
  Up();
  KillAllBehindTheSupervisorsBack();
  const Outcome down = Quantum("down");
  EXPECT_EQ(down.exit_code, 0) << down.output;
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
  EXPECT_EQ(Quantum("down").exit_code, 3);
}

TEST_F(Supervisor, ARequestThatIsNoObjectIsRefusedAndEndsNothing) {
  WriteManifest(Server("a"));
  Up();
  const pid_t supervisor = SupervisorPid();
  for (const char* request : {"[1]", "5", "null", "{", "\"x\"", "{\"op\":5}"}) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::strcpy(address.sun_path, layout_.Socket().c_str());
    const int socket = ::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    ASSERT_EQ(::connect(socket, reinterpret_cast<const sockaddr*>(&address), sizeof(address)), 0);
    const std::string line = std::string(request) + "\n";
    ASSERT_GT(::send(socket, line.data(), line.size(), MSG_NOSIGNAL), 0);
    char answer[256] = {};
    EXPECT_GT(::recv(socket, answer, sizeof(answer) - 1, 0), 0) << request;
    EXPECT_THAT(answer, HasSubstr("\"ok\":false")) << request;
    ::close(socket);
  }
  EXPECT_EQ(SupervisorPid(), supervisor);
}

TEST_F(Supervisor, AUnitWhoseLossMattersHaltsEntriesWhenItIsGivenUp) {
  const std::string dispensable = Server("a", "    restarts_max: 0\n");
  WriteManifest(dispensable + Server("b", "    restarts_max: 0\n    halts_entries: true\n"));
  Up();
  ::kill(Unit("a").pid, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kFailed; }));
  EXPECT_FALSE(std::filesystem::exists(layout_.HaltFile()));
  ::kill(Unit("b").pid, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return std::filesystem::exists(layout_.HaltFile()); }));
  EXPECT_THAT(quantum::testing::ReadFile(layout_.HaltFile()), HasSubstr("b was given up: was killed by signal 9"));
}

TEST_F(Supervisor, UnitsAreHeldToTheLimitsOfTheManifest) {
  WriteManifest(Server("a", "    limits: {memory: 64MiB, open_files: 100}\n"));
  Up();
  const std::string limits = quantum::testing::ReadFile(fmt::format("/proc/{}/limits", Unit("a").pid));
  const bool sanitized = quantum::testing::kSlowdown > 1;  // a sanitizer's own books are larger than any limit
  EXPECT_THAT(limits,
              ::testing::ContainsRegex(sanitized ? "Max data size +unlimited" : "Max data size +67108864 +67108864"));
  EXPECT_THAT(limits, ::testing::ContainsRegex("Max open files +100 +100"));
  EXPECT_THAT(Quantum("check").output, ::testing::ContainsRegex("a +64 MiB +100"));
}

TEST_F(Supervisor, ATaskRunsByItsScheduleAndItsResultOutlivesAStop) {
  const std::string ran = (directory_.path() / "ran").string();
  WriteManifest(Server("a") + fmt::format("  tidy:\n    kind: task\n    schedule: every 1s\n"
                                          "    command: [/bin/sh, -c, \"echo x >> {}; exit 4\"]\n",
                                          ran));
  Up();
  EXPECT_EQ(Unit("tidy").state, State::kScheduled);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("tidy").last_run.has_value(); }));
  EXPECT_EQ(Unit("tidy").last_run->detail, "exited with code 4");
  EXPECT_EQ(Unit("a").state, State::kReady) << "a failed run is nobody else's trouble";
  ASSERT_EQ(Quantum("stop tidy").exit_code, 0);
  const Outcome table = Quantum("schedule");
  EXPECT_THAT(table.output, HasSubstr("every 1s"));
  EXPECT_THAT(table.output, HasSubstr("exited with code 4"));
  ASSERT_EQ(Quantum("down").exit_code, 0);
  EXPECT_EQ(Quantum("schedule").exit_code, 3);
  Up();
  EXPECT_THAT(Quantum("schedule --json").output, HasSubstr("exited with code 4"));
}

}  // namespace
}  // namespace quantum::operate
