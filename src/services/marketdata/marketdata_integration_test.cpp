// quantum-marketdata as a process, on the paper exchange and real Redis with sentinels.
#include <gtest/gtest.h>

#include <boost/json.hpp>

#include "tests/support/checkout/checkout.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/redis_cluster.h"

namespace quantum::marketdata {
namespace {

using namespace std::chrono_literals;
using quantum::testing::Eventually;
using quantum::testing::HttpGet;

constexpr const char* kGap = R"({"symbol":"BTCUSDT","from":)";

class MarketDataProcess : public ::testing::Test {
 protected:
  MarketDataProcess()
      : port_(quantum::testing::FreePorts(1).front()),
        paper_(checkout::BinaryDirectory(),
               "  marketdata: {kind: service, command: x, port: " + std::to_string(port_) + "}\n",
               "  marketdata: {intervals: [1s, 5s, 1m]}\n") {
    const redis::ClientOptions options = redis_.Options();
    paper_.WriteSecret("redis-service", options.password);
    paper_.WriteSecret("sentinel-client", options.sentinel_password);
    std::string sentinels;
    for (const redis::Endpoint& sentinel : options.sentinels) {
      sentinels += (sentinels.empty() ? "" : ",") + sentinel.host + ":" + std::to_string(sentinel.port);
    }
    environment_ = paper_.Environment();
    environment_.push_back("REDIS_SENTINEL_HOSTS=" + sentinels);
    environment_.push_back("REDIS_MASTER_NAME=" + options.master_name);
    paper_.Start();
    StartService();
  }

  void StartService() {
    service_.emplace(quantum::testing::ProcessOptions{.command = {checkout::BinaryDirectory() + "/quantum-marketdata"},
                                                      .output = paper_.directory() / "marketdata.output",
                                                      .environment = environment_});
  }

  // How many gaps of BTCUSDT stand in the stream.
  size_t Gaps() {
    const std::string stream = redis_.Ask(redis_.AwaitMaster(), {"XRANGE", "quantum:stream:{market}", "-", "+"});
    size_t count = 0;
    for (size_t at = stream.find(kGap); at != std::string::npos; at = stream.find(kGap, at + 1)) {
      ++count;
    }
    return count;
  }

  // Where the gap of BTCUSDT ends that begins at `from` and is told as filled.
  std::optional<int64_t> FilledUntil(int64_t from) {
    const std::string stream = redis_.Ask(redis_.AwaitMaster(), {"XRANGE", "quantum:stream:{market}", "-", "+"});
    const std::string begin = kGap + std::to_string(from) + ",";
    for (size_t at = stream.find(begin); at != std::string::npos; at = stream.find(begin, at + 1)) {
      const boost::json::value gap = boost::json::parse(stream.substr(at, stream.find('}', at) + 1 - at));
      if (gap.at("filled").as_bool()) {
        return gap.at("to").as_int64();
      }
    }
    return std::nullopt;
  }

  // Takes from what the stopped service saved all minutes of BTCUSDT but the first, as if it had stopped after that.
  // The end of the first.
  int64_t ForgetMinutesAfterTheFirst() {
    const std::string key = "quantum:state:{marketdata-service}";
    const boost::json::value saved = boost::json::parse(redis_.Ask(redis_.AwaitMaster(), {"GET", key}));
    boost::json::array left;
    std::optional<int64_t> first;
    for (const boost::json::value& candle : saved.as_array()) {
      const bool minute = candle.at("symbol").as_string() == "BTCUSDT" && candle.at("interval").as_string() == "1m";
      if (!minute || !first) {
        left.push_back(candle);
      }
      if (minute && !first) {
        first = candle.at("open_time").as_int64();
      }
    }
    EXPECT_EQ(redis_.Ask(redis_.AwaitMaster(), {"SET", key, boost::json::serialize(left)}), "OK");
    return first.value() + 60'000;
  }

  // The open times of the closed candles of one second.
  std::vector<int64_t> Seconds() {
    std::vector<int64_t> times;
    const boost::json::value candles = Get("/api/market/candles?symbol=BTCUSDT&interval=1s&limit=1000");
    for (const auto& candle : candles.is_array() ? candles.get_array() : boost::json::array()) {
      times.push_back(candle.at("open_time").as_int64());
    }
    return times;
  }

  boost::json::value Get(const std::string& path) {
    const auto body = HttpGet(port_, path);
    return body ? boost::json::parse(*body) : boost::json::value();
  }

