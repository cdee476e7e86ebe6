#include "platform/redis/protocol.h"

#include <gtest/gtest.h>

namespace quantum::redis {
namespace {

TEST(Protocol, EncodesWordsByLengthSoThatAnyByteMayStandInThem) {
  EXPECT_EQ(Encode(Command{"SET", "k", std::string("a\r\n\0b", 5)}),
            std::string("*3\r\n$3\r\nSET\r\n$1\r\nk\r\n$5\r\na\r\n\0b\r\n", 31));
}

TEST(Protocol, CutsRepliesWhereverTheNetworkSplitsThem) {
  const std::string bytes = "+OK\r\n:42\r\n$5\r\nhello\r\n*2\r\n$1\r\na\r\n*1\r\n$-1\r\n-READONLY no\r\n";
  for (size_t split = 1; split < bytes.size(); ++split) {
    ReplyParser parser;
    std::vector<Reply> replies;
    for (size_t at = 0; at < bytes.size(); at += split) {
      parser.Feed(std::string_view(bytes).substr(at, split));
      while (true) {
        auto next = parser.Next();
        ASSERT_TRUE(next.ok());
        if (!next->has_value()) {
          break;
        }
        replies.push_back(std::move(**next));
      }
    }
    ASSERT_EQ(replies.size(), 5u) << "split every " << split << " bytes";
    EXPECT_EQ(replies[0].type, Reply::Type::kStatus);
    EXPECT_EQ(replies[1].integer, 42);
    EXPECT_EQ(replies[2].text, "hello");
    ASSERT_EQ(replies[3].elements.size(), 2u);
    EXPECT_TRUE(replies[3].elements[1].elements[0].is_nil());
    EXPECT_TRUE(replies[4].is_error());
    EXPECT_EQ(replies[4].text, "READONLY no");
  }
}

TEST(Protocol, ReportsBytesThatAreNoReply) {
  ReplyParser parser;
  parser.Feed("HTTP/1.1 200 OK\r\n");
  EXPECT_FALSE(parser.Next().ok());
}

}  // namespace
}  // namespace quantum::redis
