// Entries and records against a real Postgres: intents before orders, restart, and life while Postgres is away.
#include "services/execution/integration_world.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "platform/http/client.h"
#include "platform/http/server.h"
#include "services/execution/manual_orders.h"
#include "services/execution/store.h"
#include "tests/support/process.h"

namespace quantum::execution {
namespace {

using namespace test;
using namespace std::chrono_literals;
using trading::OrderStatus;

TEST_F(Records, TheIntentsAreCommittedBeforeTheEntryIsSentAndAllRowsFollow) {
  Run([](World& world) {
    std::string orders_when_sent;
    world.venue.on_place = [&] {
      if (orders_when_sent.empty()) {
        orders_when_sent = world.One("SELECT count(*)::text AS value FROM orders WHERE decision_id = 'a'");
      }
    };
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    EXPECT_EQ(orders_when_sent, "3");
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT string_agg(leg || ' ' || status, ', ' ORDER BY leg) AS value FROM orders"),
              "ENTRY FILLED, STOP_LOSS NEW, TAKE_PROFIT NEW");
    EXPECT_EQ(world.One("SELECT status || ' ' || side || ' ' || quantity || ' ' || entry_fee_usd AS value FROM trades"),
              "OPEN LONG 0.01000000 0.30000000");
    EXPECT_EQ(world.One("SELECT quantity || ' ' || protected AS value FROM positions"), "0.01000000 true");
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM fills"), "1");
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM outbox WHERE cid = 'correlation-a' AND type IN "
                        "('order.filled', 'trade.opened')"),
              "2");
    EXPECT_EQ(world.One("SELECT count(DISTINCT correlation_id)::text AS value FROM orders"), "1");
  });
}

// Both changes are made before the writer's fiber runs, so that they are one statement.
TEST_F(Records, OfSeveralChangesAtOnceEachRowIsAsTheLastLeftItAndAnOlderOneNeverWritesOverIt) {
  Run([](World& world) {
    const Plan plan = PlanOf(OpenApproval("a"));
    const auto change = [&](int64_t version, const char* filled, const char* held, int64_t cursor) {
      ChangeSet changes;
      changes.orders = {plan.orders.front()};
      changes.orders.front().version = version;
      changes.orders.front().filled_quantity = D(filled);
      changes.fills = {{.symbol = "BTCUSDT",
                        .trade_id = 7,
                        .price = D("60000"),
                        .quantity = D("0.01"),
                        .fee_asset = "USDT",
                        .time = kNow}};
      changes.funding = {{.symbol = "BTCUSDT", .id = 3, .paid = D("-0.02"), .time = kNow}};
      changes.positions = {{.position = {.symbol = "BTCUSDT", .quantity = D(held)}, .updated = kNow}};
      changes.cursors = {{"BTCUSDT", cursor}};
      return changes;
    };
    const auto rows = [&] {
      return world.One(
          "SELECT concat_ws(' ', (SELECT string_agg(version || ':' || filled_quantity, ',') FROM orders), (SELECT "
          "string_agg(quantity::text, ',') FROM positions), (SELECT string_agg(trade_id::text, ',') FROM "
          "fill_cursors), "
          "(SELECT count(*) FROM fills), (SELECT sum(paid) FROM funding_payments)) AS value");
    };
    world.writer->Enqueue(change(4, "0.005", "0.005", 5));
    world.writer->Enqueue(change(5, "0.01", "0.01", 9));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(rows(), "5:0.01000000 0.01000000 9 1 -0.02000000");
    world.writer->Enqueue(change(4, "0.005", "0.01", 5));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(rows(), "5:0.01000000 0.01000000 9 1 -0.02000000");
  });
}

TEST_F(Records, LeverageAndMarginModeAreMadeSureOfBeforeAnEntry) {
  Run([](World& world) {
    world.venue.configs["BTCUSDT"] = {.leverage = 20, .margin_type = exchange::MarginType::kIsolated};  // by hand
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.placed.size() == 3; }));
    EXPECT_EQ(world.venue.configs["BTCUSDT"].leverage, 3);
    EXPECT_EQ(world.venue.configs["BTCUSDT"].margin_type, exchange::MarginType::kCrossed);
  });
}

TEST_F(Records, ATransactionThatRollsBackSendsNothing) {
  Run([](World& world) {
    EXPECT_FALSE(world.Deliver(OpenApproval("a"), false).ok());
    EXPECT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_TRUE(world.venue.placed.empty());
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());  // delivered again
    EXPECT_TRUE(Eventually([&] { return !world.desk.ledger.PositionOf("BTCUSDT").is_flat(); }));
  });
}