  int port_;
  quantum::testing::RedisCluster redis_;
  quantum::testing::PaperExchangeProcess paper_;
  std::vector<std::string> environment_;
  std::optional<quantum::testing::Process> service_;
};

TEST_F(MarketDataProcess, ServesPricesBooksAndCandlesPublishesThemAndSurvivesTheVenue) {
  const int64_t began_ms = ToUnixMs(SystemClock().Now());
  ASSERT_TRUE(Eventually(60s, [&] { return HttpGet(port_, "/health/ready").has_value(); }))
      << quantum::testing::ReadFile(paper_.directory() / "marketdata.output");
  ASSERT_TRUE(Eventually(30s, [&] { return HttpGet(port_, "/api/market/book?symbol=BTCUSDT").has_value(); }));
  for (const std::string symbol : {"BTCUSDT", "ETHUSDT"}) {
    ASSERT_TRUE(Eventually(30s, [&] { return HttpGet(port_, "/api/market/price?symbol=" + symbol).has_value(); }));
  }
  boost::json::value price;
  ASSERT_TRUE(Eventually(30s, [&] {
    price = Get("/api/market/price?symbol=BTCUSDT");
    return !price.at("stale").as_bool();
  })) << boost::json::serialize(price);
  EXPECT_EQ(price.at("source").as_string(), "synthetic");
  EXPECT_LT(price.at("bid").as_string(), price.at("ask").as_string());
  EXPECT_TRUE(Eventually(30s, [&] {
    const boost::json::value candles = Get("/api/market/candles?symbol=BTCUSDT&interval=1m&limit=1000");
    return candles.as_array().size() >= 2 && candles.at(0).at("open_time").as_int64() + 60'000 <= began_ms;
  })) << "history: a minute that was over before";
  EXPECT_EQ(Get("/api/market/source").at("mode").as_string(), "PAPER");
  EXPECT_FALSE(HttpGet(port_, "/api/market/price?symbol=XRPUSDT"));
  ASSERT_TRUE(Eventually(
      30s, [&] { return Get("/api/market/candles?symbol=BTCUSDT&interval=1s&limit=5").as_array().size() >= 3; }));
  EXPECT_TRUE(Eventually(30s, [&] {
    return redis_.Ask(redis_.AwaitMaster(), {"XREVRANGE", "quantum:stream:{market}", "+", "-", "COUNT", "50"})
               .find("market.kline") != std::string::npos;
  }));
  EXPECT_TRUE(Eventually(30s, [&] {
    return redis_.Ask(redis_.AwaitMaster(), {"XREVRANGE", "quantum:stream:{market.tick}", "+", "-", "COUNT", "5"})
               .find("trade_id") != std::string::npos;
  }));

  paper_.Kill();
  EXPECT_TRUE(Eventually(20s, [&] {
    const auto health = HttpGet(port_, "/health", 0);
    return health && health->find("DEGRADED") != std::string::npos &&
           health->find("BTCUSDT: nothing has come for") != std::string::npos;
  })) << HttpGet(port_, "/health", 0).value_or("no answer");
  EXPECT_TRUE(Get("/api/market/price?symbol=BTCUSDT").at("stale").as_bool());
  paper_.Start();
  EXPECT_TRUE(Eventually(40s, [&] {
    const auto now = HttpGet(port_, "/api/market/price?symbol=BTCUSDT");
    return now && now->find(R"("stale":false)") != std::string::npos &&
           HttpGet(port_, "/api/market/book?symbol=BTCUSDT").has_value();
  }));
  EXPECT_TRUE(Eventually(15s, [&] {
    return redis_.Ask(redis_.AwaitMaster(), {"XREVRANGE", "quantum:stream:{market}", "+", "-", "COUNT", "200"})
               .find("market.gap") != std::string::npos;
  }));
  const std::optional<int> status = service_->Stop(15s);
  EXPECT_TRUE(status && *status == 0) << "SIGTERM ends it cleanly";
}

TEST_F(MarketDataProcess, ARestartKeepsTheShortCandlesAndTellsOfTheGapHoweverItEnded) {
  ASSERT_TRUE(Eventually(60s, [&] { return Seconds().size() >= 5; }));
  for (const bool killed : {true, false}) {
    std::vector<int64_t> seconds;
    ASSERT_TRUE(Eventually(30s, [&] {
      seconds = Seconds();
      return !seconds.empty();
    }));
    const int64_t first = seconds.front();
    const int64_t last = seconds.back();
    const size_t gaps = Gaps();
    if (killed) {
      service_->Kill();
    } else {
      EXPECT_EQ(service_->Stop(15s), 0);
    }
    StartService();
    ASSERT_TRUE(Eventually(60s, [&] {
      seconds = Seconds();
      return !seconds.empty() && seconds.back() > last;
    }));
    EXPECT_EQ(seconds.front(), first) << (killed ? "killed" : "stopped");
    EXPECT_TRUE(std::is_sorted(seconds.begin(), seconds.end()));
    EXPECT_TRUE(Eventually(15s, [&] { return Gaps() > gaps; })) << "what was missed is told";
  }
}

TEST_F(MarketDataProcess, MinutesThatItMissedAreHadFromTheVenuePublishedAndToldAsFilled) {
  ASSERT_TRUE(Eventually(60s, [&] {
    return Get("/api/market/candles?symbol=BTCUSDT&interval=1m").as_array().size() >= 2;
  })) << "history: some minutes that were over before";
  ASSERT_EQ(service_->Stop(15s), 0);
  const int64_t from = ForgetMinutesAfterTheFirst();
  ASSERT_FALSE(FilledUntil(from)) << "nothing of the kind was told before";
  StartService();
  std::optional<int64_t> until;
  ASSERT_TRUE(Eventually(60s, [&] { return (until = FilledUntil(from)).has_value(); }))
      << quantum::testing::ReadFile(paper_.directory() / "marketdata.output");
  EXPECT_GT(*until, from);
  EXPECT_EQ(*until % 60'000, 0);
  EXPECT_LE(*until, ToUnixMs(SystemClock().Now()));
  const std::string stream = redis_.Ask(redis_.AwaitMaster(), {"XRANGE", "quantum:stream:{market}", "-", "+"});
  for (int64_t minute = from; minute < *until; minute += 60'000) {
    EXPECT_NE(stream.find(R"({"symbol":"BTCUSDT","interval":"1m","open_time":)" + std::to_string(minute) + ","),
              std::string::npos)
        << minute;
  }
}

}  // namespace
}  // namespace quantum::marketdata
