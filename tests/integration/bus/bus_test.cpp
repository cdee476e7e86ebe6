#include "platform/bus/bus.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <map>
#include <set>

#include "platform/base/correlation.h"
#include "platform/bus/codec.h"
#include "platform/metrics/names.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/run_in_fiber.h"

namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;
using quantum::testing::RunInFiber;
using quantum::testing::fibers::Eventually;

constexpr const char* kPlaced = "order.placed";
constexpr PublishOptions kPatient{.timeout = 30s};  // however busy the machine is
constexpr const char* kFilled = "order.filled";
constexpr const char* kApproved = "risk.approved";
constexpr const char* kTick = "market.tick";

class BusTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    RegisterEventType({kFilled});
    RegisterEventType({kApproved});
    RegisterEventType({kTick, Durability::kVolatile});
    cluster_ = std::make_unique<RedisCluster>();
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  void SetUp() override { ASSERT_EQ(AskMaster({"FLUSHALL"}), "OK"); }

  // Stops buses before what their handlers use goes away, also after a failed ASSERT: declare it last.
  class Stopper {
   public:
    explicit Stopper(std::vector<Bus*> buses) : buses_(std::move(buses)) {}
    ~Stopper() {
      for (Bus* bus : buses_) {
        bus->Stop();
      }
    }
    Stopper(const Stopper&) = delete;
    Stopper& operator=(const Stopper&) = delete;

   private:
    std::vector<Bus*> buses_;
  };

  // Everything in the stream is read by the group and acknowledged: it will be given no more. Asked in this order, for
  // what is read between the two questions is pending.
  // An entry may hold several.
  static size_t EventsIn(redis::Client& client, const std::string& family) {
    const auto entries = client.Run(redis::Command{"XRANGE", StreamKey(family), "-", "+"});
    size_t count = 0;
    for (size_t i = 0; entries && i < entries->elements.size(); ++i) {
      const auto events = ParseEntry(entries->elements[i].elements.at(1));
      count += events ? events->size() : 0;
    }
    return count;
  }

  static bool AllDone(const char* stream, const std::string& group) {
    return AskMaster({"XINFO", "GROUPS", StreamKey(stream)}).find("lag\n0\n") != std::string::npos &&
           AskMaster({"XPENDING", StreamKey(stream), GroupName(group)}).starts_with("0\n");
  }

  static Event Make(const char* type, std::string key, int number) {
    return {.type = type, .key = std::move(key), .payload = "{\"n\":" + std::to_string(number) + "}"};
  }
  static int NumberOf(const Event& event) { return std::stoi(event.payload.substr(5)); }
  static std::string AskMaster(const std::vector<std::string>& command) {
    return cluster_->Ask(cluster_->AwaitMaster(), command);
  }

  static inline std::unique_ptr<RedisCluster> cluster_;
};

TEST_F(BusTest, DeliversAnEventWithEverythingThatWasStamped) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "execution-service", .group = "execution-service"});
    std::vector<Event> received;
    std::string seen_correlation;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                     received.push_back(event);
                     seen_correlation = CurrentCorrelationId();
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    std::string id;
    {
      const CorrelationScope scope("correlation-1");
      auto published = bus.Publish({.type = kPlaced, .key = "BTCUSDT", .cause = "cause-1", .payload = R"({"a":"1"})"});
      ASSERT_TRUE(published.ok()) << published.error().message;
      id = *published;
    }
    ASSERT_TRUE(bus.Publish(Make(kFilled, "BTCUSDT", 1), kPatient).ok()) << "nobody asked for it";
    ASSERT_TRUE(Eventually(20s, [&] { return received.size() == 1; }));
    EXPECT_EQ(received[0].id, id);
    EXPECT_EQ(received[0].producer, "execution-service");
    EXPECT_EQ(received[0].source, "execution-service");
    EXPECT_EQ(received[0].incarnation.size(), 32u);
    EXPECT_EQ(received[0].sequence, 1u);
    EXPECT_EQ(received[0].correlation_id, "correlation-1");
    EXPECT_EQ(received[0].cause, "cause-1");
    EXPECT_EQ(received[0].payload, R"({"a":"1"})");
    EXPECT_EQ(seen_correlation, "correlation-1");
    EXPECT_GT(received[0].timestamp_ns, 0);
    EXPECT_TRUE(Eventually(20s, [&] {
      return AskMaster({"XPENDING", StreamKey("order"), GroupName("execution-service")}).starts_with("0");
    })) << "everything is acknowledged, what nobody asked for too";
    EXPECT_TRUE(Eventually(20s, [&] { return bus.health().outbox_pending == 0; }));
    bus.Stop();
  });
}

