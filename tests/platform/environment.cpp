#include "tests/platform/environment.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace quantum::testing {

namespace {

class PlatformEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    try {
      SharedMarketClock().Start(Stack::Get().PlannedPort("paper-exchange"));
      Stack::Get().BringUp();
    } catch (const std::exception& exception) {
      FAIL() << exception.what();
    }
  }
  void TearDown() override {
    SharedMarketClock().Stop();
    try {
      Stack::Get().TakeDown();
    } catch (const std::exception& exception) {
      FAIL() << exception.what();
    }
  }
};

[[maybe_unused]] ::testing::Environment* const kEnvironment =
    ::testing::AddGlobalTestEnvironment(new PlatformEnvironment);

}  // namespace

Stack& Stack::Get() {
  static Stack stack;
  return stack;
}

MarketClock& SharedMarketClock() {
  static MarketClock clock;
  return clock;
}

}  // namespace quantum::testing
