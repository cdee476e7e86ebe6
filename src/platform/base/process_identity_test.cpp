#include "platform/base/process_identity.h"

#include <gtest/gtest.h>
#include <unistd.h>

namespace quantum {
namespace {

TEST(Identity, OfThisProcessIsAliveAndOfAnOtherStartTimeIsNot) {
  auto identity = Identify(::getpid());
  ASSERT_TRUE(identity.ok());
  EXPECT_TRUE(IsAlive(*identity));
  identity->start_ticks--;
  EXPECT_FALSE(IsAlive(*identity));
}

}  // namespace
}  // namespace quantum