TEST_F(Records, Pain8ADecisionOfAnotherModeIsNotSentAndEveryOrderBearsItsMode) {
  Run([](World& world) {
    Approval live = OpenApproval("live");
    live.decision.mode = "LIVE";
    ASSERT_TRUE(world.Deliver(live).ok());
    EXPECT_TRUE(Eventually([&] { return world.entries.under_way() == 0; }));
    EXPECT_EQ(world.One("SELECT status || ' ' || split_part(reason, ':', 1) AS value FROM orders"),
              "REJECTED MODE_MISMATCH");
    EXPECT_TRUE(world.venue.placed.empty());
    ASSERT_TRUE(world.Deliver(OpenApproval("paper")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    EXPECT_EQ(world.One("SELECT count(*) || ' ' || string_agg(DISTINCT mode, ',') AS value FROM orders WHERE "
                        "decision_id = 'paper'"),
              "3 PAPER");
  });
}

TEST_F(Records, ARefusedDecisionIsRecordedAndSaidAndNotSent) {
  Run([](World& world) {
    world.desk.paused = true;
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    EXPECT_EQ(world.One("SELECT status || ' ' || reason AS value FROM orders"),
              "CANCELED PAUSED: owner=operator until=resume");
    EXPECT_EQ(world.One("SELECT status AS value FROM trades"), "CANCELLED");
    EXPECT_EQ(world.One("SELECT type AS value FROM outbox"), "order.canceled");
    EXPECT_TRUE(world.venue.placed.empty());
  });
}

TEST_F(Records, ARestartGoesOnWhereThePreviousProcessEnded) {
  ScriptedVenue venue;  // the venue outlives the process
  const auto carry = [](ScriptedVenue& from, ScriptedVenue& to) {
    to.orders = from.orders;
    to.positions = from.positions;
    to.fills = from.fills;
  };
  Run([&](World& world) {
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    carry(world.venue, venue);
  });
  Run([&](World& world) {
    carry(venue, world.venue);
    world.venue.on_event = nullptr;
    // The stop fires while nobody is there.
    world.venue.Trigger(trading::ClientOrderId("a", Leg::kStopLoss));
    world.venue.StreamUser(
        [&](const exchange::UserEvent& event) { world.desk.Report(std::get<trading::OrderReport>(event)); });
    auto snapshot = LoadLedger(world.pool);
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    world.desk.ledger.Restore(std::move(*snapshot), world.desk.Now());
    ASSERT_EQ(world.desk.ledger.PositionOf("BTCUSDT").quantity, "0.01"_dec);
    ASSERT_TRUE(world.reconciler.First().ok());
    EXPECT_TRUE(world.desk.ledger.PositionOf("BTCUSDT").is_flat());
    EXPECT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 0; })) << "the take-profit is an orphan now";
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT status || ' ' || close_reason || ' ' || pnl_usd AS value FROM trades"),
              "CLOSED STOP_LOSS -0.60000000");
    EXPECT_EQ(world.reconciler.repairs(), 0);
  });
}

TEST_F(Records, AnEntryThatWasNeverSentBeforeTheRestartAndHasExpiredIsWithdrawnWhichIsNoFailure) {
  Run([](World& world) {
    Approval approval = OpenApproval("a");
    approval.decision.expires_at = ToUnixMs(SystemClock().Now());
    const auto rules = BtcRules();
    const Plan plan = std::get<Plan>(MakePlan(approval, &rules, "correlation-a", SystemClock().Now()));
    ASSERT_TRUE(world.pool.Batch({RecordPlan(plan, "PAPER", world.lease.token())}).ok());
  });
  Run([](World& world) {
    auto snapshot = LoadLedger(world.pool);
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    world.desk.ledger.Restore(std::move(*snapshot), world.desk.Now());
    ASSERT_TRUE(world.reconciler.First().ok());
    world.entries.Recover();
    ASSERT_TRUE(Eventually([&] { return world.desk.ledger.FindTrade("a")->status == TradeStatus::kCancelled; }));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT string_agg(status, ' ' ORDER BY leg) AS value FROM orders"),
              "CANCELED CANCELED CANCELED");
    EXPECT_TRUE(world.venue.placed.empty());
  });
}

