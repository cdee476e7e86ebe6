#include <gtest/gtest.h>

#include <algorithm>

#include "platform/bus/append.h"
#include "platform/bus/bus.h"
#include "platform/bus/codec.h"
#include "platform/bus/functions.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"

// Entries that the broker gives a second time, or that nobody asked it for.
namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;
using quantum::testing::fibers::Eventually;

constexpr const char* kPlaced = "order.placed";
constexpr const char* kOther = "order.canceled";  // nobody asks for it

class BusAgainTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    RegisterEventType({kOther});
    cluster_ = std::make_unique<RedisCluster>();
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  static std::string AskMaster(const std::vector<std::string>& command) {
    return cluster_->Ask(cluster_->AwaitMaster(), command);
  }

  // Asked in this order, for what is read between the two questions is pending.
  static bool AllDone() {
    return AskMaster({"XINFO", "GROUPS", StreamKey("order")}).find("lag\n0\n") != std::string::npos &&
           AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n");
  }

  // Of an event of another producer.
  static redis::Command Addition(uint64_t sequence) {
    const auto fields = EntryFields({.id = "x",
                                     .type = kPlaced,
                                     .producer = "other",
                                     .incarnation = "abc",
                                     .sequence = sequence,
                                     .source = "other",
                                     .key = "K",
                                     .payload = "{}"});
    redis::Command add{"XADD", StreamKey("order"), "*"};
    add.insert(add.end(), fields.begin(), fields.end());
    return add;
  }

  static bool LoadFunctions(redis::Client& client) {
    return client.Run(redis::Command{"FUNCTION", "LOAD", "REPLACE", kFunctionLibrary}).ok();
  }

  // Runs a bus of group g, with this handler, and the body.
  static void Run(const Handler& handler, const std::function<void(redis::Client&, Bus&)>& body) {
    ASSERT_EQ(AskMaster({"FLUSHALL"}), "OK");
    fiber::Loop loop("test");
    loop.Spawn([&] {
      {
        redis::Client client(loop, cluster_->Options());
        Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
        bus.Subscribe({.types = {kPlaced}, .handler = handler});
        EXPECT_TRUE(bus.Start().ok());
        body(client, bus);
        bus.Stop();
      }
      loop.Stop();
    });
    loop.Run();
  }

 private:
  static inline std::unique_ptr<RedisCluster> cluster_;
};

// A replica that lagged and was promoted may lack the dead letter, and then the event comes again.
TEST_F(BusAgainTest, ADeadLetterIsNotTakenForApplied) {
  int handled = 0;
  const auto handler = [&](const Event&) -> Status {
    ++handled;
    return Error{Errc::kInvalidArgument, "has no price"};
  };
  Run(handler, [&](redis::Client&, Bus&) {
    for (int i = 1; i <= 2; ++i) {
      AskMaster(Addition(1));
      EXPECT_TRUE(Eventually(10s, [&] { return AskMaster({"XLEN", DeadLetterKey("order")}) == std::to_string(i); }));
      EXPECT_EQ(handled, i);
      EXPECT_TRUE(Eventually(10s, [] { return AllDone(); })) << "acknowledged with it";
    }
  });
}

