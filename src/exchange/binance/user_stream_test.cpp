// The user data stream: what keeps it from falling silent unnoticed.
#include "exchange/binance/user_stream.h"

#include <gtest/gtest.h>

#include <map>

#include "exchange/binance/numbered_streams.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using test::Gaps;
using test::NumberedStreams;
using test::RunInFiber;
using test::Within;

constexpr const char* kPath = "/private/ws";

std::string FillOf(int64_t number) {
  return fmt::format(
      R"({{"e":"ORDER_TRADE_UPDATE","T":1,"E":1,"o":{{"s":"BTCUSDT","c":"qt-1","S":"BUY","o":"LIMIT","f":"GTC",)"
      R"("q":"1000","p":"1","ap":"1","sp":"0","x":"TRADE","X":"PARTIALLY_FILLED","i":7,"l":"0.001","z":"{}","L":"1",)"
      R"("N":"USDT","n":"0","T":1,"t":{},"b":"0","a":"0","m":true,"R":false,"ot":"LIMIT","ps":"BOTH","rp":"0"}}}})",
      number, number);
}

// A venue with a user stream and the endpoints of its listen key.
struct UserBench {
  explicit UserBench(fiber::Loop& loop, UserStreamOptions options)
      : streams(loop, kPath, [this](int64_t number) {
          const auto spoilt = instead.find(number);
          return spoilt == instead.end() ? FillOf(number) : spoilt->second;
        }) {
    streams.server().Route("POST", "/fapi/v1/listenKey", [this](const http::Request&) { return Key(); },
                           {.exchange = true});
    streams.server().Route("PUT", "/fapi/v1/listenKey",
                           [this](const http::Request&) {
                             ++extended;
                             return put_answer ? *put_answer : Key();
                           },
                           {.exchange = true});
    streams.server().Route("GET", "/fapi/v1/time",
                           [](const http::Request&) {
                             return http::Json(fmt::format(R"({{"serverTime":{}}})", ToUnixMs(SystemClock().Now())));
                           },
                           {.exchange = true});
    streams.Start();
    rest = std::make_shared<Rest>(loop, RestOptions{.hosts = streams.hosts(), .credentials = {"key", "secret"}},
                                  SystemClock(), SystemRandom());
    stream = std::make_shared<UserStream>(loop, rest, options, SystemClock(), SystemRandom());
    stream->Start([this](const exchange::UserEvent& event) {
      connected += std::holds_alternative<exchange::StreamConnected>(event);
      if (const auto* report = std::get_if<trading::OrderReport>(&event)) {
        fills.push_back(report->fill->trade_id);
      }
    });
  }
  ~UserBench() {
    stream->Stop();
    EXPECT_TRUE(Within(10s, [&] { return streams.standing == 0; }));
    streams.Stop();
  }
  http::Response Key() const { return http::Json(fmt::format(R"({{"listenKey":"key{}"}})", key)); }
  // What REST lists: the newest fill, of this moment.
  trading::Fill Newest() const {
    trading::Fill fill;
    fill.symbol = "BTCUSDT";
    fill.trade_id = streams.newest;
    fill.time = SystemClock().Now() + 2s;
    return fill;
  }

  std::map<int64_t, std::string> instead;  // frames of these numbers
  NumberedStreams streams;
  int key = 1;
  std::optional<http::Response> put_answer;
  int extended = 0;
  std::shared_ptr<Rest> rest;
  std::shared_ptr<UserStream> stream;
  int connected = 0;
  std::vector<int64_t> fills;
};

TEST(UserStream, IsFollowedByAnotherConnectionWithoutLosingAFill) {
  RunInFiber([](fiber::Loop& loop) {
    UserBench bench(loop, {.rolling = {.lifetime = 300ms, .overlap = 100ms, .try_again = 100ms}});
    ASSERT_TRUE(Within(10s, [&] { return bench.streams.connections == 4; }));
    EXPECT_EQ(bench.connected, 1) << "nothing has to be asked by REST";
    EXPECT_EQ(Gaps(bench.fills), 0);
    EXPECT_GT(bench.fills.size(), 100u);
    EXPECT_EQ(bench.streams.standing_most, 2);
  });
}

