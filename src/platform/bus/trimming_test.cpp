#include "platform/bus/trimming.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;

const WallTime kNow = FromUnixMs(10'000'000'000);
constexpr uint64_t kHourAgo = 10'000'000'000 - 3'600'000;

TEST(TrimBelow, KeepsAnHourEvenWhenEverybodyHasReadEverything) {
  EXPECT_EQ(TrimBelow({{.last_delivered = {10'000'000'000, 0}}}, kNow), (EntryId{kHourAgo, 0}));
}

TEST(TrimBelow, Pain5NeverPassesTheSlowestGroupOrAnythingPending) {
  EXPECT_EQ(TrimBelow({{.last_delivered = {10'000'000'000, 0}}, {.last_delivered = {500, 7}}}, kNow),
            (EntryId{500, 7}));
  EXPECT_EQ(TrimBelow({{.last_delivered = {10'000'000'000, 0}, .oldest_pending = EntryId{300, 1}}}, kNow),
            (EntryId{300, 1}));
  EXPECT_EQ(TrimBelow({{.last_delivered = {0, 0}}}, kNow), (EntryId{0, 0})) << "a group that has read nothing";
}

TEST(TrimBelow, KeepsADayOfAStreamThatNobodyReads) {
  EXPECT_EQ(TrimBelow({}, kNow), (EntryId{10'000'000'000 - 24 * 3'600'000ULL, 0}));
}

TEST(EntryId, ReadsItsTextAndOrdersByBothParts) {
  EXPECT_EQ(EntryId::Parse("1700-3"), (EntryId{1700, 3}));
  EXPECT_EQ((EntryId{1700, 3}).ToString(), "1700-3");
  EXPECT_LT((EntryId{1700, 3}), (EntryId{1700, 20}));
  for (const char* text : {"", "1", "1-", "-1", "a-1", "1-b", "1-2-3"}) {
    EXPECT_FALSE(EntryId::Parse(text)) << text;
  }
}

}  // namespace
}  // namespace quantum::bus
