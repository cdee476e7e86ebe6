// Decisions against a real Postgres: decided once, answered alike ever after.
#include <map>
#include <set>

#include "platform/base/correlation.h"
#include "platform/metrics/names.h"
#include "services/risk_safety/integration_world.h"

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
using trading::event::Decision;
using trading::event::Intent;
using trading::operator""_dec;

class DeciderOverPostgres : public test::Database {
 protected:
  void RunReady(const std::function<void(test::World&)>& body, bool positions_known = true) {
    Run([&](test::World& world) {
      ASSERT_TRUE(world.policies.Load().ok());
      trading::SymbolRules rules;
      rules.symbol = "BTCUSDT";
      rules.tick_size = "0.1"_dec;
      rules.step_size = "0.001"_dec;
      rules.min_quantity = "0.001"_dec;
      rules.max_quantity = "1000"_dec;
      rules.market_max_quantity = "120"_dec;
      rules.min_price = "556.8"_dec;
      rules.max_price = "4529764"_dec;
      rules.min_notional = "100"_dec;
      world.views.SetRules({{"BTCUSDT", rules}});
      world.views.OnTick({.symbol = "BTCUSDT", .price = "60000"_dec});
      world.views.OnAccount("10000"_dec, "10000"_dec, "0"_dec, "10000"_dec, SystemClock().Now());
      if (positions_known) {
        world.views.SetPositionsKnown();
      }
      body(world);
    });
  }
  static Decision Wish(const std::string& id) {
    Decision decision;
    decision.decision_id = id;
    decision.symbol = "BTCUSDT";
    decision.quantity = "0.01"_dec;
    decision.reference_price = "60000"_dec;
    decision.leverage = 2;
    decision.stop_loss = "59400"_dec;
    decision.confidence = 0.8;
    decision.mode = "PAPER";
    decision.expires_at = ToUnixMs(SystemClock().Now() + 30s);
    return decision;
  }
  static Verdict Decide(test::World& world, const Decision& decision) {
    Verdict verdict;
    const Status done = world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
      QUANTUM_TRY(verdict, world.decider.DecideWithin(transaction, decision, ""));
      return {};
    });
    EXPECT_TRUE(done.ok()) << done.error().message;
    return verdict;
  }
  static std::string Published(test::World& world) {
    return world.One("SELECT coalesce(string_agg(type, ' ' ORDER BY id), '') AS value FROM outbox");
  }
};

// Just after a start: what is refused then is refused for good.
TEST_F(DeciderOverPostgres, AnExitIsNotJudgedBeforeThePositionsAreKnown) {
  const auto body = [](test::World& world) {
    Decision exit = Wish("exit");
    exit.intent = Intent::kClose;
    exit.side = trading::Side::kSell;
    exit.stop_loss.reset();
    const auto decide = [&](Verdict& verdict) {
      return world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
        QUANTUM_TRY(verdict, world.decider.DecideWithin(transaction, exit, ""));
        return {};
      });
    };
    Verdict verdict;
    const Status early = decide(verdict);
    ASSERT_FALSE(early.ok());
    EXPECT_EQ(early.error().code, Errc::kUnavailable);
    EXPECT_EQ(world.One("SELECT count(*) AS value FROM risk_decisions"), "0");
    world.views.OnPosition({.symbol = "BTCUSDT", .quantity = "0.01"_dec, .entry_price = "60000"_dec, .time_ms = 1});
    world.views.SetPositionsKnown();
    EXPECT_TRUE(decide(verdict).ok());
    EXPECT_TRUE(verdict.approved);
  };
  RunReady(body, false);
}

TEST_F(DeciderOverPostgres, ARepeatGetsTheRecordedVerdictAndPublishesNothing) {
  RunReady([](test::World& world) {
    const Verdict first = Decide(world, Wish("a"));
    ASSERT_TRUE(first.approved);
    Decision again = Wish("a");
    again.reference_price = "60010"_dec;  // asked again a moment later
    again.expires_at += 1000;
    world.ess = EssState::kTripped;  // what holds now does not change what was decided
    const Verdict second = Decide(world, again);
    EXPECT_TRUE(second.approved);
    EXPECT_EQ(second.reservation_id, first.reservation_id);
    EXPECT_EQ(Published(world), "risk.approved");
    EXPECT_EQ(world.views.OrdersLastMinute(), 1);
  });
}

