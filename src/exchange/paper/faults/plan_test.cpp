#include "exchange/paper/faults/plan.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <set>

namespace quantum::paper {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using ::testing::Not;
using trading::operator""_dec;

constexpr int64_t kNow = 1'700'000'000'000;

// The kinds that a test below is about; the last test wants all.
std::set<std::string>& Tested() {
  static std::set<std::string> tested;
  return tested;
}

class Plan {
 public:
  explicit Plan(const std::string& fault) { Add(fault); }
  int64_t Add(const std::string& fault) {
    const auto spec = ParseFault(fault);
    EXPECT_TRUE(spec.ok()) << (spec.ok() ? "" : spec.error().message);
    Tested().insert(spec->name);
    const auto id = plan.Add(*spec, kNow);
    EXPECT_TRUE(id.ok());
    return *id;
  }
  FaultPlan plan;
};

RestRequest Order(const std::string& symbol = "BTCUSDT", const std::string& more = "") {
  return {"POST", "/fapi/v1/order", "", "symbol=" + symbol + more, "key"};
}
RestRequest Get(const std::string& path) { return {"GET", path, "", "", "key"}; }

bool Passes(const Interference& interference) {
  return interference.delay_ms == 0 && !interference.dropped && !interference.answer && !interference.filled_share;
}

TEST(FaultPlan, LatencyDelaysAndSomeOfItLonger) {
  Plan made(R"({"name":"latency","parameters":{"ms":100,"tail_ms":900,"tail_share":0.1}})");
  int tails = 0;
  for (int i = 0; i < 1000; ++i) {
    const Interference before = made.plan.BeforeRequest(Order(), kNow);
    EXPECT_TRUE(before.delay_ms == 100 || before.delay_ms == 1000);
    tails += before.delay_ms == 1000 ? 1 : 0;
    EXPECT_TRUE(Passes(made.plan.AfterRequest(Order(), {}, kNow)));
  }
  EXPECT_GT(tails, 60);
  EXPECT_LT(tails, 150);
}

TEST(FaultPlan, ALateAnswerAndAFillBeforeTheAnswerWaitAfterTheOrderWasActedOn) {
  Plan late(R"({"name":"late-answer","parameters":{"ms":70}})");
  EXPECT_TRUE(Passes(late.plan.BeforeRequest(Order(), kNow)));
  EXPECT_EQ(late.plan.AfterRequest(Get("/fapi/v1/time"), {}, kNow).delay_ms, 70);
  Plan fill(R"({"name":"fill-before-answer","parameters":{"ms":80}})");
  EXPECT_EQ(fill.plan.AfterRequest(Order(), {}, kNow).delay_ms, 80);
  EXPECT_TRUE(Passes(fill.plan.AfterRequest(Get("/fapi/v1/order"), {}, kNow))) << "of orders alone";
}

TEST(FaultPlan, WhatMayHaveBeenActedOnOrNotIsSoByItsParameter) {
  const std::pair<const char*, const char*> answers[] = {{"error-5xx", "-1000"},
                                                         {"unknown-1006", "-1006"},
                                                         {"timeout-1007", "-1007"},
                                                         {"no-answer", ""},
                                                         {"firewall", "<html>"}};
  for (const auto& [name, code] : answers) {
    for (const bool acted : {false, true}) {
      Plan made(fmt::format(R"({{"name":"{}","parameters":{{"acted":{}}}}})", name, acted ? 1 : 0));
      const Interference before = made.plan.BeforeRequest(Order(), kNow);
      const Interference after = made.plan.AfterRequest(Order(), {}, kNow);
      EXPECT_TRUE(Passes(acted ? before : after)) << name;
      const Interference& struck = acted ? after : before;
      EXPECT_EQ(struck.dropped, std::string_view(name) == "no-answer");
      if (struck.answer) {
        EXPECT_THAT(struck.answer->body, HasSubstr(code));
        EXPECT_GE(struck.answer->status, 403);
      }
    }
  }
  Plan status(R"({"name":"error-5xx","parameters":{"acted":0,"status":502}})");
  EXPECT_EQ(status.plan.BeforeRequest(Order(), kNow).answer->status, 502);
}

TEST(FaultPlan, ARateLimitAndABanSayWhenToComeBack) {
  for (const auto& [name, status] : {std::pair{"rate-limit", 429}, std::pair{"ban", 418}}) {
    Plan made(fmt::format(R"({{"name":"{}","parameters":{{"retry_after_s":3}}}})", name));
    const Interference before = made.plan.BeforeRequest(Order(), kNow);
    ASSERT_TRUE(before.answer);
    EXPECT_EQ(before.answer->status, status);
    EXPECT_THAT(before.answer->headers, ElementsAre(std::pair<std::string, std::string>("Retry-After", "3")));
    EXPECT_THAT(before.answer->body, HasSubstr("-1003"));
  }
}

TEST(FaultPlan, RejectsAShareOfWhatMatchesTheSameForTheSameSeed) {
  const auto rejected = [](int seed) {
    Plan made(fmt::format(R"({{"name":"reject","seed":{},"share":0.3,"match":{{"symbol":"BTCUSDT"}},)"
                          R"("parameters":{{"code":-2010}}}})",
                          seed));
    std::string which;
    for (int i = 0; i < 200; ++i) {
      EXPECT_TRUE(Passes(made.plan.BeforeRequest(Order("ETHUSDT"), kNow)));
      const Interference before = made.plan.BeforeRequest(Order(), kNow);
      which += before.answer ? 'x' : '.';
      if (before.answer) {
        EXPECT_THAT(before.answer->body, HasSubstr("-2010"));
      }
    }
    return which;
  };
  const std::string first = rejected(1);
  EXPECT_EQ(rejected(1), first);
  EXPECT_NE(rejected(2), first);
  EXPECT_NEAR(static_cast<double>(std::count(first.begin(), first.end(), 'x')), 60, 25);
}

TEST(FaultPlan, APartialFillIsOfPlainOrdersAlone) {
  Plan made(R"({"name":"partial-then-cancel","parameters":{"filled_share":0.4}})");
  EXPECT_EQ(made.plan.BeforeRequest(Order(), kNow).filled_share, "0.4"_dec);
  RestRequest algo = Order();
  algo.path = "/fapi/v1/algoOrder";
  EXPECT_TRUE(Passes(made.plan.BeforeRequest(algo, kNow)));
}

constexpr const char* kInfo =
    R"({"symbols":[{"symbol":"BTCUSDT","status":"TRADING","filters":[{"filterType":"LOT_SIZE","stepSize":"0.001",)"
    R"("minQty":"0.001"},{"filterType":"PRICE_FILTER","tickSize":"0.1"}]},)"
    R"({"symbol":"ETHUSDT","status":"TRADING","filters":[]}]})";

TEST(FaultPlan, AHaltedSymbolSaysSoAndTakesNoOrder) {
  Plan made(R"({"name":"symbol-halted","match":{"symbol":"BTCUSDT"}})");
  EXPECT_THAT(made.plan.BeforeRequest(Order(), kNow).answer->body, HasSubstr("-4140"));
  EXPECT_TRUE(Passes(made.plan.BeforeRequest(Order("ETHUSDT"), kNow)));
  const Interference info = made.plan.AfterRequest(Get("/fapi/v1/exchangeInfo"), {200, kInfo, {}}, kNow);
  EXPECT_THAT(info.answer->body, HasSubstr(R"("symbol":"BTCUSDT","status":"BREAK")"));
  EXPECT_THAT(info.answer->body, HasSubstr(R"("symbol":"ETHUSDT","status":"TRADING")"));
}

TEST(FaultPlan, ChangedFiltersAreToldAndHeldAgainstOrders) {
  Plan made(
      R"({"name":"filters-changed","match":{"symbol":"BTCUSDT"},
          "parameters":{"step_size":"0.01","min_quantity":"0.02","tick_size":1}})");
  const auto code = [&](const char* more) {
    const auto answer = made.plan.BeforeRequest(Order("BTCUSDT", more), kNow).answer;
    return answer ? answer->body.substr(8, 5) : "";
  };
  EXPECT_EQ(code("&quantity=0.021"), "-1111");
  EXPECT_EQ(code("&quantity=0.01"), "-4004");
  EXPECT_EQ(code("&quantity=0.02&price=100.5"), "-4014");
  EXPECT_EQ(code("&quantity=0.02&price=100"), "");
  const Interference info = made.plan.AfterRequest(Get("/fapi/v1/exchangeInfo"), {200, kInfo, {}}, kNow);
  EXPECT_THAT(info.answer->body, HasSubstr(R"("stepSize":"0.01")"));
  EXPECT_THAT(info.answer->body, HasSubstr(R"("minQty":"0.02")"));
  EXPECT_THAT(info.answer->body, HasSubstr(R"("tickSize":"1")"));
}

