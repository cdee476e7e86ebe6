// The emergency stop's record, the policies and the day's start against a real Postgres.
#include <gmock/gmock.h>

#include <boost/json.hpp>
#include <limits>

#include "services/risk_safety/integration_world.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"

namespace quantum::risk_safety {
namespace {

using ::testing::HasSubstr;
using trading::operator""_dec;

const WallTime kThen = FromUnixMs(1'723'161'256'299);

EssMove Move(int64_t version, EssState from, EssState to, const std::string& reason) {
  return {.from = from,
          .record = {.state = to, .reason = reason, .by = "ann", .since = kThen, .version = version},
          .metrics = {.daily_drawdown_percent = "5.2"_dec, .execution_errors = 2}};
}

class Store : public test::Database {};

TEST_F(Store, EveryChangeOfTheEmergencyStopIsRecordedOnceAndToldWithItsMetrics) {
  Run([](test::World& world) {
    const EssMove trip = Move(1, EssState::kArmed, EssState::kTripped, "OPEN_LOSS: a");
    ASSERT_TRUE(SaveEss(world.pool, world.bus, trip).ok());
    ASSERT_TRUE(SaveEss(world.pool, world.bus, trip).ok());  // a repeat does nothing
    ASSERT_TRUE(SaveEss(world.pool, world.bus, Move(2, EssState::kTripped, EssState::kArmed, "RESET: b")).ok());
    EXPECT_EQ(world.One("SELECT string_agg(type, ' ' ORDER BY id) AS value FROM outbox"),
              "ess.state_changed ess.tripped ess.state_changed ess.rearmed");
    const auto tripped = trading::event::ParseEssChange(
        world.One("SELECT payload::text AS value FROM outbox WHERE type = 'ess.tripped'"));
    ASSERT_TRUE(tripped.ok()) << tripped.error().message;
    EXPECT_EQ(tripped->metrics->daily_drawdown_percent, "5.2"_dec);
    EXPECT_EQ(tripped->metrics->execution_errors, 2);
    EXPECT_THAT(world.One("SELECT payload::text AS value FROM outbox WHERE type = 'ess.rearmed'"),
                HasSubstr("RESET: b"));
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM ess_history"), "2");
    EXPECT_EQ(LoadEss(world.pool, kThen).value()->state, EssState::kArmed);
  });
}

TEST_F(Store, WhateverAPersonTypesAsTheReasonOfATripIsRecorded) {
  Run([](test::World& world) {
    EmergencyStop stop(EssRecord{}, std::chrono::minutes(15));
    ASSERT_TRUE(
        stop.Trip(std::string_view("MANUAL: a\0b\n\"c\" \\u0000 é", 25), std::string_view("an\0n", 4), true, kThen));
    const Status saved = SaveEss(world.pool, world.bus, {.from = EssState::kArmed, .record = stop.record()});
    ASSERT_TRUE(saved.ok()) << saved.error().message;
    EXPECT_EQ(LoadEss(world.pool, kThen).value(), stop.record());
    EXPECT_EQ(stop.record().reason, "MANUAL: a b \"c\" \\u0000 é");
    EXPECT_EQ(stop.record().by, "an n");
  });
}

TEST_F(Store, AnotherRecordUnderATakenVersionIsAConflictNotASuccess) {
  Run([](test::World& world) {
    ASSERT_TRUE(SaveEss(world.pool, world.bus, Move(3, EssState::kTripped, EssState::kArmed, "RESET: b")).ok());
    EXPECT_EQ(SaveEss(world.pool, world.bus, Move(3, EssState::kArmed, EssState::kTripped, "x")).error().code,
              Errc::kConflict);
    EXPECT_EQ(SaveEss(world.pool, world.bus, Move(1, EssState::kArmed, EssState::kTripped, "x")).error().code,
              Errc::kConflict);
    EXPECT_EQ(world.One("SELECT count(*)::text AS value FROM ess_history"), "1");
  });
}

TEST_F(Store, ARecordThatCannotBeReadIsATrip) {
  Run([](test::World& world) {
    ASSERT_TRUE(world.pool.Query("INSERT INTO ess_state (record, version) VALUES ('{}', 9)").ok());
    const auto record = LoadEss(world.pool, kThen).value();
    EXPECT_EQ(record->state, EssState::kTripped);
    EXPECT_EQ(record->version, 9);
  });
}

TEST_F(Store, TheFirstEquityOfADayStands) {
  Run([](test::World& world) {
    EXPECT_EQ(DayStartEquity(world.pool, "2026-11-23", "10000"_dec).value(), "10000"_dec);
    EXPECT_EQ(DayStartEquity(world.pool, "2026-11-23", "9000"_dec).value(), "10000"_dec);
    EXPECT_EQ(DayStartEquity(world.pool, "2026-11-24", "9000"_dec).value(), "9000"_dec);
  });
}

class Policies : public test::Database {
 protected:
  static int64_t VersionOf(test::World& world, const std::string& key) {
    return world.policies.documents().at(key).version;
  }
};

TEST_F(Policies, TheProfilesOfTheMigrationAreThoseOfTheContract) {
  const Policy contract[] = {{.name = "AGGRESSIVE_SMALL_ACCOUNT",
                              .version = 1,
                              .leverage_max = 7,
                              .leverage_min = 2,
                              .risk_per_trade_percent_max = "3"_dec,
                              .daily_drawdown_percent_max = "6"_dec,
                              .positions_max = 15,
                              .confidence_min = 0.45,
                              .scaling_factor = 1.5,
                              .position_usd_max = "300"_dec},
                             {.name = "NORMAL",
                              .version = 1,
                              .leverage_max = 5,
                              .leverage_min = 1,
                              .risk_per_trade_percent_max = "1.5"_dec,
                              .daily_drawdown_percent_max = "5"_dec,
                              .positions_max = 30,
                              .confidence_min = 0.5,
                              .scaling_factor = 1,
                              .position_usd_max = "1000"_dec},
                             {.name = "DEFENSIVE",
                              .version = 1,
                              .leverage_max = 3,
                              .leverage_min = 1,
                              .risk_per_trade_percent_max = "0.75"_dec,
                              .daily_drawdown_percent_max = "3"_dec,
                              .positions_max = 10,
                              .confidence_min = 0.6,
                              .scaling_factor = 0.7,
                              .position_usd_max = "500"_dec}};
  Run([&](test::World& world) {
    const auto documents = LoadPolicies(world.pool);
    ASSERT_TRUE(documents.ok()) << documents.error().message;
    EXPECT_EQ(documents->size(), std::size(contract) + 2) << "beside the profiles: which one, and the trading state";
    for (const Policy& expected : contract) {
      SCOPED_TRACE(expected.name);
      const PolicyDocument& document = documents->at(expected.name);
      const auto policy = ParsePolicy(document.key, document.value, document.version);
      ASSERT_TRUE(policy.ok()) << policy.error().message;
      EXPECT_EQ(policy->version, expected.version) << "as it was migrated";
      EXPECT_EQ(policy->leverage_max, expected.leverage_max);
      EXPECT_EQ(policy->leverage_min, expected.leverage_min);
      EXPECT_EQ(policy->risk_per_trade_percent_max, expected.risk_per_trade_percent_max);
      EXPECT_EQ(policy->daily_drawdown_percent_max, expected.daily_drawdown_percent_max);
      EXPECT_EQ(policy->positions_max, expected.positions_max);
      EXPECT_EQ(policy->confidence_min, expected.confidence_min);
      EXPECT_EQ(policy->scaling_factor, expected.scaling_factor);
      EXPECT_EQ(policy->position_usd_max, expected.position_usd_max);
    }
  });
}

TEST_F(Policies, WhatIsInForceStandsInRedisForOthers) {
  const testing::RedisCluster cluster;
  Run([&](test::World& world) {
    redis::Client redis(fiber::CurrentLoop(), cluster.Options());
    ASSERT_TRUE(redis.Run({"PING"}, std::chrono::seconds(30)).ok()) << "connected: the book does not wait for Redis";
    PolicyBook book(world.pool, world.bus, &redis, SystemClock(), directory_.path().string() + "/policies.json");
    const auto cached = [&](const std::string& key) {
      const auto reply = redis.Run({"GET", "quantum:policy:" + key});
      return reply.ok() ? reply->text : reply.error().message;
    };
    const auto document = [](const std::string& name, int64_t version) {
      return R"({"value":")" + name + R"(","version":)" + std::to_string(version) + "}";
    };
    // The document that the cache holds of a profile.
    const auto profile = [&](const std::string& name) {
      const boost::json::value entry = boost::json::parse(cached(name));
      return ParsePolicy(name, boost::json::serialize(entry.at("value")), entry.at("version").as_int64()).value();
    };
    EXPECT_EQ(cached("active_profile"), "");
    ASSERT_TRUE(book.Load().ok());
    const int64_t version = book.documents().at("active_profile").version;
    const int64_t state_version = book.documents().at("trading_state").version;
    ASSERT_EQ(cached("active_profile"), document("NORMAL", version));
    EXPECT_EQ(cached("trading_state"), document("ACTIVE", state_version));
    EXPECT_EQ(ToJson(profile("NORMAL")), ToJson(book.active()));

    ASSERT_TRUE(book.Put("active_profile", "\"DEFENSIVE\"", version, "ann").ok());
    ASSERT_EQ(cached("active_profile"), document("DEFENSIVE", version + 1));
    EXPECT_EQ(book.active().name, "DEFENSIVE");
    EXPECT_EQ(ToJson(profile("DEFENSIVE")), ToJson(book.active()));

    // What another process puts is there after a refresh.
    ASSERT_TRUE(
        PutPolicy(world.pool, world.bus, "active_profile", "\"NORMAL\"", version + 1, "bob", SystemClock()).ok());
    ASSERT_TRUE(book.Refresh().ok());
    EXPECT_EQ(cached("active_profile"), document("NORMAL", version + 2));
  });
}

TEST_F(Policies, WhatOthersPutIsInForceAfterARefreshAndNothingOlderEverIs) {
  Run([](test::World& world) {
    ASSERT_TRUE(world.policies.Load().ok());
    const int64_t before = VersionOf(world, "trading_state");
    const auto set = [&](const std::string& state, int64_t version) {
      ASSERT_TRUE(world.pool
                      .Query("UPDATE policies SET value = $1::jsonb, version = $2::bigint WHERE key = 'trading_state'",
                             {"\"" + state + "\"", std::to_string(version)})
                      .ok());
    };
    set("REDUCING", before + 2);
    ASSERT_TRUE(world.policies.Refresh().ok());
    EXPECT_EQ(world.policies.trading_state(), TradingState::kReducing);
    set("ACTIVE", before);  // an older backup was restored
    ASSERT_TRUE(world.policies.Refresh().ok());
    EXPECT_EQ(world.policies.trading_state(), TradingState::kReducing);
    set("ACTIVE", before + 3);
    ASSERT_TRUE(world.policies.Refresh().ok());
    EXPECT_EQ(world.policies.trading_state(), TradingState::kActive);
  });
}

TEST_F(Policies, WhatAPutAnswersIsInForce) {
  Run([](test::World& world) {
    ASSERT_TRUE(world.policies.Load().ok());
    const int64_t before = VersionOf(world, "active_profile");
    const auto put = world.policies.Put("active_profile", "\"DEFENSIVE\"", before, "ann");
    ASSERT_TRUE(put.ok()) << put.error().message;
    EXPECT_EQ(put->version, before + 1);
    EXPECT_EQ(world.policies.active().name, "DEFENSIVE");
    EXPECT_EQ(world.policies.Put("active_profile", "\"NORMAL\"", before, "ann").error().code, Errc::kConflict);
    EXPECT_EQ(world.policies.active().name, "DEFENSIVE");
    for (const int64_t never : {std::numeric_limits<int64_t>::max(), int64_t{0}, int64_t{-1}}) {
      EXPECT_EQ(world.policies.Put("active_profile", "\"NORMAL\"", never, "ann").error().code, Errc::kConflict);
    }
    ASSERT_TRUE(world.policies.Put("active_profile", "\"NORMAL\"", before + 1, "ann").ok());
  });
}

TEST_F(Policies, WithoutPostgresTheFileServesTheStartAndNeverReplacesWhatIsInForce) {
  Run([&](test::World& world) {
    ASSERT_TRUE(world.policies.Load().ok());
    server_->KillPgBouncer();
    PolicyBook next(world.pool, world.bus, nullptr, SystemClock(), directory_.path().string() + "/policies.json");
    EXPECT_TRUE(next.Load().ok());
    EXPECT_EQ(next.active().name, world.policies.active().name);
    EXPECT_FALSE(next.Refresh().ok());
    EXPECT_EQ(next.active().name, world.policies.active().name);
    server_->StartPgBouncer();
  });
}

TEST_F(Store, ALogThatDoesNotReachItsArchiveIsTold) {
  Run([](test::World& world) {
    EXPECT_EQ(ArchiveTrouble(world.pool, Duration::zero()).value(), "") << "there is no archive";
  });
  const testing::PostgresServer broken({.settings = "archive_mode = on\narchive_command = '/bin/false'\n"});
  testing::RunInFiber([&](fiber::Loop& loop) {
    postgres::Pool owner(loop, broken.OwnerOptions());
    // More than a segment holds: it ends, and is to be archived.
    ASSERT_TRUE(owner
                    .Query("CREATE TABLE noise AS SELECT repeat(md5(i::text), 10) FROM generate_series(1, 100000) i",
                           {}, {.timeout = std::chrono::minutes(1)})
                    .ok());
    postgres::Pool pool(loop, broken.ServiceOptions());
    const auto told = [&](Duration grace) { return ArchiveTrouble(pool, grace).value(); };
    EXPECT_TRUE(testing::fibers::Eventually(std::chrono::seconds(60), [&] { return !told(Duration::zero()).empty(); }));
    EXPECT_THAT(told(Duration::zero()), HasSubstr("could not be restored"));
    EXPECT_EQ(told(std::chrono::hours(1)), "") << "it has not lasted yet";
  });
}

}  // namespace
}  // namespace quantum::risk_safety
