#include "platform/bus/bundle.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "platform/bus/append.h"
#include "platform/bus/codec.h"
#include "platform/bus/compression.h"
#include "platform/bus/test_fields.h"

namespace quantum::bus {
namespace {

using test::FieldsOf;

using ::testing::HasSubstr;

std::vector<EventPtr> Events(size_t count, size_t payload_bytes = 2) {
  std::vector<EventPtr> events;
  for (size_t i = 0; i < count; ++i) {
    events.push_back(std::make_shared<const Event>(Event{.id = "id-" + std::to_string(i),
                                                         .type = "order.placed",
                                                         .version = 2,
                                                         .producer = "p",
                                                         .incarnation = "i",
                                                         .sequence = 7 + i,
                                                         .source = "p",
                                                         .key = i % 2 == 0 ? "BTC,5:USDT" : "",
                                                         .correlation_id = "c\r\n",
                                                         .timestamp_ns = -1 - static_cast<int64_t>(i),
                                                         .payload = "{" + std::string(payload_bytes - 2, ' ') + "}"}));
  }
  return events;
}

TEST(Bundle, ComesBackAsItWas) {
  const auto events = Events(5);
  const auto read = ParseEntry(FieldsOf({"producer", "p", "inc", "i", "seq", "7", "n", "5", std::string(kBundleField),
                                         Compress(EncodeBundle(events, 0, events.size()))}));
  ASSERT_TRUE(read.ok()) << read.error().message;
  ASSERT_EQ(read->size(), 5u);
  for (size_t i = 0; i < events.size(); ++i) {
    EXPECT_EQ(EntryFields((*read)[i]), EntryFields(*events[i]));
  }
}

TEST(Bundle, CutAnywhereOrOfAnotherCountItIsNoBundle) {
  const std::string whole = EncodeBundle(Events(3), 0, 3);
  for (size_t size = 0; size < whole.size(); ++size) {
    EXPECT_FALSE(DecodeBundle(std::string_view(whole).substr(0, size), "p", "i", 1, 3).ok()) << size;
  }
  EXPECT_FALSE(DecodeBundle(whole + "x", "p", "i", 1, 3).ok());
  EXPECT_FALSE(DecodeBundle(whole, "p", "i", 1, 2).ok());
  EXPECT_FALSE(DecodeBundle(whole, "p", "i", 1, 4).ok());
  EXPECT_FALSE(DecodeBundle("", "p", "i", 1, 0).ok());
  EXPECT_FALSE(DecodeBundle("9999999999:x,", "p", "i", 1, 1).ok());
  EXPECT_FALSE(DecodeBundle("-1:x,", "p", "i", 1, 1).ok());
}

TEST(Bundle, AMissingFieldOfItsHeadIsNamed) {
  const auto read = ParseEntry(FieldsOf({"producer", "p", "inc", "i", "n", "1", std::string(kBundleField), "x"}));
  ASSERT_FALSE(read.ok());
  EXPECT_THAT(read.error().message, HasSubstr("\"seq\""));
}

TEST(Bundle, FewEventsHaveAnEntryEach) {
  const BundleLimits limits{.from = 4, .events = 3, .bytes = 100};
  EXPECT_EQ(BundleSize(Events(3), 0, limits), 1u);
  EXPECT_EQ(BundleSize(Events(4), 0, limits), 3u);
  EXPECT_EQ(BundleSize(Events(4), 3, limits), 1u);
}

TEST(Bundle, IsBoundedInBytes) {
  const BundleLimits limits{.from = 2, .events = 32, .bytes = 100};
  EXPECT_EQ(BundleSize(Events(8, 20), 0, limits), 2u);
  EXPECT_EQ(BundleSize(Events(8, 400), 0, limits), 1u);
}

TEST(Bundle, WhatCouldNotBeReadAgainHasAnEntryOfItsOwn) {
  const BundleLimits limits{.from = 2, .events = 32, .bytes = 100'000};
  auto events = Events(5);
  Event without = *events[2];
  without.payload.clear();
  events[2] = std::make_shared<const Event>(without);
  EXPECT_EQ(BundleSize(events, 0, limits), 2u);
  EXPECT_EQ(BundleSize(events, 2, limits), 1u);
  EXPECT_EQ(BundleSize(events, 3, limits), 2u);
}

TEST(Append, SaysOfEachEntryHowManyEventsItHolds) {
  const Batch batch{{"p", "i", "order"}, Events(5), false};
  const auto words = AppendCommand(batch, "s", {.from = 4, .events = 4, .bytes = 1000});
  EXPECT_EQ(words[8], "7");
  EXPECT_EQ(words[9], "11");
  EXPECT_EQ(words[11], "4");
  EXPECT_EQ(words[12], Compress(EncodeBundle(batch.events, 0, 4)));
  EXPECT_EQ(words[13], "1");
  EXPECT_EQ(words[14], "id-4");
  EXPECT_EQ(words.size(), 14u + 9u);
}

}  // namespace
}  // namespace quantum::bus
