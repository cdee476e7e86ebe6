#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>

#include <csignal>

#include "tests/operator/toy_platform.h"

// Ctrl-C, a closed terminal, and `up` in between.
namespace quantum::operate {
namespace {

using quantum::testing::Eventually;
using quantum::testing::Process;
using std::chrono::seconds;
using ::testing::HasSubstr;

class UpInterrupt : public ToyPlatform {
 protected:
  // `a` is ready at once, and the start waits for `slow`.
  void StartWithSomethingSlow(const std::string& sleeps) {
    WriteManifest(Server("a") + "  slow:\n    kind: task\n    command: [/bin/sleep, \"" + sleeps + "\"]\n");
  }
  void AwaitA() {
    ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("a").state == State::kReady; }));
  }
  // The exit code; -1 when it has not ended.
  static int EndOf(Process& up) {
    Eventually(kSoon, [&] { return !up.Running(); });
    const auto status = up.Stop(seconds(0), 0);
    return status && WIFEXITED(*status) ? WEXITSTATUS(*status) : -1;
  }
};

TEST_F(UpInterrupt, CtrlCWhileItStartsSaysSoAndStopsWhatWasStarted) {
  for (const int signal : {SIGINT, SIGTERM}) {
    StartWithSomethingSlow("60");
    Process up = UpInBackground();
    AwaitA();
    up.Signal(signal);
    EXPECT_EQ(EndOf(up), 128 + signal) << Said();
    EXPECT_THAT(Said(), HasSubstr("Interrupted: stopping what was started."));
    EXPECT_THAT(Said(), HasSubstr("stopped  a"));
    EXPECT_THAT(Said(), HasSubstr("everything is stopped, data is kept"));
    // The supervisor itself ends after it has answered.
    EXPECT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
  }
}

TEST_F(UpInterrupt, TheEndOfTheTerminalIsNoReasonToStop) {
  StartWithSomethingSlow("2");
  Process up = UpInBackground();
  AwaitA();
  up.Signal(SIGHUP);
  EXPECT_EQ(EndOf(up), 0) << Said();
  EXPECT_EQ(Unit("slow").state, State::kDone);
  EXPECT_EQ(Unit("a").state, State::kReady);
}

TEST_F(UpInterrupt, TheSecondCtrlCLeavesAtOnceAndSaysWhatGoesOn) {
  const std::string stubborn =
      "  stubborn:\n    command: [/bin/sh, -c, \"trap '' TERM; echo > ${RUN}/trapped; sleep 100\"]\n"
      "    ready: {exec: [/bin/test, -e, \"${RUN}/trapped\"], interval: 20ms}\n    stop_deadline: 8s\n";
  WriteManifest(stubborn + "  slow:\n    kind: task\n    command: [/bin/sleep, \"60\"]\n");
  Process up = UpInBackground();
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("stubborn").state == State::kReady; }));
  up.Signal(SIGINT);
  ASSERT_TRUE(Eventually(kSoon, [&] { return Unit("stubborn").state == State::kStopping; }));
  up.Signal(SIGINT);
  EXPECT_EQ(EndOf(up), 130);
  EXPECT_THAT(Said(), HasSubstr("left: everything goes on being stopped in the background"));
  EXPECT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); })) << "and so it does";
}

TEST_F(UpInterrupt, WhatAnotherUpHasStartedGoesOn) {
  StartWithSomethingSlow("60");
  Process first = UpInBackground();
  AwaitA();
  const auto output = directory_.path() / "second.out";
  Process second({.command = Command({"up"}), .output = output});
  ASSERT_TRUE(
      Eventually(kSoon, [&] { return quantum::testing::ReadFile(output).find("runs already") != std::string::npos; }));
  second.Signal(SIGINT);
  EXPECT_EQ(EndOf(second), 130);
  EXPECT_THAT(quantum::testing::ReadFile(output), HasSubstr("was not started by this command and goes on"));
  EXPECT_TRUE(first.Running());
  EXPECT_EQ(Unit("a").state, State::kReady);
  first.Signal(SIGINT);
  EXPECT_EQ(EndOf(first), 130) << Said();
}

TEST_F(UpInterrupt, InTheForegroundTheEndOfTheTerminalStopsEverything) {
  WriteManifest(Server("a"));
  Process up = UpInBackground({"--foreground"});
  ASSERT_TRUE(Eventually(kSoon, [&] { return Said().find("Ctrl-C stops everything") != std::string::npos; }));
  up.Signal(SIGHUP);
  EXPECT_EQ(EndOf(up), 0) << Said();
  EXPECT_TRUE(Eventually(kSoon, [&] { return !fleet_.Running(); }));
}

}  // namespace
}  // namespace quantum::operate
