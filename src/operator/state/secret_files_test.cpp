#include "operator/state/secret_files.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <ostream>

namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

constexpr const char* kUnits =
    "units:\n  redis-1: {command: x}\n  redis-2: {command: x}\n  sentinel-1: {command: x}\n  postgres-1: {command: "
    "x}\n";

class SecretFiles : public testing::Test {
 protected:
  SecretFiles() {
    char name[] = "/tmp/quantum-secret-files-XXXXXX";
    directory_ = mkdtemp(name);
    layout_.root = directory_;
    fs::create_directories(layout_.Secrets());
    for (const char* unit : {"redis-1", "redis-2", "sentinel-1", "postgres-1/data"}) {
      fs::create_directories(layout_.Data() + "/" + unit);
    }
  }
  ~SecretFiles() override {
    unsetenv("EXCHANGE_KEY_FILE");
    unsetenv("REDIS_SERVICE_FILE");
    fs::remove_all(directory_);
  }

  Result<Variables> Prepare(const std::string& mode = "PAPER", const Accounts& accounts = {}) {
    const std::string path = directory_ + "/quantum.yml";
    std::ofstream(path) << "version: 1\nmode: " << mode << "\n" << kUnits;
    const auto manifest = config::Manifest::Load(path);
    EXPECT_TRUE(manifest.ok()) << manifest.error().message;
    return PrepareSecrets(layout_, *manifest, accounts);
  }

  std::string Write(const std::string& path, const std::string& text) {
    std::ofstream(path) << text;
    chmod(path.c_str(), 0600);
    return path;
  }

  std::string Text(const std::string& path) {
    std::string text;
    std::getline(std::ifstream(path), text);
    return text;
  }

  std::string directory_;
  Layout layout_;
};

TEST_F(SecretFiles, AreMadeOnceAndOnlyTheirOwnerReadsThem) {
  const auto first = Prepare();
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->secret.at("SECRET_REDIS_SERVICE").size(), 64u);
  struct stat info {};
  ASSERT_EQ(stat((layout_.Secrets() + "/redis-service").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0600u);
  EXPECT_EQ(Prepare()->secret, first->secret);
}

struct LostCase {
  const char* name;
  const char* secret;
  const char* kept;
};
void PrintTo(const LostCase& one, std::ostream* out) { *out << one.name; }

class LostSecret : public SecretFiles, public testing::WithParamInterface<LostCase> {};

TEST_P(LostSecret, IsNotReplacedWhileWhatWasMadeWithItExists) {
  const auto first = Prepare();
  ASSERT_TRUE(first.ok());
  const std::string kept = layout_.Data() + "/" + GetParam().kept;
  std::string all;
  for (const auto& [name, text] : first->secret) {
    all += text + "\n";
  }
  Write(kept, all);
  const std::string lost = layout_.Secrets() + "/" + GetParam().secret;
  fs::remove(lost);
  const auto refused = Prepare();
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr(lost + " is gone"), HasSubstr(kept), HasSubstr("restore it")));
  EXPECT_FALSE(fs::exists(lost));
  fs::remove(kept);
  EXPECT_TRUE(Prepare().ok());
}

INSTANTIATE_TEST_SUITE_P(Cases, LostSecret,
                         testing::Values(LostCase{"Service", "redis-service", "redis-2/users.acl"},
                                         LostCase{"Sentinel", "redis-sentinel", "sentinel-1/sentinel.conf"},
                                         LostCase{"Replication", "redis-replication", "redis-1/redis.conf"},
                                         LostCase{"Operator", "redis-operator", "redis-1/users.acl"},
                                         LostCase{"SentinelClient", "sentinel-client", "sentinel-1/sentinel.conf"},
                                         LostCase{"Superuser", "postgres-superuser", "postgres-1/data/PG_VERSION"}),
                         [](const auto& test) { return test.param.name; });

TEST_F(SecretFiles, WhatPostgresIsToldAtEveryStartIsMadeAnew) {
  ASSERT_TRUE(Prepare().ok());
  Write(layout_.Data() + "/postgres-1/data/PG_VERSION", "15");
  fs::remove(layout_.Secrets() + "/postgres-service");
  EXPECT_TRUE(Prepare().ok());
}

