#include "platform/config/secrets.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <thread>
#include <vector>

namespace quantum::config {
namespace {

using testing::HasSubstr;

class SecretsTest : public testing::Test {
 protected:
  SecretsTest() {
    char name[] = "/tmp/quantum-secrets-XXXXXX";
    directory_ = mkdtemp(name);
  }
  ~SecretsTest() override {
    unsetenv("OPERATOR_TOKEN_FILE");
    std::filesystem::remove_all(directory_);
  }

  std::string Write(const std::string& name, const std::string& text, mode_t mode) {
    const std::string path = directory_ + "/" + name;
    std::ofstream(path) << text;
    chmod(path.c_str(), mode);
    return path;
  }

  std::string directory_;
};

TEST_F(SecretsTest, ASecretIsTheTextWithoutItsLineBreak) {
  Write("operator-token", "abc\n", 0600);
  EXPECT_EQ(*ReadSecret(directory_, kOperatorToken), "abc");
}

TEST_F(SecretsTest, AFileNamedByTheEnvironmentWins) {
  Write("operator-token", "abc", 0600);
  setenv("OPERATOR_TOKEN_FILE", Write("other", "xyz", 0400).c_str(), 1);
  EXPECT_EQ(*ReadSecret(directory_, kOperatorToken), "xyz");
  EXPECT_EQ(*EnsureSecret(directory_, kOperatorToken), "xyz");
}

TEST_F(SecretsTest, AMissingSecretIsNamed) {
  const auto secret = ReadSecret(directory_, kServiceToken);
  ASSERT_FALSE(secret.ok());
  EXPECT_EQ(secret.error().code, Errc::kNotFound);
  EXPECT_THAT(secret.error().message, HasSubstr(directory_ + "/service-token"));
}

TEST_F(SecretsTest, AFileThatTheEnvironmentNamesIsNotCreated) {
  setenv("OPERATOR_TOKEN_FILE", (directory_ + "/none").c_str(), 1);
  EXPECT_EQ(EnsureSecret(directory_, kOperatorToken).error().code, Errc::kNotFound);
  EXPECT_FALSE(std::filesystem::exists(directory_ + "/none"));
}

TEST_F(SecretsTest, ASecretThatOthersCanReadIsRefusedWithTheCommandThatHelps) {
  for (const mode_t mode : {0640, 0604, 0620, 0644}) {
    const std::string path = Write("operator-token", "abc", mode);
    const auto secret = ReadSecret(directory_, kOperatorToken);
    ASSERT_FALSE(secret.ok());
    EXPECT_EQ(secret.error().code, Errc::kPermission);
    EXPECT_THAT(secret.error().message, HasSubstr("chmod 600 " + path));
    EXPECT_THAT(secret.error().message, testing::Not(HasSubstr("abc")));
  }
}

TEST_F(SecretsTest, AnEmptySecretAndADirectoryAreRefused) {
  Write("operator-token", "\n", 0600);
  EXPECT_EQ(ReadSecret(directory_, kOperatorToken).error().code, Errc::kInvalidArgument);
  std::filesystem::create_directory(directory_ + "/service-token");
  EXPECT_FALSE(ReadSecret(directory_, kServiceToken).ok());
}

TEST_F(SecretsTest, EnsureCreatesOnceInADirectoryThatOthersCannotRead) {
  const std::string directory = directory_ + "/secrets";
  const auto first = EnsureSecret(directory, kServiceToken);
  ASSERT_TRUE(first.ok()) << first.error().message;
  EXPECT_EQ(first->size(), 64u);
  EXPECT_EQ(first->find_first_not_of("0123456789abcdef"), std::string::npos);
  EXPECT_EQ(*EnsureSecret(directory, kServiceToken), *first);
  EXPECT_NE(*EnsureSecret(directory, kOperatorToken), *first);
  struct stat info {};
  ASSERT_EQ(stat((directory + "/service-token").c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 07777, 0600u);
  ASSERT_EQ(stat(directory.c_str(), &info), 0);
  EXPECT_EQ(info.st_mode & 0777, 0700u);
  const auto entries = std::filesystem::directory_iterator(directory);
  EXPECT_EQ(std::distance(begin(entries), end(entries)), 2);  // nothing left beside
}

}  // namespace
}  // namespace quantum::config