TEST_F(DeciderOverPostgres, ARefusalIsRepeatedToo) {
  RunReady([](test::World& world) {
    world.ess = EssState::kTripped;
    const Verdict first = Decide(world, Wish("a"));
    world.ess = EssState::kArmed;
    const Verdict second = Decide(world, Wish("a"));
    ASSERT_EQ(second.refusals.size(), first.refusals.size());
    EXPECT_EQ(second.refusals.at(0).code, "EMERGENCY_STOP");
    EXPECT_EQ(Published(world), "risk.rejected");
  });
}

TEST_F(DeciderOverPostgres, AnotherDecisionUnderTheSameIdIsRefusedWithoutContradictingTheFirst) {
  RunReady([](test::World& world) {
    ASSERT_TRUE(Decide(world, Wish("a")).approved);
    Decision other = Wish("a");
    other.quantity = "0.011"_dec;
    const Verdict verdict = Decide(world, other);
    EXPECT_FALSE(verdict.approved);
    EXPECT_EQ(verdict.refusals.at(0).code, "DUPLICATE_DECISION");
    EXPECT_EQ(Published(world), "risk.approved");
    EXPECT_EQ(world.decider.CheckOnly(Wish("a")).value().at(0).code, "DUPLICATE_DECISION");
  });
}

TEST_F(DeciderOverPostgres, TheChecksAloneHaveNoSideEffect) {
  RunReady([](test::World& world) {
    ASSERT_TRUE(Decide(world, Wish("a")).approved);
    const std::string rows =
        "SELECT (SELECT count(*) FROM risk_decisions) || ' ' || (SELECT count(*) FROM reservations) || ' ' || "
        "(SELECT count(*) FROM risk_refusals) || ' ' || (SELECT count(*) FROM outbox) AS value";
    const std::string before = world.One(rows);
    Decision refused = Wish("b");
    refused.leverage = 100;
    EXPECT_EQ(world.decider.CheckOnly(Wish("c")).value().at(0).code, "POSITION_EXCEEDS_MAX");
    EXPECT_FALSE(world.decider.CheckOnly(refused).value().empty());
    EXPECT_EQ(world.decider.CheckOnly(Wish("a")).value().at(0).code, "DUPLICATE_DECISION");
    EXPECT_EQ(world.One(rows), before);
    EXPECT_EQ(world.views.OrdersLastMinute(), 1);
  });
}

TEST_F(DeciderOverPostgres, EveryRefusalIsRecordedAndCountedUnderItsCorrelationId) {
  RunReady([](test::World& world) {
    const auto counted = [](const char* code) {
      return metrics::GetCounter(metrics::kRefusals, {{"code", code}}).value();
    };
    const double leverage = counted("LEVERAGE_OUT_OF_BOUNDS");
    const double confidence = counted("CONFIDENCE_BELOW_MIN");
    const double duplicates = counted("DUPLICATE_DECISION");
    const CorrelationScope scope("refusals-0001");
    Decision wish = Wish("a");
    wish.leverage = 100;
    wish.confidence = 0.1;
    EXPECT_FALSE(Decide(world, wish).approved);
    EXPECT_FALSE(Decide(world, wish).approved);  // a repeat is no second refusal
    wish.quantity = "0.011"_dec;
    EXPECT_FALSE(Decide(world, wish).approved);  // another decision under its id
    std::vector<std::string> told;
    const auto recorded = LoadRefusals(world.pool, "refusals-0001");
    ASSERT_TRUE(recorded.ok()) << recorded.error().message;
    for (const trading::RecordedRefusal& one : *recorded) {
      told.push_back(one.decision_id + " " + one.symbol + " " + one.refusal.code + ": " + one.refusal.detail);
    }
    EXPECT_EQ(told,
              (std::vector<std::string>{"a BTCUSDT LEVERAGE_OUT_OF_BOUNDS: min=1 max=5 got=100",
                                        "a BTCUSDT CONFIDENCE_BELOW_MIN: min=0.5 got=0.1000",
                                        "a BTCUSDT DUPLICATE_DECISION: decision_id=a decided=OPEN BUY 0.01 BTCUSDT "
                                        "got=OPEN BUY 0.011 BTCUSDT"}));
    EXPECT_EQ(counted("LEVERAGE_OUT_OF_BOUNDS"), leverage + 1);
    EXPECT_EQ(counted("CONFIDENCE_BELOW_MIN"), confidence + 1);
    EXPECT_EQ(counted("DUPLICATE_DECISION"), duplicates + 1);
    EXPECT_TRUE(LoadRefusals(world.pool, "refusals-0002").value().empty());
  });
}