// Stale intents once flipped a position back and forth.
TEST_F(Records, Pain1ACloseThatWasNotSentBeforeTheRestartIsNeverSentThoughItHasNotExpired) {
  ScriptedVenue venue;
  Run([&](World& world) {
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    Approval approval = CloseApproval("close", Side::kSell, "0.01");
    approval.decision.expires_at = ToUnixMs(SystemClock().Now() + 10min);
    const auto rules = BtcRules();
    const Plan plan = std::get<Plan>(MakePlan(approval, &rules, "correlation-close", SystemClock().Now()));
    ASSERT_TRUE(world.pool.Batch({RecordPlan(plan, "PAPER", world.lease.token())}).ok());  // and the process dies
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    venue.orders = world.venue.orders;
    venue.positions = world.venue.positions;
    venue.fills = world.venue.fills;
  });
  Run([&](World& world) {
    world.venue.orders = venue.orders;
    world.venue.positions = venue.positions;
    world.venue.fills = venue.fills;
    auto snapshot = LoadLedger(world.pool);
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    world.desk.ledger.Restore(std::move(*snapshot), world.desk.Now());
    ASSERT_TRUE(world.reconciler.First().ok());
    world.entries.Recover();
    const std::string id = trading::ClientOrderId("close", Leg::kClose);
    ASSERT_TRUE(Eventually([&] { return world.desk.ledger.FindOrder(id)->status == OrderStatus::kCanceled; }));
    EXPECT_EQ(world.desk.ledger.FindOrder(id)->reason.find("NEVER_SENT"), 0u);
    EXPECT_TRUE(world.venue.placed.empty());
    EXPECT_EQ(world.venue.positions["BTCUSDT"], "0.01"_dec);
  });
}

TEST_F(Records, WithPostgresAwayThereAreNoEntriesButStopsStandAndTheRowsFollow) {
  Run([](World& world) {
    world.venue.fill_market_orders = false;
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(false) == 1; }));
    server_->KillPostgres();
    // The entry fills while Postgres is dead.
    world.venue.Fill(world.venue.orders.at(trading::ClientOrderId("a", Leg::kEntry)), "0.01"_dec);
    EXPECT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; })) << "the stop committed before stands";
    EXPECT_FALSE(world.Deliver(OpenApproval("b")).ok());
    EXPECT_GT(world.writer->pending(), 0u);
    server_->StartPostgres();
    EXPECT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT status AS value FROM trades WHERE trade_id = 'a'"), "OPEN");
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM outbox WHERE type = 'trade.opened'"), "1");
  });
}

// Stands for risk-safety and marketdata: what it decided once it says again. Approvals arrive by the bus, later.
class Decider {
 public:
  explicit Decider(World& world) : world_(world), server_(world.desk.loop, {.operator_token = "token"}) {
    server_.Route("POST", "/decide", [this](const http::Request& request) { return Decide(request); });
    server_.Route("GET", "/price", [](const http::Request&) { return http::Json(R"({"price": "60000"})"); });
    EXPECT_TRUE(server_.Start().ok());
  }
  ~Decider() { server_.Stop(); }
  ManualOrders::Options Options() const {
    const std::string url = "http://127.0.0.1:" + std::to_string(server_.port());
    ManualOrders::Options options{.decide_url = url + "/decide", .price_url = url + "/price", .headers = {}};
    options.headers.Set("Authorization", "Bearer token");
    options.headers.Set("Content-Type", "application/json");
    return options;
  }
  void DeliverApproval() {
    Approval approval;
    approval.decision = *decided_;
    EXPECT_TRUE(world_.Deliver(approval).ok());
  }

  int lose_answers = 0;              // decides, and the answer does not arrive
  bool says_only_duplicate = false;  // of a decision that it has seen
  Duration answers_after{};
  int asked = 0;

 private:
  http::Response Decide(const http::Request& request) {
    ++asked;
    const bool seen = decided_.has_value();
    if (!seen) {
      decided_ = trading::event::ParseDecision(request.body).value();
    }
    fiber::SleepFor(answers_after);
    if (lose_answers > 0) {
      --lose_answers;
      return http::Problem(503, "GONE", "the answer is lost");
    }
    if (seen && says_only_duplicate) {
      return http::Json(R"({"approved": false, "refusals": [{"code": "DUPLICATE_DECISION", "detail": ""}]})");
    }
    return http::Json(R"({"approved": true, "refusals": []})");
  }

  World& world_;
  http::Server server_;
  std::optional<Decision> decided_;
};

http::Request OrderRequest(const std::string& quantity = "\"0.01\"", const std::string& symbol = "BTCUSDT",
                           const std::string& key = "the-same-key") {
  http::Request request;
  request.method = "POST";
  request.path = "/api/execution/order";
  request.body = R"({"symbol": ")" + symbol + R"(", "side": "BUY", "quantity": )" + quantity +
                 R"(, "stop_loss": "59000", "reduce_only": false, "idempotency_key": ")" + key + "\"}";
  return request;
}

