#include "platform/bus/seen.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

TEST(SeenWindow, RemembersExactlyWhatWasAppliedAndNotWhatLiesBetween) {
  SeenWindow seen;
  seen.Insert("p/1", 5);
  seen.Insert("p/1", 3);
  EXPECT_TRUE(seen.Contains("p/1", 3));
  EXPECT_TRUE(seen.Contains("p/1", 5));
  EXPECT_FALSE(seen.Contains("p/1", 4)) << "an older event may come after a newer one";
  EXPECT_FALSE(seen.Contains("p/2", 5)) << "another incarnation numbers anew";
}

TEST(SeenWindow, ForgetsTheOldestOfALaneAndTheLaneUnusedLongest) {
  SeenWindow seen(3, 2);
  for (uint64_t i = 1; i <= 4; ++i) {
    seen.Insert("a", i);
  }
  EXPECT_FALSE(seen.Contains("a", 1));
  EXPECT_TRUE(seen.Contains("a", 2));
  seen.Insert("b", 1);
  seen.Insert("a", 5);
  seen.Insert("c", 1);
  EXPECT_FALSE(seen.Contains("b", 1));
  EXPECT_TRUE(seen.Contains("a", 5));
}

}  // namespace
}  // namespace quantum::bus
