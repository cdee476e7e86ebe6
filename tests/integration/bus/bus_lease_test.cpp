#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <fstream>
#include <map>
#include <set>
#include <sstream>

#include "platform/bus/bus.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"

// One process of a group reads a stream, the others stand by: whatever becomes of the one, the group handles each key's
// events in order. Processes are children of the test, for they are killed and frozen.
namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;
using quantum::testing::TemporaryDirectory;
using quantum::testing::fibers::Eventually;

constexpr const char* kPlaced = "order.placed";
constexpr PublishOptions kPatient{.timeout = 30s};  // however busy the machine is
constexpr const char* kApproved = "risk.approved";
constexpr int kKeys = 4;

class BusLeaseTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    RegisterEventType({kApproved});
    cluster_ = std::make_unique<RedisCluster>();
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override { ASSERT_EQ(Ask({"FLUSHALL"}), "OK"); }
  void TearDown() override {
    for (const auto& [name, pid] : readers_) {
      End(pid);
    }
  }

  static std::string Ask(const std::vector<std::string>& command) {
    return cluster_->Ask(cluster_->AwaitMaster(), command);
  }
  static std::string Holder(const char* family = "order") { return Ask({"HGET", LeaseKey(family, "g"), "holder"}); }

  static Event Make(int number, const char* type = kPlaced) {
    return {.type = type, .key = fmt::format("K{}", number % kKeys), .payload = fmt::format("{{\"n\":{}}}", number)};
  }
  static int NumberOf(const Event& event) { return std::stoi(event.payload.substr(5)); }

  static void RunInFiber(const std::function<void(fiber::Loop&)>& body) {
    fiber::Loop loop("test");
    loop.Spawn([&] {
      body(loop);
      loop.Stop();
    });
    loop.Run();
  }

  // A process of group g. Each event that it has handled is a line of the common file. gate: begins when a byte can be
  // read there. Not for fibers, for it forks. The lease outlasts what a busy machine may starve a reader for.
  void StartReader(const std::string& name, Duration lease = 5s, int gate = -1) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      char byte = 0;
      if (gate >= 0 && ::read(gate, &byte, 1) != 1) {
        _exit(6);
      }
      const int file = ::open(Effects().c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
      fiber::Loop loop(name);
      loop.Spawn([&] {
        redis::Client client(loop, cluster_->Options());
        Bus bus(loop, client, nullptr, {.producer = name, .group = "g", .lease = lease});
        bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                         fiber::SleepFor(1ms);
                         const std::string line = fmt::format("{} {} {}\n", name, event.key, NumberOf(event));
                         if (::write(file, line.data(), line.size()) != static_cast<ssize_t>(line.size())) {
                           _exit(5);
                         }
                         return Status();
                       }});
        if (!bus.Start()) {
          _exit(3);
        }
        fiber::Event().Wait();
      });
      loop.Run();
      _exit(4);
    }
    readers_[name] = child;
  }

  static void End(pid_t pid) {
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
  }
  void Kill(const std::string& name) {
    End(readers_.at(name));
    readers_.erase(name);
  }

  std::string Effects() const { return (directory_.path() / "effects").string(); }

  struct Effect {
    std::string process;
    std::string key;
    int number = 0;
  };
  std::vector<Effect> ReadEffects() const {
    std::vector<Effect> effects;
    std::ifstream file(Effects());
    Effect effect;
    while (file >> effect.process >> effect.key >> effect.number) {
      effects.push_back(effect);
    }
    return effects;
  }

  // Publishes in a steady flow until told to stop, and then waits until everything was handled.
  void UnderLoad(const std::function<void()>& body) {
    RunInFiber([&](fiber::Loop& loop) {
      redis::Client client(loop, cluster_->Options());
      Bus publisher(loop, client, nullptr, {.producer = "publisher", .group = "p"});
      bool stop = false;
      int published = 0;
      fiber::Event stopped;
      loop.Spawn([&] {
        while (!stop) {
          EXPECT_TRUE(publisher.Publish(Make(published), kPatient).ok());
          ++published;
        }
        stopped.Set();
      });
      body();
      stop = true;
      stopped.Wait();
      EXPECT_TRUE(Eventually(60s, [&] {
        // In this order: what is read between the two questions is pending.
        return Ask({"XINFO", "GROUPS", StreamKey("order")}).find("lag\n0\n") != std::string::npos &&
               Ask({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n");
      })) << Ask({"XINFO", "GROUPS", StreamKey("order")});
      ExpectOrder(published);
    });
  }

  // The first effect of every event, in the order of its key.
  void ExpectOrder(int published) const {
    std::map<std::string, int> last;
    std::set<int> seen;
    for (const Effect& effect : ReadEffects()) {
      if (!seen.insert(effect.number).second) {
        continue;
      }
      const auto [at, first] = last.emplace(effect.key, effect.number);
      EXPECT_TRUE(first || at->second < effect.number) << effect.process << " " << effect.key << " " << effect.number;
      at->second = effect.number;
    }
    EXPECT_EQ(seen.size(), static_cast<size_t>(published));
  }

  size_t EffectsOf(const std::string& process) const {
    const auto effects = ReadEffects();
    return static_cast<size_t>(
        std::count_if(effects.begin(), effects.end(), [&](const Effect& effect) { return effect.process == process; }));
  }

  static inline std::unique_ptr<RedisCluster> cluster_;
  TemporaryDirectory directory_{"bus-lease"};
  std::map<std::string, pid_t> readers_;
};

TEST_F(BusLeaseTest, OrderHoldsWhenTheReaderIsKilledAndTheStandbyTakesOver) {
  StartReader("a");
  ASSERT_TRUE(quantum::testing::Eventually(20s, [&] { return Holder() == "a"; }));
  StartReader("b");
  UnderLoad([&] {
    ASSERT_TRUE(Eventually(20s, [&] { return EffectsOf("a") > 200; }));
    EXPECT_EQ(EffectsOf("b"), 0u) << "it stands by";
    Kill("a");
    ASSERT_TRUE(Eventually(40s, [&] { return EffectsOf("b") > 200; }));
    EXPECT_EQ(Holder(), "b");
  });
}

TEST_F(BusLeaseTest, OrderHoldsWhenTheReaderFreezesAndWakesAfterItsLease) {
  StartReader("a");
  ASSERT_TRUE(quantum::testing::Eventually(20s, [&] { return Holder() == "a"; }));
  StartReader("b");
  UnderLoad([&] {
    for (const std::string frozen : {"a", "b"}) {
      const std::string other = frozen == "a" ? "b" : "a";
      const size_t begin = EffectsOf(frozen);
      ASSERT_TRUE(Eventually(20s, [&] { return EffectsOf(frozen) > begin + 200; }));
      ::kill(readers_.at(frozen), SIGSTOP);
      const size_t before = EffectsOf(frozen);
      const size_t other_before = EffectsOf(other);
      ASSERT_TRUE(Eventually(40s, [&] { return EffectsOf(other) > other_before + 200; }));
      ::kill(readers_.at(frozen), SIGCONT);
      ASSERT_TRUE(Eventually(40s, [&] { return EffectsOf(other) > other_before + 1000; }));
      EXPECT_EQ(Holder(), other);
      EXPECT_LE(EffectsOf(frozen), before + kKeys) << "what it had in hand, and nothing more";
    }
  });
}

TEST_F(BusLeaseTest, AReaderThatIsKilledAndStartedAgainGoesOnWithoutWaitingForItsOwnLease) {
  StartReader("a", 600s);
  ASSERT_TRUE(quantum::testing::Eventually(20s, [&] { return Holder() == "a"; }));
  const pid_t first = readers_.at("a");
  int gate[2];
  ASSERT_EQ(::pipe(gate), 0);
  StartReader("a", 600s, gate[0]);
  UnderLoad([&] {
    EXPECT_TRUE(Eventually(20s, [&] { return EffectsOf("a") > 200; }));
    End(first);
    const size_t before = EffectsOf("a");
    EXPECT_EQ(::write(gate[1], "x", 1), 1);
    EXPECT_TRUE(Eventually(30s, [&] { return EffectsOf("a") > before + 200; }));
  });
  ::close(gate[0]);
  ::close(gate[1]);
}

// Two buses in one process are enough where nothing is killed.
class BusLeasePairTest : public BusLeaseTest {
 protected:
  struct Side {
    std::vector<int> entered;
    std::vector<int> handled;
    std::unique_ptr<Bus> bus;
  };

  void RunPair(Duration lease, const std::function<void(fiber::Loop&, Side&, Side&)>& body) {
    lease_off_ = lease == Duration(0);
    RunInFiber([&](fiber::Loop& loop) {
      redis::Client client(loop, cluster_->Options());
      fiber::Event hold;
      hold_ = &hold;
      Side sides[2];
      for (Side& side : sides) {
        const std::string name = &side == sides ? "a" : "b";
        side.bus = std::make_unique<Bus>(loop, client, nullptr,
                                         BusOptions{.producer = name,
                                                    .group = "g",
                                                    .works_from_start = second_works_from_start_ && name == "b",
                                                    .lease = lease});
        side.bus->Subscribe({.types = {kPlaced, kApproved}, .handler = [&, this](const Event& event) {
                               side.entered.push_back(NumberOf(event));
                               if (NumberOf(event) == held_) {
                                 hold.Wait();
                               }
                               side.handled.push_back(NumberOf(event));
                               return Status();
                             }});
      }
      EXPECT_TRUE(sides[0].bus->Start().ok());
      EXPECT_TRUE(Eventually(20s, [] { return lease_off_ || (Holder() == "a" && Holder("risk") == "a"); }));
      EXPECT_TRUE(sides[1].bus->Start().ok());
      body(loop, sides[0], sides[1]);
      hold.Set();
      for (Side& side : sides) {
        side.bus->Stop();
      }
    });
  }

  static inline bool lease_off_ = false;
  bool second_works_from_start_ = false;
  int held_ = -1;  // the event whose handler waits for hold_
  fiber::Event* hold_ = nullptr;
};

TEST_F(BusLeasePairTest, WhoStopsFinishesWhatItHasAndTheStandbyGoesOnAtOnce) {
  held_ = 0;
  RunPair(600s, [&](fiber::Loop& loop, Side& a, Side& b) {  // a lease that nobody waits out
    ASSERT_TRUE(b.bus->Publish(Make(0), kPatient).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return a.entered.size() == 1; }));
    fiber::Event stopped;
    loop.Spawn([&] {
      a.bus->StopConsuming(20s);
      stopped.Set();
    });
    ASSERT_TRUE(b.bus->Publish(Make(kKeys), kPatient).ok());
    ASSERT_TRUE(b.bus->Publish(Make(1, kApproved), kPatient).ok());
    EXPECT_TRUE(b.entered.empty());
    hold_->Set();
    stopped.Wait();
    EXPECT_TRUE(Eventually(20s, [&] { return b.handled.size() == 2; })) << Holder();
    EXPECT_EQ(a.handled, (std::vector<int>{0}));
    for (const Bus::Reader& reader : b.bus->health().readers) {
      EXPECT_TRUE(reader.active) << reader.family;
      EXPECT_EQ(reader.process, "b");
    }
  });
}

