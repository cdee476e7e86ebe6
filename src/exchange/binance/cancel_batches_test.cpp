#include "exchange/binance/cancel_batches.h"

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/test_server.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using test::ParameterOf;
using test::TestServer;
using test::Within;

struct Canceller {
  explicit Canceller(fiber::Loop& on) : loop(on), server(on) {
    rest = std::make_shared<Rest>(loop, RestOptions{.hosts = server.hosts(), .credentials = {"key", "secret"}},
                                  SystemClock(), SystemRandom());
    batches = std::make_unique<CancelBatches>(rest);
  }
  // In a fiber of its own; the status stands in `statuses` under the id.
  void Ask(const std::string& symbol, const std::string& id) {
    loop.Spawn([this, symbol, id] { statuses.emplace(id, batches->Cancel(symbol, id)); });
  }
  bool Answered(size_t count) {
    return Within(10s, [&] { return statuses.size() == count; });
  }
  fiber::Loop& loop;
  TestServer server;
  std::shared_ptr<Rest> rest;
  std::unique_ptr<CancelBatches> batches;
  std::map<std::string, Status> statuses;
};

void WithServer(const std::function<void(Canceller&)>& body) {
  test::RunInFiber([&](fiber::Loop& loop) {
    Canceller canceller(loop);
    body(canceller);
  });
}

// The ids of a request for several.
std::vector<std::string> IdsOf(const http::Request& request) {
  const std::string list = ParameterOf(request, "origclientorderidlist");
  std::vector<std::string> ids;
  for (size_t at = list.find("qt-"); at != std::string::npos; at = list.find("qt-", at + 1)) {
    ids.push_back(list.substr(at, list.find('%', at) - at));
  }
  return ids;
}

// What the venue answers, each cancelled.
http::Response AllCancelled(const http::Request& request) {
  std::string answers;
  for (const std::string& id : IdsOf(request)) {
    answers += fmt::format("{}{{\"clientOrderId\":\"{}\"}}", answers.empty() ? "" : ",", id);
  }
  return http::Json("[" + answers + "]");
}

TEST(CancelBatches, OneAloneIsAskedForAsTheVenueTakesOne) {
  WithServer([](Canceller& canceller) {
    EXPECT_TRUE(canceller.batches->Cancel("BTCUSDT", "qt-1").ok());
    EXPECT_TRUE(canceller.batches->Cancel("BTCUSDT", "qt-2").ok());
    ASSERT_EQ(canceller.server.requests.size(), 2u);
    for (const http::Request& request : canceller.server.requests) {
      EXPECT_EQ(request.path, "/fapi/v1/order");
    }
    EXPECT_EQ(ParameterOf(canceller.server.requests.back(), "origClientOrderId"), "qt-2");
  });
}

TEST(CancelBatches, WhatIsAskedForAtOnceSharesRequestsOfTenBySymbol) {
  WithServer([](Canceller& canceller) {
    canceller.server.answer = AllCancelled;
    for (int i = 0; i < 23; ++i) {
      canceller.Ask("BTCUSDT", fmt::format("qt-b{}", i));
      if (i < 4) {
        canceller.Ask("ETHUSDT", fmt::format("qt-e{}", i));
      }
    }
    ASSERT_TRUE(canceller.Answered(27));
    for (const auto& [id, status] : canceller.statuses) {
      EXPECT_TRUE(status.ok()) << id << ": " << status.error().message;
    }
    std::multiset<std::pair<std::string, size_t>> sizes;
    for (const http::Request& request : canceller.server.requests) {
      EXPECT_EQ(request.path, "/fapi/v1/batchOrders");
      sizes.emplace(ParameterOf(request, "symbol"), IdsOf(request).size());
    }
    EXPECT_THAT(sizes, ::testing::UnorderedElementsAre(std::pair("BTCUSDT", 10), std::pair("BTCUSDT", 10),
                                                       std::pair("BTCUSDT", 3), std::pair("ETHUSDT", 4)));
  });
}

