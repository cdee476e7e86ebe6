#include "exchange/paper/exchange.h"

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <filesystem>
#include <fstream>

#include "exchange/binance/decode_market.h"
#include "exchange/binance/decode_rest.h"
#include "exchange/book/local_book.h"

namespace quantum::paper {
namespace {

namespace json = boost::json;
using namespace std::chrono_literals;

class Collected final : public Outbox {
 public:
  void Put(std::vector<Message> messages) override {
    for (const Message& message : messages) {
      texts.push_back(*message);
    }
  }
  bool filling() const override { return false; }
  std::vector<std::string> texts;
};

class ExchangeTest : public ::testing::Test {
 protected:
  void SetUp() override {
    directory_ = std::filesystem::path(::testing::TempDir()) / fmt::format("exchange-{}", ::getpid());
    std::filesystem::remove_all(directory_);
    std::filesystem::create_directories(directory_);
    WriteRecording();
    options_.symbols = {"BTCUSDT"};
    options_.files = {(directory_ / "frames").string()};
    options_.wallet = trading::Decimal::FromInt(10'000);
    options_.directory = (directory_ / "data").string();
  }
  void TearDown() override { std::filesystem::remove_all(directory_); }

  // A snapshot, then every 100 ms for ten seconds a depth update, and a trade one tick lower than the one before.
  void WriteRecording() const {
    std::ofstream file(directory_ / "frames");
    file
        << R"(1 {"stream":"btcusdt@depth@0ms","data":{"e":"depthUpdate","E":1000,"T":1000,"s":"BTCUSDT","U":1,"u":5,"pu":0,"b":[],"a":[]}})"
        << "\n"
        << R"(2 {"lastUpdateId":5,"E":1000,"T":1000,"bids":[["60000.00","5.000"],["59990.00","9.000"]],"asks":[["60000.10","5.000"]]})"
        << "\n";
    for (int i = 1; i <= 100; ++i) {
      file
          << fmt::format(
                 R"({} {{"stream":"btcusdt@depth@0ms","data":{{"e":"depthUpdate","E":{},"T":{},"s":"BTCUSDT","U":{},"u":{},"pu":{},"b":[["59000.00","{}.000"]],"a":[]}}}})",
                 i + 2, 1000 + i * 100, 1000 + i * 100, 5 * i + 2, 5 * i + 5, 5 * i, i)
          << "\n"
          << fmt::format(
                 R"({} {{"stream":"btcusdt@trade","data":{{"e":"trade","E":{},"T":{},"s":"BTCUSDT","t":{},"p":"{:.2f}","q":"0.500","X":"MARKET","m":true}}}})",
                 i + 2, 1000 + i * 100, 1000 + i * 100, i, 60000 - i * 0.1)
          << "\n";
    }
  }

  std::unique_ptr<Exchange> Open() {
    auto exchange = Exchange::Open(options_, "key", "secret", clock_);
    EXPECT_TRUE(exchange.ok()) << (exchange.ok() ? "" : exchange.error().message);
    return exchange.ok() ? *std::move(exchange) : nullptr;
  }
  void Run(Exchange& exchange, Duration time) {
    for (Duration passed{}; passed < time; passed += 50ms) {
      clock_.Advance(50ms);
      ASSERT_TRUE(exchange.Advance(1000).ok());
    }
  }
  RestAnswer Signed(Exchange& exchange, const std::string& method, const std::string& path, std::string query) const {
    query += fmt::format("{}timestamp={}", query.empty() ? "" : "&", ToUnixMs(clock_.Now()));
    query += "&signature=" + HmacSha256Hex("secret", query);
    return exchange.Handle({method, path, query, "", "key"});
  }

  std::filesystem::path directory_;
  PaperOptions options_;
  ManualClock clock_;
};

TEST_F(ExchangeTest, ReplaysARecordingInPresentTimeAndThenStandsStill) {
  const auto exchange = Open();
  const auto box = std::make_shared<Collected>();
  const Hub::Id id = exchange->hub().Join(box, StreamClass::kPublic, false, ToUnixMs(clock_.Now()));
  exchange->hub().Subscribe(id, {"btcusdt@depth@100ms", "btcusdt@trade"});
  const int64_t start = ToUnixMs(clock_.Now());
  Run(*exchange, 12s);
  EXPECT_TRUE(exchange->ended());
  EXPECT_NE(exchange->MarketJson().find("stands still"), std::string::npos);
  int64_t last_update = 0;
  int trades = 0;
  for (const std::string& text : box->texts) {
    const json::object message = json::parse(text).as_object();
    EXPECT_GE(message.at("E").as_int64(), start);
    EXPECT_LE(message.at("E").as_int64(), start + 12'000);
    if (message.at("e").as_string() == "depthUpdate") {
      EXPECT_TRUE(last_update == 0 || message.at("pu").as_int64() == last_update);
      last_update = message.at("u").as_int64();
    } else {
      ++trades;
    }
  }
  EXPECT_EQ(trades, 100);
  EXPECT_GE(last_update, 500);
}

TEST_F(ExchangeTest, PlaysAtSpeedOneUntilEverybodyIsThereAndThenAllAtOnce) {
  options_.speed = 0;
  const auto exchange = Open();
  Run(*exchange, 2s);
  EXPECT_FALSE(exchange->ended());
  exchange->Hurry();
  Run(*exchange, 50ms);
  EXPECT_TRUE(exchange->ended());
}

TEST_F(ExchangeTest, AClientsBookBuiltFromSnapshotAndStreamIsTheExchangesBook) {
  const auto exchange = Open();
  const auto box = std::make_shared<Collected>();
  exchange->hub().Subscribe(exchange->hub().Join(box, StreamClass::kPublic, false, ToUnixMs(clock_.Now())),
                            {"btcusdt@depth@100ms"});
  Run(*exchange, 2s);
  const std::string query = "symbol=BTCUSDT&limit=1000";
  const json::object snapshot =
      json::parse(exchange->Handle({"GET", "/fapi/v1/depth", query, "", ""}).body).as_object();
  const int64_t snapshot_id = snapshot.at("lastUpdateId").as_int64();
  std::map<std::string, std::string> bids;
  const auto apply = [&](const json::value& levels) {
    for (const json::value& level : levels.as_array()) {
      bids[std::string(level.at(0).as_string())] = std::string(level.at(1).as_string());
    }
  };
  apply(snapshot.at("bids"));
  Run(*exchange, 12s);
  bool spanned = false;
  for (const std::string& text : box->texts) {
    const json::object update = json::parse(text).as_object();
    if (update.at("u").as_int64() < snapshot_id) {
      continue;
    }
    if (!spanned) {
      EXPECT_LE(update.at("U").as_int64(), snapshot_id);  // the documented rule for the first event
      spanned = true;
    }
    apply(update.at("b"));
  }
  EXPECT_TRUE(spanned);
  EXPECT_EQ(bids.at("59000.00"), "100.000");
}

// The venue's book and the follower's are two classes (docs/decisions/0007-two-order-books.md).
TEST_F(ExchangeTest, TheFollowersBookIsTheVenuesToTheLastLevel) {
  options_.files.clear();  // the synthetic market moves every level
  options_.warmup = 1min;
  const auto exchange = Open();
  const auto box = std::make_shared<Collected>();
  exchange->hub().Subscribe(exchange->hub().Join(box, StreamClass::kPublic, false, ToUnixMs(clock_.Now())),
                            {"btcusdt@depth@100ms"});
  const auto snapshot = [&] {
    return binance::DecodeDepthSnapshot(
               exchange->Handle({"GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000", "", ""}).body)
        .value();
  };
  exchange::LocalBook follower;
  binance::MarketDecoder decoder;
  size_t read = 0;
  const auto follow = [&] {
    for (; read < box->texts.size(); ++read) {
      const auto event = decoder.Decode(box->texts[read]);
      ASSERT_TRUE(event.ok()) << event.error().message;
      ASSERT_NE(follower.Apply(std::get<DepthUpdate>(**event)), exchange::LocalBook::Verdict::kGap);
    }
  };
  Run(*exchange, 2s);
  follow();
  ASSERT_TRUE(follower.Load(snapshot()).ok());
  Run(*exchange, 30s);
  follow();
  // Updates leave in windows of 100 ms: soon the follower has all that the venue has.
  for (int i = 0; i < 100 && follower.last_update_id() != snapshot().last_update_id; ++i) {
    Run(*exchange, 50ms);
    follow();
  }
  const DepthSnapshot venue = snapshot();
  ASSERT_EQ(follower.last_update_id(), venue.last_update_id);
  ASSERT_GE(venue.bids.size(), 50u);
  const auto expect_same = [](const exchange::BookSide& side, const std::vector<PriceLevel>& levels) {
    ASSERT_GE(side.size(), levels.size());
    for (size_t i = 0; i < levels.size(); ++i) {
      ASSERT_EQ(side.At(i).price, levels[i].price) << i;
      ASSERT_EQ(side.At(i).quantity, levels[i].quantity) << i;
    }
  };
  expect_same(follower.book().bids(), venue.bids);
  expect_same(follower.book().asks(), venue.asks);
}

TEST_F(ExchangeTest, LosesNoOrderAndNoFillWhenItsProcessDies) {
  auto exchange = Open();
  Run(*exchange, 1s);
  ASSERT_EQ(Signed(*exchange, "POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01").status,
            200);
  ASSERT_EQ(
      Signed(*exchange, "POST", "/fapi/v1/order",
             "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=61000&quantity=0.01&newClientOrderId=rests")
          .status,
      200);
  ASSERT_EQ(Signed(*exchange, "POST", "/fapi/v1/algoOrder",
                   "algoType=CONDITIONAL&symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.01&triggerPrice=59995&"
                   "reduceOnly=true&clientAlgoId=stop")
                .status,
            200);
  ASSERT_TRUE(exchange->Keep().ok());
  const std::string before = Signed(*exchange, "GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").body;
  const std::string fills = Signed(*exchange, "GET", "/fapi/v1/userTrades", "symbol=BTCUSDT").body;
  exchange.reset();  // nothing is saved on the way down
  clock_.Advance(3s);
  exchange = Open();
  EXPECT_EQ(Signed(*exchange, "GET", "/fapi/v1/allOrders", "symbol=BTCUSDT").body, before);
  EXPECT_EQ(Signed(*exchange, "GET", "/fapi/v1/userTrades", "symbol=BTCUSDT").body, fills);
  // The recording goes on where it was, and reaches the stop's price 5 s after its begin.
  EXPECT_FALSE(exchange->ended());
  Run(*exchange, 3s);
  EXPECT_EQ(exchange->engine().account().FindAlgo("stop")->status, AlgoStatus::kNew);
  Run(*exchange, 3s);
  EXPECT_EQ(exchange->engine().account().FindAlgo("stop")->status, AlgoStatus::kFinished);
  EXPECT_EQ(exchange->engine().account().FindOrder("BTCUSDT", "stop")->status, Execution::kFilled);
  EXPECT_TRUE(exchange->engine().account().symbol("BTCUSDT").position.is_flat());
}

TEST_F(ExchangeTest, RequestsThatComeTogetherShareOneWriteAndAreAnsweredAfterIt) {
  constexpr int kRequests = 20;
  auto exchange = Open();
  Run(*exchange, 1s);
  const auto place = [&](int i) {
    return Signed(*exchange, "POST", "/fapi/v1/order",
                  fmt::format("symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=61000&quantity=0.01&"
                              "newClientOrderId=together-{}",
                              i));
  };
  const int64_t before = exchange->journal_writes();
  int64_t written = before;
  fiber::Loop loop("requests");
  int answered = 0;
  for (int i = 0; i < kRequests; ++i) {
    loop.Spawn([&, i] {
      EXPECT_EQ(place(i).status, 200);
      EXPECT_GT(exchange->journal_writes(), before) << "answered before it was on disk";
      written = exchange->journal_writes();
      if (++answered == kRequests) {
        loop.Stop();
      }
    });
  }
  loop.Run();
  EXPECT_EQ(written, before + 1);
  // One after the other, each has a write of its own.
  EXPECT_EQ(place(kRequests).status, 200);
  EXPECT_EQ(place(kRequests + 1).status, 200);
  EXPECT_EQ(exchange->journal_writes(), before + 3);
  exchange.reset();
  exchange = Open();
  EXPECT_EQ(exchange->engine().account().open_orders().size(), static_cast<size_t>(kRequests + 2));
}

TEST_F(ExchangeTest, TheDeadMansSwitchGoesOnOverARestart) {
  auto exchange = Open();
  Run(*exchange, 1s);
  const std::string order = "symbol=BTCUSDT&side=SELL&type=LIMIT&timeInForce=GTC&price=61000&quantity=0.01";
  ASSERT_EQ(Signed(*exchange, "POST", "/fapi/v1/order", order).status, 200);
  ASSERT_EQ(Signed(*exchange, "POST", "/fapi/v1/countdownCancelAll", "symbol=BTCUSDT&countdownTime=5000").status, 200);
  ASSERT_TRUE(exchange->Keep().ok());
  exchange.reset();
  clock_.Advance(3s);
  exchange = Open();
  Run(*exchange, 1900ms);
  EXPECT_EQ(exchange->engine().account().open_orders().size(), 1u);
  Run(*exchange, 150ms);
  EXPECT_TRUE(exchange->engine().account().open_orders().empty());
}

TEST_F(ExchangeTest, FundingIsSettledAsTheMarketsTimeGoesOn) {
  options_.engine.funding_interval_ms = 4000;
  auto exchange = Open();
  Run(*exchange, 100ms);
  ASSERT_EQ(Signed(*exchange, "POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01").status,
            200);
  const trading::Decimal before = exchange->engine().account().wallet();
  Run(*exchange, 9s);
  ASSERT_GE(exchange->engine().account().fundings().size(), 2u);
  EXPECT_LT(exchange->engine().account().wallet(), before);
  const trading::Decimal after = exchange->engine().account().wallet();
  const std::string income = Signed(*exchange, "GET", "/fapi/v1/income", "incomeType=FUNDING_FEE&startTime=1").body;
  exchange.reset();
  exchange = Open();
  EXPECT_EQ(exchange->engine().account().wallet(), after);
  EXPECT_EQ(Signed(*exchange, "GET", "/fapi/v1/income", "incomeType=FUNDING_FEE&startTime=1").body, income);
}

TEST_F(ExchangeTest, ARecordingThatHadEndedBeginsAnewAfterARestartAndSaysSo) {
  auto exchange = Open();
  Run(*exchange, 1s);
  ASSERT_EQ(Signed(*exchange, "POST", "/fapi/v1/order", "symbol=BTCUSDT&side=BUY&type=MARKET&quantity=0.01").status,
            200);
  Run(*exchange, 12s);
  ASSERT_TRUE(exchange->ended());
  ASSERT_TRUE(exchange->Keep().ok());
  exchange.reset();
  clock_.Advance(3s);
  const int64_t restarted = ToUnixMs(clock_.Now());
  exchange = Open();
  EXPECT_FALSE(exchange->ended());
  EXPECT_NE(exchange->MarketJson().find("begun anew"), std::string::npos) << exchange->MarketJson();
  EXPECT_EQ(exchange->engine().account().symbol("BTCUSDT").position.quantity, *trading::Decimal::Parse("0.01"));
  const auto box = std::make_shared<Collected>();
  exchange->hub().Subscribe(exchange->hub().Join(box, StreamClass::kPublic, false, ToUnixMs(clock_.Now())),
                            {"btcusdt@trade"});
  Run(*exchange, 5s);
  ASSERT_GE(box->texts.size(), 40u);
  EXPECT_GE(json::parse(box->texts.front()).as_object().at("E").as_int64(), restarted);
  // Once more in the middle: it goes on from there.
  ASSERT_TRUE(exchange->Keep().ok());
  exchange.reset();
  exchange = Open();
  EXPECT_EQ(exchange->MarketJson().find("begun anew"), std::string::npos);
  Run(*exchange, 6s);
  EXPECT_TRUE(exchange->ended());
}

TEST_F(ExchangeTest, TheSyntheticMarketHasAHistoryAndGoesOnFromItsLastPrice) {
  options_.files.clear();
  options_.warmup = 2min;
  auto exchange = Open();
  const auto klines = [&] {
    return json::parse(exchange->Handle({"GET", "/fapi/v1/klines", "symbol=BTCUSDT&interval=5s", "", ""}).body)
        .as_array();
  };
  EXPECT_GE(klines().size(), 20u);
  Run(*exchange, 10s);
  ASSERT_TRUE(exchange->Keep().ok());
  const double price = exchange->engine().market("BTCUSDT")->mid_price().ToDouble();
  const size_t known = klines().size();
  exchange.reset();
  clock_.Advance(1s);
  exchange = Open();
  EXPECT_NEAR(exchange->engine().market("BTCUSDT")->mid_price().ToDouble() / price, 1.0, 0.0005);
  EXPECT_GE(klines().size() + 1, known);
}

TEST_F(ExchangeTest, AMarketThatRestartsTwiceBeforeItsFirstTradeGoesOnFromTheLastOne) {
  options_.files.clear();
  options_.warmup = 2min;
  const auto kept = [&] {
    return ReadCheckpoint(options_.directory + "/market.json", fmt::format("synthetic {}", options_.seed))
        ->symbols.at("BTCUSDT");
  };
  auto exchange = Open();
  Run(*exchange, 10s);
  ASSERT_TRUE(exchange->Keep().ok());
  const Checkpoint::Symbol before = kept();
  ASSERT_GT(before.trade_id, 0);
  exchange.reset();
  exchange = Open();
  ASSERT_TRUE(exchange->Keep().ok());
  EXPECT_GE(kept().trade_id, before.trade_id);
  EXPECT_NEAR(kept().price.ToDouble() / before.price.ToDouble(), 1.0, 0.0005);
}

}  // namespace
}  // namespace quantum::paper
