#include "operator/state/stage.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <pwd.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace quantum::operate {
namespace {

namespace fs = std::filesystem;
using testing::AllOf;
using testing::HasSubstr;

class Stage : public testing::Test {
 protected:
  Stage() {
    char name[] = "/tmp/quantum-stage-XXXXXX";
    directory_ = mkdtemp(name);
    fs::permissions(directory_, fs::perms(0755));
    layout_.root = directory_ + "/state";
  }
  ~Stage() override { fs::remove_all(directory_); }

  config::Manifest Manifest(const std::string& units, int offset = 0) {
    const std::string path = directory_ + "/quantum.yml";
    std::ofstream(path) << "version: 1\nmode: PAPER\nunits:\n" << units;
    auto manifest = config::Manifest::Load(path, {}, offset);
    EXPECT_TRUE(manifest.ok()) << manifest.error().message;
    return std::move(manifest).value();
  }

  void Infra(const std::string& path, const std::string& text) {
    const fs::path file = fs::path(directory_) / "infra" / path;
    fs::create_directories(file.parent_path());
    std::ofstream(file) << text;
  }

  struct stat Info(const std::string& path) {
    struct stat info {};
    EXPECT_EQ(lstat((layout_.root + "/" + path).c_str(), &info), 0) << path;
    return info;
  }

  std::string directory_;
  Layout layout_;
};

constexpr const char* kServers =
    "  redis-1: {command: x, user: quantum, port: 6379}\n  sentinel-1: {command: x, user: quantum, port: 26379}\n"
    "  gateway: {command: x}\n";

// Accounts as root has them: any other user will do for quantum and postgres.
Accounts OfNobody() {
  const passwd* nobody = getpwnam("nobody");
  const Account account{.name = "nobody", .uid = nobody->pw_uid, .gid = nobody->pw_gid, .groups = {nobody->pw_gid}};
  return {{kServiceUser, account}, {kPostgresUser, account}};
}

TEST_F(Stage, WhereRootWritesNobodyElseOwnsTheFolder) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root: otherwise everything is the caller's";
  }
  const Accounts accounts = OfNobody();
  const uid_t service = accounts.at(kServiceUser).uid;
  Infra("postgres/bootstrap.sh", "#!/bin/sh\n");
  Infra("nginx/nginx.conf", "listen ${PORT};\n");
  Infra("nginx/secret.conf", "${SECRET_A}\n");
  // As an earlier version left it.
  fs::create_directories(layout_.Etc() + "/postgres");
  ASSERT_EQ(chown((layout_.Etc() + "/postgres").c_str(), service, service), 0);
  std::ofstream(layout_.Etc() + "/postgres/bootstrap.sh.new") << "planted";
  ASSERT_EQ(chown((layout_.Etc() + "/postgres/bootstrap.sh.new").c_str(), service, service), 0);

  ASSERT_TRUE(PrepareFolders(layout_, Manifest(kServers), accounts).ok());
  const Variables variables{.plain = {{"PORT", "80"}}, .secret = {{"SECRET_A", "hunter2"}}};
  const Status rendered = RenderInfra(layout_, directory_ + "/infra", variables, accounts);
  ASSERT_TRUE(rendered.ok()) << rendered.error().message;
  for (const char* path : {"bin", "etc", "etc/postgres", "etc/postgres/bootstrap.sh", "etc/nginx/nginx.conf", "data",
                           "log", "secrets", "data/gateway", "run/gateway", "run"}) {
    EXPECT_EQ(Info(path).st_uid, 0u) << path;
    EXPECT_EQ(Info(path).st_mode & 0002, 0u) << path;
  }
  for (const char* path : {"log/services", "data/redis-1", "run/redis-1"}) {
    EXPECT_EQ(Info(path).st_uid, service) << path;
  }
  EXPECT_EQ(Info("secrets").st_mode & 0777, 0710u);
  EXPECT_EQ(Info("etc/nginx/secret.conf").st_mode & 0777, 0640u);
  EXPECT_EQ(Info("etc/nginx/secret.conf").st_gid, accounts.at(kServiceUser).gid);
}

TEST_F(Stage, AFolderPlantedAsALinkIsNotFollowed) {
  if (geteuid() != 0) {
    GTEST_SKIP() << "needs root: otherwise nobody else can plant one";
  }
  const Accounts accounts = OfNobody();
  ASSERT_TRUE(PrepareFolders(layout_, Manifest(kServers), accounts).ok());
  fs::create_directories(directory_ + "/of-root");
  fs::create_symlink(directory_ + "/of-root", layout_.Run() + "/redis-2");
  const Status refused =
      PrepareFolders(layout_, Manifest("  redis-2: {command: x, user: quantum, port: 6379}\n"), accounts);
  ASSERT_FALSE(refused.ok());
  EXPECT_THAT(refused.error().message, HasSubstr(layout_.Run() + "/redis-2"));
  struct stat info {};
  ASSERT_EQ(stat((directory_ + "/of-root").c_str(), &info), 0);
  EXPECT_EQ(info.st_uid, 0u);
}

TEST_F(Stage, AnotherPortThanTheOneThatRedisKeptIsRefusedBeforeAnythingIsTouched) {
  const std::string infra = directory_ + "/infra";
  Infra("redis/users.acl", "user x\n");
  Infra("redis/redis.conf", "bind ${REDIS_BIND}\nport ${REDIS_PORT}\n");
  Infra("redis/on-event.sh", "#!/bin/sh\n");
  Infra("redis/sentinel.conf", "port ${SENTINEL_PORT}\nsentinel monitor x 127.0.0.1 ${REDIS_MASTER_PORT} 2\n");
  Variables variables;
  for (const char* name : {"SERVICE", "SENTINEL", "REPLICATION", "OPERATOR"}) {
    variables.secret[std::string("SECRET_REDIS_") + name] = "x";
  }
  variables.secret["SECRET_SENTINEL_CLIENT"] = "x";
  const auto render = [&](int offset) {
    const config::Manifest manifest = Manifest(kServers, offset);
    EXPECT_TRUE(PrepareFolders(layout_, manifest, {}).ok());
    return RenderRedis(layout_, infra, variables, manifest, {});
  };
  ASSERT_TRUE(render(0).ok());
  EXPECT_TRUE(render(0).ok());
  const Status refused = render(500);
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, Errc::kConflict);
  EXPECT_THAT(refused.error().message,
              AllOf(HasSubstr("data/redis-1/redis.conf was made for port 6379 and the manifest now says 6879"),
                    HasSubstr("--state DIR")));
  fs::remove(layout_.Data() + "/redis-1/redis.conf");
  EXPECT_THAT(render(500).error().message, HasSubstr("sentinel.conf was made for port 26379"));
  EXPECT_FALSE(fs::exists(layout_.Data() + "/redis-1/redis.conf"));
}

}  // namespace
}  // namespace quantum::operate
