// The connector's policies without I/O: the venue's clock, the request budget, hosts and credentials, orders' requests.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "exchange/binance/budget.h"
#include "exchange/binance/encode_order.h"
#include "exchange/binance/hosts.h"
#include "exchange/binance/time_sync.h"
#include "exchange/binance/weights.h"
#include "tests/support/temporary_directory.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using config::Mode;
using exchange::NewOrder;
using ::testing::HasSubstr;
using trading::Decimal;
using trading::OrderType;
using trading::Side;
using trading::operator""_dec;

TEST(TimeSync, TakesTheMiddleOfTheShortestRoundTrip) {
  ManualClock clock;
  TimeSync sync;
  EXPECT_FALSE(sync.known());
  const SteadyTime start = clock.Steady();
  sync.OnSample(start, start + 200ms, 1'000'000);
  EXPECT_EQ(sync.VenueMs(start + 100ms), 1'000'000);
  EXPECT_EQ(sync.error(start + 100ms), 100ms + 2ms) << "half the round trip, and what milliseconds hide";
  EXPECT_EQ(sync.error(start + 100ms + 100s), 100ms + 2ms + 10ms) << "the clocks drift apart";
  sync.OnSample(start + 1s, start + 1s + 10ms, 1'000'905);
  EXPECT_EQ(sync.VenueMs(start + 1s + 5ms), 1'000'905) << "the better sample counts";
  sync.OnSample(start + 2s, start + 2s + 500ms, 2'000'000);
  EXPECT_EQ(sync.VenueMs(start + 2s + 5ms), 1'001'905) << "the worse one does not";
}

TEST(TimeSync, AnOldSampleIsReplacedByAWorseOneOnceTheDriftOutweighsIt) {
  TimeSync sync;
  const SteadyTime start{1h};
  sync.OnSample(start, start, 1'000'000);
  sync.OnSample(start + 1000s, start + 1000s + 100ms, 2'000'070);
  EXPECT_EQ(sync.VenueMs(start + 1000s + 50ms), 2'000'070) << "50 ms against 100 ms that may have been drifted";
}

