#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>

#include <atomic>
#include <set>
#include <thread>

#include "operator/postgres/switch_over.h"
#include "platform/postgres/pool.h"
#include "tests/support/fiber_eventually.h"
#include "tests/support/postgres_cluster.h"
#include "tests/support/postgres_server.h"

// Postgres under Patroni (infra/postgres), its parts killed and frozen under steady writing.
namespace quantum::postgres {
namespace {

using namespace std::chrono_literals;
using quantum::testing::PostgresCluster;
using quantum::testing::RunInFiber;
using quantum::testing::fibers::Eventually;

// Writers that each insert one row after the other, by a key of its own, and remember what they were told of it.
class Writers {
 public:
  Writers(fiber::Loop& loop, const PostgresCluster& cluster, Duration deadline = kDeadline)
      : pool_(loop, cluster.ServiceOptions()), deadline_(deadline) {
    constexpr int kWriters = 4;
    for (int writer = 0; writer < kWriters; ++writer) {
      ++running_;
      loop.Spawn([this] {
        while (!stop_) {
          Write();
        }
        --running_;
      });
    }
  }

  // Waits until `more` were acknowledged that began after the call; false when that takes longer than the limit.
  bool Await(size_t more, Duration limit) {
    const size_t from = next_;
    return Eventually(limit, [&] {
      return static_cast<size_t>(std::distance(acknowledged_.lower_bound(from), acknowledged_.end())) >= more;
    });
  }
  void Stop() {
    stop_ = true;
    ASSERT_TRUE(Eventually(60s, [&] { return running_ == 0; }));
  }
  const std::set<size_t>& acknowledged() const { return acknowledged_; }
  size_t failed() const { return failed_; }
  const std::string& last_failure() const { return last_failure_; }
  Pool& pool() { return pool_; }

  static constexpr Duration kDeadline = 5s;
  Duration longest() const { return longest_; }

 private:
  void Write() {
    const size_t key = next_++;
    const SteadyTime began = SystemClock().Steady();
    const Status written = pool_.Transact(
        [&](Transaction& transaction) -> Status {
          QUANTUM_TRY(const auto rows, transaction.Query("INSERT INTO written VALUES ($1)", {std::to_string(key)}));
          return {};
        },
        {.timeout = deadline_});
    longest_ = std::max<Duration>(longest_, SystemClock().Steady() - began);
    if (written) {
      acknowledged_.insert(key);
    } else {
      ++failed_;
      last_failure_ = written.error().message;
      fiber::SleepFor(10ms);
    }
  }

  Pool pool_;
  const Duration deadline_;
  size_t next_ = 0;
  size_t failed_ = 0;
  std::string last_failure_;
  size_t running_ = 0;
  bool stop_ = false;
  Duration longest_{};
  std::set<size_t> acknowledged_;
};

class PostgresClusterTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (!cluster_) {
      cluster_ = std::make_unique<PostgresCluster>();
    }
  }
  static void TearDownTestSuite() { cluster_.reset(); }

  // A table without rows, and the body in a fiber.
  static void Run(const std::function<void(fiber::Loop&)>& body) {
    cluster_->AwaitHealthy();
    RunInFiber([&](fiber::Loop& loop) {
      {
        Pool owner(loop, cluster_->OwnerOptions());
        ASSERT_TRUE(Eventually(30s, [&] {
          return owner.Query("DROP TABLE IF EXISTS written", {}).ok() &&
                 owner.Query("CREATE TABLE written (key bigint)", {}).ok();
        }));
      }
      body(loop);
    });
  }

  // Acknowledged rows that are not there; and rows that stand there twice.
  struct Verdict {
    size_t lost = 0;
    size_t doubled = 0;
  };
  static Verdict Compare(fiber::Loop& loop, const std::set<size_t>& acknowledged) {
    Pool owner(loop, cluster_->OwnerOptions());
    Result<Rows> rows = Error{};
    EXPECT_TRUE(Eventually(60s, [&] {
      rows = owner.Query("SELECT key FROM written", {}, {.idempotent = true});
      return rows.ok();
    }));
    std::multiset<size_t> found;
    for (size_t row = 0; rows.ok() && row < rows->size(); ++row) {
      found.insert(static_cast<size_t>(rows->Int(row, "key")));
    }
    Verdict verdict;
    for (const size_t key : acknowledged) {
      verdict.lost += found.contains(key) ? 0 : 1;
    }
    for (const size_t key : std::set<size_t>(found.begin(), found.end())) {
      verdict.doubled += found.count(key) - 1;
    }
    return verdict;
  }

