#include "platform/bus/in_hand.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

using Entries = std::vector<std::string>;

TEST(InHand, HoldsAnEntryFromReadingToAcknowledgement) {
  InHand hand;
  EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
  EXPECT_FALSE(hand.Take("1-0", "p/i/1"));
  EXPECT_FALSE(hand.ended());
  hand.End("1-0", "p/i/1");
  EXPECT_FALSE(hand.Take("1-0", "p/i/1")) << "its acknowledgement is on its way";
  EXPECT_EQ(hand.Collect(10), Entries{"1-0"});
  EXPECT_FALSE(hand.ended());
  hand.Return({"1-0"});
  EXPECT_EQ(hand.Collect(10), Entries{"1-0"});
  EXPECT_FALSE(hand.Take("1-0", "p/i/1"));
  hand.Acknowledged({"1-0"});
  EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
}

TEST(InHand, AcknowledgesSoManyAtOnceOldestFirst) {
  InHand hand;
  for (const char* entry : {"1-0", "2-0", "3-0"}) {
    EXPECT_TRUE(hand.Take(entry, entry));
    hand.End(entry, entry);
  }
  const Entries first = hand.Collect(2);
  EXPECT_EQ(first, (Entries{"1-0", "2-0"}));
  hand.Return(first);
  EXPECT_EQ(hand.Collect(10), (Entries{"1-0", "2-0", "3-0"}));
}

TEST(InHand, AnotherMastersEventUnderTheSameIdIsNotTakenForTheFirst) {
  InHand hand;
  EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
  EXPECT_TRUE(hand.Take("1-0", "p/i/2"));
  hand.End("1-0", "p/i/1");
  EXPECT_FALSE(hand.ended()) << "the first one's acknowledgement would be the second one's";
  hand.End("1-0", "p/i/2");
  EXPECT_EQ(hand.Collect(10), Entries{"1-0"});
}

TEST(InHand, AnotherMastersEventIsNotAcknowledgedByWhatWasSentForTheFirst) {
  for (const bool sent : {false, true}) {
    InHand hand;
    EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
    hand.End("1-0", "p/i/1");
    const Entries on_their_way = sent ? hand.Collect(10) : Entries();
    EXPECT_TRUE(hand.Take("1-0", "p/i/2"));
    EXPECT_FALSE(hand.ended());
    hand.Return(on_their_way);
    EXPECT_FALSE(hand.ended());
    hand.Acknowledged(on_their_way);
    EXPECT_FALSE(hand.Take("1-0", "p/i/2"));
  }
}

TEST(InHand, AnEntryOfSeveralEventsIsAcknowledgedWithItsLast) {
  InHand hand;
  EXPECT_TRUE(hand.Take("1-0", "p/i/1", 3));
  hand.End("1-0", "p/i/1");
  hand.End("1-0", "p/i/1");
  EXPECT_FALSE(hand.ended());
  hand.End("1-0", "p/i/1");
  EXPECT_EQ(hand.Collect(10), Entries{"1-0"});
}

TEST(InHand, DeadLettersGoWithTheAcknowledgementOfTheirEntry) {
  InHand hand;
  EXPECT_TRUE(hand.Take("1-0", "p/i/1", 3));
  hand.Bury("1-0", "p/i/1", {"order.placed", {"id", "a"}});
  hand.End("1-0", "p/i/1");
  EXPECT_FALSE(hand.CollectBurial()) << "an event of the entry is not through";
  hand.Bury("1-0", "p/i/1", {"order.filled", {"id", "c"}});
  EXPECT_TRUE(hand.Collect(10).empty()) << "the dead letters would be lost";
  for (int time = 0; time < 2; ++time) {
    const auto burial = hand.CollectBurial();
    ASSERT_TRUE(burial);
    EXPECT_EQ(burial->first, "1-0");
    ASSERT_EQ(burial->second.size(), 2u);
    EXPECT_EQ(burial->second[1].type, "order.filled");
    EXPECT_FALSE(hand.CollectBurial());
    hand.Return({"1-0"});
  }
  ASSERT_TRUE(hand.CollectBurial());
  hand.Acknowledged({"1-0"});
  EXPECT_FALSE(hand.ended());
  EXPECT_TRUE(hand.Take("1-0", "p/i/1", 3));
}

TEST(InHand, WhatIsToBeBuriedOfAnotherMastersEntryIsNotTakenForTheOthers) {
  InHand hand;
  EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
  hand.Bury("1-0", "p/i/1", {"order.placed", {"id", "a"}});
  EXPECT_TRUE(hand.Take("1-0", "q/i/1"));
  EXPECT_FALSE(hand.CollectBurial());
  hand.Bury("1-0", "p/i/1", {"order.placed", {"id", "a"}});
  EXPECT_FALSE(hand.ended());
}

}  // namespace
}  // namespace quantum::bus