TEST(TimeSync, ADoubtedOrOldEstimateIsNotTrustedButKnownAWrongOneIsForgotten) {
  TimeSync sync;
  const SteadyTime start{1h};
  sync.OnSample(start, start + 1ms, 1'000);
  EXPECT_TRUE(sync.trusted(start + TimeSync::kSampleAgeMax));
  EXPECT_FALSE(sync.trusted(start + TimeSync::kSampleAgeMax + 1s));
  EXPECT_TRUE(sync.known());
  sync.Doubt();
  EXPECT_FALSE(sync.trusted(start + 1ms));
  EXPECT_TRUE(sync.known());
  sync.OnSample(start + 1s, start + 2s, 9'000);
  EXPECT_TRUE(sync.trusted(start + 2s));
  EXPECT_EQ(sync.VenueMs(start + 1500ms), 9'000) << "what was doubted counts no more, however short its round trip";
  sync.Forget();
  EXPECT_FALSE(sync.known());
  sync.OnSample(start + 1s, start, 1'000);
  EXPECT_FALSE(sync.known()) << "a sample whose times run backwards is dropped";
}

http::Response Answer(int status, std::initializer_list<std::pair<const char*, const char*>> headers) {
  http::Response response;
  response.status = status;
  for (const auto& [name, value] : headers) {
    response.headers.Add(name, value);
  }
  return response;
}

using Kind = Budget::Kind;
constexpr SteadyTime kNow{1h};

// A question whose answer tells these numbers.
void Tell(Budget& budget, std::initializer_list<std::pair<const char*, const char*>> headers, SteadyTime now = kNow) {
  budget.OnAnswer(budget.OnSend(Kind::kVital, 0, now), Answer(200, headers), now);
}

TEST(Budget, EntriesStopAtSeventyPercentOfTheWeightQueriesAtEightyExitsAndCancelsAtAll) {
  Budget budget;
  const auto use = [&](const char* weight) { Tell(budget, {{"X-MBX-USED-WEIGHT-1M", weight}}); };
  use("1679");
  EXPECT_FALSE(budget.Refuse(Kind::kEntry, 0, kNow));
  use("1680");
  EXPECT_EQ(budget.Refuse(Kind::kEntry, 0, kNow).value_or(""),
            "1680 of 1680 of request weight are used (for another 60 s)");
  EXPECT_FALSE(budget.Refuse(Kind::kQuery, 240, kNow));
  EXPECT_TRUE(budget.Refuse(Kind::kQuery, 241, kNow)) << "it would not fit";
  use("1920");
  EXPECT_TRUE(budget.Refuse(Kind::kQuery, 1, kNow));
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow));
  use("2399");
  EXPECT_FALSE(budget.Refuse(Kind::kCancel, 1, kNow));
  use("2400");
  EXPECT_TRUE(budget.Refuse(Kind::kExit, 0, kNow));
  EXPECT_TRUE(budget.Refuse(Kind::kCancel, 1, kNow));
  EXPECT_FALSE(budget.Refuse(Kind::kVital, 1, kNow)) << "without the venue's time nothing can be signed";
  EXPECT_FALSE(budget.Refuse(Kind::kEntry, 0, kNow + 1min)) << "the minute is over";
}

TEST(Budget, WhatIsOnItsWayCountsBesideWhatTheVenueTells) {
  Budget budget({.limits = {.weight_max = 100, .orders_10s_max = 10, .orders_1m_max = 100}, .queries_max = 1});
  const Budget::Sent first = budget.OnSend(Kind::kQuery, 40, kNow);
  const Budget::Sent second = budget.OnSend(Kind::kQuery, 40, kNow);
  EXPECT_EQ(budget.used_weight(kNow), 80);
  EXPECT_TRUE(budget.Refuse(Kind::kQuery, 40, kNow));
  budget.OnAnswer(first, Answer(200, {{"X-MBX-USED-WEIGHT-1M", "45"}}), kNow);  // five are another process' own
  EXPECT_EQ(budget.used_weight(kNow), 85) << "the second may not be among the 45";
  budget.OnAnswer(second, Answer(200, {}), kNow);
  EXPECT_EQ(budget.used_weight(kNow), 85) << "without a word from the venue it counts as what it weighs";

  for (int i = 0; i < 7; ++i) {
    EXPECT_FALSE(budget.Refuse(Kind::kEntry, 0, kNow + 1min)) << i;
    budget.OnSend(Kind::kEntry, 0, kNow + 1min);
  }
  EXPECT_TRUE(budget.Refuse(Kind::kEntry, 0, kNow + 1min)) << "seven of ten are on their way";
  EXPECT_TRUE(budget.Refuse(Kind::kEntry, 0, kNow + 5min)) << "as long as nothing is heard of them";
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow + 1min));
}

TEST(Budget, WhatDidNotArriveIsNotCountedAndWhatMayHaveIs) {
  Budget budget;
  budget.OnNoAnswer(budget.OnSend(Kind::kEntry, 5, kNow), false, kNow);
  EXPECT_EQ(budget.used_weight(kNow), 0);
  budget.OnNoAnswer(budget.OnSend(Kind::kEntry, 5, kNow), true, kNow);
  EXPECT_EQ(budget.used_weight(kNow), 5);
  EXPECT_EQ(budget.used_weight(kNow + 1min), 0);
}

