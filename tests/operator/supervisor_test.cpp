#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <csignal>
#include <cstring>
#include <filesystem>

#include "operator/process/process.h"
#include "operator/supervisor/record.h"
#include "tests/operator/toy_platform.h"
#include "tests/support/process.h"

// The real program `quantum` with toy units: every promise of the supervisor, kept against real processes.
namespace quantum::operate {
namespace {

using quantum::testing::Eventually;
using ::testing::HasSubstr;
using ::testing::Not;

class Supervisor : public ToyPlatform {};

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
  // The supervisor itself ends after it has answered.
  EXPECT_TRUE(Eventually(kSoon, [&] { return Quantum("status").exit_code == 3; }));
}

TEST_F(Supervisor, AUnitKilledWithSigkillIsBackWithinFiveSeconds) {
  WriteManifest(Server("a"));
  Up();
  const int pid = Unit("a").pid;
  ASSERT_EQ(::kill(pid, SIGKILL), 0);
  EXPECT_TRUE(ReadyWithin(kSoon, "a", pid));
  EXPECT_EQ(Unit("a").restarts, 1);
}

TEST_F(Supervisor, Pain6AUnitThatKeepsCrashingHasFailedAfterItsBurstLimit) {
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

TEST_F(Supervisor, Pain6AProcessThatIsStoppedInItsTracksIsRestartedByLiveness) {
  WriteManifest(
      Server("a", "    live: {http: /health/live, interval: 200ms, timeout: 1s}\n    stop_deadline: 300ms\n"));
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
  EXPECT_EQ(Shell(fmt::format("pgrep -cf '^{} {}'", ToyProgram(), ports_[0])).output, "1\n");
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
  for (const int signal : {SIGSTOP, SIGKILL}) {  // the one would replace the other
    ::kill(keeper, signal);
    ::kill(supervisor, signal);
  }
  ASSERT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
  EXPECT_EQ(::kill(a, 0), 0) << "units live on";
  Up();
  EXPECT_EQ(Unit("a").pid, a);
}

TEST_F(Supervisor, AUnitStoppedByTheOperatorStaysDownEvenAcrossTheSupervisorsDeath) {
  WriteManifest(Server("a") + Server("b"));
  Up();
  ASSERT_EQ(Quantum("stop a").exit_code, 0);
  const pid_t first = SupervisorPid();
  ::kill(first, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("b").state == State::kReady && SupervisorPid() != first; }));
  EXPECT_EQ(Unit("a").state, State::kStopped);
  EXPECT_EQ(Quantum("restart nonsense").exit_code, 2);
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

// --- While it runs
// ----------------------------------------------------------------------------------------------------

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
  EXPECT_TRUE(Eventually(kSoon, [&] { return Quantum("down").exit_code == 3; }));
}

// As Patroni: what it starts is nobody's child, and is there again for the next one.
constexpr const char* kLeaves = R"(  leaver:
    command: [/bin/bash, -c, "kill -0 $(cat ${DATA}/left.pid) || { setsid bash -c 'exec -a ${DATA}/left sleep 9999' &
              echo $! >${DATA}/left.pid; }; exec sleep 9999"]
    pid_file: "${DATA}/left.pid"
    ready: {exec: [/usr/bin/test, -s, "${DATA}/left.pid"], interval: 50ms}
)";

TEST_F(Supervisor, WhatAKilledUnitLeavesBehindLivesOnAndIsStoppedWithThePlatform) {
  WriteManifest(Server("a") + kLeaves);
  Up();
  const pid_t left = std::stoi(quantum::testing::ReadFile(layout_.Data() + "/left.pid"));
  const pid_t leaver = Unit("leaver").pid;
  ::kill(leaver, SIGKILL);
  ASSERT_TRUE(ReadyWithin(kSoon, "leaver", leaver));
  EXPECT_EQ(std::stoi(quantum::testing::ReadFile(layout_.Data() + "/left.pid")), left);
  ASSERT_EQ(::kill(left, 0), 0);
  ASSERT_EQ(Quantum("down").exit_code, 0);
  EXPECT_TRUE(Eventually(kSoon, [&] { return ::kill(left, 0) != 0; }));
}

TEST_F(Supervisor, DownStopsWhatWasLeftBehindAloneAndNoStrangerOfItsPid) {
  WriteManifest(Server("a") + kLeaves);
  Up();
  const std::string file = layout_.Data() + "/left.pid";
  const std::string left = quantum::testing::ReadFile(file);
  const std::vector<int> units = {Unit("a").pid, Unit("leaver").pid};
  KillAllBehindTheSupervisorsBack();
  for (const int unit : units) {
    ::kill(unit, SIGKILL);
  }
  ASSERT_TRUE(Eventually(kSoon, [&] { return LivingRecords(layout_.Records()).empty(); }));
  quantum::testing::WriteFile(file, std::to_string(::getpid()) + "\n");
  EXPECT_EQ(Quantum("down").exit_code, 3);
  quantum::testing::WriteFile(file, left);
  ASSERT_EQ(::kill(std::stoi(left), 0), 0);
  const Outcome down = Quantum("down");
  EXPECT_EQ(down.exit_code, 0) << down.output;
  EXPECT_TRUE(Eventually(kSoon, [&] { return ::kill(std::stoi(left), 0) != 0; }));
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

TEST_F(Supervisor, Pain6AUnitWhoseLossMattersHaltsEntriesWhenItIsGivenUp) {
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
  EXPECT_TRUE(Eventually(kSoon, [&] { return Unit("tidy").state == State::kScheduled; })) << "between its runs";
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("tidy").last_run.has_value(); }));
  EXPECT_EQ(Unit("tidy").last_run->detail, "exited with code 4");
  EXPECT_EQ(Unit("a").state, State::kReady) << "a failed run is nobody else's trouble";
  ASSERT_EQ(Quantum("stop tidy").exit_code, 0);
  const Outcome table = Quantum("schedule");
  EXPECT_THAT(table.output, HasSubstr("every 1s"));
  EXPECT_THAT(table.output, HasSubstr("exited with code 4"));
  ASSERT_EQ(Quantum("down").exit_code, 0);
  EXPECT_TRUE(Eventually(kSoon, [&] { return Quantum("schedule").exit_code == 3; }));
  Up();
  EXPECT_THAT(Quantum("schedule --json").output, HasSubstr("exited with code 4"));
}

}  // namespace
}  // namespace quantum::operate