// What the first had begun comes again, and it may not acknowledge it any more.
TEST_F(BusLeasePairTest, WhoWorksAloneFromItsStartOnReadsAtOnceAndWhatTheOtherHadInHandAsWell) {
  held_ = 0;
  second_works_from_start_ = true;
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus publisher(loop, client, nullptr, {.producer = "publisher", .group = "p"});
    ASSERT_TRUE(publisher.Publish(Make(0), kPatient).ok());
  });
  RunPair(600s, [&](fiber::Loop&, Side& a, Side& b) {
    ASSERT_TRUE(Eventually(20s, [&] { return !b.entered.empty(); })) << Holder();
    EXPECT_EQ(b.entered, (std::vector<int>{0}));
    EXPECT_LE(a.entered.size(), 1u);
    EXPECT_EQ(Holder(), "b");
    hold_->Set();
    ASSERT_TRUE(b.bus->Publish(Make(kKeys), kPatient).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return b.handled == std::vector<int>{0, kKeys}; }));
    EXPECT_TRUE(Eventually(20s, [&] { return !a.bus->health().readers.at(0).active; }));
    EXPECT_EQ(a.handled.size(), a.entered.size());
    EXPECT_LE(a.entered.size(), 1u);
  });
}

TEST_F(BusLeasePairTest, AStandbyIsGivenNothingHoweverLongTheReaderTakes) {
  held_ = 0;
  RunPair(1s, [&](fiber::Loop&, Side& a, Side& b) {
    ASSERT_TRUE(a.bus->Publish(Make(0), kPatient).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return a.entered.size() == 1; }));
    const uint64_t beats = std::stoull(Ask({"HGET", LeaseKey("order", "g"), "beat"}));
    ASSERT_TRUE(Eventually(60s, [&] {  // for several lengths of the lease
      return std::stoull(Ask({"HGET", LeaseKey("order", "g"), "beat"})) > beats + 20;
    }));
    EXPECT_TRUE(b.entered.empty());
    EXPECT_FALSE(b.bus->health().readers.at(0).active);
    EXPECT_EQ(b.bus->health().readers.at(0).process, "a");
    EXPECT_TRUE(Eventually(20s, [&] { return a.bus->health().readers.at(0).active; }));
  });
}