TEST(CancelBatches, EachIsAnsweredForItselfAndTheNextTurnAsksAnew) {
  WithServer([](Canceller& canceller) {
    canceller.server.answer = [](const http::Request&) {
      return http::Json(R"([{"clientOrderId":"qt-1"},{"code":-2011,"msg":"Unknown order sent."}])");
    };
    canceller.Ask("BTCUSDT", "qt-1");
    canceller.Ask("BTCUSDT", "qt-2");
    ASSERT_TRUE(canceller.Answered(2));
    EXPECT_TRUE(canceller.statuses.at("qt-1").ok());
    EXPECT_EQ(canceller.statuses.at("qt-2").error().code, Errc::kNotFound);
    EXPECT_EQ(canceller.server.requests.size(), 1u);
    canceller.server.answer = [](const http::Request&) { return http::Json("{}", 503); };
    canceller.statuses.clear();
    canceller.Ask("BTCUSDT", "qt-1");
    canceller.Ask("BTCUSDT", "qt-2");
    ASSERT_TRUE(canceller.Answered(2));
    for (const auto& [id, status] : canceller.statuses) {
      EXPECT_EQ(status.error().code, Errc::kUnknownOutcome) << id;
    }
  });
}

TEST(CancelBatches, WhatIsRefusedTogetherIsAskedForOneByOne) {
  WithServer([](Canceller& canceller) {
    canceller.server.answer = [](const http::Request& request) {
      if (request.path == "/fapi/v1/batchOrders") {
        return http::Json(R"({"code":-1130,"msg":"Data sent for parameter 'orderidlist' is not valid."})", 400);
      }
      const bool known = ParameterOf(request, "origClientOrderId") != "qt-2";
      return known ? http::Json("{}") : http::Json(R"({"code":-2011,"msg":"Unknown order sent."})", 400);
    };
    canceller.Ask("BTCUSDT", "qt-1");
    canceller.Ask("BTCUSDT", "qt-2");
    canceller.Ask("BTCUSDT", "qt-3");
    ASSERT_TRUE(canceller.Answered(3));
    EXPECT_TRUE(canceller.statuses.at("qt-1").ok());
    EXPECT_EQ(canceller.statuses.at("qt-2").error().code, Errc::kNotFound);
    EXPECT_TRUE(canceller.statuses.at("qt-3").ok());
    EXPECT_EQ(canceller.server.requests.size(), 4u);
  });
}

TEST(CancelBatches, WhatTheLimitsRefuseIsNotAskedForAgain) {
  WithServer([](Canceller& canceller) {
    canceller.server.answer = [](const http::Request&) {  // of orders: Rest lets cancels through after it
      return http::Json(R"({"code":-1015,"msg":"Too many new orders"})", 429);
    };
    canceller.Ask("BTCUSDT", "qt-1");
    canceller.Ask("BTCUSDT", "qt-2");
    ASSERT_TRUE(canceller.Answered(2));
    EXPECT_EQ(canceller.statuses.at("qt-2").error().code, Errc::kExhausted);
    EXPECT_EQ(canceller.server.requests.size(), 1u);
  });
}

TEST(CancelBatches, OneThatHangsHoldsUpNoOther) {
  WithServer([](Canceller& canceller) {
    bool release = false;
    canceller.server.answer = [&](const http::Request& request) {
      while (!release && ParameterOf(request, "symbol") == "BTCUSDT") {
        fiber::SleepFor(2ms);
      }
      return http::Json("{}");
    };
    canceller.Ask("BTCUSDT", "qt-1");
    ASSERT_TRUE(Within(10s, [&] { return canceller.server.requests.size() == 1; }));
    canceller.Ask("BTCUSDT", "qt-2");
    canceller.Ask("ETHUSDT", "qt-3");
    ASSERT_TRUE(Within(10s, [&] { return canceller.server.requests.size() == 3; })) << "a later one of the symbol too";
    ASSERT_TRUE(canceller.Answered(1));
    release = true;
    ASSERT_TRUE(canceller.Answered(3));
  });
}

}  // namespace
}  // namespace quantum::binance
