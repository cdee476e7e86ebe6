#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <boost/json.hpp>
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

TEST_F(Answers, WhatActsOnAUnitSaysInJsonHowItStandsAfterwards) {
  WriteManifest(Server("a"));
  Up();
  const auto ask = [&](const std::string& command) {
    const Outcome outcome = Quantum(command + " --json");
    EXPECT_EQ(outcome.exit_code, 0) << outcome.output;
    return boost::json::parse(outcome.output);
  };
  const boost::json::value stopped = ask("stop a");
  EXPECT_EQ(stopped.at("name"), "a");
  EXPECT_EQ(stopped.at("state"), "stopped");
  EXPECT_EQ(stopped.at("pid"), 0);
  EXPECT_EQ(ask("start a").at("state"), "ready");
  const boost::json::value again = ask("restart a");
  EXPECT_EQ(again.at("pid"), Unit("a").pid);
}

TEST_F(Answers, AHaltSaysInJsonWhatWasDoneAlsoWhenNoServiceHearsIt) {
  WriteManifest(Server("a"));
  Up();
  const Outcome halt = Shell("sh -c '" + Command({})[0] + " halt --json --reason drill --state " + layout_.root +
                             " --manifest " + (directory_.path() / "quantum.yml").string() + " 2>/dev/null'");
  EXPECT_EQ(halt.exit_code, 1);
  const boost::json::value said = boost::json::parse(halt.output);
  EXPECT_EQ(said.at("on_disk"), true);
  EXPECT_EQ(said.at("execution_told"), false);
  EXPECT_EQ(said.at("recorded"), false);
  EXPECT_THAT(quantum::testing::ReadFile(layout_.HaltFile()), HasSubstr("drill"));
}

TEST_F(Answers, TheSupervisorMasksTheFieldsThatTheManifestNames) {
  WriteManifest(Server("a"), "limits: {masked_keys: [exit_code]}\n");
  Up();
  ASSERT_EQ(Quantum("restart a").exit_code, 0);
  std::string log;
  EXPECT_TRUE(Eventually(kSoon, [&] {
    log = quantum::testing::ReadFile(layout_.Log() + "/supervisor.log");
    return log.find(R"("exit_code": "***REDACTED***")") != std::string::npos;
  })) << log;
  EXPECT_THAT(log, Not(HasSubstr(R"("exit_code": 0)")));
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
