// Decisions that cannot be right, against the real paper exchange and a real Postgres: a clear code, nothing sent,
// nothing lost, and the next one is carried out. What comes by HTTP: records_integration_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "services/execution/paper_world.h"

namespace quantum::execution {
namespace {

using namespace paper_test;
using ::testing::HasSubstr;

class BadInput : public Paper {
 protected:
  static void NothingWasSent(World& world, const std::string& id) {
    for (const Leg leg : {Leg::kEntry, Leg::kClose}) {
      const auto found = world.venue->Find("BTCUSDT", trading::ClientOrderId(id, leg), false);
      EXPECT_EQ(found.ok() ? Errc::kInternal : found.error().code, Errc::kNotFound) << id << " reached the exchange";
    }
    EXPECT_EQ(world.OpenAtVenue(), 0u) << id;
  }
  static void TheNextIsCarriedOut(World& world) {
    ASSERT_TRUE(world.Deliver(world.Open("next", Side::kBuy, "5", "5")).ok());
    EXPECT_TRUE(Eventually(10s, [&] {
      const auto open = world.desk.ledger.OpenPositions();
      return open.size() == 1 && open.front().is_protected && world.OpenAtVenue() == 2;
    })) << "filled, with stop and take-profit";
    ASSERT_TRUE(world.reconciler.Pass().ok());
    EXPECT_EQ(world.reconciler.repairs(), 0);
  }
};

TEST_F(BadInput, ADecisionThatCannotBeRightIsRecordedWithItsCodeSendsNothingAndTheNextIsCarriedOut) {
  Run([](World& world) {
    struct Case {
      const char* id;
      std::function<void(Decision&)> spoil;
      const char* recorded;
    };
    const Case cases[] = {
        {"stop-above", [](Decision& d) { d.stop_loss = d.reference_price.Times("1.05"_dec); },
         "REJECTED STOP_LOSS_WRONG_SIDE"},
        {"stop-of-a-sale-below",
         [](Decision& d) {
           d.side = Side::kSell;
           d.take_profit.reset();
         },
         "REJECTED STOP_LOSS_WRONG_SIDE"},
        {"no-stop", [](Decision& d) { d.stop_loss.reset(); }, "REJECTED STOP_LOSS_MISSING"},
        {"target-below", [](Decision& d) { d.take_profit = d.reference_price.Times("0.95"_dec); },
         "REJECTED TAKE_PROFIT_WRONG_SIDE"},
        {"less-than-a-step", [](Decision& d) { d.quantity = "0.00099999"_dec; }, "REJECTED QUANTITY_BELOW_MIN"},
        {"too-much", [](Decision& d) { d.quantity = "100000"_dec; }, "REJECTED QUANTITY_EXCEEDS_MAX"},
        {"unknown-symbol", [](Decision& d) { d.symbol = "NOPEUSDT"; }, "REJECTED UNKNOWN_SYMBOL"},
        {"another-mode", [](Decision& d) { d.mode = "LIVE"; }, "REJECTED MODE_MISMATCH"},
        {"expired", [](Decision& d) { d.expires_at = ToUnixMs(SystemClock().Now()) - 1; },
         "CANCELED DECISION_EXPIRED"}};
    for (const Case& each : cases) {
      Approval approval = world.Open(each.id, Side::kBuy, "5", "5");
      approval.decision.expires_at = ToUnixMs(SystemClock().Now() + 30s);
      each.spoil(approval.decision);
      const Status taken = world.DeliverAsItIs(trading::event::ToJson(approval), each.id);
      ASSERT_TRUE(taken.ok()) << each.id << ": " << taken.error().message;
      EXPECT_EQ(world.One("SELECT status || ' ' || split_part(reason, ':', 1) AS value FROM orders WHERE leg = 'ENTRY' "
                          "AND decision_id = '" +
                          std::string(each.id) + "'"),
                each.recorded)
          << each.id;
      EXPECT_EQ(
          world.One("SELECT string_agg(type, ',') AS value FROM outbox WHERE cid = '" + std::string(each.id) + "'"),
          std::string(each.recorded).starts_with("CANCELED") ? "order.canceled" : "order.failed")
          << each.id;
      NothingWasSent(world, each.id);
    }
    TheNextIsCarriedOut(world);
  });
}

// The bus keeps these as dead letters, under the reason (bus_test: Pain5MovesAPoisonedEventToTheDeadLetters…).
TEST_F(BadInput, AnApprovalThatIsNoneSaysWhyLeavesNoRowSendsNothingAndTheNextIsCarriedOut) {
  Run([](World& world) {
    const std::string good = trading::event::ToJson(world.Open("spoilt", Side::kBuy, "5", "5"));
    const auto with = [&](const std::string& from, const std::string& to) {
      std::string payload = good;
      const size_t at = payload.find(from);
      EXPECT_NE(at, std::string::npos) << from << " in " << good;
      return payload.replace(at, from.size(), to);
    };
    const std::pair<std::string, const char*> cases[] = {
        {with(R"("quantity":"0.01")", R"("quantity":"0")"), "'decision.quantity' must be positive, got 0"},
        {with(R"("quantity":"0.01")", R"("quantity":"-0.01")"), "'decision.quantity' must be positive, got -0.01"},
        {with(R"("quantity":"0.01")", R"("quantity":"0.0123456789")"), "decision.quantity"},
        {with(R"("quantity":"0.01")", R"("quantity":0.01)"), "never a float"},
        {with(R"("quantity":"0.01",)", ""), "'decision.quantity' is missing"},
        {with(R"("decision_id":"spoilt")", R"("decision_id":"")"), "'decision.decision_id' is empty"},
        {with(R"("side":"BUY")", R"("side":"HOLD")"), "decision.side"},
        {good.substr(0, good.size() / 2), "JSON"},
        {"[]", "JSON object"},
        {"", "JSON"}};
    for (const auto& [payload, says] : cases) {
      const Status taken = world.DeliverAsItIs(payload, "spoilt");
      ASSERT_FALSE(taken.ok()) << payload;
      EXPECT_EQ(taken.error().code, Errc::kInvalidArgument) << "not one that another try would mend: " << payload;
      EXPECT_THAT(taken.error().message, HasSubstr(says));
    }
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM orders"), "0");
    NothingWasSent(world, "spoilt");
    TheNextIsCarriedOut(world);
  });
}

}  // namespace
}  // namespace quantum::execution
