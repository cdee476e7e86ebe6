#include "platform/base/result.h"

#include <gtest/gtest.h>

#include <memory>

namespace quantum {
namespace {

Result<int> Half(int n) {
  if (n % 2 != 0) {
    return Error{Errc::kInvalidArgument, "odd"};
  }
  return n / 2;
}

Result<int> Quarter(int n) {
  QUANTUM_TRY(const int half, Half(n));
  QUANTUM_TRY(const int quarter, Half(half));
  return quarter;
}

TEST(Result, TryPassesTheErrorOn) {
  EXPECT_EQ(Quarter(8).value(), 2);
  EXPECT_EQ(Quarter(6).error().message, "odd");
}

TEST(Result, HoldsMoveOnlyValues) {
  Result<std::unique_ptr<int>> result = std::make_unique<int>(7);
  const std::unique_ptr<int> value = std::move(result).value();
  EXPECT_EQ(*value, 7);
}

TEST(ResultDeathTest, ReadingTheValueOfAnErrorAborts) {
  EXPECT_DEATH({ (void)Half(1).value(); }, "of an error: odd");
}

TEST(Error, WithinPutsTheCircumstancesInFront) {
  EXPECT_EQ((Error{Errc::kTimeout, "no answer"}.Within("asking")).message, "asking: no answer");
}

}  // namespace
}  // namespace quantum
