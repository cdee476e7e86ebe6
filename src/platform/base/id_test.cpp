#include "platform/base/id.h"

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <regex>

#include "platform/base/random.h"

namespace quantum {
namespace {

TEST(Uuid, IsVersion7AndSortsByTime) {
  ManualClock clock;
  SeededRandom random(1);
  const std::string first = NewUuid(clock, random);
  clock.Advance(std::chrono::milliseconds(1));
  const std::string second = NewUuid(clock, random);
  const std::regex shape("[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}");
  EXPECT_TRUE(std::regex_match(first, shape)) << first;
  EXPECT_LT(first, second);
}

TEST(CorrelationId, AcceptsOnlyTheContractsAlphabetAndLength) {
  EXPECT_TRUE(IsCorrelationId("abcDEF-1"));
  EXPECT_TRUE(IsCorrelationId(NewUuid()));
  EXPECT_FALSE(IsCorrelationId("short"));
  EXPECT_FALSE(IsCorrelationId("with space 1"));
  EXPECT_FALSE(IsCorrelationId("line\nbreak1"));
  EXPECT_FALSE(IsCorrelationId(std::string(65, 'a')));
}

TEST(SystemRandom, AChildDrawsOtherNumbersThanItsParent) {
  SystemRandom().Next();  // the parent has numbers left
  int ends[2];
  ASSERT_EQ(::pipe(ends), 0);
  const pid_t child = ::fork();
  if (child == 0) {
    const uint64_t number = SystemRandom().Next();
    ::_exit(::write(ends[1], &number, sizeof number) == sizeof number ? 0 : 1);
  }
  uint64_t of_child = 0;
  ASSERT_EQ(::read(ends[0], &of_child, sizeof of_child), static_cast<ssize_t>(sizeof of_child));
  EXPECT_NE(SystemRandom().Next(), of_child);
  ::waitpid(child, nullptr, 0);
  ::close(ends[0]);
  ::close(ends[1]);
}

TEST(SeededRandom, RepeatsFromItsSeed) {
  SeededRandom a(42);
  SeededRandom b(42);
  for (int i = 0; i < 100; ++i) {
    EXPECT_EQ(a.Next(), b.Next());
    EXPECT_LT(a.Below(10), 10U);
    b.Below(10);
  }
}

}  // namespace
}  // namespace quantum
