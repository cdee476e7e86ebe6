#include "operator/supervisor/servers.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

using ::testing::HasSubstr;

TEST(RedisProbe, LogsInOnlyWithAPassword) {
  EXPECT_EQ(RedisPing("", ""), "*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(RedisPing("", "pw"), "*2\r\n$4\r\nAUTH\r\n$2\r\npw\r\n*1\r\n$4\r\nPING\r\n");
  EXPECT_EQ(RedisPing("service", "pw"), "*3\r\n$4\r\nAUTH\r\n$7\r\nservice\r\n$2\r\npw\r\n*1\r\n$4\r\nPING\r\n");
}

TEST(RedisProbe, OnlyPongIsReady) {
  EXPECT_TRUE(JudgePong("+PONG\r\n").ok());
  EXPECT_TRUE(JudgePong("+OK\r\n+PONG\r\n").ok());
  EXPECT_THAT(JudgePong("+OK\r\n-LOADING Redis is loading the dataset in memory\r\n").error().message,
              HasSubstr("LOADING"));
  EXPECT_THAT(JudgePong("-WRONGPASS invalid username-password pair\r\n-NOAUTH x\r\n").error().message,
              HasSubstr("WRONGPASS"));
  EXPECT_FALSE(JudgePong("+OK\r\n").ok());
  EXPECT_FALSE(JudgePong("").ok());
}

TEST(RedisProbe, WaitsForAllReplies) {
  EXPECT_FALSE(HasLines("+OK\r\n+PO", 2));
  EXPECT_TRUE(HasLines("+OK\r\n+PONG\r\n", 2));
}

TEST(PostgresProbe, TakesEitherAnswerToItsFirstStep) {
  EXPECT_EQ(PostgresHello().size(), 8u);
  EXPECT_TRUE(JudgePostgres("S").ok());
  EXPECT_TRUE(JudgePostgres("N").ok());
  EXPECT_FALSE(JudgePostgres("HTTP/1.1 400").ok());
  EXPECT_FALSE(JudgePostgres("").ok());
}

}  // namespace
}  // namespace quantum::operate
