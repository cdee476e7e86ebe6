#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <sstream>

#include "tests/operator/toy_platform.h"

// How commands answer: to names that are none, to an output that takes nothing, and to a newcomer.
namespace quantum::operate {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;
using ::testing::StartsWith;

class Answers : public ToyPlatform {};

TEST_F(Answers, ANameThatIsNoUnitIsWrongUsageAndTheNamesAreSaid) {
  WriteManifest(Server("execution") + Server("redis-1"));
  Up();
  for (const char* command : {"start", "stop", "restart", "logs"}) {
    const Outcome slip = Quantum(std::string(command) + " exection");
    EXPECT_EQ(slip.exit_code, 2) << slip.output;
    EXPECT_THAT(slip.output, AllOf(HasSubstr("there is no unit 'exection'; did you mean execution?"),
                                   HasSubstr("execution, redis-1")));
  }
}

TEST_F(Answers, AnOutputThatTakesNothingIsAFailureWithOneSentence) {
  WriteManifest(Server("a"));
  Up();
  for (const char* command : {"status", "status --json", "logs supervisor", "schedule", "check", "version"}) {
    const Outcome full = Quantum(std::string(command) + " >/dev/full");
    EXPECT_EQ(full.exit_code, 1) << command << ": " << full.output;
  }
  // Shell() joins the outputs; here only standard error is left.
  const Outcome said = Shell("sh -c '" + Command({})[0] + " version 2>&1 >/dev/full'");
  EXPECT_EQ(said.output, "quantum: standard output cannot be written: No space left on device\n");
}

TEST_F(Answers, AReaderThatHasGoneEndsACommandQuietly) {
  WriteManifest(Server("a"));
  Up();
  const Outcome status = Shell("sh -c '" + Command({})[0] + " status --state " + layout_.root + " | true'");
  EXPECT_EQ(status.output, "");
  const Outcome follow =
      Shell("sh -c '" + Command({})[0] + " logs supervisor -n 1000 --state " + layout_.root + " | head -n 1'");
  EXPECT_THAT(follow.output, AllOf(StartsWith("{"), Not(HasSubstr("quantum:"))));
}

TEST_F(Answers, StatusFitsAnyTerminalAndSaysFirstWhetherAllIsWell) {
  WriteManifest(Server("a") + Server("b", "    restarts_max: 0\n"));
  Up();
  EXPECT_THAT(Quantum("status").output, HasSubstr("Everything runs: 2 units."));
  ASSERT_EQ(Quantum("stop b").exit_code, 0);
  const Outcome status = Quantum("status");
  EXPECT_THAT(status.output, AllOf(HasSubstr("1 of 2 units do not run as they should."), HasSubstr("b is stopped")));
  std::istringstream lines(status.output);
  for (std::string line; std::getline(lines, line);) {
    EXPECT_LE(line.size(), 120u) << line;
    EXPECT_TRUE(std::all_of(line.begin(), line.end(), [](unsigned char c) { return c >= ' '; })) << line;
  }
}

}  // namespace
}  // namespace quantum::operate
