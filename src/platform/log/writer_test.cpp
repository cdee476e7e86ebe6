#include "platform/log/writer.h"

#include <gtest/gtest.h>

#include <latch>

namespace quantum::log {
namespace {

TEST(Writer, ASlowDiskCostsTheOldestLinesAndTheirNumberIsTold) {
  std::latch entered(1);
  std::latch open(1);
  std::vector<std::string> written;
  std::vector<uint64_t> missing;
  uint64_t dropped = 0;
  {
    Writer writer(4, [&](const std::deque<Line>& lines, uint64_t lost) {
      missing.push_back(lost);
      for (const Line& line : lines) {
        written.push_back(line.text);
      }
      if (written.size() == 1) {
        entered.count_down();
        open.wait();
      }
    });
    writer.Push({Level::kInfo, "0"});
    entered.wait();  // the sink hangs with the first line
    for (int i = 1; i <= 10; ++i) {
      dropped += writer.Push({Level::kInfo, std::to_string(i)});
    }
    open.count_down();
  }
  EXPECT_EQ(dropped, 6u);
  EXPECT_EQ(written, (std::vector<std::string>{"0", "7", "8", "9", "10"}));
  EXPECT_EQ(missing, (std::vector<uint64_t>{0, 6}));
}

TEST(Writer, WritesEverythingBeforeItEnds) {
  size_t written = 0;
  {
    Writer writer(10'000, [&](const std::deque<Line>& lines, uint64_t) { written += lines.size(); });
    for (int i = 0; i < 5'000; ++i) {
      writer.Push({Level::kInfo, "x"});
    }
  }
  EXPECT_EQ(written, 5'000u);
}

}  // namespace
}  // namespace quantum::log
