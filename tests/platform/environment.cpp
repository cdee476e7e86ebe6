#include "tests/platform/environment.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace quantum::testing {

namespace {

class PlatformEnvironment : public ::testing::Environment {
 public:
  void SetUp() override {
    try {
      Stack::Get().BringUp();
      SharedMarketClock().Start(Stack::Get().Port("paper-exchange"));
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
