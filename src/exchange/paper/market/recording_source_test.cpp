#include "exchange/paper/market/recording_source.h"

#include <gtest/gtest.h>

#include <fstream>
#include <map>

#include "exchange/paper/market/book.h"
#include "tests/support/market_data.h"
#include "tests/support/temporary_directory.h"

namespace quantum::paper {
namespace {

class RecordingTest : public ::testing::Test {
 protected:
  std::string Write(const std::string& text) {
    const std::string path = (directory_.path() / "frames").string();
    std::ofstream(path) << text;
    return path;
  }
  quantum::testing::TemporaryDirectory directory_{"recording"};
};

TEST_F(RecordingTest, StartsAtTheSnapshotAndLeavesOutWhatItContains) {
  const std::string path = Write(
      R"(1 {"stream":"btcusdt@trade","data":{"e":"trade","E":1000,"T":1000,"s":"BTCUSDT","t":1,"p":"10.0","q":"1","X":"MARKET","m":false}}
2 {"lastUpdateId":50,"E":1001,"T":1001,"bids":[["10.0","1"]],"asks":[["10.1","2"]]}
3 {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1002,"T":1002,"s":"BTCUSDT","U":40,"u":49,"pu":39,"b":[],"a":[]}}
4 {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1003,"T":1003,"s":"BTCUSDT","U":50,"u":55,"pu":49,"b":[["9.9","3"]],"a":[]}}
)");
  auto source = RecordingSource::Open({path});
  ASSERT_TRUE(source.ok()) << source.error().message;
  const auto first = (*source)->Next();
  ASSERT_TRUE(first.ok() && first->has_value());
  EXPECT_EQ(std::get<BookReset>((*first)->what).symbol, "BTCUSDT");
  const auto second = (*source)->Next();
  ASSERT_TRUE(second.ok() && second->has_value());
  EXPECT_EQ(std::get<DepthUpdate>((*second)->what).last_update_id, 55);
  EXPECT_FALSE((*source)->Next()->has_value());
  EXPECT_FALSE((*source)->Next()->has_value());
}

TEST_F(RecordingTest, NamesTheLineOfABrokenFrame) {
  const std::string path = Write(
      "1 "
      "{\"stream\":\"btcusdt@trade\",\"data\":{\"e\":\"trade\",\"E\":1000,\"T\":1000,\"s\":\"BTCUSDT\",\"t\":1,\"p\":"
      "\"1e5\"}}\n");
  const auto source = RecordingSource::Open({path});
  ASSERT_FALSE(source.ok());
  EXPECT_NE(source.error().message.find("line 1"), std::string::npos) << source.error().message;
}

TEST(RecordedMarket, HasNoGapNoCrossedBookAndContiguousTradesWhenMerged) {
  std::vector<std::string> files;
  for (const char* name : {"usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz"}) {
    files.push_back(quantum::testing::MarketData(name));
    if (files.back().empty()) {
      return;
    }
  }
  auto source = RecordingSource::Open(files);
  ASSERT_TRUE(source.ok()) << source.error().message;
  std::map<std::string, Book> books;
  std::map<std::string, int64_t> trade_ids;
  int64_t time_ms = 0;
  int updates = 0;
  int trades = 0;
  for (;;) {
    auto next = (*source)->Next();
    ASSERT_TRUE(next.ok()) << next.error().message;
    if (!*next) {
      break;
    }
    ASSERT_GE((*next)->time_ms, time_ms);
    time_ms = (*next)->time_ms;
    if (const auto* reset = std::get_if<BookReset>(&(*next)->what)) {
      const auto tick = Decimal::Parse(reset->symbol == "BTCUSDT" ? "0.1" : "0.01");
      books.emplace(reset->symbol, Book(*tick)).first->second.Reset(reset->snapshot);
    } else if (const auto* update = std::get_if<DepthUpdate>(&(*next)->what)) {
      Book& book = books.at(update->symbol);
      ASSERT_EQ(book.Apply(*update), Book::Applied::kApplied) << update->symbol << " u " << update->last_update_id;
      ASSERT_LT(book.bids().best().ticks, book.asks().best().ticks);
      ++updates;
    } else if (const auto* trade = std::get_if<MarketTrade>(&(*next)->what)) {
      int64_t& id = trade_ids[trade->symbol];
      ASSERT_TRUE(id == 0 || trade->trade_id == id + 1);
      id = trade->trade_id;
      ++trades;
    }
  }
  EXPECT_EQ(books.size(), 2u);
  EXPECT_GT(updates, 13'000);
  EXPECT_GT(trades, 35'000);
}

}  // namespace
}  // namespace quantum::paper
