#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <functional>
#include <memory>
#include <optional>
#include <set>

#include "operator/bus/streams.h"
#include "operator/bus/topology.h"
#include "platform/bus/bus.h"
#include "platform/metrics/names.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"

// What `quantum bus` and `quantum redis` do, against real servers and services.
namespace quantum::operate {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;
using quantum::testing::fibers::Eventually;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;

constexpr const char* kPlaced = "order.placed";
constexpr const char* kBad = "BAD";      // events of this key are refused
constexpr const char* kStuck = "STUCK";  // these keep their handler

int NumberOf(const bus::Event& event) { return std::stoi(event.payload.substr(5)); }

// A group of one process. Its handler says `refusal` of bad events while there is one.
class Service {
 public:
  Service(fiber::Loop& loop, redis::Client& redis, const std::string& group)
      : bus_(loop, redis, nullptr, {.producer = group + "-1", .group = group}) {
    bus_.Subscribe({.types = {kPlaced}, .handler = [this](const bus::Event& event) { return Handle(event); }});
    EXPECT_TRUE(bus_.Start().ok());
  }
  ~Service() { open.Set(); }
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  bool reads() const { return bus_.health().readers.at(0).active; }

  std::optional<Error> refusal;
  fiber::Event open;  // what is stuck goes on
  int tries = 0;
  std::vector<int> handled;

 private:
  Status Handle(const bus::Event& event) {
    ++tries;
    if (event.key == kStuck) {
      open.Wait();
    }
    if (event.key == kBad && refusal) {
      return *refusal;
    }
    handled.push_back(NumberOf(event));
    return {};
  }

  bus::Bus bus_;  // the last: it stops before what its handler uses goes away
};

class BusToolsTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    bus::RegisterEventType({kPlaced});
    cluster_ = std::make_unique<RedisCluster>();
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override { ASSERT_EQ(cluster_->Ask(cluster_->AwaitMaster(), {"FLUSHALL"}), "OK"); }

  static redis::ClientOptions OperatorOptions() {
    redis::ClientOptions options = cluster_->Options();
    options.user = "operator";
    options.password = cluster_->operator_password();
    return options;
  }

  // In a fiber, with what the services and the operator are connected by.
  static void Run(const std::function<void(fiber::Loop&, redis::Client& redis, redis::Client& tools)>& body) {
    fiber::Loop loop("test");
    loop.Spawn([&] {
      {
        redis::Client redis(loop, cluster_->Options());
        redis::Client tools(loop, OperatorOptions());
        body(loop, redis, tools);
      }
      loop.Stop();
    });
    loop.Run();
  }

  static Topology ReadTopologyNow() {
    Topology topology;
    Run([&](fiber::Loop& loop, redis::Client&, redis::Client&) {
      topology = ReadTopology(loop, OperatorOptions(), cluster_->nodes());
    });
    return topology;
  }

  static bus::Event Make(std::string key, int number) {
    return {.type = kPlaced, .key = std::move(key), .payload = "{\"n\":" + std::to_string(number) + "}"};
  }
  static std::string Publish(bus::Bus& publisher, const std::string& key, int number) {
    const auto id = publisher.Publish(Make(key, number), {.timeout = 30s});
    EXPECT_TRUE(id.ok()) << id.error().message;
    return id.ok() ? *id : "";
  }

  // As `quantum bus` lists them; empty ones while they cannot be read, or are not there.
  static StreamState Listed(redis::Client& tools) {
    const auto streams = ReadStreams(tools);
    return streams && streams->size() == 1 ? streams->front() : StreamState();
  }
  static GroupState Listed(redis::Client& tools, const std::string& group) {
    for (const GroupState& state : Listed(tools).groups) {
      if (state.name == group) {
        return state;
      }
    }
    return {};
  }
  // The group was given everything, and has acknowledged it.
  static bool AllDone(redis::Client& tools, const std::string& group) {
    const GroupState state = Listed(tools, group);
    return state.lag == 0 && state.pending == 0;
  }

  static std::vector<DeadLetter> DeadLetters(redis::Client& tools) {
    const auto letters = ReadDeadLetters(tools, "order", 100);
    EXPECT_TRUE(letters.ok()) << letters.error().message;
    return letters ? *letters : std::vector<DeadLetter>();
  }
  static std::vector<Entry> Newest(redis::Client& tools, int count) {
    const auto entries = ReadNewest(tools, "order", count);
    EXPECT_TRUE(entries.ok()) << entries.error().message;
    return entries ? *entries : std::vector<Entry>();
  }