TEST_F(BusAgainTest, WhereThereAreTooManyDeadLettersWhatFailsStaysWithItsGroupAndFollowsOnceThereIsRoom) {
  constexpr size_t kLettersMax = 10'000;
  bool tried = false;
  const auto handler = [&](const Event&) -> Status {
    tried = true;
    return Error{Errc::kInvalidArgument, "has no price"};
  };
  Run(handler, [&](redis::Client& client, Bus& bus) {
    const redis::Command letter{"XADD", DeadLetterKey("order"), "*", "reason", "an earlier one"};
    for (int tenth = 0; tenth < 10; ++tenth) {
      ASSERT_TRUE(client.Run(std::vector<redis::Command>(kLettersMax / 10, letter)).ok());
    }
    AskMaster(Addition(1));
    EXPECT_TRUE(Eventually(10s, [&] { return !bus.health().dead_letters_trouble.empty(); }));
    EXPECT_TRUE(tried);
    EXPECT_NE(bus.health().dead_letters_trouble.find("10000 dead letters"), std::string::npos)
        << bus.health().dead_letters_trouble;
    EXPECT_EQ(AskMaster({"XLEN", DeadLetterKey("order")}), std::to_string(kLettersMax));
    EXPECT_FALSE(AllDone()) << "it is not acknowledged";
    AskMaster({"XTRIM", DeadLetterKey("order"), "MAXLEN", "5"});
    EXPECT_TRUE(Eventually(10s, [] { return AllDone(); }));
    EXPECT_EQ(AskMaster({"XLEN", DeadLetterKey("order")}), "6");
    EXPECT_TRUE(Eventually(10s, [&] { return bus.health().dead_letters_trouble.empty(); }));
  });
}

TEST_F(BusAgainTest, WhatBecamePendingBehindItsBackIsHandledWithoutAReconnect) {
  std::vector<std::string> handled;
  const auto handler = [&](const Event& event) {
    handled.push_back(event.payload);
    return Status();
  };
  Run(handler, [&](redis::Client& client, Bus&) {
    AskMaster(Addition(1));
    ASSERT_TRUE(Eventually(10s, [&] { return handled.size() == 1; }));
    const redis::Command read{"XREADGROUP", "GROUP",   GroupName("g"),     "p", "COUNT",
                              "1",          "STREAMS", StreamKey("order"), ">"};
    ASSERT_TRUE(client.Run(std::vector<redis::Command>{{"MULTI"}, Addition(2), read, {"EXEC"}}).ok());
    AskMaster({"CONFIG", "RESETSTAT"});
    EXPECT_TRUE(Eventually(30s, [&] { return handled.size() == 2; }));
    EXPECT_TRUE(Eventually(10s, [] { return AllDone(); }));
    const std::string stats = AskMaster({"INFO", "commandstats"});
    const std::string name = "cmdstat_xread:calls=";
    ASSERT_NE(stats.find(name), std::string::npos);
    EXPECT_LT(std::stoi(stats.substr(stats.find(name) + name.size())), 500) << "it waits, half a second each time";
  });
}

// As a replica does that counted otherwise before it was promoted.
TEST_F(BusAgainTest, AGroupThatWasGivenEverythingDoesNotLagWhateverTheNewMasterHasCounted) {
  int handled = 0;
  Run(
      [&](const Event&) {
        ++handled;
        return Status();
      },
      [&](redis::Client& client, Bus&) {
        for (uint64_t sequence = 1; sequence <= 5; ++sequence) {
          EXPECT_TRUE(client.Run(Addition(sequence)).ok());
        }
        EXPECT_TRUE(Eventually(20s, [&] { return handled == 5 && AllDone(); }));
        // Both in one step, before anybody sets it right.
        const std::string drifted = AskMaster({"EVAL",
                                               "redis.call('XGROUP', 'SETID', KEYS[1], ARGV[1], '$', 'ENTRIESREAD', 1) "
                                               "return redis.call('XINFO', 'GROUPS', KEYS[1])",
                                               "1", StreamKey("order"), GroupName("g")});
        EXPECT_NE(drifted.find("lag\n4\n"), std::string::npos) << drifted;
        EXPECT_TRUE(Eventually(20s, [&] { return AllDone(); }));
        EXPECT_TRUE(client.Run(Addition(6)).ok());
        EXPECT_TRUE(Eventually(20s, [&] { return handled == 6 && AllDone(); }));
      });
}

