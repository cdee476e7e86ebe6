// Whatever execution refuses, or what came to nothing at the venue, stands in Postgres under its correlation id, is
// counted once, and is told with code and values.
#include <gmock/gmock.h>

#include "platform/base/correlation.h"
#include "platform/metrics/names.h"
#include "services/execution/integration_world.h"
#include "services/execution/manual_orders.h"
#include "services/execution/refusals.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;
using ::testing::ElementsAre;

class Refusals : public Records {
 protected:
  void SetUp() override {
    Records::SetUp();
    Run([](World& world) { ASSERT_TRUE(world.pool.Query("DELETE FROM manual_refusals").ok()); });
  }
  static std::vector<std::string> Told(World& world, const std::string& correlation_id) {
    std::vector<std::string> told;
    const auto recorded = LoadRefusals(world.pool, correlation_id);
    EXPECT_TRUE(recorded.ok()) << recorded.error().message;
    for (const trading::RecordedRefusal& one : *recorded) {
      EXPECT_EQ(one.service, "execution-service");
      EXPECT_EQ(one.symbol, "BTCUSDT");
      EXPECT_GT(one.time_ms, 0);
      EXPECT_NE(trading::MeaningOf(one.refusal.code), "") << one.refusal.code;
      told.push_back(one.decision_id + " " + one.refusal.code + ": " + one.refusal.detail);
    }
    return told;
  }
  static double Counted(const char* code) { return metrics::GetCounter(metrics::kRefusals, {{"code", code}}).value(); }
};

TEST_F(Refusals, OfAnApprovedDecision) {
  Run([](World& world) {
    const double before = Counted("SLIPPAGE_RANGE");
    Approval approval = OpenApproval("wide");
    approval.decision.slippage_percent = D("11");
    ASSERT_TRUE(world.Deliver(approval).ok());
    EXPECT_THAT(Told(world, "correlation-wide"), ElementsAre("wide SLIPPAGE_RANGE: max=10 got=11"));
    ASSERT_TRUE(world.Deliver(approval).ok());  // a repeat is no second refusal
    EXPECT_EQ(Told(world, "correlation-wide").size(), 1u);
    EXPECT_EQ(Counted("SLIPPAGE_RANGE"), before + 1);
  });
}

TEST_F(Refusals, OfOneThatCameTooLate) {
  Run([](World& world) {
    Approval late = OpenApproval("late");
    late.decision.expires_at = 1000;
    bus::Event event = trading::event::Make(trading::event::kRiskApproved, "BTCUSDT", trading::event::ToJson(late));
    event.correlation_id = "correlation-late";
    ASSERT_TRUE(
        world.pool
            .Transact([&](postgres::Transaction& transaction) { return world.entries.OnApproval(event, transaction); })
            .ok());
    EXPECT_THAT(Told(world, "correlation-late"),
                ElementsAre(::testing::StartsWith("late DECISION_EXPIRED: expired_at=1000 now=")));
  });
}

TEST_F(Refusals, OfTheVenueAndOfAnEntryThatItEndedUnfilled) {
  Run([](World& world) {
    const double refused = Counted("VENUE_REFUSED");
    const double unfilled = Counted("NOT_FILLED");
    world.venue.next_place = {ScriptedVenue::Answer::kReject};
    ASSERT_TRUE(world.Deliver(OpenApproval("rejected")).ok());
    ASSERT_TRUE(Eventually([&] { return !Told(world, "correlation-rejected").empty(); }));
    EXPECT_THAT(Told(world, "correlation-rejected"), ElementsAre("rejected VENUE_REFUSED: -1003 scripted"));

    world.venue.fill_market_orders = false;  // nothing is to be had within the guard against slippage
    ASSERT_TRUE(world.Deliver(OpenApproval("guarded")).ok());
    const std::string id = trading::ClientOrderId("guarded", trading::Leg::kEntry);
    ASSERT_TRUE(Eventually([&] { return world.venue.orders.contains(id); }));
    EXPECT_TRUE(Told(world, "correlation-guarded").empty()) << "it rests";
    trading::OrderReport report = world.venue.orders.at(id).report;
    report.status = trading::OrderStatus::kExpired;
    ASSERT_TRUE(world.desk.Report(report));
    ASSERT_TRUE(Eventually([&] { return !Told(world, "correlation-guarded").empty(); }));
    EXPECT_THAT(Told(world, "correlation-guarded"), ElementsAre("guarded NOT_FILLED: status=EXPIRED filled=0"));
    EXPECT_EQ(Counted("VENUE_REFUSED"), refused + 1);
    EXPECT_EQ(Counted("NOT_FILLED"), unfilled + 1);
  });
}

TEST_F(Refusals, OfAnOrderByHandThatNobodyDecidedOn) {
  Run([](World& world) {
    const double before = Counted("PAUSED");
    http::Client client(world.desk.loop);
    ManualOrders manual(world.desk, world.pool, client, {});
    world.desk.paused = true;
    http::Request request;
    request.body =
        R"({"symbol": "BTCUSDT", "side": "BUY", "quantity": "0.01", "stop_loss": "59000", "reduce_only": false,
            "idempotency_key": "by-hand-0001"})";
    const CorrelationScope scope("correlation-by-hand");
    EXPECT_EQ(manual.Handle(request).status, 409);
    EXPECT_THAT(Told(world, "correlation-by-hand"),
                ElementsAre(::testing::EndsWith(" PAUSED: owner=operator until=resume")));
    EXPECT_EQ(Counted("PAUSED"), before + 1);
  });
}

TEST_F(Refusals, AreNotWhatFilled) {
  Run([](World& world) {
    ASSERT_TRUE(world.Deliver(OpenApproval("good")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    EXPECT_TRUE(world.writer->WaitWritten(5s));
    EXPECT_TRUE(Told(world, "correlation-good").empty());
  });
}

}  // namespace
}  // namespace quantum::execution