TEST_F(DeciderOverPostgres, PausedItApprovesNoEntryAndEveryExit) {
  RunReady([](test::World& world) {
    world.paused = true;
    const Verdict refused = Decide(world, Wish("a"));
    EXPECT_FALSE(refused.approved);
    ASSERT_EQ(refused.refusals.size(), 1u);
    EXPECT_EQ(refused.refusals.at(0).code, "TRADING_STATE");
    EXPECT_EQ(refused.refusals.at(0).detail, "state=HALTED");
    EXPECT_EQ(world.decider.CheckOnly(Wish("b")).value().at(0).code, "TRADING_STATE");

    world.views.OnPosition({.symbol = "BTCUSDT", .quantity = "0.01"_dec, .time_ms = 1});
    Decision exit = Wish("c");
    exit.intent = Intent::kClose;
    exit.side = trading::Side::kSell;
    exit.stop_loss.reset();
    EXPECT_TRUE(Decide(world, exit).approved);

    world.views.OnPosition({.symbol = "BTCUSDT", .time_ms = 2});
    world.paused = false;
    EXPECT_TRUE(Decide(world, Wish("d")).approved);
    EXPECT_EQ(Published(world), "risk.rejected risk.approved risk.approved");
  });
}

TEST_F(DeciderOverPostgres, AnAbsurdQuantityIsRefusedAndRecorded) {
  RunReady([](test::World& world) {
    Decision decision = Wish("a");
    decision.quantity = "2000000"_dec;
    EXPECT_EQ(Decide(world, decision).refusals.at(0).code, "QUANTITY_RANGE");
    decision.decision_id = "b";
    decision.quantity = "92233720368"_dec;
    decision.price = "92233720368"_dec;
    EXPECT_FALSE(Decide(world, decision).approved);
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM risk_decisions"), "2");
  });
}

TEST_F(DeciderOverPostgres, TheCapOfAPositionCountsWhatIsHeldAndPromisedInItsSymbol) {
  RunReady([](test::World& world) {                  // the profile NORMAL allows 1000 USD
    ASSERT_TRUE(Decide(world, Wish("a")).approved);  // 600 promised
    EXPECT_EQ(Decide(world, Wish("b")).refusals.at(0).code, "POSITION_EXCEEDS_MAX");
  });
}

// Seventeen positions against a limit of ten: every decision saw the slots of before the others.
TEST_F(DeciderOverPostgres, Pain7DecisionsThatRaceNeverTakeMoreSlotsThanThereAre) {
  RunReady([](test::World& world) {
    constexpr int kDecisions = 17;
    const int64_t version = world.policies.documents().at("active_profile").version;
    ASSERT_TRUE(world.policies.Put("active_profile", "\"DEFENSIVE\"", version, "test").ok());
    const int slots = world.policies.active().positions_max;
    ASSERT_LT(slots, kDecisions);
    std::map<std::string, trading::SymbolRules> rules;
    for (int i = 0; i < kDecisions; ++i) {
      trading::SymbolRules one = *world.views.Rules("BTCUSDT");
      one.symbol = "COIN" + std::to_string(i);
      rules[one.symbol] = one;
      world.views.OnTick({.symbol = one.symbol, .price = "60000"_dec});
    }
    world.views.SetRules(rules);
    int approved = 0;
    std::set<std::string> codes;
    int left = kDecisions;
    fiber::Event done;
    for (int i = 0; i < kDecisions; ++i) {
      fiber::CurrentLoop().Spawn([&, i] {
        Decision wish = Wish("race-" + std::to_string(i));
        wish.symbol = "COIN" + std::to_string(i);
        wish.quantity = "0.002"_dec;
        const Verdict verdict = Decide(world, wish);
        approved += verdict.approved ? 1 : 0;
        for (const auto& refusal : verdict.refusals) {
          codes.insert(refusal.code);
        }
        if (--left == 0) {
          done.Set();
        }
      });
    }
    ASSERT_TRUE(done.WaitFor(30s));
    EXPECT_EQ(approved, slots);
    EXPECT_EQ(codes, std::set<std::string>{"MAX_POSITIONS"});
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM reservations WHERE state = 'RESERVED'"),
              std::to_string(slots));
    ASSERT_TRUE(world.policies.Put("active_profile", "\"NORMAL\"", version + 1, "test").ok());
  });
}

