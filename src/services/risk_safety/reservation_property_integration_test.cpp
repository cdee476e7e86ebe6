// Many deciders at once on one Postgres, as processes of their own would be, that die at the worst moments: no limit is
// ever passed, every decision has one verdict and one event, and every reservation is released once, however its entry
// ended. QUANTUM_SEED repeats the decisions of a run (not how the threads meet).
#include <fmt/format.h>

#include <atomic>
#include <cstdlib>
#include <thread>

#include "platform/base/correlation.h"
#include "services/risk_safety/integration_world.h"
#include "services/risk_safety/reservation_trial.h"
#include "services/risk_safety/settle.h"
#include "tests/support/slowdown.h"
#include "tests/support/tcp_gate.h"

namespace quantum::risk_safety {
namespace {

using namespace std::chrono_literals;
namespace event = trading::event;
using test::DeskModel;
using test::kDecisions;
using test::kPrice;
using test::kSymbols;
using test::kWallet;
using test::Trial;
using trading::operator""_dec;

constexpr int kThreads = 8;

// One process of risk-safety after the other, each until it dies.
class Process {
 public:
  Process(Trial& run, const testing::PostgresServer& server, std::string directory, uint64_t seed)
      : run_(run),
        gate_(server.pgbouncer_port()),
        options_(server.ServiceOptions()),
        directory_(std::move(directory)),
        random_(seed) {
    options_.port = gate_.port();
    options_.attempts_max = 1;
    options_.connections_max = 1;
  }

  void Live() {
    while (!run_.stop) {
      testing::RunInFiber([&](fiber::Loop& loop) {
        try {
          test::World world(loop, options_, directory_);
          if (world.policies.Load().ok()) {
            world.views.SetRules(test::AllRules());
            Look(world);
            while (!run_.stop && Act(world)) {
            }
          }
          throw Death();  // whatever is under way is dropped as it stands: an orderly end would wait for it
        } catch (const Death&) {
        }
      });
      ++run_.deaths;
    }
    run_.cuts += gate_.cuts();
  }

 private:
  struct Death {};

  // What a process learns from execution and the market, once in a while.
  void Look(test::World& world) {
    const DeskModel::Account account = run_.desk.Read(SystemClock());
    world.views.OnAccount(kWallet, account.available, "0"_dec, kWallet, account.as_of);
    for (const auto& [symbol, quantity] : account.positions) {
      world.views.OnPosition(
          {.symbol = symbol, .quantity = quantity, .entry_price = kPrice, .time_ms = account.version});
    }
    world.views.SetPositionsKnown();
    for (int i = 0; i < kSymbols; ++i) {
      world.views.OnTick({.symbol = "COIN" + std::to_string(i), .price = kPrice});
    }
  }

  // False: it died.
  bool Act(test::World& world) {
    if (random_.Below(100) < 8) {
      ArmGate();
    }
    const uint64_t dice = random_.Below(100);
    bool alive = true;
    if (dice < 45) {
      alive = Decide(world);
    } else if (dice < 85) {
      alive = Deliver(world);
    } else if (dice < 92) {
      alive = Sweep(world);
    } else {
      Look(world);
    }
    return alive && random_.Below(100) != 0;
  }

  void ArmGate() {
    switch (random_.Below(4)) {
      case 0:
        return gate_.CutBeforeRequest("COMMIT");
      case 1:
        return gate_.CutAfterRequest("COMMIT");
      case 2:
        return gate_.CutBeforeRequest("outbox_add");
      default:
        return gate_.CutAfterRequest("INSERT INTO reservations");
    }
  }

  bool Decide(test::World& world) {
    std::vector<Trial::Task> tasks;  // which share a transaction
    for (uint64_t wanted = random_.Below(3) == 0 ? 2 + random_.Below(3) : 1; wanted > 0; --wanted) {
      if (auto task = run_.Take(random_)) {
        tasks.push_back(std::move(*task));
      }
    }
    if (tasks.empty()) {
      fiber::SleepFor(1ms);
      return true;
    }
    const CorrelationScope scope("reservations-test");
    std::vector<Verdict> verdicts(tasks.size());
    const Status decided = world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
      for (size_t i = 0; i < tasks.size(); ++i) {
        QUANTUM_TRY(verdicts[i], world.decider.DecideWithin(transaction, tasks[i].decision, ""));
      }
      return {};
    });
    for (size_t i = 0; i < tasks.size(); ++i) {
      run_.Answered(tasks[i], decided, verdicts[i]);
    }
    return decided.ok();
  }