TEST_F(BusTest, KeepsTheOrderOfAKeyWhileKeysRunAtOnce) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    std::map<std::string, std::vector<int>> order;
    int running = 0;
    int running_max = 0;
    int done = 0;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                     running_max = std::max(running_max, ++running);
                     fiber::SleepFor(5ms);
                     --running;
                     order[event.key].push_back(NumberOf(event));
                     ++done;
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    const auto publish = [&](int i) { return bus.Publish(Make(kPlaced, "K" + std::to_string(i % 10), i), kPatient); };
    for (int i = 0; i < 300; ++i) {
      loop.Spawn([&publish, i] { EXPECT_TRUE(publish(i).ok()); });
    }
    ASSERT_TRUE(Eventually(20s, [&] { return done == 300; }));
    EXPECT_GT(running_max, 1);
    EXPECT_LE(running_max, 10) << "one at a time of each key";
    for (const auto& [key, numbers] : order) {
      EXPECT_TRUE(std::is_sorted(numbers.begin(), numbers.end())) << key;
      EXPECT_EQ(numbers.size(), 30u);
    }
    bus.Stop();
  });
}

TEST_F(BusTest, Pain5GivesAnEventAgainThatAConsumerTookAndDidNotFinish) {
  for (const std::string successor : {"consumer-a", "consumer-b"}) {
    SCOPED_TRACE("successor " + successor);
    AskMaster({"FLUSHALL"});
    RunInFiber([&](fiber::Loop& loop) {
      redis::Client client(loop, cluster_->Options());
      Bus publisher(loop, client, nullptr, {.producer = "publisher", .group = "p"});
      fiber::Event never;
      int taken = 0;
      {
        // Ends in the middle of its handlers: nothing is acknowledged.
        Bus crashed(loop, client, nullptr, {.producer = "consumer-a", .group = "g"});
        crashed.Subscribe({.types = {kPlaced}, .handler = [&](const Event&) {
                             ++taken;
                             never.Wait();
                             return Status(Error{Errc::kCancelled, "stopping"});
                           }});
        EXPECT_TRUE(crashed.Start().ok());
        for (int i = 0; i < 5; ++i) {
          EXPECT_TRUE(publisher.Publish(Make(kPlaced, "K" + std::to_string(i), i), kPatient).ok());
        }
        EXPECT_TRUE(Eventually(10s, [&] { return taken == 5; }));
        crashed.StopConsuming(100ms);
      }
      std::multiset<int> received;
      Bus next(loop, client, nullptr, {.producer = successor, .group = "g", .lease = 1s});
      next.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                        received.insert(NumberOf(event));
                        return Status();
                      }});
      EXPECT_TRUE(next.Start().ok());
      EXPECT_TRUE(Eventually(20s, [&] { return received.size() >= 5 && AllDone("order", "g"); })) << received.size();
      EXPECT_EQ(received, (std::multiset<int>{0, 1, 2, 3, 4})) << "each once, and no sixth";
      never.Set();
      next.Stop();
      publisher.Stop();
    });
  }
}

