#include "operator/process/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <csignal>
#include <filesystem>
#include <thread>

#include "operator/state/layout.h"
#include "tests/support/temporary_directory.h"

namespace quantum::operate {
namespace {

using ::testing::HasSubstr;

class Processes : public ::testing::Test {
 protected:
  int RunToEnd(const ProcessSpec& spec) {
    const auto pid = Spawn(spec);
    EXPECT_TRUE(pid.ok()) << pid.error().message;
    int status = 0;
    ::waitpid(pid.value(), &status, 0);
    return WEXITSTATUS(status);
  }

  quantum::testing::TemporaryDirectory directory_{"operator-process"};
  std::string output_ = (directory_.path() / "output").string();
};

TEST_F(Processes, InheritNoEnvironmentNoDescriptorsAndAPrivateUmask) {
  const int open = ::dup(0);  // not close-on-exec: would leak into a careless child
  const std::string script = "echo env=[$HOME$USER] given=$GIVEN umask=$(umask); ls /proc/self/fd | wc -l";
  EXPECT_EQ(RunToEnd({.command = {"/bin/sh", "-c", script},
                      .environment = {{"GIVEN", "yes"}, {"PATH", "/usr/bin:/bin"}},
                      .output_path = output_}),
            0);
  ::close(open);
  const std::string text = Tail(output_, 10);
  EXPECT_THAT(text, HasSubstr("env=[] given=yes umask=0077"));
  EXPECT_THAT(text, HasSubstr("\n4"));  // 0, 1, 2 and the directory that ls reads
}

TEST_F(Processes, LeadASessionOfTheirOwnAndCannotGainPrivileges) {
  EXPECT_EQ(
      RunToEnd({.command = {"/bin/sh", "-c", "grep NoNewPrivs /proc/self/status; cut -d' ' -f6 /proc/$$/stat; echo $$"},
                .environment = {{"PATH", "/usr/bin:/bin"}},
                .output_path = output_}),
      0);
  const std::string text = Tail(output_, 10);
  EXPECT_THAT(text, HasSubstr("NoNewPrivs:\t1"));
  const std::string last = text.substr(text.rfind('\n') + 1);
  EXPECT_THAT(text, HasSubstr("\n" + last + "\n" + last));  // the session is the shell's own pid
}

TEST_F(Processes, AreHeldToTheirLimits) {
  const std::string script = "ulimit -Hd; ulimit -Hn; ulimit -Ht; ulimit -v";
  EXPECT_EQ(RunToEnd({.command = {"/bin/bash", "-c", script},
                      .environment = {{"PATH", "/usr/bin:/bin"}},
                      .output_path = output_,
                      .limits = {.data_bytes = 64u << 20, .open_files = 100, .cpu_seconds = 7}}),
            0);
  EXPECT_EQ(Tail(output_, 10), std::string(kLimitsMemory ? "65536" : "unlimited") + "\n100\n7\nunlimited");
}

TEST_F(Processes, ThatDoNotExistAreAnErrorOfTheCaller) {
  const auto pid = Spawn({.command = {"/no/such/program"}});
  ASSERT_FALSE(pid.ok());
  EXPECT_THAT(pid.error().message, HasSubstr("starting /no/such/program: No such file or directory"));
}

TEST_F(Processes, GetTheSignalThatWasWishedWhenTheThreadThatStartedThemEnds) {
  pid_t child = -1;
  std::thread starter([&] {
    const auto pid = Spawn({.command = {"/bin/sleep", "60"}, .parent_death_signal = SIGINT});
    child = pid.ok() ? *pid : -1;
  });
  starter.join();
  ASSERT_GT(child, 0);
  int status = 0;
  ASSERT_EQ(::waitpid(child, &status, 0), child);
  ASSERT_TRUE(WIFSIGNALED(status));
  EXPECT_EQ(WTERMSIG(status), SIGINT);
}

TEST_F(Processes, NeverRunWhenTheirRecordCannotBeWritten) {
  const std::string proof = output_ + "-ran";
  pid_t child = -1;
  const auto pid = Spawn({.command = {"/bin/touch", proof}}, [&child](pid_t forked) -> Status {
    child = forked;
    return Error{Errc::kExhausted, "disk full"};
  });
  ASSERT_FALSE(pid.ok());
  EXPECT_EQ(pid.error().message, "disk full");
  // Its end has been awaited: what it has not done by now it never does.
  ASSERT_GT(child, 0);
  EXPECT_EQ(::waitpid(child, nullptr, WNOHANG), -1);
  EXPECT_EQ(errno, ECHILD);
  EXPECT_FALSE(std::filesystem::exists(proof));
}

}  // namespace
}  // namespace quantum::operate
