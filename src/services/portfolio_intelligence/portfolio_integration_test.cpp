// quantum-portfolio-intelligence as a process, on real Redis and Postgres, with nobody to tell it the account.
#include <fmt/format.h>
#include <gtest/gtest.h>

#include <map>

#include "tests/support/checkout/checkout.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_cluster.h"

namespace quantum::portfolio_intelligence {
namespace {

using namespace std::chrono_literals;
using quantum::testing::Eventually;
using quantum::testing::HttpGet;

class PortfolioProcess : public ::testing::Test {
 protected:
  PortfolioProcess() : ports_(quantum::testing::FreePorts(3)) {
    const redis::ClientOptions redis = redis_.Options();
    std::string sentinels;
    for (const redis::Endpoint& sentinel : redis.sentinels) {
      sentinels += fmt::format("{}{}:{}", sentinels.empty() ? "" : ",", sentinel.host, sentinel.port);
    }
    std::filesystem::create_directories(state_.path() / "secrets");
    for (const auto& [name, text] :
         std::map<std::string, std::string>{{"redis-service", redis.password},
                                            {"sentinel-client", redis.sentinel_password},
                                            {"postgres-service", postgres_.ServiceOptions().password},
                                            {"operator-token", "operator-token-of-the-test"},
                                            {"service-token", "service-token-of-the-test"}}) {
      quantum::testing::WriteFile(state_.path() / "secrets" / name, text);
    }
    quantum::testing::WriteFile(state_.path() / "quantum.yml",
                                fmt::format("version: 1\nmode: PAPER\nsymbols: [BTCUSDT]\nunits:\n"
                                            "  portfolio-intelligence: {{kind: service, command: x, port: {}}}\n"
                                            "  execution: {{kind: service, command: x, port: {}}}\n"
                                            "  marketdata: {{kind: service, command: x, port: {}}}\n"
                                            "  pgbouncer: {{command: x, port: {}}}\n",
                                            ports_[0], ports_[1], ports_[2], postgres_.pgbouncer_port()));
    process_.emplace(quantum::testing::ProcessOptions{
        .command = {checkout::BinaryDirectory() + "/quantum-portfolio-intelligence"},
        .output = state_.path() / "output",
        .environment = {"QUANTUM_MANIFEST=" + (state_.path() / "quantum.yml").string(),
                        "QUANTUM_STATE_DIR=" + state_.path().string(), "REDIS_SENTINEL_HOSTS=" + sentinels,
                        "REDIS_MASTER_NAME=" + redis.master_name}});
  }

  int Rows(const std::string& table) {
    int count = -1;
    quantum::testing::RunInFiber([&](fiber::Loop& loop) {
      postgres::Pool pool(loop, postgres_.ServiceOptions());
      const auto rows = pool.Query("SELECT count(*) AS count FROM " + table, {}, {.idempotent = true});
      count = rows.ok() ? static_cast<int>(rows->Int(0, "count")) : -1;
    });
    return count;
  }

  std::vector<int> ports_;
  quantum::testing::RedisCluster redis_;
  quantum::testing::PostgresServer postgres_;
  quantum::testing::TemporaryDirectory state_{"portfolio"};
  std::optional<quantum::testing::Process> process_;
};

// A snapshot once made up 10,000 of cash when the exchange did not answer.
TEST_F(PortfolioProcess, Pain9AnAccountThatNobodyTellsIsUnknownAndNoMoneyIsMadeUp) {
  ASSERT_TRUE(Eventually(30s, [&] { return HttpGet(ports_[0], "/health/ready").has_value(); }))
      << quantum::testing::ReadFile(state_.path() / "output");
  EXPECT_TRUE(Eventually(20s, [&] {
    return HttpGet(ports_[0], "/health", 0).value().find("no snapshot: ") != std::string::npos;
  })) << HttpGet(ports_[0], "/health", 0).value_or("no answer");
  for (const char* part : {"snapshot", "pnl", "exposure", "drawdown"}) {
    const auto answer = HttpGet(ports_[0], std::string("/api/portfolio/") + part, 503);
    ASSERT_TRUE(answer) << part << " is answered with something";
    EXPECT_NE(answer->find("NO_SNAPSHOT"), std::string::npos) << *answer;
  }
  EXPECT_EQ(Rows("portfolio_snapshots"), 0);
  EXPECT_EQ(Rows("portfolio_peak"), 0);
  EXPECT_EQ(HttpGet(ports_[0], "/metrics").value().find("\nportfolio_value_usd "), std::string::npos);
  const std::optional<int> status = process_->Stop(15s);
  EXPECT_TRUE(status && *status == 0) << "SIGTERM ends it cleanly";
}

}  // namespace
}  // namespace quantum::portfolio_intelligence
