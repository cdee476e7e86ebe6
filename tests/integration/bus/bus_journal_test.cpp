#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include <filesystem>
#include <fstream>
#include <numeric>
#include <set>

#include "platform/base/random.h"
#include "platform/bus/bus.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/run_in_fiber.h"

// The outbox on disk, against real servers: what Publish returned for is delivered once and in order, though the broker
// is away, though the process is killed, though the disk is put back to an older state.
namespace quantum::bus {
namespace {

using namespace std::chrono_literals;
using quantum::testing::RedisCluster;
using quantum::testing::RunInFiber;
using quantum::testing::TemporaryDirectory;
using quantum::testing::fibers::Eventually;

constexpr const char* kPlaced = "order.placed";
constexpr PublishOptions kPatient{.timeout = 30s};  // however busy the machine is

// Events share an entry compressed, which must not help them here.
std::string Incompressible(size_t bytes) {
  SeededRandom random(1);
  std::string text;
  while (text.size() < bytes) {
    text += static_cast<char>('!' + random.Below('~' - '!'));
  }
  return text;
}

class BusJournalTest : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    cluster_ = std::make_unique<RedisCluster>();
  }
  static void TearDownTestSuite() { cluster_.reset(); }
  void SetUp() override { ASSERT_EQ(cluster_->Ask(cluster_->AwaitMaster(), {"FLUSHALL"}), "OK"); }

  BusOptions Publisher(const std::string& folder = "journal") const {
    BusOptions options{.producer = "publisher", .group = "p"};
    options.journal_directory = directory_.path() / folder;
    return options;
  }

  static Event Make(int number) {
    return {.type = kPlaced, .key = "K", .payload = fmt::format("{{\"n\":{}}}", number)};
  }
  static int NumberOf(const Event& event) { return std::stoi(event.payload.substr(5)); }

  // What a group of its own is given, in order.
  struct Receiver {
    Receiver(fiber::Loop& loop, redis::Client& client)
        : bus(loop, client, nullptr, {.producer = "receiver", .group = "g"}) {
      bus.Subscribe({.types = {kPlaced}, .handler = [this](const Event& event) {
                       numbers.push_back(NumberOf(event));
                       return Status();
                     }});
    }
    ~Receiver() { bus.Stop(); }
    std::vector<int> numbers;
    Bus bus;
  };

  static std::vector<int> UpTo(int count) {
    std::vector<int> numbers(static_cast<size_t>(count));
    std::iota(numbers.begin(), numbers.end(), 0);
    return numbers;
  }

  static inline std::unique_ptr<RedisCluster> cluster_;
  TemporaryDirectory directory_{"bus-journal"};
};

TEST_F(BusJournalTest, PublishingIsNotRefusedWhileTheBrokerIsAwayAndTheEventsArriveInOrderAfterARestartOfTheProcess) {
  for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
    cluster_->PauseNode(node);
  }
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    auto bus = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(bus.ok()) << bus.error().message;
    for (int i = 0; i < 100; ++i) {
      ASSERT_TRUE((*bus)->Publish(Make(i), kPatient).ok());
    }
    EXPECT_EQ((*bus)->health().outbox_pending, 100u);
    EXPECT_GT((*bus)->health().journal_bytes, 0u);
  });
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    auto bus = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(bus.ok()) << bus.error().message;
    EXPECT_EQ((*bus)->health().outbox_pending, 100u) << "the next life found them";
    EXPECT_GT((*bus)->health().oldest_waiting, 0ns) << "and knows how old they are";
    for (int i = 100; i < 200; ++i) {
      ASSERT_TRUE((*bus)->Publish(Make(i), kPatient).ok());
    }
    for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
      cluster_->ResumeNode(node);
    }
    Receiver receiver(loop, client);
    ASSERT_TRUE(receiver.bus.Start().ok());
    EXPECT_TRUE(Eventually(60s, [&] { return receiver.numbers.size() >= 200; })) << receiver.numbers.size();
    EXPECT_TRUE(Eventually(60s, [&] { return (*bus)->health().outbox_pending == 0; }));
    EXPECT_EQ((*bus)->health().oldest_waiting, 0ns);
    EXPECT_EQ(receiver.numbers, UpTo(200));
  });
  cluster_->AwaitHealthy();
}