TEST_F(BusLeasePairTest, WhoLostItsLeaseNeitherReadsNorAcknowledges) {
  held_ = 0;
  RunPair(600s, [&](fiber::Loop&, Side& a, Side& b) {
    ASSERT_TRUE(a.bus->Publish(Make(0), kPatient).ok());
    ASSERT_TRUE(a.bus->Publish(Make(kKeys), kPatient).ok());  // of the same key: waits behind it
    ASSERT_TRUE(Eventually(20s, [&] {
      return Ask({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("2\n") && a.entered.size() == 1;
    }));
    // Somebody else has it, and nobody has told a.
    Ask({"HSET", LeaseKey("order", "g"), "token", "77", "holder", "c", "session", "9"});
    hold_->Set();
    ASSERT_TRUE(Eventually(20s, [&] { return a.handled.size() >= 1; }));
    ASSERT_TRUE(a.bus->Publish(Make(2 * kKeys), kPatient).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return !a.bus->health().readers.at(0).active; }));
    EXPECT_TRUE(Ask({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("2\n")) << "nothing acknowledged";
    EXPECT_NE(Ask({"XINFO", "GROUPS", StreamKey("order")}).find("lag\n1\n"), std::string::npos) << "nor read";
    EXPECT_TRUE(b.entered.empty());
  });
}

// It may arrive when its connection was given up and another one reads.
TEST_F(BusLeasePairTest, ARequestOverAnEarlierConnectionOfTheReaderReadsNothing) {
  RunPair(600s, [&](fiber::Loop& loop, Side& a, Side&) {
    ASSERT_TRUE(a.bus->Publish(Make(0), kPatient).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return a.handled.size() == 1; }));
    const std::string key = LeaseKey("order", "g");
    redis::Client client(loop, cluster_->Options());
    const auto connection = client.Dedicated(5s);
    ASSERT_TRUE(connection.ok());
    const auto answered = (*connection)
                              ->Run({{"WATCH", key},
                                     {"FCALL", "quantum_bus_4_guard", "1", key, Ask({"HGET", key, "session"}),
                                      Ask({"HGET", key, "token"}), "0"},
                                     {"MULTI"},
                                     {"XREADGROUP", "GROUP", GroupName("g"), "a", "STREAMS", StreamKey("order"), ">"},
                                     {"EXEC"}},
                                    5s);
    ASSERT_TRUE(answered.ok());
    EXPECT_TRUE(answered->at(1).text.starts_with("READING ")) << answered->at(1).text;
    EXPECT_TRUE(answered->at(4).is_nil()) << "the transaction did nothing";
    EXPECT_TRUE(a.bus->health().readers.at(0).active);
    ASSERT_TRUE(a.bus->Publish(Make(1), kPatient).ok());
    EXPECT_TRUE(Eventually(20s, [&] { return a.handled.size() == 2; }));
  });
}