  bool Deliver(test::World& world) {
    const auto delivery = run_.desk.Next(random_);
    if (!delivery) {
      fiber::SleepFor(1ms);
      return true;
    }
    const Status applied = world.pool.Transact([&](postgres::Transaction& transaction) -> Status {
      if (delivery->type == event::kTradeClosed) {
        QUANTUM_TRY(const auto trade, event::ParseTradeUpdate(delivery->payload));
        SettleByTrade(transaction, trade);
        return Status();
      }
      QUANTUM_TRY(const auto order, event::ParseOrderUpdate(delivery->payload));
      SettleByOrder(transaction, delivery->type, order, SystemClock().Now());
      return Status();
    });
    run_.desk.Done(*delivery, applied.ok(), random_);
    return applied.ok();
  }

  // As if the time of all that is reserved had passed.
  bool Sweep(test::World& world) {
    const auto expired = ExpiredReservations(world.pool, SystemClock().Now() + 1h);
    if (!expired.ok()) {
      return false;
    }
    for (const std::string& id : *expired) {
      if (random_.Below(4) != 0) {
        continue;
      }
      const EntryState state = run_.desk.AskExpired(id);
      const Status settled = world.pool.Transact([&](postgres::Transaction& transaction) {
        SettleExpired(transaction, id, state, SystemClock().Now());
        return Status();
      });
      if (!settled.ok()) {
        return false;
      }
    }
    return true;
  }

  Trial& run_;
  testing::TcpGate gate_;
  postgres::PoolOptions options_;
  std::string directory_;
  SeededRandom random_;
};

// Execution: takes approvals from the outbox, dies before some of them (they come again), and lets orders and trades
// end. Returns when all is decided, carried out and told.
void Execute(Trial& run, const postgres::PoolOptions& options, uint64_t seed) {
  testing::RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool pool(loop, options);
    SeededRandom random(seed);
    std::string seen = "{0";
    while (!run.stop) {
      const bool decided = run.decided();
      const auto rows = pool.Query(
          "SELECT id, payload FROM outbox WHERE type = 'risk.approved' "
          "AND id <> ALL ($1::bigint[]) ORDER BY id",
          {seen + "}"}, {.idempotent = true});
      ASSERT_TRUE(rows.ok()) << rows.error().message;
      size_t taken = 0;
      for (; taken < rows->size() && (decided || random.Below(4) != 0); ++taken) {
        run.desk.OnApproval(event::ParseApproval(rows->Text(taken, "payload"))->decision, random);
        if (random.Below(5) != 0) {  // else it is delivered again
          seen += "," + std::string(rows->Text(taken, "id"));
        }
      }
      for (int i = 0; i < 6; ++i) {
        run.desk.Advance(random, decided);
      }
      if (decided && rows->empty() && run.desk.quiet()) {
        return;
      }
      fiber::SleepFor(5ms);
    }
  });
}

const std::string kOpenReservations =
    "SELECT decision_id, symbol, side, notional::text, margin::text, state FROM reservations WHERE state <> 'RELEASED'";

