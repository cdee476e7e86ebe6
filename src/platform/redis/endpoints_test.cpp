#include <gtest/gtest.h>

#include "platform/redis/client.h"

namespace quantum::redis {
namespace {

TEST(ParseEndpoints, ReadsHostsAndPorts) {
  const auto endpoints = ParseEndpoints("127.0.0.1:26379, sentinel-2:26380");
  ASSERT_TRUE(endpoints.ok());
  EXPECT_EQ(*endpoints, (std::vector<Endpoint>{{"127.0.0.1", 26379}, {"sentinel-2", 26380}}));
}

TEST(ParseEndpoints, SaysWhatItCannotRead) {
  for (const char* text : {"", "host", "host:", ":1", "host:0", "host:65536", "host:1x", "a:1,,b:2"}) {
    EXPECT_FALSE(ParseEndpoints(text).ok()) << text;
  }
}

}  // namespace
}  // namespace quantum::redis
