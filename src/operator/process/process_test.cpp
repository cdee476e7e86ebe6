#include "operator/process/process.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>

#include "operator/state/layout.h"

namespace quantum::operate {
namespace {

using testing::HasSubstr;

class Processes : public testing::Test {
 protected:
  Processes() : output_(testing::TempDir() + "output-" + std::to_string(::getpid())) {}
  ~Processes() override { std::filesystem::remove(output_); }

  int RunToEnd(const ProcessSpec& spec) {
    const auto pid = Spawn(spec);
    EXPECT_TRUE(pid.ok()) << pid.error().message;
    int status = 0;
    ::waitpid(pid.value(), &status, 0);
    return WEXITSTATUS(status);
  }

  std::string output_;
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

TEST_F(Processes, ThatDoNotExistAreAnErrorOfTheCaller) {
  const auto pid = Spawn({.command = {"/no/such/program"}});
  ASSERT_FALSE(pid.ok());
  EXPECT_THAT(pid.error().message, HasSubstr("starting /no/such/program: No such file or directory"));
}

TEST_F(Processes, NeverRunWhenTheirRecordCannotBeWritten) {
  const std::string proof = output_ + "-ran";
  const auto pid = Spawn({.command = {"/bin/touch", proof}}, [](pid_t) -> Status {
    return Error{Errc::kExhausted, "disk full"};
  });
  ASSERT_FALSE(pid.ok());
  EXPECT_EQ(pid.error().message, "disk full");
  EXPECT_FALSE(std::filesystem::exists(proof));
}

}  // namespace
}  // namespace quantum::operate