TEST_F(Records, AManualOrderWhoseAnswerWasLostIsAcceptedWhenAskedAgainAlsoWhileHalted) {
  Run([](World& world) {
    Decider risk(world);
    http::Client client(world.desk.loop);
    ManualOrders manual(world.desk, world.pool, client, risk.Options());
    risk.lose_answers = 1;
    risk.says_only_duplicate = true;
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 503);
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 503) << "decided, and nobody can say how: no answer to keep";
    risk.DeliverApproval();
    world.desk.paused = true;
    const http::Response again = manual.Handle(OrderRequest());
    EXPECT_EQ(again.status, 202) << again.body;
    EXPECT_EQ(manual.Handle(OrderRequest()).body, again.body);
    EXPECT_EQ(world.One("SELECT status || ' ' || (answer LIKE '%ACCEPTED%') AS value FROM manual_orders"), "202 true");
  });
}

TEST_F(Records, RequestsWithOneKeyThatRaceAreNeverRefusedAsDuplicatesOfEachOther) {
  Run([](World& world) {
    Decider risk(world);
    risk.says_only_duplicate = true;
    risk.answers_after = 300ms;  // so that all have asked before the first is answered
    http::Client client(world.desk.loop);
    ManualOrders manual(world.desk, world.pool, client, risk.Options());
    std::vector<http::Response> answers;
    for (int i = 0; i < 4; ++i) {
      world.desk.Spawn([&] { answers.push_back(manual.Handle(OrderRequest())); });
    }
    ASSERT_TRUE(Eventually([&] { return answers.size() == 4; }));
    EXPECT_GE(risk.asked, 2) << "they did not race";
    for (const http::Response& answer : answers) {
      EXPECT_TRUE(answer.status == 202 || answer.status == 503) << answer.body;
    }
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 202);
    EXPECT_EQ(world.One("SELECT status::text AS value FROM manual_orders"), "202");
  });
}

TEST_F(Records, AManualOrderThatIsRefusedWhilePausedMayComeAgainUnderItsKey) {
  Run([](World& world) {
    Decider risk(world);
    http::Client client(world.desk.loop);
    ManualOrders manual(world.desk, world.pool, client, risk.Options());
    world.desk.paused = true;
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 409);
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 409);
    EXPECT_EQ(risk.asked, 0);
    world.desk.paused = false;
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 202);
  });
}

TEST_F(Records, BadInputAManualOrderThatCannotBeRightIsRefusedByItsCodeAsksNobodyAndTheNextIsServed) {
  Run([](World& world) {
    Decider risk(world);
    http::Client client(world.desk.loop);
    ManualOrders manual(world.desk, world.pool, client, risk.Options());
    http::Request cut = OrderRequest();
    cut.body.resize(cut.body.size() / 2);
    http::Request binary = OrderRequest();
    binary.body = std::string("\0\xff{}", 4);
    struct Case {
      http::Request request;
      const char* code;
      const char* says;
    };
    for (const Case& each :
         {Case{OrderRequest("\"0\""), "INVALID_ARGUMENT", "'quantity' must be positive"},
          Case{OrderRequest("\"-0.01\""), "INVALID_ARGUMENT", "'quantity' must be positive"},
          Case{OrderRequest("\"0.0105\""), "QUANTITY_PRECISION", "step=0.001 got=0.0105"},
          Case{OrderRequest("\"0.0100000001\""), "INVALID_ARGUMENT", "'quantity'"},
          Case{OrderRequest("\"1e-2\""), "INVALID_ARGUMENT", "'quantity'"},
          Case{OrderRequest("0.01"), "INVALID_ARGUMENT", "never a float"},
          Case{OrderRequest("\"0.01\"", "NOPEUSDT"), "UNKNOWN_SYMBOL", "'NOPEUSDT'"},
          Case{cut, "INVALID_ARGUMENT", "JSON object"}, Case{binary, "INVALID_ARGUMENT", "JSON object"}}) {
      const http::Response answer = manual.Handle(each.request);
      EXPECT_EQ(answer.status, 400) << each.request.body;
      EXPECT_NE(answer.body.find(std::string("\"code\":\"") + each.code + "\""), std::string::npos) << answer.body;
      EXPECT_NE(answer.body.find(each.says), std::string::npos) << answer.body;
    }
    EXPECT_EQ(risk.asked, 0);
    EXPECT_EQ(world.One("SELECT (SELECT count(*) FROM manual_orders) || ' ' || count(*) AS value FROM orders"), "0 0");
    EXPECT_EQ(manual.Handle(OrderRequest()).status, 202) << "the key is free";
    risk.DeliverApproval();
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 1; })) << "filled, and its stop stands";
    EXPECT_EQ(world.venue.placed.size(), 2u);
  });
}