  static inline std::unique_ptr<RedisCluster> cluster_;
};

TEST_F(BusToolsTest, TheListingSaysWhatWaitsForWhomAndWhoReads) {
  Run([](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    {
      const Service gone(loop, redis, "gone");
      EXPECT_TRUE(Eventually(20s, [&] { return gone.reads(); }));
      EXPECT_EQ(Listed(tools, "gone").reader, "gone-1");
    }  // its group stays
    Service service(loop, redis, "ledger");
    service.refusal = Error{Errc::kInvalidArgument, "has no price"};
    bus::Bus publisher(loop, redis, nullptr, {.producer = "publisher", .group = "publisher"});
    int number = 0;
    for (const char* const key : {kBad, kStuck, "K", "K"}) {
      Publish(publisher, key, ++number);
    }
    EXPECT_TRUE(Eventually(30s, [&] {
      const GroupState group = Listed(tools, "ledger");
      return group.lag == 0 && group.pending == 1 && group.oldest_pending_ms > 0 && group.reader == "ledger-1";
    })) << "the stuck one is pending, the bad one is not";
    EXPECT_THAT(service.handled, ElementsAre(3, 4));

    const StreamState stream = Listed(tools);
    EXPECT_EQ(stream.family, "order");
    EXPECT_EQ(stream.length, 4);
    EXPECT_GT(stream.memory_bytes, 0);
    EXPECT_EQ(stream.dead_letters, 1);
    EXPECT_EQ(stream.over_quota, "");
    EXPECT_EQ(stream.groups.size(), 2u);
    const GroupState ledger = Listed(tools, "ledger");
    EXPECT_THAT(ledger.consumers, ElementsAre("ledger-1"));
    const auto newest = Newest(tools, 1);
    EXPECT_EQ(ledger.last_delivered, newest.empty() ? "nothing" : newest.front().id);
    const GroupState gone = Listed(tools, "gone");
    EXPECT_EQ(gone.lag, 4);
    EXPECT_EQ(gone.pending, 0);
    EXPECT_EQ(gone.reader, "");

    service.open.Set();
    EXPECT_TRUE(Eventually(20s, [&] { return AllDone(tools, "ledger"); }));
    EXPECT_TRUE(DropGroup(tools, "order", "gone").ok());
    EXPECT_EQ(Listed(tools).groups.size(), 1u);
    const Status at_work = DropGroup(tools, "order", "ledger");
    ASSERT_FALSE(at_work.ok()) << "it would be made anew and given everything";
    EXPECT_EQ(at_work.error().code, Errc::kConflict) << at_work.error().message;
    const Status again = DropGroup(tools, "order", "gone");
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code, Errc::kNotFound) << again.error().message;
  });
}

TEST_F(BusToolsTest, ADeadLetterIsShownWithItsReasonAndReplayedForTheGroupThatFailedAlone) {
  Run([](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    Service ledger(loop, redis, "ledger");
    Service audit(loop, redis, "audit");
    bus::Bus publisher(loop, redis, nullptr, {.producer = "publisher", .group = "publisher"});
    ledger.refusal = Error{Errc::kInternal, "the books are closed"};
    const std::string id = Publish(publisher, kBad, 1);
    ASSERT_TRUE(Eventually(30s, [&] { return Listed(tools).dead_letters == 1; }));
    const auto letters = DeadLetters(tools);
    ASSERT_EQ(letters.size(), 1u);
    EXPECT_EQ(letters[0].reason, "the books are closed");
    EXPECT_EQ(letters[0].group, bus::GroupName("ledger"));
    EXPECT_EQ(letters[0].attempts, 5);
    EXPECT_EQ(letters[0].type, kPlaced);
    EXPECT_EQ(letters[0].key, kBad);
    EXPECT_EQ(letters[0].event_id, id);
    const auto stream = Newest(tools, 10);
    ASSERT_EQ(stream.size(), 1u);
    EXPECT_EQ(letters[0].entry, stream[0].id);
    EXPECT_EQ(ledger.tries, 5);
    EXPECT_TRUE(Eventually(20s, [&] { return AllDone(tools, "audit"); }));
    EXPECT_THAT(audit.handled, ElementsAre(1));

    ledger.refusal.reset();
    const Status replayed = ReplayDeadLetters(tools, "order", {letters[0].id});
    ASSERT_TRUE(replayed.ok()) << replayed.error().message;
    EXPECT_THAT(DeadLetters(tools), IsEmpty());
    EXPECT_TRUE(Eventually(20s, [&] {
      return ledger.tries > 5 && AllDone(tools, "ledger") && AllDone(tools, "audit");
    })) << "both are given it";
    EXPECT_THAT(ledger.handled, ElementsAre(1));
    EXPECT_EQ(ledger.tries, 6);
    EXPECT_EQ(audit.tries, 1) << "who has applied it passes it over";
    EXPECT_THAT(DeadLetters(tools), IsEmpty());
    const Status again = ReplayDeadLetters(tools, "order", {letters[0].id});
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code, Errc::kNotFound) << again.error().message;
  });
}

