#include "operator/commands/nearest.h"

#include <gtest/gtest.h>

namespace quantum::operate {
namespace {

const std::vector<std::string> kNames = {"execution", "ai-engine", "redis-1", "redis-2", "order", "risk"};

TEST(Nearest, IsWhatWasMeant) {
  EXPECT_EQ(Nearest("exection", kNames), "execution");
  EXPECT_EQ(Nearest("exec", kNames), "execution") << "the only one that begins so";
  EXPECT_EQ(Nearest("orders", kNames), "order");
  EXPECT_EQ(Nearest("riks", kNames), "risk") << "two letters in the wrong order are one slip";
  EXPECT_EQ(Nearest("rkis", kNames), std::nullopt) << "two slips in four letters";
  EXPECT_EQ(Nearest("redis", kNames), std::nullopt) << "begins two of them, and is neither";
  EXPECT_EQ(Nearest("nosuch", kNames), std::nullopt);
  EXPECT_EQ(Nearest("", kNames), std::nullopt);
}

TEST(Nearest, TheSentenceNamesAllThereAre) {
  EXPECT_EQ(NoSuch("stream", "ordr", {"order", "risk"}),
            "there is no stream 'ordr'; did you mean order? The streams are order, risk");
  EXPECT_EQ(NoSuch("stream", "nosuch", {"order", "risk"}), "there is no stream 'nosuch'; the streams are order, risk");
  EXPECT_EQ(NoSuch("stream", "order", {}), "there is no stream 'order', nor any other");
}

}  // namespace
}  // namespace quantum::operate