// The limits, reckoned anew from the rows alone. What is filled counts unless its trade is closed by now.
void Audit(Trial& run, const postgres::Rows& rows, const Policy& policy, const CheckLimits& limits) {
  Decimal longs;
  Decimal shorts;
  Decimal margin;
  std::map<std::string, Decimal> positions;
  for (size_t i = 0; i < rows.size(); ++i) {
    const Decimal notional = Decimal::Parse(rows.Text(i, "notional")).value();
    (rows.Text(i, "side") == "BUY" ? longs : shorts) += notional;
    positions[fmt::format("{} {}", rows.Text(i, "symbol"), rows.Text(i, "side"))] += notional;
    if (rows.Text(i, "state") == "RESERVED" || !run.desk.IsClosed(std::string(rows.Text(i, "decision_id")))) {
      margin += Decimal::Parse(rows.Text(i, "margin")).value();
    }
  }
  const auto at_most = [&](std::string_view what, Decimal got, Decimal max) {
    if (got > max) {
      run.Complain(fmt::format("{}: max={} got={}", what, max.ToString(), got.ToString()));
    }
  };
  const auto of_wallet = [](Decimal percent) { return kWallet.Times(percent).DividedBy("100"_dec); };
  at_most("slots", Decimal::FromInt(static_cast<int64_t>(rows.size())), Decimal::FromInt(policy.positions_max));
  at_most("exposure", longs + shorts, of_wallet(limits.exposure_percent_max));
  at_most("longs", longs, of_wallet(limits.one_sided_percent_max));
  at_most("shorts", shorts, of_wallet(limits.one_sided_percent_max));
  at_most("margin", margin, kWallet);
  for (const auto& [position, notional] : positions) {
    at_most(position, notional, policy.position_usd_max);
  }
  ++run.audits;
}

class Reservations : public test::Database {
 protected:
  void SetUp() override {
    Database::SetUp();
    AsOwner({"CREATE TABLE IF NOT EXISTS reservation_changes (decision_id text, before text, after text)",
             "CREATE OR REPLACE FUNCTION keep_change() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN "
             "INSERT INTO reservation_changes VALUES (NEW.decision_id, CASE TG_OP WHEN 'UPDATE' THEN OLD.state END, "
             "NEW.state); RETURN NULL; END $$",
             "CREATE OR REPLACE TRIGGER keep_change AFTER INSERT OR UPDATE ON reservations FOR EACH ROW "
             "EXECUTE FUNCTION keep_change()",
             "DELETE FROM reservation_changes"});
    SetProfile("DEFENSIVE");
    const char* given = std::getenv("QUANTUM_SEED");
    seed_ = given != nullptr ? std::strtoull(given, nullptr, 10) : SystemRandom().Next();
    fmt::print("QUANTUM_SEED={}\n", seed_);
  }
  void TearDown() override {
    SetProfile("NORMAL");
    AsOwner({"DROP FUNCTION IF EXISTS public.pg_advisory_xact_lock(integer)"});
  }

  void AsOwner(const std::vector<std::string>& statements) {
    testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool pool(loop, server_->OwnerOptions());
      for (const std::string& statement : statements) {
        const auto done = pool.Query(statement);
        ASSERT_TRUE(done.ok()) << done.error().message;
      }
    });
  }
  void SetProfile(const std::string& name) {
    Database::Run([&](test::World& world) {
      ASSERT_TRUE(world.policies.Load().ok());
      const int64_t version = world.policies.documents().at("active_profile").version;
      ASSERT_TRUE(world.policies.Put("active_profile", "\"" + name + "\"", version, "test").ok());
      policy_ = world.policies.active();
    });
  }

  // Until all is decided and told, or, for a control, until a limit was passed.
  void RunAll(Trial& run, bool until_violated) {
    std::vector<std::thread> threads;
    for (int i = 0; i < kThreads; ++i) {
      threads.emplace_back([&, i] {
        const testing::TemporaryDirectory directory("quantum-risk-process");
        Process(run, *server_, directory.path().string(), seed_ + 1 + static_cast<uint64_t>(i)).Live();
      });
    }
    std::atomic<bool> executed{false};
    threads.emplace_back([&] {
      Execute(run, server_->ServiceOptions(), seed_);
      executed = true;
    });
    testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool pool(loop, server_->ServiceOptions());
      const SteadyTime end = SystemClock().Steady() + 60s * testing::kSlowdown;
      while (!executed && !(until_violated && !run.Found().empty())) {
        if (SystemClock().Steady() > end) {
          run.Complain("it does not come to an end");
          break;
        }
        const auto rows = pool.Query(kOpenReservations, {}, {.idempotent = true});
        ASSERT_TRUE(rows.ok()) << rows.error().message;
        Audit(run, *rows, policy_, {});
        fiber::SleepFor(2ms);
      }
    });
    run.stop = true;
    for (std::thread& thread : threads) {
      thread.join();
    }
  }

  Policy policy_;
  uint64_t seed_ = 0;
};

