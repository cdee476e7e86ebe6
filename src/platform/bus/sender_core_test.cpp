#include "platform/bus/sender_core.h"

#include <gtest/gtest.h>

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;

class SenderCoreTest : public testing::Test {
 protected:
  void Append(const char* type = "order.placed") { ASSERT_TRUE(outbox_.Append({.type = type, .payload = "{}"}).ok()); }
  // Everything that may be sent is taken.
  void SendAll() {
    const SteadyTime began = clock_.Steady();
    for (const auto& sending : core_.Collect(clock_.Steady())) {
      core_.OnTaken(sending, sending.batch.events.back()->sequence, clock_.Steady());
    }
    core_.OnProof(began);
  }

  ManualClock clock_;
  MemoryOutbox outbox_{"p", "life", 100};
  SenderCore core_{outbox_, 10};
};

TEST_F(SenderCoreTest, SendsWhatTheBrokerLacksAndNoMoreThanABatchAtOnce) {
  for (int i = 0; i < 15; ++i) {
    Append();
  }
  EXPECT_TRUE(core_.OnConnected({0}, clock_.Steady()).empty());
  auto sendings = core_.Collect(clock_.Steady());
  ASSERT_EQ(sendings.size(), 1u);
  EXPECT_EQ(sendings[0].batch.events.size(), 10u);
  EXPECT_EQ(core_.OnTaken(sendings[0], 10, clock_.Steady()), 10u);
  sendings = core_.Collect(clock_.Steady());
  EXPECT_EQ(sendings[0].batch.events.front()->sequence, 11u);
  EXPECT_FALSE(sendings[0].batch.gap);
}

TEST_F(SenderCoreTest, GoesBackWhenTheBrokerHoldsLessThanWasThought) {
  for (int i = 0; i < 3; ++i) {
    Append();
  }
  core_.OnConnected({0}, clock_.Steady());
  SendAll();
  Append();
  const auto sendings = core_.Collect(clock_.Steady());
  EXPECT_EQ(core_.OnTaken(sendings[0], 1, clock_.Steady()), std::nullopt);
  EXPECT_EQ(core_.Collect(clock_.Steady())[0].batch.events.front()->sequence, 2u);
}

TEST_F(SenderCoreTest, ConfirmsNoMoreThanItSentThoughTheBrokerHoldsMore) {
  for (int i = 0; i < 12; ++i) {
    Append();
  }
  core_.OnConnected({12}, clock_.Steady());
  const auto sendings = core_.Collect(clock_.Steady());
  ASSERT_EQ(sendings[0].batch.events.size(), 10u) << "from an earlier connection, and WAIT has not covered it";
  EXPECT_EQ(core_.OnTaken(sendings[0], 12, clock_.Steady()), 10u);
  EXPECT_EQ(outbox_.confirmed(0), 10u);
}

TEST_F(SenderCoreTest, ARefusedStreamRestsForASecondWhileOthersGo) {
  Append("order.placed");
  Append("risk.approved");
  core_.OnConnected({0, 0}, clock_.Steady());
  const auto sendings = core_.Collect(clock_.Steady());
  ASSERT_EQ(sendings.size(), 2u);
  core_.OnRefused(sendings[0], clock_.Steady());
  ASSERT_EQ(core_.Collect(clock_.Steady()).size(), 1u);
  EXPECT_EQ(core_.Collect(clock_.Steady())[0].batch.lane.family, "risk");
  clock_.Advance(1s);
  EXPECT_EQ(core_.Collect(clock_.Steady()).size(), 2u);
}

TEST_F(SenderCoreTest, SaysWhereTheBrokerLostWhatIsKeptNoLonger) {
  Append();
  core_.OnConnected({0}, clock_.Steady());
  SendAll();
  clock_.Advance(31s);
  core_.OnProof(clock_.Steady());
  Append();
  const auto setbacks = core_.OnConnected({0}, clock_.Steady());
  ASSERT_EQ(setbacks.size(), 1u);
  EXPECT_EQ(setbacks[0].confirmed, 1u);
  EXPECT_TRUE(core_.Collect(clock_.Steady())[0].batch.gap);
}

TEST_F(SenderCoreTest, AFreezeBetweenQuestionAndAnswerTakesNothingFromWhatIsKept) {
  Append();
  core_.OnConnected({0}, clock_.Steady());
  SendAll();
  Append();
  const auto sendings = core_.Collect(clock_.Steady());
  const SteadyTime began = clock_.Steady();
  clock_.Advance(60s);  // frozen, with the answer in the socket; meanwhile a replica that lagged was promoted
  core_.OnTaken(sendings[0], 2, clock_.Steady());
  core_.OnProof(began);
  EXPECT_EQ(core_.OnConnected({0}, clock_.Steady()).size(), 1u);
  const auto again = core_.Collect(clock_.Steady());
  ASSERT_EQ(again.size(), 1u);
  EXPECT_EQ(again[0].batch.events.front()->sequence, 1u);
  EXPECT_FALSE(again[0].batch.gap);
}

}  // namespace
}  // namespace quantum::bus