TEST_F(BusToolsTest, WhatFailsAgainIsADeadLetterAgainAndWhatIsDroppedIsNotHandled) {
  Run([](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    Service ledger(loop, redis, "ledger");
    bus::Bus publisher(loop, redis, nullptr, {.producer = "publisher", .group = "publisher"});
    ledger.refusal = Error{Errc::kInvalidArgument, "has no price"};
    const std::string id = Publish(publisher, kBad, 1);
    ASSERT_TRUE(Eventually(20s, [&] { return DeadLetters(tools).size() == 1; }));
    const std::string first = DeadLetters(tools).at(0).id;
    ASSERT_TRUE(ReplayDeadLetters(tools, "order", {first}).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return ledger.tries == 2 && DeadLetters(tools).size() == 1; }));
    const DeadLetter letter = DeadLetters(tools).at(0);
    EXPECT_NE(letter.id, first);
    EXPECT_EQ(letter.event_id, id);
    EXPECT_EQ(letter.reason, "has no price");

    ledger.refusal.reset();
    EXPECT_TRUE(DropDeadLetters(tools, "order", {letter.id}).ok());
    EXPECT_THAT(DeadLetters(tools), IsEmpty());
    Publish(publisher, kBad, 2);  // of the same key: were the first given again it would go before
    EXPECT_TRUE(Eventually(20s, [&] { return !ledger.handled.empty() && AllDone(tools, "ledger"); }));
    EXPECT_THAT(ledger.handled, ElementsAre(2));
    const Status again = DropDeadLetters(tools, "order", {letter.id});
    ASSERT_FALSE(again.ok());
    EXPECT_EQ(again.error().code, Errc::kNotFound) << again.error().message;
  });
}

TEST_F(BusToolsTest, WhatIsNoEventCannotBeReplayedOnlyDropped) {
  Run([](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    const Service ledger(loop, redis, "ledger");
    ASSERT_TRUE(tools.Run({"XADD", bus::StreamKey("order"), "*", "note", "hello"}).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return DeadLetters(tools).size() == 1; }));
    const DeadLetter letter = DeadLetters(tools).at(0);
    EXPECT_THAT(letter.reason, HasSubstr("not an event"));
    EXPECT_EQ(letter.type, "");
    const Status replayed = ReplayDeadLetters(tools, "order", {letter.id});
    ASSERT_FALSE(replayed.ok());
    EXPECT_EQ(replayed.error().code, Errc::kInvalidArgument) << replayed.error().message;
    EXPECT_EQ(DeadLetters(tools).size(), 1u);
    EXPECT_TRUE(DropDeadLetters(tools, "order", {letter.id}).ok());
    EXPECT_THAT(DeadLetters(tools), IsEmpty());
    EXPECT_EQ(ledger.tries, 0);
  });
}