TEST_F(Reservations, HoldEveryLimitUnderConcurrentDecisionsAndCrashesAndAreReleasedOnce) {
  Trial run(seed_);
  RunAll(run, false);
  EXPECT_EQ(run.Found(), std::vector<std::string>{});
  EXPECT_EQ(run.verdicts.size(), kDecisions);

  // What the run is worth: every limit was met, every end was taken, and processes did die.
  for (const char* code : {"MAX_POSITIONS", "EXPOSURE_EXCEEDS_MAX", "CONCENTRATION", "INSUFFICIENT_BALANCE",
                           "POSITION_EXCEEDS_MAX", "DUPLICATE_DECISION"}) {
    EXPECT_GT(run.refused[code], 0) << code;
  }
  auto ends = run.desk.ends();
  for (const char* how : {"filled", "filled in part and cancelled", "closed", "cancelled", "rejected",
                          "expired at the venue", "refused by execution", "came too late"}) {
    EXPECT_GT(ends[how], 0) << how;
  }
  EXPECT_GT(run.cuts, 20);
  fmt::print("{} audits, {} processes, {} cuts;", run.audits.load(), run.deaths.load(), run.cuts.load());
  for (const auto& [what, count] : ends) {
    fmt::print(" {} {},", count, what);
  }
  for (const auto& [code, count] : run.refused) {
    fmt::print(" {} {}", count, code);
  }
  fmt::print("\n");

  Database::Run([&](test::World& world) {
    const auto none = [&](const char* what, const std::string& sql) {
      EXPECT_EQ(world.One("SELECT coalesce(string_agg(decision_id, ' '), '') AS value FROM (" + sql + ") AS found"), "")
          << what;
    };
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM risk_decisions"), std::to_string(kDecisions));
    none("decisions without their one event",
         "SELECT decision_id FROM risk_decisions WHERE 1 <> (SELECT count(*) FROM outbox WHERE "
         "type IN ('risk.approved', 'risk.rejected') AND "
         "coalesce(payload::jsonb->>'decision_id', payload::jsonb->'decision'->>'decision_id') = decision_id AND "
         "(type = 'risk.approved') = approved)");
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM outbox WHERE type LIKE 'risk.%'"),
              std::to_string(kDecisions));
    none("decisions whose reservation does not fit the verdict",
         "SELECT decision_id FROM risk_decisions FULL JOIN reservations USING (decision_id) "
         "WHERE coalesce(approved, false) <> (reservation_id IS NOT NULL)");
    none("reservations that were made, filled or released more than once",
         "SELECT decision_id FROM reservation_changes GROUP BY decision_id, after HAVING count(*) > 1");
    none("released reservations that changed", "SELECT decision_id FROM reservation_changes WHERE before = 'RELEASED'");

    const auto rows = world.pool.Query(kOpenReservations, {}, {.idempotent = true});
    ASSERT_TRUE(rows.ok());
    std::set<std::string> held;
    for (size_t i = 0; i < rows->size(); ++i) {
      held.emplace(rows->Text(i, "decision_id"));
      EXPECT_EQ(rows->Text(i, "state"), "FILLED") << rows->Text(i, "decision_id");
    }
    EXPECT_EQ(held, run.desk.open_trades()) << "what is taken is what is open";
  });
}

// The negative control: without the lock the same run passes a limit, and the audit sees it.
TEST_F(Reservations, WithoutTheirLockALimitIsPassed) {
  AsOwner({"CREATE FUNCTION public.pg_advisory_xact_lock(integer) RETURNS void LANGUAGE sql AS 'SELECT'"});
  Trial run(seed_);
  RunAll(run, true);
  ASSERT_FALSE(run.Found().empty());
  fmt::print("{}\n", run.Found().front());
}

}  // namespace
}  // namespace quantum::risk_safety