// The negative control: what the lease is for.
TEST_F(BusLeasePairTest, WithoutLeasesAKeysEventsRunInTwoProcessesAtOnce) {
  held_ = 0;
  RunPair(Duration(0), [&](fiber::Loop& loop, Side& a, Side& b) {
    ASSERT_TRUE(a.bus->Publish(Make(0), kPatient).ok());
    ASSERT_TRUE(Eventually(20s, [&] { return a.entered.size() + b.entered.size() > 0; }));
    Side& first = a.entered.empty() ? b : a;
    Side& second = a.entered.empty() ? a : b;
    // More than one process takes at once, so the rest is the other's whoever is quicker.
    constexpr int kPublishers = 20;
    constexpr int kEach = 100;
    int ended = 0;
    for (int publisher = 0; publisher < kPublishers; ++publisher) {
      loop.Spawn([&a, &ended, publisher] {
        for (int i = 1; i <= kEach; ++i) {
          EXPECT_TRUE(a.bus->Publish(Make(kKeys * (publisher * kEach + i)), kPatient).ok());
        }
        ++ended;
      });
    }
    EXPECT_TRUE(Eventually(60s, [&] { return ended == kPublishers; }));
    // It may also be the first event itself, if that was pending when it began.
    EXPECT_TRUE(Eventually(30s, [&] { return !second.entered.empty(); }));
    EXPECT_TRUE(first.handled.empty()) << "the key's first event is still in hand";
  });
}

}  // namespace
}  // namespace quantum::bus