TEST(FaultPlan, UserEventsAreDuplicatedDelayedOrLost) {
  Plan duplicated(R"({"name":"events-duplicated","parameters":{"copies":2},"match":{"event":"ORDER_TRADE_UPDATE"}})");
  EXPECT_THAT(duplicated.plan.OnUserEvent(R"({"e":"ACCOUNT_UPDATE"})", kNow), ElementsAre(R"({"e":"ACCOUNT_UPDATE"})"));
  EXPECT_EQ(duplicated.plan.OnUserEvent(R"({"e":"ORDER_TRADE_UPDATE"})", kNow).size(), 3u);

  Plan lost(R"({"name":"events-lost","match":{"symbol":"BTCUSDT"}})");
  EXPECT_THAT(lost.plan.OnUserEvent(R"({"s":"BTCUSDT"})", kNow), IsEmpty());
  EXPECT_THAT(lost.plan.OnUserEvent(R"({"s":"ETHUSDT"})", kNow), Not(IsEmpty()));

  Plan delayed(R"({"name":"events-delayed","count":2,"parameters":{"ms":50}})");
  EXPECT_THAT(delayed.plan.OnUserEvent("a", kNow), IsEmpty());
  EXPECT_THAT(delayed.plan.OnUserEvent("b", kNow + 10), IsEmpty());
  EXPECT_THAT(delayed.plan.OnUserEvent("c", kNow + 20), ElementsAre("c"));
  EXPECT_THAT(delayed.plan.TakeDue(kNow + 49), IsEmpty());
  EXPECT_THAT(delayed.plan.TakeDue(kNow + 50), ElementsAre("a"));
  delayed.plan.Clear();
  EXPECT_THAT(delayed.plan.TakeDue(kNow + 60), ElementsAre("b"))
      << "what was held back comes, though the fault is gone";
}