TEST(UserStream, AListenKeyThatExpiredWithoutAWordIsFoundByTheNextProbe) {
  EXPECT_LT(UserStreamOptions().keepalive, 1min);
  const http::Response unknown = http::Json(R"({"code":-1125,"msg":"This listenKey does not exist."})", 400);
  const http::Response another = http::Json(R"({"listenKey":"another"})");
  for (const http::Response& answer : {unknown, another}) {
    RunInFiber([&](fiber::Loop& loop) {
      UserBench bench(loop, {.keepalive = 50ms});
      ASSERT_TRUE(Within(10s, [&] { return bench.extended >= 2; }));
      EXPECT_EQ(bench.connected, 1) << "as long as the venue knows the key";
      bench.put_answer = answer;
      ASSERT_TRUE(Within(10s, [&] { return bench.connected >= 2; })) << answer.body;
      bench.put_answer.reset();
    });
  }
}

TEST(UserStream, AProbeThatIsNotAnsweredEndsNothing) {
  RunInFiber([](fiber::Loop& loop) {
    UserBench bench(loop, {.keepalive = 20ms});
    bench.put_answer = http::Json("{}", 503);
    ASSERT_TRUE(Within(10s, [&] { return bench.extended >= 5; }));
    EXPECT_EQ(bench.connected, 1);
  });
}

TEST(UserStream, OneThatDoesNotTellWhatRestListsIsReplaced) {
  RunInFiber([](fiber::Loop& loop) {
    UserBench bench(loop, {.deaf_after = 300ms});
    ASSERT_TRUE(Within(10s, [&] { return !bench.fills.empty(); }));
    ASSERT_TRUE(bench.rest->SyncClock().ok());
    bench.stream->OnFillsListed("BTCUSDT", {bench.Newest()});
    const int64_t before = bench.streams.newest;
    ASSERT_TRUE(Within(10s, [&] { return bench.streams.newest > before + 300; }));
    EXPECT_EQ(bench.connected, 1) << "it told what REST lists";
    bench.streams.deaf = true;
    const int64_t deaf_from = bench.streams.newest;
    ASSERT_TRUE(Within(10s, [&] { return bench.streams.newest > deaf_from + 10; }));
    bench.stream->OnFillsListed("BTCUSDT", {bench.Newest()});
    EXPECT_TRUE(Within(10s, [&] { return bench.connected == 2; }));
  });
}

// What was in it nobody knows: so everything is asked by REST (StreamConnected), and the stream goes on.
TEST(UserStream, BadInputAFrameThatCannotBeReadIsFollowedByAConnectionThatSaysSoAndTellsTheNextFill) {
  RunInFiber([](fiber::Loop& loop) {
    UserBench bench(loop, {});
    ASSERT_TRUE(Within(10s, [&] { return !bench.fills.empty(); }));
    std::string no_status = FillOf(1);
    no_status.erase(no_status.find(R"("X":"PARTIALLY_FILLED",)"), 23);
    std::string no_quantity = FillOf(1);
    no_quantity.erase(no_quantity.find(R"("l":"0.001",)"), 12);
    for (const std::string& frame : {std::string(), std::string("{"), std::string("[]"), std::string(R"({"e":7})"),
                                     std::string(R"({"e":"ORDER_TRADE_UPDATE","o":{}})"), no_status, no_quantity,
                                     FillOf(1).substr(0, 100), std::string(17 << 20, ' ')}) {
      const int connected = bench.connected;
      const int64_t number = bench.streams.newest + 20;
      bench.instead = {{number, frame}};
      ASSERT_TRUE(Within(20s, [&] { return bench.connected == connected + 1; })) << frame.substr(0, 60);
      EXPECT_TRUE(Within(20s, [&] { return bench.fills.back() > number; })) << frame.substr(0, 60);
    }
  });
}

}  // namespace
}  // namespace quantum::binance
