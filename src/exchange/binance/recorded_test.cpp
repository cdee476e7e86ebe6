// The decoders and the book on recorded market data and on example messages, where they are present.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <sstream>

#include "exchange/binance/decode_market.h"
#include "exchange/binance/decode_rest.h"
#include "exchange/binance/decode_user.h"
#include "exchange/book/local_book.h"
#include "exchange/recording/recording.h"
#include "tests/support/market_data.h"

namespace quantum::binance {
namespace {

using exchange::DepthUpdate;
using exchange::LocalBook;
using exchange::MarketTrade;
using exchange::Recording;

struct Counts {
  int depth = 0;
  int depth_gaps = 0;
  int trades = 0;
  int trade_gaps = 0;
  int applied = 0;
  int lost = 0;
  int errors = 0;
};

Counts ReplayFile(const std::string& path) {
  Counts counts;
  auto recording = Recording::Open(path);
  EXPECT_TRUE(recording.ok());
  MarketDecoder decoder;
  LocalBook book;
  int64_t last_update = 0;
  int64_t last_trade = 0;
  while (true) {
    const auto line = recording->Next();
    EXPECT_TRUE(line.ok()) << line.error().message;
    if (!line.ok() || !*line) {
      return counts;
    }
    if ((*line)->frame.starts_with("{\"lastUpdateId\"")) {
      const auto snapshot = DecodeDepthSnapshot((*line)->frame);
      EXPECT_TRUE(snapshot.ok()) << snapshot.error().message;
      if (book.state() == LocalBook::State::kBuffering) {
        EXPECT_TRUE(book.Load(*snapshot).ok());
      }
      continue;
    }
    const auto event = decoder.Decode((*line)->frame);
    if (!event.ok() || *event == nullptr) {
      ++counts.errors;
      continue;
    }
    if (const auto* update = std::get_if<DepthUpdate>(*event)) {
      ++counts.depth;
      counts.depth_gaps += last_update != 0 && update->previous_update_id != last_update ? 1 : 0;
      last_update = update->last_update_id;
      const LocalBook::Verdict verdict = book.Apply(*update);
      counts.applied += verdict == LocalBook::Verdict::kApplied ? 1 : 0;
      counts.lost += verdict == LocalBook::Verdict::kGap ? 1 : 0;  // also when the book is crossed
    } else if (const auto* trade = std::get_if<MarketTrade>(*event)) {
      ++counts.trades;
      counts.trade_gaps += last_trade != 0 && trade->trade_id != last_trade + 1 ? 1 : 0;
      last_trade = trade->trade_id;
    }
  }
}

TEST(Recorded, TheBookFollowsTheWholeRecordingWithoutAGapOrACross) {
  Counts sum;
  for (const char* name : {"usdm_btcusdt_20240808.gz", "usdm_ethusdt_20240808.gz"}) {
    const std::string path = quantum::testing::MarketData(name);
    if (path.empty()) {
      return;
    }
    const Counts counts = ReplayFile(path);
    EXPECT_EQ(counts.errors, 0) << name;
    EXPECT_EQ(counts.depth_gaps, 0) << name;
    EXPECT_EQ(counts.trade_gaps, 0) << name;
    EXPECT_EQ(counts.lost, 0) << name;
    EXPECT_GT(counts.applied, counts.depth - 20) << name << ": all but those before the snapshot";
    sum.depth += counts.depth;
    sum.trades += counts.trades;
  }
  EXPECT_EQ(sum.depth, 13'137);
  EXPECT_EQ(sum.trades, 21'313 + 14'076);
}

std::string ReadFile(const std::filesystem::path& path) {
  std::ostringstream text;
  text << std::ifstream(path).rdbuf();
  return text.str();
}

TEST(Recorded, EveryExampleMessageOfTheVenueDecodes) {
  const std::string directory = quantum::testing::MarketData("binance_messages/futures");
  if (directory.empty()) {
    return;
  }
  MarketDecoder market;
  UserDecoder user;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/market_data_json")) {
    EXPECT_TRUE(market.Decode(ReadFile(entry.path())).ok()) << entry.path();
    ++files;
  }
  for (const auto& entry : std::filesystem::directory_iterator(directory + "/user_data_json")) {
    const auto message = user.Decode(ReadFile(entry.path()));
    EXPECT_TRUE(message.ok()) << entry.path() << ": " << (message.ok() ? "" : message.error().message);
    ++files;
  }
  const std::string http = directory + "/http_json/";
  EXPECT_TRUE(DecodeAccount(ReadFile(http + "account_info_v2.json")).ok());
  EXPECT_EQ(DecodeAlgoOrders(ReadFile(http + "open_algo_orders.json"))->front().order.report.client_order_id,
            "test-algo-order-1");
  EXPECT_EQ(DecodeOrder(ReadFile(http + "order_response.json"))->report.client_order_id, "testOrder123");
  EXPECT_EQ(DecodePositions(ReadFile(http + "position_risk.json"))->front().leverage, 20);
  EXPECT_GE(files, 20);
}

}  // namespace
}  // namespace quantum::binance