TEST_F(Records, BadInputAKeyThatComesAgainWithAnotherBodyIsRefusedAndTheFirstOrderStands) {
  Run([](World& world) {
    Decider risk(world);
    http::Client client(world.desk.loop);
    ManualOrders manual(world.desk, world.pool, client, risk.Options());
    const http::Response first = manual.Handle(OrderRequest());
    ASSERT_EQ(first.status, 202) << first.body;
    risk.DeliverApproval();
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 1; }));
    for (const http::Request& other : {OrderRequest("\"0.02\""), OrderRequest("\"0.010\"")}) {
      const http::Response answer = manual.Handle(other);
      EXPECT_EQ(answer.status, 409);
      EXPECT_NE(answer.body.find("IDEMPOTENCY_KEY_REUSED"), std::string::npos) << answer.body;
    }
    EXPECT_EQ(manual.Handle(OrderRequest()).body, first.body) << "to the letter the same one: the answer of then";
    EXPECT_EQ(risk.asked, 1);
    EXPECT_EQ(world.venue.placed.size(), 2u) << "the entry and its stop";
    EXPECT_EQ(manual.Handle(OrderRequest("\"0.02\"", "BTCUSDT", "another-key")).status, 202);
    EXPECT_EQ(risk.asked, 2);
  });
}

TEST_F(Records, FundingIsBookedOnceOnPositionAndTradeAlsoAcrossARestart) {
  const auto pay = [](World& world, int64_t id, const char* paid) {
    // After the entry, on the clock that the scripted venue's fills carry.
    world.venue.funding.push_back(
        {.symbol = "BTCUSDT", .id = id, .paid = D(paid), .time = kNow + std::chrono::minutes(id)});
    world.reconciler.ExpectFunding();
    EXPECT_TRUE(world.reconciler.Pass().ok());
    EXPECT_TRUE(world.reconciler.Pass().ok());
  };
  std::vector<exchange::FundingPayment> history;
  ScriptedVenue venue;
  Run([&](World& world) {
    world.desk.ledger.Restore({}, world.desk.Now());
    world.venue.funding.push_back({.symbol = "BTCUSDT", .id = 1, .paid = D("9"), .time = world.desk.Now() - 1h});
    ASSERT_TRUE(world.Deliver(OpenApproval("a")).ok());
    ASSERT_TRUE(Eventually([&] { return world.venue.CountOpen(true) == 2; }));
    pay(world, 2, "0.05");
    pay(world, 3, "-0.02");
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT funding::text AS value FROM positions"), "0.03000000") << "nor what was before us";
    EXPECT_EQ(world.One("SELECT funding_fees_usd::text AS value FROM trades"), "0.03000000");
    EXPECT_EQ(
        world.One("SELECT payload::json->>'funding' AS value FROM outbox WHERE type = 'position.updated' ORDER BY "
                  "id DESC LIMIT 1"),
        "0.03");
    history = world.venue.funding;
    venue.orders = world.venue.orders;
    venue.positions = world.venue.positions;
    venue.fills = world.venue.fills;
  });
  Run([&](World& world) {
    world.venue.funding = history;
    world.venue.orders = venue.orders;
    world.venue.positions = venue.positions;
    world.venue.fills = venue.fills;
    auto snapshot = LoadLedger(world.pool);
    ASSERT_TRUE(snapshot.ok()) << snapshot.error().message;
    world.desk.ledger.Restore(std::move(*snapshot), world.desk.Now());
    ASSERT_TRUE(world.reconciler.First().ok());
    EXPECT_EQ(world.desk.ledger.PositionOf("BTCUSDT").funding, "0.03"_dec);
    world.venue.Trigger(trading::ClientOrderId("a", Leg::kStopLoss));
    ASSERT_TRUE(world.writer->WaitWritten(20s));
    EXPECT_EQ(world.One("SELECT pnl_usd::text AS value FROM trades"), "-0.63000000") << "after fees and funding";
    EXPECT_EQ(world.One("SELECT payload::json->>'funding' AS value FROM outbox WHERE type = 'trade.closed'"), "0.03");
  });
}

}  // namespace
}  // namespace quantum::execution
