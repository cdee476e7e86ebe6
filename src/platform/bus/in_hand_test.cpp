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

TEST(InHand, DropsWhatWasBuriedButNotAnotherUnderItsId) {
  InHand hand;
  EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
  hand.Drop("1-0", "p/i/2");
  EXPECT_FALSE(hand.Take("1-0", "p/i/1"));
  hand.Drop("1-0", "p/i/1");
  EXPECT_TRUE(hand.Take("1-0", "p/i/1"));
}

}  // namespace
}  // namespace quantum::bus