// Several that wait share a transaction; each is judged by what those before it were given.
TEST_F(DeciderOverPostgres, Pain7DecisionsOfOneTransactionTakeNoMoreThanThereIs) {
  RunReady([](test::World& world) {
    constexpr int kOrdersBefore = 598;  // of 600 a minute
    for (int i = 0; i < kOrdersBefore; ++i) {
      world.views.OnOrder("before-" + std::to_string(i), SystemClock().Now());
    }
    std::vector<std::string> codes;
    const Status done = world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
      codes.clear();
      for (const char* id : {"a", "a", "b", "c"}) {
        Decision wish = Wish(id);
        wish.quantity = "0.002"_dec;
        QUANTUM_TRY(const Verdict verdict, world.decider.DecideWithin(transaction, wish, ""));
        codes.push_back(verdict.approved ? "approved" : verdict.refusals.at(0).code);
      }
      EXPECT_EQ(world.views.OrdersLastMinute(), kOrdersBefore);
      return {};
    });
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(codes, (std::vector<std::string>{"approved", "approved", "approved", "ORDER_RATE"}));
    EXPECT_EQ(world.views.OrdersLastMinute(), kOrdersBefore + 2);
    EXPECT_EQ(world.One("SELECT string_agg(decision_id, ' ' ORDER BY decision_id) AS value FROM reservations"), "a b");
  });
}

TEST_F(DeciderOverPostgres, Pain7DecisionsOfOneTransactionSeeWhatThoseBeforeThemTook) {
  RunReady([](test::World& world) {
    std::vector<std::string> codes;
    const Status done = world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
      codes.clear();
      for (const char* id : {"a", "b", "a"}) {
        Decision wish = Wish(id);
        wish.quantity = codes.size() == 2 ? "0.011"_dec : wish.quantity;  // another wish under the first's id
        QUANTUM_TRY(const Verdict verdict, world.decider.DecideWithin(transaction, wish, ""));
        codes.push_back(verdict.approved ? "approved" : verdict.refusals.at(0).code);
      }
      return {};
    });
    ASSERT_TRUE(done.ok()) << done.error().message;
    EXPECT_EQ(codes, (std::vector<std::string>{"approved", "POSITION_EXCEEDS_MAX", "DUPLICATE_DECISION"}));
    EXPECT_EQ(Published(world), "risk.approved risk.rejected");
  });
}

TEST_F(DeciderOverPostgres, EffectsOutsideTheDatabaseHappenOnceAndOnlyWhenItCommits) {
  RunReady([](test::World& world) {
    int bodies = 0;
    const Status failed = world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
      ++bodies;
      const auto verdict = world.decider.DecideWithin(transaction, Wish("a"), "");
      EXPECT_TRUE(verdict.ok() && verdict->approved);
      return Error{Errc::kInternal, "rolled back by the test"};
    });
    EXPECT_FALSE(failed.ok());
    EXPECT_EQ(bodies, 1);
    EXPECT_EQ(world.views.OrdersLastMinute(), 0);
    ASSERT_TRUE(Decide(world, Wish("a")).approved);
    EXPECT_EQ(world.views.OrdersLastMinute(), 1);
  });
}

}  // namespace
}  // namespace quantum::risk_safety