TEST(Budget, AnAnswerThatWasOvertakenTakesNothingBack) {
  Budget budget;
  const Budget::Sent slow = budget.OnSend(Kind::kQuery, 1, kNow);
  Tell(budget, {{"X-MBX-USED-WEIGHT-1M", "1700"}}, kNow + 1s);
  budget.OnAnswer(slow, Answer(200, {{"X-MBX-USED-WEIGHT-1M", "1650"}}), kNow + 2s);
  EXPECT_EQ(budget.used_weight(kNow + 2s), 1700);
  const Budget::Sent across = budget.OnSend(Kind::kQuery, 1, kNow + 2s);
  Tell(budget, {{"X-MBX-USED-WEIGHT-1M", "1710"}}, kNow + 3s);
  budget.OnAnswer(across, Answer(200, {{"X-MBX-USED-WEIGHT-1M", "12"}}), kNow + 4s);
  EXPECT_EQ(budget.used_weight(kNow + 4s), 1710) << "the minute is a new one; the 1710 may have been told in it";
  Tell(budget, {{"X-MBX-USED-WEIGHT-1M", "13"}}, kNow + 5s);
  EXPECT_EQ(budget.used_weight(kNow + 5s), 13) << "asked after the 1710 were told";
  const Budget::Sent late = budget.OnSend(Kind::kQuery, 1, kNow + 6s);
  Tell(budget, {{"X-MBX-USED-WEIGHT-1M", "300"}}, kNow + 7s);
  budget.OnAnswer(late, Answer(200, {{"X-MBX-USED-WEIGHT-1M", "100"}}), kNow + 8s);
  EXPECT_EQ(budget.used_weight(kNow + 8s), 300) << "however far it was overtaken";
}

TEST(Budget, EntriesStopAtSeventyPercentOfTheOrderCountsToo) {
  Budget budget;
  const auto use = [&](const char* in_10s, const char* in_1m) {
    Tell(budget, {{"X-MBX-ORDER-COUNT-10S", in_10s}, {"X-MBX-ORDER-COUNT-1M", in_1m}});
  };
  use("210", "300");
  EXPECT_TRUE(budget.Refuse(Kind::kEntry, 0, kNow));
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow));
  use("300", "300");
  EXPECT_TRUE(budget.Refuse(Kind::kExit, 0, kNow));
  EXPECT_FALSE(budget.Refuse(Kind::kCancel, 1, kNow)) << "cancels are not counted";
  EXPECT_FALSE(budget.Refuse(Kind::kEntry, 0, kNow + 10s));
  use("10", "840");
  EXPECT_TRUE(budget.Refuse(Kind::kEntry, 0, kNow + 10s));
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow + 10s));
}

TEST(Budget, StopsAltogetherWhenTheVenueSaysSo) {
  Budget budget;
  const auto refuse = [&](http::Response response) {
    budget.OnAnswer(budget.OnSend(Kind::kQuery, 1, kNow), response, kNow);
  };
  refuse(Answer(429, {{"Retry-After", "0"}}));
  EXPECT_TRUE(budget.Refuse(Kind::kExit, 0, kNow)) << "its second may be about to end, and is not over";
  refuse(Answer(429, {{"Retry-After", "3"}}));
  EXPECT_TRUE(budget.Refuse(Kind::kExit, 0, kNow + 2s));
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow + 3s));
  http::Response too_many = Answer(400, {{"Retry-After", "7"}});
  too_many.body = R"({"code":-1003,"msg":"Too many requests; current limit is 2400 requests per minute."})";
  refuse(too_many);
  EXPECT_TRUE(budget.Refuse(Kind::kExit, 0, kNow + 6s));
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow + 7s));
  refuse(Answer(418, {}));
  EXPECT_TRUE(budget.Refuse(Kind::kCancel, 1, kNow + 119s));
  EXPECT_TRUE(budget.Refuse(Kind::kVital, 1, kNow + 119s)) << "a banned address asks nothing";
  refuse(Answer(418, {{"Retry-After", "259200"}}));
  EXPECT_TRUE(budget.Refuse(Kind::kCancel, 1, kNow + 71h)) << "bans last up to three days";
}

