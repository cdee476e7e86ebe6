#include "services/execution/absence.h"

#include <gtest/gtest.h>

namespace quantum::execution {
namespace {

using namespace std::chrono_literals;

constexpr WallTime kSent{1000h};

TEST(AbsenceProof, TakesTwoAnswersLaterThanTheWindowAndASecond) {
  AbsenceProof proof(kSent, 5s);
  EXPECT_FALSE(proof.OnNotFound(kSent + 6s));
  EXPECT_FALSE(proof.OnNotFound(kSent + 6s + 1ms));
  EXPECT_TRUE(proof.OnNotFound(kSent + 6s + 2ms));
}

TEST(AbsenceProof, ProvesNothingWhileTheVenuesClockIsNotKnown) {
  AbsenceProof proof(std::nullopt, 5s);
  EXPECT_FALSE(proof.OnNotFound(std::nullopt));
  EXPECT_FALSE(proof.Left(kSent));
  EXPECT_FALSE(proof.OnNotFound(kSent)) << "it was sent before";
  EXPECT_EQ(proof.Left(kSent + 1s), 5s);
  EXPECT_FALSE(proof.Left(std::nullopt));
}

TEST(AbsenceProof, TellsHowLongItTakesStill) {
  const AbsenceProof proof(kSent, 5s);
  EXPECT_EQ(proof.Left(kSent - 1s), 7s);
  EXPECT_EQ(proof.Left(kSent + 6s), 0s);
  EXPECT_EQ(proof.Left(kSent + 1h), 0s);
}

}  // namespace
}  // namespace quantum::execution
