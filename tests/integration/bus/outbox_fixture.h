#pragma once

#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "platform/bus/bus.h"
#include "platform/bus/codec.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_cluster.h"

namespace quantum::bus {

using namespace std::chrono_literals;
using quantum::testing::PostgresServer;
using quantum::testing::RedisCluster;
using quantum::testing::fibers::Eventually;

inline constexpr const char* kPlaced = "order.placed";
inline constexpr const char* kAnswered = "trade.opened";  // of another stream

// A Redis cluster and a Postgres for the tests of a suite, emptied before each.
class OutboxFixture : public ::testing::Test {
 protected:
  static void SetUpTestSuite() {
    RegisterEventType({kPlaced});
    RegisterEventType({kAnswered});
    cluster_ = std::make_unique<RedisCluster>();
    postgres_ = std::make_unique<PostgresServer>();
  }
  static void TearDownTestSuite() {
    cluster_.reset();
    postgres_.reset();
  }

  void SetUp() override {
    ASSERT_EQ(AskMaster({"FLUSHALL"}), "OK");
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool owner(loop, postgres_->OwnerOptions());
      for (const char* sql :
           {"TRUNCATE outbox, outbox_stream, inbox", "CREATE TABLE IF NOT EXISTS effects (number int PRIMARY KEY)",
            "TRUNCATE effects", "GRANT ALL ON effects TO quantum"}) {
        const auto done = owner.Query(sql);
        ASSERT_TRUE(done.ok()) << done.error().message;
      }
    });
  }

  static Event Make(std::string key, int number) {
    return {.type = kPlaced, .key = std::move(key), .payload = "{\"n\":" + std::to_string(number) + "}"};
  }
  static int NumberOf(const Event& event) { return std::stoi(event.payload.substr(5)); }
  static std::string AskMaster(const std::vector<std::string>& command) {
    return cluster_->Ask(cluster_->AwaitMaster(), command);
  }
  // Nothing of the stream is unread or pending.
  static bool AllIsHandled() {
    return AskMaster({"XINFO", "GROUPS", StreamKey("order")}).find("lag\n0\n") != std::string::npos &&
           AskMaster({"XPENDING", StreamKey("order"), GroupName("g")}).starts_with("0\n");
  }
  // An entry of its own, past the function that skips repeats.
  static void Append(int number) {
    Event event = Make("K", number);
    event.id = "x";
    event.producer = event.source = "other";
    event.incarnation = "abc";
    event.sequence = static_cast<uint64_t>(number);
    event.timestamp_ns = 1;
    std::vector<std::string> command{"XADD", StreamKey("order"), "*"};
    const auto fields = EntryFields(event);
    command.insert(command.end(), fields.begin(), fields.end());
    AskMaster(command);
  }
  static int64_t Count(postgres::Pool& pool, const std::string& what) {
    const auto rows = pool.Query("SELECT count(*) AS n FROM " + what);
    return rows.ok() ? rows->Int(0, "n") : -1;
  }

  // A process with a bus of its own, which runs body in a fiber until it is killed.
  static pid_t StartProcess(const std::function<void(postgres::Pool&, Bus&)>& body) {
    const pid_t child = fork();
    if (child == 0) {
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      fiber::Loop loop("child");
      loop.Spawn([&] {
        redis::Client client(loop, cluster_->Options());
        postgres::Pool pool(loop, postgres_->ServiceOptions());
        Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
        body(pool, bus);
        _exit(3);
      });
      loop.Run();
      _exit(4);
    }
    return child;
  }
  static Status Commit(
      postgres::Pool& pool, Bus& bus, int first, const std::function<void()>& before_commit = [] {}) {
    return pool.Transact([&](postgres::Transaction& transaction) -> Status {
      QUANTUM_CHECK(bus.PublishWithin(transaction, {Make("K", first), Make("K", first + 1)}));
      QUANTUM_TRY(const auto sent, transaction.Query("SELECT"));
      before_commit();
      return {};
    });
  }
  static void ExpectKilled(pid_t process) {
    int status = 0;
    ASSERT_EQ(waitpid(process, &status, 0), process);
    EXPECT_TRUE(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL) << "it ended by itself: " << status;
  }
  static int64_t Rows(const std::string& what) {
    int64_t count = -1;
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool pool(loop, postgres_->ServiceOptions());
      count = Count(pool, what);
    });
    return count;
  }
  // What a group is given once processes of the same name have come and relayed everything.
  static std::vector<int> RelayedBySuccessors() {
    std::vector<int> received;
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      redis::Client client(loop, cluster_->Options());
      postgres::Pool pool(loop, postgres_->ServiceOptions());
      for (int life = 0; life < 2; ++life) {
        Bus bus(loop, client, &pool, {.producer = "p", .group = "g"});
        bus.Subscribe({.types = {kPlaced}, .handler = [&](const Event& event) {
                         received.push_back(NumberOf(event));
                         return Status();
                       }});
        EXPECT_TRUE(bus.Start().ok());
        EXPECT_TRUE(bus.Flush(20s).ok());
        EXPECT_TRUE(Eventually(20s, AllIsHandled));
        bus.Stop();
      }
    });
    return received;
  }

  static inline std::unique_ptr<RedisCluster> cluster_;
  static inline std::unique_ptr<PostgresServer> postgres_;
};

}  // namespace quantum::bus