  // Writes, does something to the cluster, and wants all that was acknowledged to be there, once. lasting: before it is
  // healed writes must have gone on for so long.
  static void LosesNothing(
      const std::function<void(size_t primary)>& harm, const std::function<void()>& heal = [] {},
      Duration lasting = {}) {
    Run([&](fiber::Loop& loop) {
      Writers writers(loop, *cluster_);
      ASSERT_TRUE(writers.Await(50, 30s));
      cluster_->AwaitHealthy();  // else the harm would be the second failure, which nobody promises to survive
      harm(cluster_->AwaitPrimary());
      const SteadyTime began = SystemClock().Steady();
      do {
        ASSERT_TRUE(writers.Await(50, 60s)) << cluster_->Logs();
      } while (SystemClock().Steady() - began < lasting);
      heal();
      EXPECT_TRUE(writers.Await(50, 60s)) << cluster_->Logs();
      writers.Stop();
      const Verdict verdict = Compare(loop, writers.acknowledged());
      EXPECT_EQ(verdict.lost, 0u) << "of " << writers.acknowledged().size();
      EXPECT_EQ(verdict.doubled, 0u);
      EXPECT_LT(writers.longest(), Writers::kDeadline + 10s) << "it waits until its deadline, and no longer";
    });
    EXPECT_NO_THROW(cluster_->AwaitHealthy());
  }

  static inline std::unique_ptr<PostgresCluster> cluster_;
};

TEST_F(PostgresClusterTest, WhenPostgresOfThePrimaryIsKilledWhatWasAcknowledgedIsThereOnce) {
  LosesNothing([](size_t primary) { cluster_->KillPostgres(primary); });
}

TEST_F(PostgresClusterTest, WhenTheWholeNodeOfThePrimaryIsKilledWhatWasAcknowledgedIsThereOnce) {
  size_t killed = 0;
  LosesNothing(
      [&](size_t primary) {
        killed = primary;
        cluster_->KillNode(primary);
      },
      [&] { cluster_->StartNode(killed); });
}

TEST_F(PostgresClusterTest, AFrozenStandbyHoldsCommitsNoLongerThanItsTimeout) {
  size_t standby = 0;
  LosesNothing(
      [&](size_t primary) {
        standby = 1 - primary;
        cluster_->Freeze(standby);
      },
      [&] { cluster_->Thaw(standby); });
}

TEST_F(PostgresClusterTest, AFrozenPrimaryThatWakesUpIsNoPrimaryAnyMore) {
  size_t frozen = 0;
  LosesNothing(
      [&](size_t primary) {
        frozen = primary;
        cluster_->Freeze(primary);
      },
      [&] {
        cluster_->Thaw(frozen);
        EXPECT_NE(cluster_->AwaitPrimary(), frozen);
      });
}

TEST_F(PostgresClusterTest, WithoutEtcdThePrimaryGoesOn) {
  constexpr Duration kLonger = 12s;  // than the lease, 8 s
  LosesNothing([](size_t) { cluster_->KillEtcd(); }, [] { cluster_->StartEtcd(); }, kLonger);
}

TEST_F(PostgresClusterTest, WhenHaproxyIsKilledWritesGoOnOnceItIsBack) {
  LosesNothing([](size_t) {
    cluster_->KillHaproxy();
    cluster_->StartHaproxy();
  });
}

TEST_F(PostgresClusterTest, APlannedSwitchOverLosesNothing) {
  size_t before = 0;
  LosesNothing([&](size_t primary) {
    before = primary;
    const std::string answer = cluster_->SwitchOver();
    EXPECT_TRUE(answer.starts_with("200")) << answer;
  });
  EXPECT_NE(cluster_->AwaitPrimary(), before);
}