TEST(Budget, TooManyOrdersStopsOrdersAloneAndCountsWhatTheVenueCounts) {
  Budget budget;
  http::Response refused =
      Answer(429, {{"Retry-After", "8"}, {"X-MBX-ORDER-COUNT-10S", "300"}, {"X-MBX-ORDER-COUNT-1M", "700"}});
  refused.body = R"({"code":-1015,"msg":"Too many new orders; current limit is 300 orders per 10 SECONDS."})";
  budget.OnAnswer(budget.OnSend(Kind::kExit, 0, kNow), refused, kNow);
  EXPECT_TRUE(budget.Refuse(Kind::kEntry, 0, kNow));
  EXPECT_TRUE(budget.Refuse(Kind::kExit, 0, kNow + 7s));
  EXPECT_FALSE(budget.Refuse(Kind::kCancel, 1, kNow)) << "what cancels is not counted, and goes on";
  EXPECT_FALSE(budget.Refuse(Kind::kQuery, 1, kNow));
  EXPECT_FALSE(budget.Refuse(Kind::kExit, 0, kNow + 10s));
}

TEST(Weights, DependOnWhatIsAskedFor) {
  EXPECT_EQ(weight::Depth(5), 2);
  EXPECT_EQ(weight::Depth(100), 5);
  EXPECT_EQ(weight::Depth(500), 10);
  EXPECT_EQ(weight::Depth(1000), 20);
  EXPECT_EQ(weight::Klines(99), 1);
  EXPECT_EQ(weight::Klines(100), 2);
  EXPECT_EQ(weight::Klines(500), 5);
  EXPECT_EQ(weight::Klines(1001), 10);
}

TEST(Hosts, Pain8EveryModeAcceptsOnlyItsOwn) {
  const Mode modes[] = {Mode::kPaper, Mode::kTestnet, Mode::kLive};
  for (const Mode mode : modes) {
    for (const Mode other : modes) {
      EXPECT_EQ(CheckHosts(mode, HostsOf(other, 8090), {}).ok(), mode == other)
          << config::ToString(mode) << " with the hosts of " << config::ToString(other);
    }
  }
  EXPECT_FALSE(CheckHosts(Mode::kLive, {"https://fapi.binance.com", "wss://fstream.binancefuture.com"}, {}).ok());
}

TEST(Hosts, PaperIsServedByThisMachineAlone) {
  const std::vector<std::string> machine = {"127.0.0.1", "10.1.2.3", "fd00::7"};
  for (const char* host : {"127.0.0.1", "127.0.0.2", "localhost", "[::1]", "10.1.2.3", "[fd00::7]", "[fd00:0::7]"}) {
    EXPECT_TRUE(CheckHosts(Mode::kPaper, HostsOf(Mode::kPaper, 8090, host), machine).ok()) << host;
  }
  for (const char* host : {"10.1.2.4", "0.0.0.0", "[::]", "[fd00::8]", "fapi.binance.com", "127.0.0.1.evil.com",
                           "10.1.2.3.evil.com", "10.1.2.3@evil.com", "[fd00::7", "fd00::7", "", "2130706433"}) {
    EXPECT_FALSE(CheckHosts(Mode::kPaper, HostsOf(Mode::kPaper, 8090, host), machine).ok()) << host;
  }
  for (const char* rest : {"https://10.1.2.3:8090", "http://10.1.2.3:", "http://10.1.2.3:80@evil.com",
                           "http://10.1.2.3:80/x", "http://10.1.2.3/", "http://[fd00::7]x:80", "10.1.2.3:8090"}) {
    EXPECT_FALSE(CheckHosts(Mode::kPaper, {rest, "ws://10.1.2.3:8090"}, machine).ok()) << rest;
  }
  EXPECT_FALSE(CheckHosts(Mode::kPaper, {"http://10.1.2.3:8090", "ws://10.1.2.4:8090"}, machine).ok()) << "both count";
  for (const Mode mode : {Mode::kTestnet, Mode::kLive}) {
    EXPECT_FALSE(CheckHosts(mode, HostsOf(Mode::kPaper, 8090, "10.1.2.3"), machine).ok()) << config::ToString(mode);
  }
}