TEST_F(BusToolsTest, AGroupThatIsSetBackDropsWhatThisLifeHasAppliedAndTheNextLifeAppliesItAgain) {
  Run([](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    auto ledger = std::make_unique<Service>(loop, redis, "ledger");
    const Service audit(loop, redis, "audit");
    bus::Bus publisher(loop, redis, nullptr, {.producer = "publisher", .group = "publisher"});
    for (int number = 1; number <= 5; ++number) {
      Publish(publisher, "K", number);
    }
    ASSERT_TRUE(Eventually(20s, [&] {
      return ledger->tries == 5 && audit.tries == 5 && AllDone(tools, "ledger") && AllDone(tools, "audit");
    }));
    const auto entries = Newest(tools, 10);
    ASSERT_EQ(entries.size(), 5u);

    const auto& repeats = metrics::GetCounter(metrics::kEventsDuplicate, {{"event_type", kPlaced}});
    const double before = repeats.value();
    EXPECT_EQ(ReplayGroup(tools, "order", "ledger", "$").error().code, Errc::kInvalidArgument);
    ASSERT_TRUE(ReplayGroup(tools, "order", "ledger", entries[1].id).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return repeats.value() >= before + 3 && AllDone(tools, "ledger"); }));
    EXPECT_EQ(repeats.value(), before + 3) << "what comes after the entry is given again";
    EXPECT_EQ(ledger->tries, 5);

    // Without an inbox nobody remembers longer than the process lives.
    ledger.reset();
    ASSERT_TRUE(ReplayGroup(tools, "order", "ledger", "0").ok());
    const Status skipping = ReplayGroup(tools, "order", "ledger", entries[1].id);
    ASSERT_FALSE(skipping.ok()) << "events 1 and 2 would never be read";
    EXPECT_EQ(skipping.error().code, Errc::kInvalidArgument) << skipping.error().message;
    ledger = std::make_unique<Service>(loop, redis, "ledger");
    EXPECT_TRUE(Eventually(20s, [&] { return ledger->tries >= 5 && AllDone(tools, "ledger"); }));
    EXPECT_THAT(ledger->handled, ElementsAre(1, 2, 3, 4, 5));
    EXPECT_EQ(audit.tries, 5) << "the other group stays where it is";

    const Status nobody = ReplayGroup(tools, "order", "nobody", "0");
    ASSERT_FALSE(nobody.ok());
    EXPECT_EQ(nobody.error().code, Errc::kNotFound) << nobody.error().message;
  });
}

TEST_F(BusToolsTest, TheTailShowsTheNewestAndWaitsForWhatComes) {
  Run([](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    bus::Bus publisher(loop, redis, nullptr, {.producer = "publisher", .group = "publisher"});
    for (int number = 1; number <= 3; ++number) {
      Publish(publisher, "K", number);
    }
    const auto newest = Newest(tools, 2);
    ASSERT_EQ(newest.size(), 2u);
    EXPECT_EQ(NumberOf(newest[0].event), 2) << "the oldest first";
    EXPECT_EQ(NumberOf(newest[1].event), 3);

    const auto connection = tools.Dedicated(5s);
    ASSERT_TRUE(connection.ok()) << connection.error().message;
    const auto nothing = ReadAfter(**connection, "order", newest[1].id, 50ms);
    ASSERT_TRUE(nothing.ok()) << nothing.error().message;
    EXPECT_EQ(nothing->size(), 0u);
    fiber::Event published;
    loop.Spawn([&] {  // runs once the other waits
      Publish(publisher, "K", 4);
      published.Set();
    });
    const auto next = ReadAfter(**connection, "order", newest[1].id, 30s);
    published.Wait();
    ASSERT_TRUE(next.ok()) << next.error().message;
    ASSERT_EQ(next->size(), 1u);
    EXPECT_EQ(NumberOf(next->front().event), 4);

    ASSERT_TRUE(tools.Run({"XADD", bus::StreamKey("order"), "*", "note", "hello"}).ok());
    const auto unreadable = ReadAfter(**connection, "order", next->front().id, 5s);
    ASSERT_TRUE(unreadable.ok()) << unreadable.error().message;
    ASSERT_EQ(unreadable->size(), 1u);
    EXPECT_EQ(unreadable->front().event.type, "(unreadable)");
  });
}

