#include "exchange/paper/market/synthetic_source.h"

#include <gtest/gtest.h>

#include <cmath>
#include <map>

#include "exchange/paper/market/book.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

SyntheticOptions Options(uint64_t seed, double rate) {
  SyntheticOptions options;
  options.seed = seed;
  options.rate = rate;
  options.start_ms = 1'000'000;
  options.symbols = {{"BTCUSDT", "0.1"_dec, "0.001"_dec, 0, 1}, {"ETHUSDT", "0.01"_dec, "0.001"_dec, 0, 1}};
  return options;
}

TEST(SyntheticSource, IsTheSameForTheSameSeed) {
  auto a = SyntheticSource::Create(Options(7, 0.1));
  auto b = SyntheticSource::Create(Options(7, 0.1));
  ASSERT_TRUE(a.ok() && b.ok());
  for (int i = 0; i < 2000; ++i) {
    const auto left = (*a)->Next();
    const auto right = (*b)->Next();
    ASSERT_EQ((*left)->time_ms, (*right)->time_ms);
    ASSERT_EQ((*left)->what.index(), (*right)->what.index());
    if (const auto* trade = std::get_if<MarketTrade>(&(*left)->what)) {
      ASSERT_EQ(trade->price, std::get<MarketTrade>((*right)->what).price);
    }
  }
}

TEST(SyntheticSource, RefusesASymbolItHasNoCalibrationFor) {
  SyntheticOptions options = Options(1, 0.1);
  options.symbols[0].symbol = "XRPUSDT";
  EXPECT_FALSE(SyntheticSource::Create(options).ok());
}

TEST(SyntheticSource, SaysThatItIsSynthetic) {
  EXPECT_EQ((*SyntheticSource::Create(Options(1, 0.1)))->label().source, "synthetic");
}

// An hour at the recorded rate would be 1.7 million events; ten minutes at a tenth show the same.
TEST(SyntheticSource, KeepsItsBookConsistentAndItsRatesNearTheRecording) {
  auto source = SyntheticSource::Create(Options(3, 0.1));
  ASSERT_TRUE(source.ok());
  std::map<std::string, Book> books;
  std::map<std::string, BookTicker> tickers;
  std::map<std::string, int64_t> trade_ids;
  std::map<std::string, int> tickers_seen;
  std::map<std::string, int> trades_seen;
  const int64_t end_ms = 1'000'000 + 600'000;
  for (;;) {
    auto next = (*source)->Next();
    ASSERT_TRUE(next.ok() && next->has_value());
    if ((*next)->time_ms >= end_ms) {
      break;
    }
    if (const auto* reset = std::get_if<BookReset>(&(*next)->what)) {
      const Decimal tick = reset->symbol == "BTCUSDT" ? "0.1"_dec : "0.01"_dec;
      books.emplace(reset->symbol, Book(tick)).first->second.Reset(reset->snapshot);
    } else if (const auto* update = std::get_if<DepthUpdate>(&(*next)->what)) {
      Book& book = books.at(update->symbol);
      ASSERT_EQ(book.Apply(*update), Book::Applied::kApplied);
      ASSERT_LT(book.bids().best().ticks, book.asks().best().ticks);
    } else if (const auto* ticker = std::get_if<BookTicker>(&(*next)->what)) {
      ASSERT_LT(ticker->bid.price, ticker->ask.price);
      ASSERT_TRUE(ticker->bid.quantity.is_positive() && ticker->ask.quantity.is_positive());
      tickers[ticker->symbol] = *ticker;
      ++tickers_seen[ticker->symbol];
    } else {
      const auto& trade = std::get<MarketTrade>((*next)->what);
      int64_t& id = trade_ids[trade.symbol];
      ASSERT_EQ(trade.trade_id, id + 1);
      id = trade.trade_id;
      ASSERT_TRUE(trade.quantity.is_positive());
      ++trades_seen[trade.symbol];
    }
  }
  // A tenth of 191.7 tickers (and one more for each of 15.25 bursts) and of 61.8 trades a second, within a fifth.
  EXPECT_NEAR(tickers_seen["BTCUSDT"] / 600.0, 20.7, 4.2);
  EXPECT_NEAR(trades_seen["BTCUSDT"] / 600.0, 6.18, 1.3);
  EXPECT_NEAR(trades_seen["ETHUSDT"] / 600.0, 4.08, 0.9);
  for (const auto& [symbol, book] : books) {
    EXPECT_GT(book.bids().size(), 50u) << symbol;
    EXPECT_LT(book.bids().size(), 2000u) << symbol;
  }
}

}  // namespace
}  // namespace quantum::paper