// Many events that go at once share entries: each is handled for itself all the same.
TEST_F(BusAgainTest, AFailingEventOfAnEntryOfManyHoldsBackItsKeyAloneAndIsBuriedWithTheEntry) {
  constexpr uint64_t kEvents = 40;
  std::vector<EventPtr> events;
  for (uint64_t sequence = 1; sequence <= kEvents; ++sequence) {
    const bool bad = sequence == 7;
    events.push_back(std::make_shared<const Event>(Event{.id = "x" + std::to_string(sequence),
                                                         .type = sequence % 3 == 0 ? kOther : kPlaced,
                                                         .producer = "other",
                                                         .incarnation = "abc",
                                                         .sequence = sequence,
                                                         .source = "other",
                                                         .key = bad ? "BAD" : "K",
                                                         .payload = std::to_string(sequence)}));
  }
  std::vector<int> handled;
  int tries = 0;
  const auto handler = [&](const Event& event) -> Status {
    if (event.key == "BAD") {
      ++tries;
      return Error{Errc::kInternal, "cannot be handled"};
    }
    handled.push_back(std::stoi(event.payload));
    return {};
  };
  Run(handler, [&](redis::Client& client, Bus&) {
    const Batch batch{{"other", "abc", "order"}, events, false};
    ASSERT_TRUE(LoadFunctions(client));
    ASSERT_TRUE(client.Run(AppendCommand(batch, "")).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "2") << "32 and 8";
    ASSERT_TRUE(Eventually(30s, [&] { return tries == 5; }));
    EXPECT_EQ(handled.size(), kEvents - kEvents / 3 - 1) << "its neighbours do not wait for it";
    EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
    ASSERT_TRUE(Eventually(10s, [] { return AskMaster({"XLEN", DeadLetterKey("order")}) == "1"; }));
    EXPECT_TRUE(Eventually(10s, [] { return AllDone(); }));
    EXPECT_NE(AskMaster({"XRANGE", DeadLetterKey("order"), "-", "+"}).find("\n7\n"), std::string::npos);
    // The same events again, cut otherwise: the broker takes none twice.
    const Batch again{batch.lane, {events.begin() + 3, events.end()}, false};
    ASSERT_TRUE(client.Run(AppendCommand(again, "")).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "2");
    EXPECT_EQ(tries, 5);
  });
}

TEST_F(BusAgainTest, OfAnEntryOfWhichItHoldsAPartTheBrokerTakesNothingAndSaysWhereToGoOn) {
  std::vector<EventPtr> events;
  for (uint64_t sequence = 1; sequence <= 30; ++sequence) {
    events.push_back(std::make_shared<const Event>(Event{.id = "x",
                                                         .type = kPlaced,
                                                         .producer = "other",
                                                         .incarnation = "abc",
                                                         .sequence = sequence,
                                                         .source = "other",
                                                         .payload = "{}"}));
  }
  std::vector<uint64_t> handled;
  const auto handler = [&](const Event& event) {
    handled.push_back(event.sequence);
    return Status();
  };
  Run(handler, [&](redis::Client& client, Bus&) {
    const Lane lane{"other", "abc", "order"};
    ASSERT_TRUE(LoadFunctions(client));
    ASSERT_TRUE(client.Run(AppendCommand({lane, {events.begin(), events.begin() + 5}, false}, "")).ok());
    const auto whole = client.Run(AppendCommand({lane, events, false}, ""));
    ASSERT_TRUE(whole.ok());
    EXPECT_EQ(whole->elements.at(0).integer, 5);
    EXPECT_EQ(whole->elements.at(1).integer, 0);
    const auto rest = client.Run(AppendCommand({lane, {events.begin() + 5, events.end()}, false}, ""));
    ASSERT_TRUE(rest.ok());
    EXPECT_EQ(rest->elements.at(0).integer, 30);
    EXPECT_EQ(rest->elements.at(1).integer, 25);
    ASSERT_TRUE(Eventually(10s, [&] { return handled.size() == 30; }));
    EXPECT_TRUE(std::is_sorted(handled.begin(), handled.end()));
  });
}

}  // namespace
}  // namespace quantum::bus