TEST_F(BusJournalTest, AProcessThatIsKilledWhilePublishingLosesNothingThatPublishReturnedFor) {
  const std::string acknowledged = directory_.path() / "acknowledged";
  constexpr int kLives = 5;
  int next = 0;
  for (int life = 0; life < kLives; ++life) {
    const pid_t child = fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      std::ofstream file(acknowledged, std::ios::app);
      fiber::Loop loop("child");
      loop.Spawn([&] {
        redis::Client client(loop, cluster_->Options());
        auto bus = Bus::Open(loop, client, nullptr, Publisher());
        for (int i = next; bus.ok(); ++i) {
          if ((*bus)->Publish(Make(i), kPatient).ok()) {
            file << i << '\n' << std::flush;
          }
        }
        _exit(3);
      });
      loop.Run();
      _exit(4);
    }
    const int wanted = next + 300;
    EXPECT_TRUE(quantum::testing::Eventually(60s, [&] {
      std::ifstream file(acknowledged);
      int number = -1;
      while (file >> number) {
        next = std::max(next, number + 1);
      }
      return next >= wanted;
    }));
    ASSERT_EQ(kill(child, SIGKILL), 0);
    int status = 0;
    ASSERT_EQ(waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFSIGNALED(status)) << "the child ended by itself: " << status;
    next += 1000;  // the last one may or may not have been taken: each life counts in a range of its own
  }
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    auto bus = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(bus.ok()) << bus.error().message;
    Receiver receiver(loop, client);
    ASSERT_TRUE(receiver.bus.Start().ok());
    std::set<int> wanted;
    std::ifstream file(acknowledged);
    for (int number = 0; file >> number;) {
      wanted.insert(number);
    }
    EXPECT_GE(wanted.size(), 300u * kLives);
    EXPECT_TRUE(Eventually(60s,
                           [&] {
                             const std::set<int> got(receiver.numbers.begin(), receiver.numbers.end());
                             return std::includes(got.begin(), got.end(), wanted.begin(), wanted.end());
                           }))
        << receiver.numbers.size() << " of " << wanted.size();
    EXPECT_TRUE(Eventually(60s, [&] { return (*bus)->health().outbox_pending == 0; }));
    EXPECT_TRUE(std::is_sorted(receiver.numbers.begin(), receiver.numbers.end())) << "out of order";
    EXPECT_EQ(std::set<int>(receiver.numbers.begin(), receiver.numbers.end()).size(), receiver.numbers.size())
        << "doubled";
  });
}

// The broker and a replica have it, in memory: kill them and this process now, and it would be gone.
TEST_F(BusJournalTest, TheBrokersWordIsNotEnoughWhileTheJournalCannotBeWritten) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    auto bus = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(bus.ok()) << bus.error().message;
    Receiver receiver(loop, client);
    ASSERT_TRUE(receiver.bus.Start().ok());
    const auto in_the_way = directory_.path() / "journal" / fmt::format("segment-{:020}.journal", 1);
    ASSERT_TRUE(std::filesystem::create_directory(in_the_way));

    const auto published = (*bus)->Publish(Make(0), {.timeout = 3s});
    ASSERT_FALSE(published.ok());
    EXPECT_EQ(published.error().code, Errc::kUnknownOutcome);
    EXPECT_NE(published.error().message.find("segment-"), std::string::npos) << published.error().message;
    EXPECT_TRUE(Eventually(20s, [&] { return (*bus)->health().outbox_pending == 0; })) << "the broker confirms it";
    EXPECT_EQ((*bus)->Publish(Make(1), {.timeout = 100ms}).error().code, Errc::kUnknownOutcome) << "and still";

    std::filesystem::remove(in_the_way);
    EXPECT_TRUE((*bus)->Publish(Make(2), kPatient).ok()) << "by itself, once it can be written";
    EXPECT_TRUE(Eventually(20s, [&] { return receiver.numbers == UpTo(3); }));
  });
}

TEST_F(BusJournalTest, ASecondProcessOnTheSameFolderIsRefused) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    auto first = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(first.ok());
    const auto second = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_FALSE(second.ok());
    EXPECT_EQ(second.error().code, Errc::kConflict);
    EXPECT_NE(second.error().message.find(std::to_string(getpid())), std::string::npos) << second.error().message;
  });
}