TEST_F(BusTest, LeavesTheEntriesOfAConsumerThatIsSlowButAlive) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus slow(loop, client, nullptr, {.producer = "slow", .group = "g"});
    int entered = 0;
    int handled = 0;
    slow.Subscribe({.types = {kPlaced}, .handler = [&](const Event&) {
                      ++entered;
                      fiber::SleepFor(12s);
                      ++handled;
                      return Status();
                    }});
    int stolen = 0;
    Bus idle(loop, client, nullptr, {.producer = "idle", .group = "g"});
    const Stopper stopper({&idle, &slow});
    ASSERT_TRUE(slow.Start().ok());
    ASSERT_TRUE(slow.Publish(Make(kPlaced, "K", 1), kPatient).ok());
    ASSERT_TRUE(Eventually(10s, [&] { return entered == 1; })) << "else the idle one would get it by right";
    idle.Subscribe({.types = {kPlaced}, .handler = [&](const Event&) {
                      ++stolen;
                      return Status();
                    }});
    ASSERT_TRUE(idle.Start().ok());
    EXPECT_TRUE(Eventually(30s, [&] { return handled == 1; }));
    EXPECT_EQ(entered, 1);
    EXPECT_EQ(stolen, 0);
  });
}

TEST_F(BusTest, Pain5MovesAPoisonedEventToTheDeadLettersWhileOtherKeysFlow) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    int attempts = 0;
    std::vector<int> good;
    std::vector<int> after_bad;
    int attempts_before_after_bad = 0;
    SteadyTime last_good{};
    SteadyTime dead_at{};
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) -> Status {
                     if (event.key == "BAD" && NumberOf(event) == 0) {
                       if (++attempts == 5) {
                         EXPECT_TRUE(Eventually(60s, [&] { return good.size() == 20; })) << "other keys flow";
                       }
                       dead_at = SystemClock().Steady();
                       return Error{Errc::kInternal, "cannot be handled"};
                     }
                     if (event.key == "WRONG") {
                       return Error{Errc::kInvalidArgument, "has no price"};
                     }
                     if (event.key == "BAD") {
                       after_bad.push_back(NumberOf(event));
                       attempts_before_after_bad = attempts;
                     } else {
                       good.push_back(NumberOf(event));
                       last_good = SystemClock().Steady();
                     }
                     return {};
                   }});
    ASSERT_TRUE(bus.Start().ok());
    ASSERT_TRUE(bus.Publish(Make(kPlaced, "BAD", 0), kPatient).ok());
    ASSERT_TRUE(bus.Publish(Make(kPlaced, "BAD", 1), kPatient).ok());
    ASSERT_TRUE(bus.Publish(Make(kPlaced, "WRONG", 0), kPatient).ok());
    for (int i = 0; i < 20; ++i) {
      loop.Spawn([&bus, i] { EXPECT_TRUE(bus.Publish(Make(kPlaced, "GOOD", i), kPatient).ok()); });
    }
    ASSERT_TRUE(Eventually(60s, [&] { return after_bad.size() == 1; }));
    EXPECT_EQ(attempts, 5);
    EXPECT_EQ(attempts_before_after_bad, 5) << "its own key waits";
    EXPECT_LT(last_good, dead_at);
    EXPECT_TRUE(Eventually(20s, [&] { return AskMaster({"XLEN", DeadLetterKey("order")}) == "2"; }));
    const std::string dead = AskMaster({"XRANGE", DeadLetterKey("order"), "-", "+"});
    EXPECT_NE(dead.find("cannot be handled"), std::string::npos);
    EXPECT_NE(dead.find("has no price"), std::string::npos);
    EXPECT_TRUE(Eventually(20s, [&] {
      return AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0");
    }));
    bus.Stop();
  });
}

TEST_F(BusTest, MovesAnEntryThatIsNoEventToTheDeadLetters) {
  AskMaster({"XADD", StreamKey("order"), "*", "type", "order.placed", "payload", "{}"});
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    bus.Subscribe({.types = {kPlaced}, .handler = [](const Event&) { return Status(); }});
    ASSERT_TRUE(bus.Start().ok());
    ASSERT_TRUE(Eventually(20s, [&] { return AskMaster({"XLEN", DeadLetterKey("order")}) == "1"; }));
    EXPECT_NE(AskMaster({"XRANGE", DeadLetterKey("order"), "-", "+"}).find("field \"id\" is missing"),
              std::string::npos);
    bus.Stop();
  });
}

