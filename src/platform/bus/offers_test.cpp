#include "platform/bus/offers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

using ::testing::ElementsAre;
using ::testing::IsEmpty;

EventPtr Numbered(uint64_t sequence) {
  auto event = std::make_shared<Event>();
  event->producer = "p";
  event->incarnation = "i";
  event->sequence = sequence;
  return event;
}

std::vector<uint64_t> Sequences(const std::vector<Batch>& batches) {
  std::vector<uint64_t> sequences;
  for (const Batch& batch : batches) {
    for (const EventPtr& event : batch.events) {
      sequences.push_back(event->sequence);
    }
  }
  return sequences;
}

TEST(Offers, AreTakenInTheOrderOfTheirNumbersUpToTheFirstGap) {
  Offers offers(10);
  for (const uint64_t sequence : {7, 4, 5}) {
    EXPECT_TRUE(offers.Put("order", Numbered(sequence)));
  }
  EXPECT_THAT(Sequences(offers.Take({{"order/i", 2}}, 8)), IsEmpty());
  EXPECT_THAT(Sequences(offers.Take({{"order/i", 3}}, 8)), ElementsAre(4, 5));
  EXPECT_THAT(Sequences(offers.Take({{"order/i", 5}}, 8)), IsEmpty());
  EXPECT_TRUE(offers.Put("order", Numbered(6)));
  EXPECT_THAT(Sequences(offers.Take({{"order/i", 5}}, 1)), ElementsAre(6));
  EXPECT_THAT(Sequences(offers.Take({{"order/i", 6}}, 1)), ElementsAre(7));
  EXPECT_EQ(offers.size(), 0u);
}

TEST(Offers, OfAnotherIncarnationOrFamilyWait) {
  Offers offers(10);
  EXPECT_TRUE(offers.Put("order", Numbered(1)));
  EXPECT_THAT(Sequences(offers.Take({{"order/j", 0}, {"risk/i", 0}}, 8)), IsEmpty());
  EXPECT_EQ(offers.size(), 1u);
}

TEST(Offers, WhatTheBrokerHoldsIsForgotten) {
  Offers offers(10);
  for (const uint64_t sequence : {1, 2, 3}) {
    EXPECT_TRUE(offers.Put("order", Numbered(sequence)));
  }
  EXPECT_THAT(Sequences(offers.Take({{"order/i", 2}}, 8)), ElementsAre(3));
  EXPECT_EQ(offers.size(), 0u);
  EXPECT_TRUE(offers.Put("order", Numbered(1))) << "nothing of it is left";
}

TEST(Offers, AreBounded) {
  Offers offers(2);
  EXPECT_TRUE(offers.Put("order", Numbered(1)));
  EXPECT_TRUE(offers.Put("order", Numbered(2)));
  EXPECT_FALSE(offers.Put("order", Numbered(3)));
  offers.Clear();
  EXPECT_TRUE(offers.Put("order", Numbered(3)));
}

}  // namespace
}  // namespace quantum::bus