TEST(FaultPlan, AnEventIsOvertakenByTheNextAndComesAfterAWhileWhereThereIsNone) {
  Plan made(R"({"name":"events-reordered","count":1,"parameters":{"ms":50}})");
  EXPECT_THAT(made.plan.OnUserEvent("a", kNow), IsEmpty());
  EXPECT_THAT(made.plan.OnUserEvent("b", kNow), ElementsAre("b", "a"));
  made.Add(R"({"name":"events-reordered","count":1,"parameters":{"ms":50}})");
  EXPECT_THAT(made.plan.OnUserEvent("c", kNow), IsEmpty());
  EXPECT_THAT(made.plan.TakeDue(kNow + 49), IsEmpty());
  EXPECT_THAT(made.plan.TakeDue(kNow + 50), ElementsAre("c"));
  made.Add(R"({"name":"events-reordered","count":1,"match":{"symbol":"BTCUSDT"}})");
  EXPECT_THAT(made.plan.OnUserEvent(R"({"s":"BTCUSDT","n":1})", kNow), IsEmpty());
  EXPECT_THAT(made.plan.OnUserEvent(R"({"s":"ETHUSDT"})", kNow), ElementsAre(R"({"s":"ETHUSDT"})"));
  EXPECT_THAT(made.plan.OnUserEvent(R"({"s":"BTCUSDT","n":2})", kNow),
              ElementsAre(R"({"s":"BTCUSDT","n":2})", R"({"s":"BTCUSDT","n":1})"));
}

TEST(FaultPlan, StreamsAreCutAtOnceAndRefusedForAsLongAsItLasts) {
  Plan once(R"({"name":"streams-cut","match":{"path":"/private"}})");
  const auto moments = once.plan.TakeMoments();
  ASSERT_EQ(moments.size(), 1u);
  EXPECT_EQ(moments.front().what, FaultMoment::What::kCutStreams);
  EXPECT_EQ(moments.front().path, "/private");
  EXPECT_THAT(once.plan.TakeMoments(), IsEmpty());
  EXPECT_FALSE(once.plan.RefusesStream("/private/ws", kNow));
  Plan lasting(R"({"name":"streams-cut","for_ms":100,"match":{"path":"/private"}})");
  EXPECT_TRUE(lasting.plan.RefusesStream("/private/ws", kNow + 99));
  EXPECT_FALSE(lasting.plan.RefusesStream("/public/ws", kNow + 99));
  EXPECT_FALSE(lasting.plan.RefusesStream("/private/ws", kNow + 100));
}

TEST(FaultPlan, AListenKeyExpiresAtOnceAndInSilence) {
  Plan made(R"({"name":"listen-key-expired"})");
  EXPECT_EQ(made.plan.TakeMoments().front().what, FaultMoment::What::kForgetListenKey);
}

