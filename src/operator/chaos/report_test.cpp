#include "operator/chaos/report.h"

#include <gtest/gtest.h>

namespace quantum::operate::chaos {
namespace {

TEST(Report, AShortRunProvesNothingAndSaysWhy) {
  Report report;
  const Round round{.fault = "kill-master", .measured = {.acknowledged = kAcknowledgedLeast, .in_flight = 1}};
  report.rounds.assign(kStrikesLeast - 1, round);
  EXPECT_EQ(report.Doubts(), (std::vector<std::string>{"kill-master struck 4 of 5 times",
                                                       "nothing was delivered again, so nothing could be doubled"}));
  report.rounds.push_back(round);
  report.verdict.redelivered = 1;
  EXPECT_TRUE(report.Good());
  EXPECT_TRUE(report.Doubts().empty());
  report.rounds.front().measured.in_flight = 0;
  EXPECT_FALSE(report.Doubts().empty()) << "a round that does not count is no strike";
}

}  // namespace
}  // namespace quantum::operate::chaos