TEST_F(BusJournalTest, ATwinThatTakesOverFencesTheOlderOneOff) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    std::string fenced;
    BusOptions options = Publisher("older");
    options.fenced = [&](const std::string& reason) { fenced = reason; };
    auto older = Bus::Open(loop, client, nullptr, options);
    ASSERT_TRUE(older.ok());
    Receiver receiver(loop, client);
    ASSERT_TRUE(receiver.bus.Start().ok());
    ASSERT_TRUE((*older)->Publish(Make(0), {.await_replicated = true}).ok());
    std::string twin_fenced;
    BusOptions twin_options = Publisher("twin");
    twin_options.fenced = [&](const std::string& reason) { twin_fenced = reason; };
    auto twin = Bus::Open(loop, client, nullptr, twin_options);
    ASSERT_TRUE(twin.ok());
    ASSERT_TRUE((*twin)->Publish(Make(1), {.await_replicated = true}).ok());
    EXPECT_TRUE(fenced.empty()) << "nobody is fenced before it sends";
    const auto refused = (*older)->Publish(Make(2), {.await_replicated = true, .timeout = 10s});
    EXPECT_FALSE(refused.ok());
    EXPECT_NE(fenced.find("FENCED"), std::string::npos) << fenced;
    ASSERT_TRUE((*twin)->Publish(Make(3), {.await_replicated = true}).ok()) << "the older one did not take it back";
    EXPECT_TRUE(twin_fenced.empty());
    EXPECT_TRUE(Eventually(10s, [&] { return receiver.numbers.size() == 3; }));
    EXPECT_EQ(receiver.numbers, (std::vector<int>{0, 1, 3}));
  });
}

TEST_F(BusJournalTest, AProcessThatIsRestartedFromACopyOfItsDiskIsNotTakenForARepeat) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Receiver receiver(loop, client);
    ASSERT_TRUE(receiver.bus.Start().ok());
    int number = 0;
    const auto publish = [&](int count) {
      auto bus = Bus::Open(loop, client, nullptr, Publisher());
      ASSERT_TRUE(bus.ok()) << bus.error().message;
      for (int i = 0; i < count; ++i) {
        ASSERT_TRUE((*bus)->Publish(Make(number++), {.await_replicated = true}).ok());
      }
    };
    publish(5);
    const auto journal = directory_.path() / "journal";
    const auto copy = directory_.path() / "copy";
    std::filesystem::copy(journal, copy, std::filesystem::copy_options::recursive);
    publish(10);
    std::filesystem::remove_all(journal);
    std::filesystem::rename(copy, journal);
    publish(10);
    EXPECT_TRUE(Eventually(20s, [&] { return receiver.numbers.size() >= 25; })) << receiver.numbers.size();
    EXPECT_EQ(receiver.numbers, UpTo(25)) << "swallowed or doubled";
  });
}

// 256 MB of broker, of which the only stream here may take two fifths: 7,500 events of 16 KB that its group does not
// handle are beyond that, and leave room for what else the broker keeps.
TEST_F(BusJournalTest, AStreamOverItsQuotaMakesItsPublishersWaitNamesTheGroupThatLagsAndGoesOnByItself) {
  const auto set_memory = [](const char* bytes) {
    for (size_t node = 0; node < RedisCluster::kNodes; ++node) {
      ASSERT_EQ(cluster_->Ask(node, {"CONFIG", "SET", "maxmemory", bytes}), "OK");
    }
  };
  set_memory("256mb");
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    fiber::Event go_on;
    int handled = 0;
    Bus receiver(loop, client, nullptr, {.producer = "receiver", .group = "g"});
    receiver.Subscribe({.types = {kPlaced}, .handler = [&](const Event&) {
                          go_on.Wait();
                          ++handled;
                          return Status();
                        }});
    ASSERT_TRUE(receiver.Start().ok());
    auto bus = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(bus.ok());
    const std::string large = Incompressible(16'000);
    constexpr int kEvents = 7500;
    int published = 0;
    for (; published < kEvents; ++published) {
      ASSERT_TRUE((*bus)->Publish({.type = kPlaced, .key = "K", .payload = large}).ok()) << "it is safe on disk";
    }
    std::string refusal;
    EXPECT_TRUE(Eventually(60s, [&] {
      const auto waits = (*bus)->Publish({.type = kPlaced, .key = "K", .payload = large},
                                         {.await_replicated = true, .timeout = 100ms});
      ++published;
      refusal = waits ? "" : waits.error().message;
      return refusal.find("group g lags") != std::string::npos;
    })) << refusal;
    go_on.Set();
    EXPECT_TRUE(Eventually(60s, [&] { return handled == published; })) << handled << " of " << published;
    // The last event may be handled before its publisher has heard that the replicas hold it.
    EXPECT_TRUE(Eventually(10s, [&] { return (*bus)->health().outbox_pending == 0; }));
    EXPECT_TRUE((*bus)->Publish({.type = kPlaced, .key = "K", .payload = large}, {.await_replicated = true}).ok());
    receiver.Stop();
  });
  set_memory("512mb");
}