TEST(FaultPlan, FundingAndLiquidationComeAtOnceAndOnce) {
  Plan made(R"({"name":"funding-now"})");
  made.Add(R"({"name":"liquidation-now","match":{"symbol":"BTCUSDT"}})");
  const auto moments = made.plan.TakeMoments();
  ASSERT_EQ(moments.size(), 2u);
  EXPECT_EQ(moments[0].what, FaultMoment::What::kSettleFunding);
  EXPECT_EQ(moments[0].symbol, "");
  EXPECT_EQ(moments[1].what, FaultMoment::What::kLiquidate);
  EXPECT_EQ(moments[1].symbol, "BTCUSDT");
  EXPECT_THAT(made.plan.TakeMoments(), IsEmpty());
}

TEST(FaultPlan, TheClockIsOffForAsLongAsItLasts) {
  Plan made(R"({"name":"clock-skew","for_ms":1000,"parameters":{"ms":-2500}})");
  made.Add(R"({"name":"clock-skew","parameters":{"ms":500}})");
  EXPECT_EQ(made.plan.skew_ms(kNow), -2000);
  EXPECT_EQ(made.plan.skew_ms(kNow + 1000), 500);
}

TEST(FaultPlan, AnOutageDropsEveryRequestUnactedAndEveryStream) {
  Plan made(R"({"name":"outage","for_ms":1000})");
  EXPECT_EQ(made.plan.TakeMoments().front().path, "");
  EXPECT_TRUE(made.plan.BeforeRequest(Get("/fapi/v1/time"), kNow).dropped);
  EXPECT_TRUE(made.plan.RefusesStream("/market/stream", kNow));
  EXPECT_TRUE(Passes(made.plan.BeforeRequest(Order(), kNow + 1000)));
  EXPECT_FALSE(made.plan.RefusesStream("/market/stream", kNow + 1000));
}

TEST(FaultPlan, StrikesAsOftenAsItWasToldToAndSaysHowOftenItDid) {
  Plan made(R"({"name":"no-answer","count":2,"match":{"method":"POST"}})");
  EXPECT_TRUE(Passes(made.plan.AfterRequest(Get("/fapi/v1/order"), {}, kNow)));
  EXPECT_TRUE(made.plan.AfterRequest(Order(), {}, kNow).dropped);
  EXPECT_TRUE(made.plan.AfterRequest(Order(), {}, kNow).dropped);
  EXPECT_TRUE(Passes(made.plan.AfterRequest(Order(), {}, kNow)));
  EXPECT_THAT(made.plan.ToJson(kNow), HasSubstr(R"("in_force":false,"asked":2,"struck":2)"));
}

TEST(FaultPlan, SeveralFaultsAddTheirDelaysAndTheOldestThatEndsARequestDecides) {
  Plan made(R"({"name":"latency","parameters":{"ms":10,"tail_share":0}})");
  const int64_t reject = made.Add(R"({"name":"reject"})");
  made.Add(R"({"name":"outage"})");
  Interference before = made.plan.BeforeRequest(Order(), kNow);
  EXPECT_EQ(before.delay_ms, 10);
  EXPECT_TRUE(before.answer);
  EXPECT_FALSE(before.dropped);
  EXPECT_TRUE(made.plan.Remove(reject));
  EXPECT_FALSE(made.plan.Remove(reject));
  before = made.plan.BeforeRequest(Order(), kNow);
  EXPECT_TRUE(before.dropped);
}

TEST(FaultPlan, TakesNoMoreThanItHoldsAndForgetsWhatIsOver) {
  FaultPlan plan;
  const FaultSpec lasting = *ParseFault(R"({"name":"events-lost"})");
  const FaultSpec over = *ParseFault(R"({"name":"listen-key-expired"})");
  for (size_t i = 0; i < 10 * FaultPlan::kInForceMost; ++i) {
    ASSERT_TRUE(plan.Add(over, kNow).ok());
  }
  EXPECT_LT(plan.ToJson(kNow).size(), 100'000u);
  for (size_t i = 0; i < FaultPlan::kInForceMost; ++i) {
    ASSERT_TRUE(plan.Add(lasting, kNow).ok());
  }
  EXPECT_EQ(plan.Add(lasting, kNow).error().code, Errc::kExhausted);
}

// Last in this file: tests run in their order.
TEST(FaultPlan, ZEveryKindOfTheRegistryHasATestAbove) {
  if (::testing::UnitTest::GetInstance()->test_to_run_count() <
      ::testing::UnitTest::GetInstance()->total_test_count()) {
    GTEST_SKIP() << "only with all tests";
  }
  for (const FaultKind& kind : FaultKinds()) {
    EXPECT_TRUE(Tested().contains(std::string(kind.name))) << kind.name;
  }
}

}  // namespace
}  // namespace quantum::paper