TEST_F(SecretFiles, OneThatTheEnvironmentNamesIsCopied) {
  setenv("EXCHANGE_KEY_FILE", Write(directory_ + "/mine", "abc\n").c_str(), 1);
  const auto prepared = Prepare("TESTNET");
  ASSERT_FALSE(prepared.ok());  // the exchange's secret is asked for as well
  EXPECT_THAT(prepared.error().message, HasSubstr("EXCHANGE_SECRET_FILE"));
  EXPECT_EQ(Text(layout_.Secrets() + "/exchange-key"), "abc");
  setenv("EXCHANGE_KEY_FILE", (directory_ + "/none").c_str(), 1);
  EXPECT_THAT(Prepare().error().message, HasSubstr(directory_ + "/none"));
}

TEST_F(SecretFiles, AGivenPasswordIsTakenForALostOneButNotForAnother) {
  setenv("REDIS_SERVICE_FILE", Write(directory_ + "/mine", "first-password").c_str(), 1);
  const auto first = Prepare();
  ASSERT_TRUE(first.ok()) << first.error().message;
  const std::string acl = layout_.Data() + "/redis-1/users.acl";
  const auto write_acl = [&](const std::string& password) {
    std::string text = "user service on >" + password + "\n";
    for (const char* each : {"SENTINEL", "REPLICATION", "OPERATOR"}) {
      text += "user x on >" + first->secret.at(std::string("SECRET_REDIS_") + each) + "\n";
    }
    Write(acl, text);
  };
  write_acl("first-password");
  EXPECT_TRUE(Prepare().ok());  // the same again
  Write(directory_ + "/mine", "other-password");
  const auto refused = Prepare();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, AllOf(StartsWith("REDIS_SERVICE_FILE names another secret"),
                                             HasSubstr("users.acl"), testing::Not(HasSubstr("password\""))));
  fs::remove(layout_.Secrets() + "/redis-service");
  EXPECT_THAT(Prepare().error().message, HasSubstr(directory_ + "/mine is not the one that " + acl));
  write_acl("other-password");
  EXPECT_TRUE(Prepare().ok());
  EXPECT_EQ(Text(layout_.Secrets() + "/redis-service"), "other-password");
}

TEST_F(SecretFiles, AnotherPasswordThanTheServersKeepIsRefusedWhereTheyShowIt) {
  const auto first = Prepare();
  ASSERT_TRUE(first.ok());
  const std::string conf = layout_.Data() + "/sentinel-1/sentinel.conf";
  Write(conf, "requirepass \"" + first->secret.at("SECRET_SENTINEL_CLIENT") + "\"\nsentinel auth-pass x " +
                  first->secret.at("SECRET_REDIS_SENTINEL") + "\n");
  Write(layout_.Data() + "/redis-1/users.acl",
        "user service on #d63dc919e201d7bc4c825630d2cf25fdc93d4b2f0d46706d29038d01\n");
  EXPECT_TRUE(Prepare().ok());  // digests cannot be compared
  Write(layout_.Secrets() + "/sentinel-client", "hunter2-hunter2");
  const auto refused = Prepare();
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("secrets/sentinel-client is not the one that " + conf),
                                             testing::Not(HasSubstr("hunter2"))));
}

TEST_F(SecretFiles, KeysOfTheRealExchangeAreAskedForAndNeverMadeUp) {
  ASSERT_TRUE(Prepare("PAPER").ok());  // makes a pair for the paper exchange
  const auto refused = Prepare("TESTNET");
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kNotFound);
  EXPECT_THAT(refused.error().message, AllOf(HasSubstr("mode TESTNET"), HasSubstr("secrets/exchange-key")));
  Write(layout_.Secrets() + "/exchange-key", "k");
  Write(layout_.Secrets() + "/exchange-secret", "s");
  EXPECT_TRUE(Prepare("TESTNET").ok());
}

}  // namespace
}  // namespace quantum::operate