TEST_F(PostgresClusterTest, APlannedSwitchOverBehindPgBouncerFailsNoRequest) {
  Run([&](fiber::Loop& loop) {
    // How long the switch takes depends on the machine; a request whose own deadline passes meanwhile is not what
    // fails.
    Writers writers(loop, *cluster_, 30s);
    ASSERT_TRUE(writers.Await(50, 30s));
    const size_t before = cluster_->AwaitPrimary();
    const size_t failed = writers.failed();
    const operate::PostgresAccess access{
        .nodes = {{"postgres-1", cluster_->ApiUrl(0)}, {"postgres-2", cluster_->ApiUrl(1)}},
        .api_password = PostgresCluster::kApiPassword,
        .console_host = "127.0.0.1",
        .console_port = cluster_->ServiceOptions().port,
        .console_password = PostgresCluster::kConsolePassword};
    std::atomic<bool> over = false;
    Result<operate::PlannedReport> report = Error{};
    std::thread beside([&] {  // it blocks
      report = operate::SwitchOver(access);
      over = true;
    });
    EXPECT_TRUE(Eventually(60s, [&] { return over.load(); }));
    beside.join();
    ASSERT_TRUE(report.ok()) << report.error().message;
    EXPECT_TRUE(writers.Await(50, 30s));
    writers.Stop();
    EXPECT_EQ(cluster_->AwaitPrimary(), 1 - before);
    EXPECT_EQ(writers.failed(), failed) << writers.last_failure() << "; held back for "
                                        << std::chrono::duration<double>(report->held_back).count() << " s";
    const Verdict verdict = Compare(loop, writers.acknowledged());
    EXPECT_EQ(verdict.lost + verdict.doubled, 0u);
  });
  EXPECT_NO_THROW(cluster_->AwaitHealthy());
}

// A client that shows no certificate is told so by TLS, and one without TLS gets nothing.
TEST_F(PostgresClusterTest, EtcdAnswersNobodyWithoutACertificate) {
  const std::string plain = cluster_->AskEtcd("GET /v2/keys/quantum HTTP/1.0\r\n\r\n");
  EXPECT_EQ(plain.find("leader"), std::string::npos) << plain;
  EXPECT_THAT(cluster_->AskEtcdByTls(), ::testing::HasSubstr("alert"));
}

TEST_F(PostgresClusterTest, ThePortForReadsLeadsToTheReplicaAndToThePrimaryWhereThereIsNone) {
  Run([&](fiber::Loop& loop) {
    const auto on_replica = [&]() -> std::optional<bool> {
      Pool reader(loop, cluster_->ReadOptions());  // a connection of its own each time
      const auto rows = reader.Query("SELECT pg_is_in_recovery() AS replica", {}, {.idempotent = true});
      return rows ? std::optional(rows->Bool(0, "replica")) : std::nullopt;
    };
    EXPECT_TRUE(Eventually(20s, [&] { return on_replica() == true; }));
    const size_t standby = 1 - cluster_->AwaitPrimary();
    cluster_->KillNode(standby);
    EXPECT_TRUE(Eventually(20s, [&] { return on_replica() == false; }));
    cluster_->StartNode(standby);
    EXPECT_TRUE(Eventually(90s, [&] { return on_replica() == true; }));
  });
}

// The control: without the synchronous standby the same must lose, and the comparison must say so.
TEST_F(PostgresClusterTest, AsynchronousAndCutOffAPrimaryThatIsKilledLosesCommitsAndTheComparisonSaysSo) {
  Run([&](fiber::Loop& loop) {
    cluster_->Configure(R"({"synchronous_mode": false})");
    ASSERT_TRUE(Eventually(30s, [&] { return !cluster_->SynchronousStandby(); }));
    Writers writers(loop, *cluster_);
    ASSERT_TRUE(writers.Await(50, 30s));
    const size_t primary = cluster_->AwaitPrimary();
    cluster_->FreezeReceiver(1 - primary);
    ASSERT_TRUE(writers.Await(200, 60s));
    cluster_->KillNode(primary);
    ASSERT_TRUE(Eventually(60s, [&] { return cluster_->Primary() == 1 - primary; })) << cluster_->Logs();
    writers.Stop();
    EXPECT_GT(Compare(loop, writers.acknowledged()).lost, 0u);
  });
  cluster_.reset();  // its nodes have parted for good
}

}  // namespace
}  // namespace quantum::postgres
