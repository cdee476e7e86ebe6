// What requests weigh, and what happens beyond the limits that exchangeInfo tells.
#include "exchange/paper/protocol/rest_fixture.h"

namespace quantum::paper {
namespace {

class Limits : public RestTest {
 protected:
  static RestOptions Binances() {
    RestOptions options = Options();
    options.weight_per_minute = 2'400;
    options.orders_per_10s = 300;
    options.orders_per_minute = 1'200;
    return options;
  }
  static int Header(const RestAnswer& answer, std::string_view name) {
    for (const auto& [key, value] : answer.headers) {
      if (key == name) {
        return std::stoi(value);
      }
    }
    return -1;
  }
  RestAnswer At(int64_t now_ms, const char* method, const std::string& path, std::string query) {
    query += fmt::format("{}timestamp={}", query.empty() ? "" : "&", now_ms);
    query += "&signature=" + HmacSha256Hex("secret", query);
    return limited.Handle({method, path, query, "", "key"}, now_ms);
  }
  // Bought and sold in turn.
  RestAnswer Order(int64_t now_ms) {
    buys = !buys;
    return At(now_ms, "POST", "/fapi/v1/order",
              fmt::format("symbol=BTCUSDT&side={}&type=MARKET&quantity=0.002", buys ? "BUY" : "SELL"));
  }
  int Weighs(const char* method, const std::string& path, const std::string& query) {
    const int before = Header(At(kMinute, "POST", "/fapi/v1/order", ""), "X-MBX-USED-WEIGHT-1M");
    return Header(At(kMinute, method, path, query), "X-MBX-USED-WEIGHT-1M") - before;
  }

  static constexpr int64_t kMinute = kNow / 60'000 * 60'000;  // one that begins
  Rest limited{Binances(), engine, streams, hub};
  bool buys = false;
};

TEST_F(Limits, ARequestWeighsWhatItsParametersMakeOfIt) {
  for (const auto& [limit, weight] : {std::pair{"5", 2}, {"50", 2}, {"100", 5}, {"500", 10}, {"1000", 20}}) {
    EXPECT_EQ(Weighs("GET", "/fapi/v1/depth", fmt::format("symbol=BTCUSDT&limit={}", limit)), weight) << limit;
  }
  EXPECT_EQ(Weighs("GET", "/fapi/v1/depth", "symbol=BTCUSDT"), 10);
  EXPECT_EQ(Weighs("GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=x"), 10) << "refused for another reason";
  for (const auto& [limit, weight] :
       {std::pair{"99", 1}, {"100", 2}, {"499", 2}, {"500", 5}, {"1000", 5}, {"1001", 10}}) {
    EXPECT_EQ(Weighs("GET", "/fapi/v1/klines", fmt::format("symbol=BTCUSDT&interval=1m&limit={}", limit)), weight)
        << limit;
  }
  struct Row {
    const char* path;
    int one;
    int all;
  };
  for (const Row& row : {Row{"/fapi/v1/openOrders", 1, 40}, Row{"/fapi/v1/openAlgoOrders", 1, 40},
                         Row{"/fapi/v1/ticker/24hr", 1, 40}, Row{"/fapi/v1/ticker/price", 1, 2},
                         Row{"/fapi/v1/ticker/bookTicker", 2, 5}, Row{"/fapi/v1/premiumIndex", 1, 10}}) {
    EXPECT_EQ(Weighs("GET", row.path, "symbol=BTCUSDT"), row.one) << row.path;
    EXPECT_EQ(Weighs("GET", row.path, ""), row.all) << row.path;
  }
}

TEST_F(Limits, AnOrderTooManyIsRefusedWithTheCountsAndWhenToComeBackAndNotCounted) {
  int sent = 0;
  for (int64_t now = kMinute; now < kMinute + 40'000; now += 10'000) {
    for (int i = 0; i < 300; ++i) {
      const RestAnswer taken = Order(now);
      ASSERT_EQ(taken.status, 200) << taken.body;
      ASSERT_EQ(Header(taken, "X-MBX-ORDER-COUNT-10S"), i + 1);
      ASSERT_EQ(Header(taken, "X-MBX-ORDER-COUNT-1M"), ++sent);
    }
    for (int again = 0; again < 2; ++again) {
      const RestAnswer refused = Order(now + 2'500);
      EXPECT_EQ(refused.status, 429);
      EXPECT_EQ(Code(refused), -1015);
      EXPECT_EQ(Header(refused, "X-MBX-ORDER-COUNT-10S"), 300);
      EXPECT_EQ(Header(refused, "X-MBX-ORDER-COUNT-1M"), sent);
      EXPECT_EQ(Header(refused, "Retry-After"), sent == 1'200 ? 28 : 8) << "until the window that is full is over";
    }
  }
  EXPECT_EQ(Code(Order(kMinute + 59'999)), -1015) << "the minute is full";
  EXPECT_EQ(At(kMinute + 59'999, "DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT").status, 200)
      << "cancels are not counted";
  EXPECT_EQ(Order(kMinute + 60'000).status, 200);
  EXPECT_EQ(engine.account().orders().size(), 1'201u);
}

TEST_F(Limits, WeightBeyondTheLimitIsRefusedUntilTheMinuteIsOver) {
  for (int i = 0; i < 120; ++i) {
    ASSERT_EQ(At(kMinute, "GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000").status, 200) << i;
  }
  const RestAnswer refused = At(kMinute + 12'345, "GET", "/fapi/v1/ping", "");
  EXPECT_EQ(refused.status, 429);
  EXPECT_EQ(Code(refused), -1003);
  EXPECT_EQ(Header(refused, "Retry-After"), 48);
  EXPECT_EQ(At(kMinute + 60'000, "GET", "/fapi/v1/ping", "").status, 200);
}

TEST_F(Limits, WhoGoesOnAfterTooManyRequestsIsBannedAndTwiceAsLongTheNextTime) {
  const auto ping = [&](int64_t now_ms) { return At(now_ms, "GET", "/fapi/v1/ping", ""); };
  const auto offend = [&](int64_t now_ms) {
    for (int i = 0; i < 120; ++i) {
      ASSERT_EQ(At(now_ms, "GET", "/fapi/v1/depth", "symbol=BTCUSDT&limit=1000").status, 200) << i;
    }
    for (int i = 0; i < 50; ++i) {
      ASSERT_EQ(ping(now_ms + 999).status, 429) << "what was under way";
    }
    for (int i = 0; i < 9; ++i) {
      ASSERT_EQ(ping(now_ms + 2'000).status, 429) << i;
    }
  };
  offend(kMinute);
  const RestAnswer banned = Order(kMinute + 2'000);
  EXPECT_EQ(banned.status, 418);
  EXPECT_EQ(Code(banned), -1003);
  EXPECT_EQ(Header(banned, "Retry-After"), 120);
  EXPECT_EQ(At(kMinute + 121'999, "DELETE", "/fapi/v1/allOpenOrders", "symbol=BTCUSDT").status, 418)
      << "into the next minutes, whatever is asked";
  EXPECT_EQ(ping(kMinute + 122'000).status, 200);
  offend(kMinute + 180'000);
  EXPECT_EQ(Header(ping(kMinute + 182'000), "Retry-After"), 240);
}

}  // namespace
}  // namespace quantum::paper
