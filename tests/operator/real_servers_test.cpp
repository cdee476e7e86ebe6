#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "operator/process/process.h"
#include "operator/supervisor/record.h"
#include "tests/operator/real_platform.h"
#include "tests/support/process.h"

// `up` with servers of the real manifest: what they themselves say of a wrong password, or of a configuration that they
// do not take, becomes one sentence that says what to do, and what was started is stopped again.
namespace quantum::operate {
namespace {

using quantum::testing::Eventually;
using ::testing::HasSubstr;

class RealServers : public RealPlatform {
 protected:
  // `up` ends with the sentence of the unit and the advice, and nothing runs.
  void ExpectGivenUp(const Outcome& up, const std::string& what, const std::string& advice) {
    EXPECT_EQ(up.exit_code, 1) << up.output;
    EXPECT_THAT(up.output,
                HasSubstr(fmt::format("{}. {}, and start again. Everything is stopped again.\n", what, advice)));
    EXPECT_FALSE(fleet_.Running());
    EXPECT_TRUE(Eventually(kSoon, [&] { return KeeperPid() == 0; }));
    EXPECT_TRUE(LivingRecords(layout_.Records()).empty());
    for (const int port : ports_) {
      EXPECT_FALSE(ListeningPorts().contains(port)) << port;
    }
  }

  std::string PasswordAdvice() const {
    return fmt::format("A password does not fit: put the files back into {} that belong to the data in {}",
                       layout_.Secrets(), layout_.Data());
  }
};

TEST_F(RealServers, APasswordThatRedisRefusesIsToldAndCuredByTheFilePutBack) {
  const std::string redis = Real("redis-1", "    start_deadline: 5s\n");
  const int port = ports_.back();
  WriteManifest(Server("a") + redis);
  Up();
  // Redis writes digests: of those `up` cannot tell beforehand that they are of another password.
  const Outcome saved = Shell(
      fmt::format("redis-cli -p {} --user operator --pass \"$(cat {})\" ACL SAVE", port, SecretFile("redis-operator")));
  ASSERT_THAT(saved.output, HasSubstr("OK"));
  ASSERT_EQ(Quantum("down").exit_code, 0);
  const std::string secret = quantum::testing::ReadFile(SecretFile("redis-service"));
  quantum::testing::WriteFile(SecretFile("redis-service"), "of-another-platform\n");
  ExpectGivenUp(
      Quantum("up"),
      "redis-1 did not become ready within 5 s (WRONGPASS invalid username-password pair or user is disabled.)",
      PasswordAdvice());
  quantum::testing::WriteFile(SecretFile("redis-service"), secret);
  Up();
}

TEST_F(RealServers, APasswordThatPostgresRefusesIsToldAndCuredByTheFilePutBack) {
  WriteManifest(Server("a") + Postgres());
  Up();
  ASSERT_EQ(Quantum("down").exit_code, 0);
  const std::string secret = quantum::testing::ReadFile(SecretFile("postgres-superuser"));
  quantum::testing::WriteFile(SecretFile("postgres-superuser"), "of-another-platform\n");
  const Outcome up = Quantum("up");
  ExpectGivenUp(up, "pg-roles exited with code 1", PasswordAdvice());
  EXPECT_THAT(up.output, HasSubstr("FATAL:  password authentication failed for user \"postgres\""));
  quantum::testing::WriteFile(SecretFile("postgres-superuser"), secret);
  Up();
}

// Users and roles are written anew by every start, so that it takes a client with a password of its own.
TEST_F(RealServers, APasswordThatPgBouncerRefusesIsTold) {
  WriteManifest(Postgres() + Real("pgbouncer-users") + Real("pgbouncer") +
                "  client:\n    kind: task\n    depends: [pgbouncer]\n    environment: {PGPASSWORD: not-the-password}\n"
                "    command: [/usr/bin/psql, --host=127.0.0.1, \"--port=${PORT_PGBOUNCER}\", --username=quantum,\n"
                "              --dbname=quantum_trader, --command=SELECT 1]\n");
  const Outcome up = Quantum("up");
  ExpectGivenUp(up, "client exited with code 2", PasswordAdvice());
  EXPECT_THAT(up.output, HasSubstr("FATAL:  SASL authentication failed"));
}

TEST_F(RealServers, AServerThatRefusesItsConfigurationIsToldInItsOwnWords) {
  std::ofstream(infra_ / "redis/redis.conf", std::ios::app) << "no-such-directive yes\n";
  WriteManifest(Server("a") + Real("redis-1"));
  const Outcome up = Quantum("up");
  ExpectGivenUp(up, "redis-1 exited with code 1",
                fmt::format("Correct the cause, see {}", layout_.UnitOutput("redis-1")));
  EXPECT_THAT(up.output, HasSubstr(">>> 'no-such-directive yes'"));
}

}  // namespace
}  // namespace quantum::operate