TEST_F(BusTest, DropsARepeatThatStandsInTheStreamTwice) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    int handled = 0;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event&) {
                     ++handled;
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    auto& dropped = metrics::GetCounter(metrics::kEventsDuplicate, {{"event_type", kPlaced}});
    const double before = dropped.value();
    for (int i = 0; i < 3; ++i) {
      AskMaster({"XADD",  StreamKey("order"),
                 "*",     "id",
                 "x",     "type",
                 kPlaced, "v",
                 "1",     "producer",
                 "other", "inc",
                 "abc",   "seq",
                 "7",     "source",
                 "other", "key",
                 "K",     "cid",
                 "",      "cause",
                 "",      "ts",
                 "1",     "payload",
                 "{}"});
    }
    ASSERT_TRUE(Eventually(20s, [&] { return dropped.value() == before + 2; }));
    EXPECT_EQ(handled, 1);
    bus.Stop();
  });
}

TEST_F(BusTest, HandsOutTheNewestOfAVolatileKeyAndNothingStale) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g"});
    std::vector<int> received;
    bus.Subscribe({.types = {kTick}, .handler = [&](const Event& event) {
                     fiber::SleepFor(50ms);
                     received.push_back(NumberOf(event));
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    // In ten waves, so that the thousand take far less time than handling a hundred does.
    int published = 0;
    for (int wave = 1; wave <= 10; ++wave) {
      while (published < 100 * wave) {
        loop.Spawn([&bus, number = published++] { EXPECT_TRUE(bus.Publish(Make(kTick, "BTCUSDT", number)).ok()); });
      }
      fiber::SleepFor(20ms);
    }
    ASSERT_TRUE(Eventually(20s, [&] { return !received.empty() && received.back() == 999; }));
    EXPECT_LT(received.size(), 100u);
    EXPECT_TRUE(std::is_sorted(received.begin(), received.end()));
    EXPECT_EQ(AskMaster({"EXISTS", StreamKey("market")}), "0") << "a stream of its own";
    bus.Stop();
  });
}

TEST_F(BusTest, RefusesWhenTheOutboxIsFullAndDeliversWhatItTookWhenTheBrokerIsBack) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "p", .group = "g", .outbox_events_max = 3});
    ASSERT_TRUE(bus.Publish(Make(kPlaced, "K", 0), kPatient).ok());
    const size_t master = cluster_->AwaitMaster();
    // Both replicas away: WAIT cannot confirm, the master soon refuses.
    for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
      if (node != master) {
        cluster_->PauseNode(node);
      }
    }
    for (int i = 1; i <= 3; ++i) {
      const auto published = bus.Publish(Make(kPlaced, "K", i), {.timeout = 100ms});
      ASSERT_FALSE(published.ok());
      EXPECT_EQ(published.error().code, Errc::kUnknownOutcome) << published.error().message;
    }
    const auto refused = bus.Publish(Make(kPlaced, "K", 4), {.timeout = 100ms});
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, Errc::kExhausted) << refused.error().message;
    for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
      cluster_->ResumeNode(node);
    }
    ASSERT_TRUE(bus.Flush(20s).ok());
    EXPECT_EQ(AskMaster({"XLEN", StreamKey("order")}), "4");
    bus.Stop();
  });
  cluster_->AwaitHealthy();
}

