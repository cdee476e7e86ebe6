#include "services/execution/process_name.h"

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

namespace quantum::execution {
namespace {

class ProcessNameTest : public ::testing::Test {
 protected:
  void SetUp() override {
    child_ = ::fork();
    if (child_ == 0) {
      ::pause();
      ::_exit(0);
    }
    name_ = ProcessName(child_);
  }
  void TearDown() override {
    if (child_ > 0) {
      End();
    }
  }
  void Kill() const {
    ::kill(child_, SIGKILL);
    siginfo_t info;
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child_), &info, WEXITED | WNOWAIT), 0);
  }
  void End() {
    ::kill(child_, SIGKILL);
    ::waitpid(child_, nullptr, 0);
    child_ = -1;
  }
  pid_t child_ = -1;
  std::string name_;
};

TEST_F(ProcessNameTest, AProcessHasEndedOnceNothingOfItIsLeft) {
  ASSERT_FALSE(name_.empty());
  EXPECT_FALSE(HasEnded(name_));
  ::kill(child_, SIGSTOP);
  EXPECT_FALSE(HasEnded(name_)) << "it may go on";
  Kill();
  EXPECT_FALSE(HasEnded(name_)) << "its parent has not taken note yet";
  End();
  EXPECT_TRUE(HasEnded(name_));
}

TEST_F(ProcessNameTest, APidThatIsUsedAgainIsAnotherProcess) {
  const std::string earlier = name_.substr(0, name_.rfind('/')) + "/1";
  EXPECT_TRUE(HasEnded(earlier));
}

TEST_F(ProcessNameTest, OfAnotherMachineOrNamespaceAndOfWhatIsNoNameNothingIsKnown) {
  End();
  ASSERT_TRUE(HasEnded(name_));
  EXPECT_FALSE(HasEnded("0" + name_));
  std::string elsewhere = name_;
  elsewhere[elsewhere.find("pid:[") + 5] = 'x';
  EXPECT_FALSE(HasEnded(elsewhere));
  for (const char* none : {"", "/", "execution-service/uuid"}) {
    EXPECT_FALSE(HasEnded(none)) << none;
  }
  EXPECT_FALSE(HasEnded(name_.substr(0, name_.find("/pid:")))) << "cut off";
}

}  // namespace
}  // namespace quantum::execution
