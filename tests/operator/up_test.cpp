#include <arpa/inet.h>
#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>

#include "operator/process/process.h"
#include "tests/operator/toy_platform.h"
#include "tests/support/process.h"

// `quantum up` with toy units: starts that fail, and starts that meet each other.
namespace quantum::operate {
namespace {

using quantum::testing::Eventually;
using quantum::testing::Process;
using ::testing::HasSubstr;
using ::testing::Not;

class UpTest : public ToyPlatform {};

TEST_F(UpTest, ASecondUpSaysThatItRunsAndStartsNothing) {
  WriteManifest(Server("a"));
  Up();
  const int pid = Unit("a").pid;
  const Outcome again = Quantum("up");
  EXPECT_EQ(again.exit_code, 0);
  EXPECT_THAT(again.output, HasSubstr("runs already"));
  EXPECT_EQ(Unit("a").pid, pid);
}

TEST_F(UpTest, AStrangerOnAPortIsNamedBeforeAnythingIsStarted) {
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

TEST_F(UpTest, TheFailureOfOneUnitEndsUpWithItsLastWordsAndEverythingStopped) {
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

TEST_F(UpTest, ADamagedManifestIsRefusedWithItsLine) {
  WriteManifest("  a:\n    command: [/bin/true]\n    colour: red\n");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 2) << up.output;
  EXPECT_THAT(up.output, HasSubstr("quantum.yml:"));
  EXPECT_THAT(up.output, HasSubstr("colour"));
}

TEST_F(UpTest, AFailedStartIsStoppedAlsoWhenUpItselfHasDied) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sh, -c, \"sleep 8; exit 3\"]\n");
  Process up = UpInBackground();
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  up.Kill();
  EXPECT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
}

TEST_F(UpTest, ASecondUpJoinsTheStartAndFailsWithIt) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sh, -c, \"sleep 5; exit 3\"]\n");
  Process first = UpInBackground();
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  const Outcome second = Quantum("up");
  EXPECT_EQ(second.exit_code, 1) << second.output;
  EXPECT_THAT(second.output, HasSubstr("slow exited with code 3"));
  EXPECT_THAT(second.output, HasSubstr("Everything is stopped again."));
}

TEST_F(UpTest, UpOnAPlatformWithAFailedUnitFailsAndNamesIt) {
  WriteManifest(Server("a", "    restarts_max: 0\n"));
  Up();
  ::kill(Unit("a").pid, SIGKILL);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kFailed; }));
  const Outcome again = Quantum("up");
  EXPECT_EQ(again.exit_code, 1) << again.output;
  EXPECT_THAT(again.output, HasSubstr("a is failed"));
  EXPECT_THAT(again.output, Not(HasSubstr("Everything is stopped")));
}

TEST_F(UpTest, SigtermBeforeEverythingIsReadyStopsAForegroundUp) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"20\"]\n");
  Process up = UpInBackground({"--foreground"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  up.Signal(SIGTERM);
  EXPECT_TRUE(Eventually(kSoon, [&] { return !up.Running(); }));
  EXPECT_THAT(Said(), HasSubstr("everything is stopped"));
  EXPECT_FALSE(ListeningPorts().contains(ports_[0]));
}

TEST_F(UpTest, DownDuringUpIsNotTakenForTheFailureOfAUnit) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"20\"]\n");
  Process up = UpInBackground();
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  ASSERT_EQ(Quantum("down").exit_code, 0);
  ASSERT_TRUE(Eventually(kSoon, [&] { return !up.Running(); }));
  const std::string said = Said();
  EXPECT_THAT(said, HasSubstr("stopped"));
  EXPECT_THAT(said, Not(HasSubstr("the.out")));
  EXPECT_THAT(said, Not(HasSubstr("Everything is stopped again")));
}

TEST_F(UpTest, TheDeathOfTheSupervisorDuringUpIsSurvived) {
  WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"3\"]\n");
  Process up = UpInBackground();
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  const pid_t supervisor = SupervisorPid();
  ASSERT_GT(supervisor, 0);
  ::kill(supervisor, SIGKILL);
  const auto ended = up.Stop(kSoon, 0);
  EXPECT_EQ(ended, 0) << Said();
  EXPECT_TRUE(Eventually(kSoon, [&] { return Unit("slow").state == State::kDone; }));
}

TEST_F(UpTest, LastWordsAreThoseOfThisRun) {
  const std::string broken =
      "  broken:\n    command: [/bin/sh, -c, \"echo WORD; exit 3\"]\n    ready: {exec: [/bin/false]}\n";
  std::string first = broken;
  first.replace(first.find("WORD"), 4, "No space left on device");
  WriteManifest(first);
  const Outcome full = Quantum("up");
  EXPECT_THAT(full.output, HasSubstr("The disk of " + layout_.root + " is full: free some space"));
  std::string second = broken;
  second.replace(second.find("WORD"), 4, "something else");
  WriteManifest(second);
  const Outcome other = Quantum("up");
  EXPECT_THAT(other.output, HasSubstr("something else"));
  EXPECT_THAT(other.output, Not(HasSubstr("disk")));
}

TEST_F(UpTest, AServiceThatDoesNotGetReadySaysWhyInOneSentence) {
  WriteManifest(Waiting("a"));
  quantum::testing::WriteFile(Away(), "");
  const Outcome up = Quantum("up");
  EXPECT_EQ(up.exit_code, 1);
  EXPECT_THAT(up.output, HasSubstr("a did not become ready within 5 s (waits: WRONGPASS"));
  EXPECT_THAT(up.output, HasSubstr("A password does not fit: put the files back into " + layout_.Secrets()));
  EXPECT_THAT(up.output, HasSubstr("Everything is stopped again."));
}

}  // namespace
}  // namespace quantum::operate