TEST(Hosts, AreWhereTheManifestPutsThePaperExchange) {
  quantum::testing::TemporaryDirectory directory("hosts");
  const auto of = [&](const std::string& mode, const std::string& bind) {
    const std::string path = directory.path() / "quantum.yml";
    std::ofstream(path) << "version: 1\nmode: " << mode << "\nsymbols: [BTCUSDT]\nbind: \"" << bind
                        << "\"\nunits:\n  paper-exchange: {kind: service, command: x, port: 8090}\n";
    return HostsOf(config::Manifest::Load(path).value());
  };
  EXPECT_EQ(of("PAPER", "10.1.2.3").rest, "http://10.1.2.3:8090");
  EXPECT_EQ(of("PAPER", "fd00::7").websocket, "ws://[fd00::7]:8090");
  EXPECT_EQ(of("PAPER", "0.0.0.0").rest, "http://127.0.0.1:8090");
  EXPECT_EQ(of("TESTNET", "10.1.2.3").rest, "https://demo-fapi.binance.com");
}

TEST(Credentials, Pain8MustBeSuchAsTheModeHas) {
  const std::string generated(64, 'a');
  const std::string mainnet = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
  EXPECT_TRUE(CheckCredentials(Mode::kPaper, {generated, "s"}).ok());
  EXPECT_TRUE(CheckCredentials(Mode::kPaper, {"test-key", "s"}).ok());
  EXPECT_FALSE(CheckCredentials(Mode::kPaper, {mainnet, "s"}).ok());
  EXPECT_FALSE(CheckCredentials(Mode::kPaper, {"", "s"}).ok());
  EXPECT_FALSE(CheckCredentials(Mode::kPaper, {"k", ""}).ok());
  EXPECT_FALSE(CheckCredentials(Mode::kPaper, {"k\r\nX: y", "s"}).ok());
  EXPECT_TRUE(CheckCredentials(Mode::kLive, {mainnet, "s"}).ok());
  EXPECT_FALSE(CheckCredentials(Mode::kLive, {generated, "s"}).ok());
  EXPECT_FALSE(CheckCredentials(Mode::kTestnet, {"test-key", "s"}).ok());
}

TEST(EncodeOrder, PlainOrdersGoToTheOrderEndpoint) {
  const auto market = EncodeOrder({.client_order_id = "qt-1",
                                   .symbol = "BTCUSDT",
                                   .side = Side::kSell,
                                   .quantity = "0.002"_dec,
                                   .reduce_only = true});
  EXPECT_EQ(market->path, "/fapi/v1/order");
  EXPECT_EQ(market->parameters.text(),
            "symbol=BTCUSDT&side=SELL&type=MARKET&quantity=0.002&newClientOrderId=qt-1&newOrderRespType=RESULT"
            "&reduceOnly=true");
  const auto limit = EncodeOrder({.client_order_id = "qt-2",
                                  .symbol = "BTCUSDT",
                                  .type = OrderType::kLimit,
                                  .time_in_force = trading::TimeInForce::kGtx,
                                  .quantity = "1"_dec,
                                  .price = "60000.5"_dec});
  EXPECT_THAT(limit->parameters.text(), HasSubstr("price=60000.5&timeInForce=GTX"));
}

TEST(EncodeOrder, ConditionalOrdersGoToTheAlgoEndpoint) {
  const auto stop = EncodeOrder({.client_order_id = "qt-3",
                                 .symbol = "BTCUSDT",
                                 .side = Side::kSell,
                                 .type = OrderType::kStopMarket,
                                 .quantity = "0.002"_dec,
                                 .trigger_price = "59000"_dec,
                                 .reduce_only = true});
  EXPECT_EQ(stop->path, "/fapi/v1/algoOrder");
  EXPECT_EQ(stop->parameters.text(),
            "symbol=BTCUSDT&side=SELL&type=STOP_MARKET&quantity=0.002&algoType=CONDITIONAL&clientAlgoId=qt-3"
            "&triggerPrice=59000&workingType=MARK_PRICE&reduceOnly=true");
}

