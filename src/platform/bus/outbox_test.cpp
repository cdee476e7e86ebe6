#include "platform/bus/outbox.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;

constexpr SteadyTime kStart{1h};
Event Of(std::string type) { return {.type = std::move(type), .payload = "{}"}; }

TEST(MemoryOutbox, NumbersEveryStreamWithoutAGapFromOne) {
  MemoryOutbox outbox("p", "inc", 100);
  EXPECT_EQ(outbox.Append(Of("order.placed"))->sequence, 1u);
  EXPECT_EQ(outbox.Append(Of("risk.approved"))->sequence, 1u);
  const auto ticket = outbox.Append(Of("order.filled"));
  EXPECT_EQ(ticket->sequence, 2u);
  EXPECT_EQ(outbox.lane(ticket->lane).family, "order");
  const auto events = outbox.Read(ticket->lane, 0, 10);
  ASSERT_EQ(events.size(), 2u);
  EXPECT_EQ(events[1]->incarnation, "inc");
  EXPECT_EQ(events[1]->producer, "p");
  EXPECT_EQ(outbox.Read(ticket->lane, 1, 10).size(), 1u);
}

TEST(MemoryOutbox, RefusesWhenFullAndSpendsNoNumberOnIt) {
  MemoryOutbox outbox("p", "inc", 2);
  ASSERT_TRUE(outbox.Append(Of("order.placed")).ok());
  ASSERT_TRUE(outbox.Append(Of("order.placed")).ok());
  const auto refused = outbox.Append(Of("order.placed"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kExhausted);
  outbox.Confirm(0, 1, kStart);
  EXPECT_EQ(outbox.Append(Of("order.placed"))->sequence, 3u);
}

TEST(MemoryOutbox, KeepsConfirmedEventsForANewMasterThatLacksThem) {
  MemoryOutbox outbox("p", "inc", 100);
  for (int i = 0; i < 10; ++i) {
    ASSERT_TRUE(outbox.Append(Of("order.placed")).ok());
  }
  outbox.Confirm(0, 6, kStart);
  outbox.Confirm(0, 4, kStart);  // an older answer changes nothing
  EXPECT_EQ(outbox.pending(), 4u);
  EXPECT_EQ(outbox.retained(), 6u);
  outbox.Retire(kStart + 29s);
  EXPECT_EQ(outbox.Read(0, 3, 100).front()->sequence, 4u);
  outbox.Confirm(0, 8, kStart + 29s);
  outbox.Retire(kStart + 31s);
  EXPECT_EQ(outbox.Read(0, 0, 100).front()->sequence, 7u) << "the first six were kept for half a minute";
  outbox.Retire(kStart + 60s);
  EXPECT_EQ(outbox.Read(0, 0, 100).front()->sequence, 9u) << "what is not confirmed stays for ever";
  EXPECT_EQ(outbox.pending(), 2u);
  EXPECT_EQ(outbox.retained(), 0u);
}

TEST(MemoryOutbox, ConfirmedEventsTakeNoMoreMemoryThanTheBound) {
  MemoryOutbox outbox("p", "inc", 10);
  size_t early = 0;
  for (uint64_t i = 1; i <= 100; ++i) {
    ASSERT_TRUE(outbox.Append(Of("order.placed")).ok());
    outbox.Confirm(0, i, kStart);
    early += outbox.Retire(kStart);
    ASSERT_LE(outbox.retained(), 10u);
  }
  EXPECT_EQ(early, 90u) << "nobody is told";
  EXPECT_EQ(outbox.Retire(kStart + LaneQueues::kRetention), 0u) << "these go in their time";
}

}  // namespace
}  // namespace quantum::bus