// Filled by what is no stream: then every append is refused, whatever the quotas leave. Reading goes on, and may begin,
// for that is what makes room where streams are the cause.
TEST_F(BusJournalTest, AFullBrokerMakesPublishersWaitNamesTheGroupThatLagsIsReadAllTheSameAndGoesOnByItself) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    auto bus = Bus::Open(loop, client, nullptr, Publisher());
    ASSERT_TRUE(bus.ok());
    int published = 0;
    const auto publish = [&](const PublishOptions& options) {
      return (*bus)->Publish({.type = kPlaced, .key = fmt::format("K{}", published++), .payload = "{}"}, options);
    };
    for (int i = 0; i < 5; ++i) {
      ASSERT_TRUE(publish({.await_replicated = true, .timeout = 30s}).ok());
    }
    const size_t master = cluster_->AwaitMaster();
    const std::string memory = cluster_->Ask(master, {"INFO", "memory"});
    const size_t used = std::stoull(memory.substr(memory.find("used_memory:") + 12));  // earlier tests' buffers too
    ASSERT_EQ(cluster_->Ask(master, {"SETRANGE", "ballast", "100000000", "x"}), "100000001");
    ASSERT_EQ(cluster_->Ask(master, {"CONFIG", "SET", "maxmemory", std::to_string(used + 90'000'000)}), "OK");
    fiber::Event go_on;
    int given = 0;
    int handled = 0;
    Bus receiver(loop, client, nullptr, {.producer = "receiver", .group = "g"});
    receiver.Subscribe({.types = {kPlaced}, .handler = [&](const Event&) {
                          ++given;
                          go_on.Wait();
                          ++handled;
                          return Status();
                        }});
    ASSERT_TRUE(receiver.Start().ok());
    EXPECT_TRUE(Eventually(20s, [&] { return given == 5; })) << given;
    std::string refusal;
    EXPECT_TRUE(Eventually(30s, [&] {
      const auto waits = publish({.await_replicated = true, .timeout = 200ms});
      refusal = waits ? "" : waits.error().message;
      return refusal.find("of the broker's") != std::string::npos &&
             refusal.find("group g lags by 5 events of stream order") != std::string::npos;
    })) << refusal;
    EXPECT_TRUE(publish({.timeout = 30s}).ok()) << "it is safe on disk";
    EXPECT_GT((*bus)->health().outbox_pending, 0u);
    EXPECT_EQ(given, 5) << "nothing was appended";
    cluster_->Ask(master, {"DEL", "ballast"});
    go_on.Set();
    EXPECT_TRUE(Eventually(30s, [&] { return handled == published; })) << handled << " of " << published;
    EXPECT_TRUE(Eventually(10s, [&] { return (*bus)->health().outbox_pending == 0; }));
    receiver.Stop();
  });
  ASSERT_EQ(cluster_->Ask(cluster_->AwaitMaster(), {"CONFIG", "SET", "maxmemory", "512mb"}), "OK");
}

TEST_F(BusJournalTest, TheNameOfAConsumerThatNoProcessOwnsAnyMoreGoesOnceNothingIsPendingForIt) {
  RunInFiber([&](fiber::Loop& loop) {
    redis::Client client(loop, cluster_->Options());
    Bus bus(loop, client, nullptr, {.producer = "present", .group = "g", .consumer_forgotten = 1s});
    bus.Subscribe({.types = {kPlaced}, .handler = [](const Event&) { return Status(); }});
    ASSERT_TRUE(bus.Start().ok());
    const size_t master = cluster_->AwaitMaster();
    const std::string stream = StreamKey("order");
    // A name stands in its group from the first event it is given.
    ASSERT_TRUE(bus.Publish({.type = kPlaced, .key = "K", .payload = "{}"}).ok());
    ASSERT_TRUE(Eventually(10s, [&] {
      return cluster_->Ask(master, {"XINFO", "CONSUMERS", stream, GroupName("g")}).find("present") != std::string::npos;
    }));
    cluster_->Ask(master, {"XGROUP", "CREATECONSUMER", stream, GroupName("g"), "gone"});
    cluster_->Ask(master, {"XGROUP", "CREATECONSUMER", stream, GroupName("g"), "busy"});
    bus.StopConsuming(10s);  // so that the next entry is the busy one's
    cluster_->Ask(master, {"XADD", stream, "*", "a", "b"});
    cluster_->Ask(master, {"XREADGROUP", "GROUP", GroupName("g"), "busy", "STREAMS", stream, ">"});
    EXPECT_TRUE(Eventually(60s, [&] {
      return cluster_->Ask(master, {"XINFO", "CONSUMERS", stream, GroupName("g")}).find("gone") == std::string::npos;
    }));
    const std::string left = cluster_->Ask(master, {"XINFO", "CONSUMERS", stream, GroupName("g")});
    EXPECT_NE(left.find("busy"), std::string::npos) << "something is pending for it";
    EXPECT_NE(left.find("present"), std::string::npos);
    bus.Stop();
  });
}

}  // namespace
}  // namespace quantum::bus