TEST(EncodeOrder, ALimitOrderCarriesItsTimeInForce) {
  for (const auto& [time_in_force, text] : {std::pair{trading::TimeInForce::kIoc, "timeInForce=IOC"},
                                            {trading::TimeInForce::kFok, "timeInForce=FOK"},
                                            {trading::TimeInForce::kGtx, "timeInForce=GTX"}}) {
    const auto limit = EncodeOrder({.client_order_id = "qt-2",
                                    .symbol = "BTCUSDT",
                                    .type = OrderType::kLimit,
                                    .time_in_force = time_in_force,
                                    .quantity = "1"_dec,
                                    .price = "60000.5"_dec});
    EXPECT_THAT(limit->parameters.text(), HasSubstr(text));
  }
}

TEST(EncodeOrder, ATrailingStopHasACallbackAndNoTrigger) {
  NewOrder order{.client_order_id = "qt-4",
                 .symbol = "BTCUSDT",
                 .side = Side::kSell,
                 .type = OrderType::kTrailingStop,
                 .quantity = "0.002"_dec,
                 .callback_percent = "0.5"_dec,
                 .reduce_only = true};
  EXPECT_EQ(EncodeOrder(order)->path, "/fapi/v1/algoOrder");
  EXPECT_EQ(EncodeOrder(order)->parameters.text(),
            "symbol=BTCUSDT&side=SELL&type=TRAILING_STOP_MARKET&quantity=0.002&algoType=CONDITIONAL&clientAlgoId=qt-4"
            "&callbackRate=0.5&workingType=MARK_PRICE&reduceOnly=true");
  order.activation_price = "60100"_dec;
  EXPECT_THAT(EncodeOrder(order)->parameters.text(), HasSubstr("&callbackRate=0.5&activatePrice=60100&"));
  for (const Decimal wrong : {"0"_dec, "0.09"_dec, "0.15"_dec, "10.1"_dec}) {
    order.callback_percent = wrong;
    EXPECT_FALSE(EncodeOrder(order).ok()) << wrong.ToString();
  }
}

TEST(EncodeOrder, RefusesWhatMustNotBeSent) {
  const NewOrder good{.client_order_id = "qt-1", .symbol = "BTCUSDT", .quantity = "1"_dec};
  const auto refused = [&](auto change) {
    NewOrder order = good;
    change(order);
    return !EncodeOrder(order).ok();
  };
  EXPECT_TRUE(EncodeOrder(good).ok());
  EXPECT_TRUE(refused([](NewOrder& order) { order.client_order_id = ""; }));
  EXPECT_TRUE(refused([](NewOrder& order) { order.client_order_id = "has blank"; }));
  EXPECT_TRUE(refused([](NewOrder& order) { order.client_order_id = std::string(37, 'a'); }));
  EXPECT_TRUE(refused([](NewOrder& order) { order.quantity = "0"_dec; }));
  EXPECT_TRUE(refused([](NewOrder& order) { order.quantity = "-1"_dec; }));
  EXPECT_TRUE(refused([](NewOrder& order) { order.type = OrderType::kLimit; })) << "no price";
  EXPECT_TRUE(refused([](NewOrder& order) {
    order.type = OrderType::kStopMarket;
    order.trigger_price = "1"_dec;
  })) << "a stop that is not reduce-only";
  EXPECT_TRUE(refused([](NewOrder& order) {
    order.type = OrderType::kStopMarket;
    order.reduce_only = true;
  })) << "no trigger price";
}

}  // namespace
}  // namespace quantum::binance