// A replica that lagged was promoted: here the master is emptied, which is the worst such case.
TEST_F(BusTest, SendsAgainWhatTheNewMasterLacksAndHandlesNothingTwice) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    std::vector<std::pair<size_t, uint64_t>> recovered;
    Bus bus(loop, client, nullptr,
            {.producer = "p", .group = "g", .recovered = [&](size_t buffered, uint64_t replayed) {
               recovered.emplace_back(buffered, replayed);
             }});
    std::multiset<int> received;
    bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                     received.insert(NumberOf(event));
                     return Status();
                   }});
    ASSERT_TRUE(bus.Start().ok());
    ASSERT_TRUE(bus.Publish(Make(kPlaced, "K", 0), kPatient).ok());
    EXPECT_TRUE(recovered.empty()) << "the first connect is no recovery";
    for (int i = 1; i < 50; ++i) {
      ASSERT_TRUE(bus.Publish(Make(kPlaced, "K", i), kPatient).ok());
    }
    ASSERT_TRUE(Eventually(20s, [&] { return received.size() == 50; }));
    AskMaster({"FLUSHALL"});
    AskMaster({"FUNCTION", "FLUSH"});
    AskMaster({"CLIENT", "KILL", "TYPE", "normal", "USER", "service"});
    EXPECT_TRUE(Eventually(30s, [&] { return EventsIn(client, "order") == 50; })) << "though nothing new is published";
    EXPECT_EQ(std::ranges::count(recovered, std::make_pair(size_t{0}, uint64_t{50})), 1)
        << "nothing waited, all was sent again";
    ASSERT_TRUE(bus.Publish(Make(kPlaced, "K", 50), kPatient).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return received.size() == 51; }));
    EXPECT_EQ(std::set<int>(received.begin(), received.end()).size(), 51u);
    EXPECT_TRUE(Eventually(20s, [&] {
      return AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0");
    }));
    bus.Stop();
  });
}

// The promise: whatever Publish returned success for is handled exactly once, in order, though the master dies.
TEST_F(BusTest, Pain5LosesNothingAndDoublesNothingWhenTheMasterIsKilledUnderSteadyLoad) {
  const size_t master = cluster_->AwaitMaster();
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus publisher(loop, client, nullptr, {.producer = "publisher", .group = "p"});
    Bus consumer(loop, client, nullptr, {.producer = "consumer", .group = "g"});
    std::map<std::string, std::vector<int>> received;
    consumer.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                          received[event.key].push_back(NumberOf(event));
                          return Status();
                        }});
    ASSERT_TRUE(consumer.Start().ok());
    constexpr int kKeys = 16;
    std::map<std::string, std::vector<int>> published;
    int running = kKeys;
    int in_flight_at_kill = 0;
    int waiting = 0;
    bool stop = false;
    for (int k = 0; k < kKeys; ++k) {
      loop.Spawn([&, key = "K" + std::to_string(k)] {
        for (int i = 0; !stop; ++i) {
          ++waiting;
          const auto id = publisher.Publish(Make(kPlaced, key, i), {.timeout = 30s});
          --waiting;
          EXPECT_TRUE(id.ok()) << id.error().message;
          published[key].push_back(i);
          fiber::SleepFor(2ms);
        }
        --running;
      });
    }
    const auto total = [](const std::map<std::string, std::vector<int>>& all) {
      size_t count = 0;
      for (const auto& [key, numbers] : all) {
        count += numbers.size();
      }
      return count;
    };
    EXPECT_TRUE(Eventually(20s, [&] { return total(published) > 500; })) << total(published);
    const size_t before = total(published);
    for (int i = 0; i < 1000 && waiting == 0; ++i) {
      fiber::SleepFor(1ms);
    }
    in_flight_at_kill = waiting;
    cluster_->KillNode(master);
    const SteadyTime killed = SystemClock().Steady();
    cluster_->SetDownAfter(RedisCluster::kQuick);  // for one election: a second one would depose a starved new master
    // An election that fails is repeated after ten seconds.
    ASSERT_TRUE(Eventually(60s, [&] { return total(published) > before + 500; }));
    cluster_->SetDownAfter(RedisCluster::kPatient);
    RecordProperty("recovered_s",
                   std::to_string(std::chrono::duration<double>(SystemClock().Steady() - killed).count()));
    fiber::SleepFor(1s);
    stop = true;
    ASSERT_TRUE(Eventually(30s, [&] { return running == 0; }));
    ASSERT_TRUE(Eventually(60s, [&] { return total(received) >= total(published); }))
        << total(received) << " of " << total(published);
    EXPECT_TRUE(Eventually(20s, [&] { return AllDone("order", "g"); })) << "something may still come";
    EXPECT_GT(in_flight_at_kill, 0);
    EXPECT_EQ(received, published) << "lost or doubled or out of order";
    consumer.Stop();
    publisher.Stop();
  });
  cluster_->StartNode(master);
  cluster_->AwaitHealthy();
}

}  // namespace
}  // namespace quantum::bus