TEST_F(BusToolsTest, AHealthyTopologyHasNoProblemsAndAReplicaThatIsAwayIsNamed) {
  const size_t master = cluster_->AwaitMaster();
  const Topology healthy = ReadTopologyNow();
  EXPECT_THAT(healthy.problems, IsEmpty());
  EXPECT_EQ(healthy.master, cluster_->nodes()[master]);
  ASSERT_EQ(healthy.nodes.size(), RedisCluster::kNodes);
  for (size_t i = 0; i < RedisCluster::kNodes; ++i) {
    const NodeState& node = healthy.nodes[i];
    EXPECT_EQ(node.endpoint, cluster_->nodes()[i]);
    EXPECT_EQ(node.trouble, "");
    EXPECT_EQ(node.role, i == master ? "master" : "slave");
    EXPECT_EQ(node.replicas, i == master ? 2 : 0);
    EXPECT_EQ(node.link_up, i != master);
    EXPECT_GT(node.offset, 0);
    EXPECT_GT(node.memory_bytes, 0);
  }
  ASSERT_EQ(healthy.sentinels.size(), RedisCluster::kNodes);
  for (const SentinelState& sentinel : healthy.sentinels) {
    EXPECT_EQ(sentinel.trouble, "");
    EXPECT_EQ(sentinel.master, cluster_->nodes()[master]);
    EXPECT_TRUE(sentinel.quorum);
  }

  const size_t away = (master + 1) % RedisCluster::kNodes;
  cluster_->KillNode(away);
  const Topology wounded = ReadTopologyNow();
  Run([](fiber::Loop& loop, redis::Client&, redis::Client&) {
    const auto refused = FailOver(loop, OperatorOptions(), cluster_->nodes());
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Errc::kConflict) << refused.error().message;
  });
  cluster_->StartNode(away);
  cluster_->AwaitHealthy();
  EXPECT_THAT(wounded.problems,
              ElementsAre(HasSubstr("127.0.0.1:" + std::to_string(cluster_->nodes()[away].port) + ":")));
  EXPECT_NE(wounded.nodes.at(away).trouble, "");
  EXPECT_EQ(wounded.master, cluster_->nodes()[master]);
  const Topology mended = ReadTopologyNow();
  EXPECT_THAT(mended.problems, IsEmpty());
  EXPECT_EQ(mended.master, cluster_->nodes()[master]) << "it was refused indeed";
}

TEST_F(BusToolsTest, WhatIsPublishedDuringAPlannedFailoverArrivesOnce) {
  const redis::Endpoint before = cluster_->nodes()[cluster_->AwaitMaster()];
  std::optional<FailoverReport> report;
  Run([&](fiber::Loop& loop, redis::Client& redis, redis::Client& tools) {
    Service ledger(loop, redis, "ledger");
    bus::Bus publisher(loop, redis, nullptr, {.producer = "publisher", .group = "publisher"});
    constexpr int kPublishers = 8;
    std::multiset<int> published;
    int begun = 0;
    int running = kPublishers;
    bool stop = false;
    for (int i = 0; i < kPublishers; ++i) {
      loop.Spawn([&] {
        while (!stop) {
          const int number = ++begun;
          Publish(publisher, "K" + std::to_string(number % kPublishers), number);
          published.insert(number);
          fiber::SleepFor(2ms);
        }
        --running;
      });
    }
    EXPECT_TRUE(Eventually(20s, [&] { return published.size() > 200; }));
    const int begun_before = begun;
    const auto done = FailOver(loop, OperatorOptions(), cluster_->nodes());
    EXPECT_TRUE(done.ok()) << done.error().message;
    if (done) {
      report = *done;
    }
    EXPECT_GT(begun, begun_before) << "some were published meanwhile";
    const size_t published_then = published.size();
    EXPECT_TRUE(Eventually(60s, [&] { return published.size() > published_then + 200; }))
        << "the new master takes them";
    stop = true;
    ASSERT_TRUE(Eventually(60s, [&] { return running == 0; }));
    EXPECT_TRUE(Eventually(60s, [&] { return ledger.handled.size() >= published.size() && AllDone(tools, "ledger"); }))
        << ledger.handled.size() << " of " << published.size();
    EXPECT_EQ(std::multiset<int>(ledger.handled.begin(), ledger.handled.end()), published) << "lost or doubled";
  });
  cluster_->AwaitHealthy();
  ASSERT_TRUE(report.has_value());
  EXPECT_EQ(report->before, before);
  EXPECT_NE(report->after, before);
  EXPECT_GT(report->took, 0s);
  EXPECT_LT(report->took, 30s);
  const Topology topology = ReadTopologyNow();
  EXPECT_THAT(topology.problems, IsEmpty());
  EXPECT_EQ(topology.master, report->after);
}

}  // namespace
}  // namespace quantum::operate
