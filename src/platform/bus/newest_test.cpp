#include "platform/bus/newest.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

Event Tick(std::string key, uint64_t number) {
  return {.type = "market.tick", .sequence = number, .key = std::move(key)};
}

TEST(NewestQueue, OnlyTheNewestOfAKeyWaits) {
  NewestQueue queue(10);
  EXPECT_FALSE(queue.Put(Tick("BTC", 1)));
  EXPECT_FALSE(queue.Put(Tick("ETH", 2)));
  const auto dropped = queue.Put(Tick("BTC", 3));
  ASSERT_TRUE(dropped);
  EXPECT_TRUE(dropped->superseded);
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Take()->sequence, 3u) << "it keeps the place of the one it replaced";
  EXPECT_EQ(queue.Take()->sequence, 2u);
  EXPECT_FALSE(queue.Take());
}

TEST(NewestQueue, DropsTheKeyThatWaitedLongestWhenFull) {
  NewestQueue queue(2);
  queue.Put(Tick("A", 1));
  queue.Put(Tick("B", 2));
  const auto dropped = queue.Put(Tick("C", 3));
  ASSERT_TRUE(dropped);
  EXPECT_FALSE(dropped->superseded);
  EXPECT_EQ(dropped->type, "market.tick");
  EXPECT_EQ(queue.size(), 2u);
  EXPECT_EQ(queue.Take()->key, "B");
  EXPECT_EQ(queue.Take()->key, "C");
}

}  // namespace
}  // namespace quantum::bus
