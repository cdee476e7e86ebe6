// The connector against the paper exchange under Binance's true limits: 2,400 of weight and 1,200 orders a minute, 300
// orders in ten seconds. Both sides are the real ones and speak HTTP; the clock is one, and the test's.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "exchange/binance/market_venue.h"
#include "exchange/binance/test_server.h"
#include "exchange/binance/trading_venue.h"
#include "exchange/paper/exchange.h"
#include "platform/metrics/names.h"
#include "tests/support/temporary_directory.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using exchange::Accepted;
using exchange::NewOrder;
using exchange::Outcome;
using exchange::Rejected;
using test::RunInFiber;
using test::Within;
using ::testing::HasSubstr;
using ::testing::IsEmpty;
using trading::OrderType;
using trading::Side;
using trading::operator""_dec;

constexpr const char* kSymbol = "BTCUSDT";
constexpr const char* kWeightHeader = "X-MBX-USED-WEIGHT-1M";

// The paper exchange behind a server of its own, at the beginning of a minute.
class Venue {
 public:
  explicit Venue(fiber::Loop& loop) : loop_(loop), server_(loop, {.exchange_protocol = true}) {
    clock.Advance(1min - clock.Now().time_since_epoch() % 1min);
    exchange_ = paper::Exchange::Open(Options(), "test-key", "test-secret", clock).value();
    for (const char* method : {"GET", "POST", "PUT", "DELETE"}) {
      server_.Route(method, "*", [this](const http::Request& request) { return Serve(request); }, {.exchange = true});
    }
    QUANTUM_ASSERT(server_.Start().ok());
  }
  ~Venue() { server_.Stop(); }

  std::shared_ptr<Rest> Connect(BudgetOptions budget = {}) {
    const std::string port = std::to_string(server_.port());
    return std::make_shared<Rest>(loop_,
                                  RestOptions{.hosts = {"http://127.0.0.1:" + port, "ws://127.0.0.1:" + port},
                                              .credentials = {"test-key", "test-secret"},
                                              .budget = budget},
                                  clock, SystemRandom());
  }
  void Pass(Duration time) {
    clock.Advance(time);
    while (exchange_->Advance(1'000).value()) {
    }
  }

  ManualClock clock;
  std::vector<std::string> refusals;  // answers of too many, of whatever kind
  int orders = 0;                     // requests to place one that arrived
  int weight = 0;                     // as the last answer told it
  bool tells_weight = true;

 private:
  paper::PaperOptions Options() const {
    paper::PaperOptions options;
    options.symbols = {kSymbol};
    options.warmup = 1min;
    options.wallet = "100000000"_dec;
    options.directory = directory_.path() / "exchange";
    options.rest.weight_per_minute = 2'400;
    options.rest.orders_per_10s = 300;
    options.rest.orders_per_minute = 1'200;
    return options;
  }
  http::Response Serve(const http::Request& request) {
    const size_t mark = request.target.find('?');
    const paper::RestAnswer answer =
        exchange_->Handle({.method = request.method,
                           .path = request.path,
                           .query = mark == std::string::npos ? "" : request.target.substr(mark + 1),
                           .body = request.body,
                           .api_key = std::string(request.headers.Find("X-MBX-APIKEY").value_or(""))});
    orders += request.method == "POST" && request.path.ends_with("rder");
    if (answer.status == 429 || answer.status == 418) {
      refusals.push_back(answer.body);
    }
    http::Response response = http::Json(answer.body, answer.status);
    for (const auto& [name, value] : answer.headers) {
      if (name == kWeightHeader) {
        weight = std::stoi(value);
        if (!tells_weight) {
          continue;
        }
      }
      response.headers.Set(name, value);
    }
    return response;
  }

  testing::TemporaryDirectory directory_{"limits"};
  fiber::Loop& loop_;
  std::unique_ptr<paper::Exchange> exchange_;
  http::Server server_;
};

// A connector that trades there; it has read the limits.
class Trader {
 public:
  Trader(fiber::Loop& loop, Venue& venue, BudgetOptions budget = {})
      : loop_(loop), rest(venue.Connect(budget)), trading(loop, rest, venue.clock, SystemRandom()) {
    EXPECT_TRUE(trading.Rules().ok());
  }
  ~Trader() { trading.Stop(); }

  Outcome Place(Side side, trading::Decimal quantity, bool reduce_only) {
    return trading.Place({.client_order_id = NextId(),
                          .symbol = kSymbol,
                          .side = side,
                          .quantity = quantity,
                          .reduce_only = reduce_only});
  }
  // Buys or sells, in turn.
  Outcome Enter() { return Place(Sign(++entries_), "0.002"_dec, false); }
  Outcome Close() { return Place(Side::kSell, "0.001"_dec, true); }
  // Places a stop far away; its id is in `stop`.
  Outcome Protect() {
    stop = NextId();
    return trading.Place({.client_order_id = stop,
                          .symbol = kSymbol,
                          .side = Side::kSell,
                          .type = OrderType::kStopMarket,
                          .quantity = "0.001"_dec,
                          .trigger_price = "1000"_dec,
                          .reduce_only = true});
  }

  struct Entered {
    int taken = 0;
    std::string refusal;  // the last
    int code = 0;
  };
  // Eight at once, until every one of them was refused, or `most` were taken.
  Entered EnterUntilRefused(int most = 2'000) {
    Entered entered;
    int ended = 0;
    for (int worker = 0; worker < 8; ++worker) {
      loop_.Spawn([&] {
        while (entered.taken < most) {
          const Outcome outcome = Enter();
          if (const auto* rejected = std::get_if<Rejected>(&outcome)) {
            entered.refusal = rejected->message;
            entered.code = rejected->code;
            break;
          }
          EXPECT_TRUE(std::holds_alternative<Accepted>(outcome));
          ++entered.taken;
        }
        ++ended;
      });
    }
    EXPECT_TRUE(Within(60s, [&] { return ended == 8; }));
    return entered;
  }

 private:
  static Side Sign(int number) { return number % 2 == 1 ? Side::kBuy : Side::kSell; }
  static std::string NextId() {
    static int number = 0;
    return "qt-limits-" + std::to_string(++number);
  }

  fiber::Loop& loop_;
  int entries_ = 0;

 public:
  std::shared_ptr<Rest> rest;
  TradingVenue trading;
  std::string stop;
};

bool Taken(const Outcome& outcome) { return std::holds_alternative<Accepted>(outcome); }
std::string RefusalOf(const Outcome& outcome) {
  const auto* rejected = std::get_if<Rejected>(&outcome);
  return rejected == nullptr ? "not refused" : std::to_string(rejected->code) + " " + rejected->message;
}

TEST(Limits, EntriesStopAtSeventyPercentOfTheOrdersExitsUseTheRestAndTheNextMinuteBeginsAnew) {
  RunInFiber([](fiber::Loop& loop) {
    Venue venue(loop);
    Trader trader(loop, venue);
    ASSERT_TRUE(Taken(trader.Place(Side::kBuy, "0.1"_dec, false)));
    for (int turn = 0; turn < 3; ++turn) {
      const int before = turn == 0 ? 1 : 0;
      const Trader::Entered told = trader.EnterUntilRefused();
      EXPECT_EQ(told.taken + before, 210);
      EXPECT_EQ(told.code, 0) << "the platform's own word: nothing was sent";
      EXPECT_THAT(told.refusal, HasSubstr("was not sent: 210 of 210 orders in 10 s are used (for another 10 s)"));
      EXPECT_TRUE(Taken(trader.Close())) << "what closes passes";
      EXPECT_TRUE(Taken(trader.Protect())) << "what protects passes";
      venue.Pass(10s);
    }
    const Trader::Entered told = trader.EnterUntilRefused();
    EXPECT_EQ(venue.orders, 840) << "and none of those that were refused";
    EXPECT_EQ(told.code, 0);
    EXPECT_THAT(told.refusal, HasSubstr("was not sent: 840 of 840 orders in a minute are used (for another 30 s)"));

    // What is left belongs to what closes, protects and cancels, to the last order.
    EXPECT_TRUE(Taken(trader.Close()));
    std::string refusal;
    const auto protect_until_refused = [&] {
      for (;;) {
        const Outcome outcome = trader.Protect();
        if (!Taken(outcome)) {
          refusal = RefusalOf(outcome);
          return;
        }
        ASSERT_TRUE(trader.trading.Cancel(kSymbol, trader.stop, true).ok());
      }
    };
    protect_until_refused();
    EXPECT_THAT(refusal, HasSubstr("0 POST /fapi/v1/algoOrder was not sent: 300 of 300 orders in 10 s are used"));
    venue.Pass(10s);
    protect_until_refused();
    EXPECT_THAT(refusal, HasSubstr("was not sent: 1200 of 1200 orders in a minute are used (for another 20 s)"));
    EXPECT_EQ(venue.orders, 1'200);
    EXPECT_TRUE(trader.trading.CancelAll(kSymbol).ok()) << "cancels are not counted";
    EXPECT_TRUE(trader.trading.Positions().ok());
    EXPECT_THAT(venue.refusals, IsEmpty()) << "the exchange never had to refuse";

    venue.Pass(20s);
    EXPECT_TRUE(Taken(trader.Enter()));
    EXPECT_TRUE(Taken(trader.Protect()));
    EXPECT_THAT(venue.refusals, IsEmpty());
  });
}

TEST(Limits, EntriesStopAtSeventyPercentOfTheWeightAndExitsAndCancelsDoNot) {
  RunInFiber([](fiber::Loop& loop) {
    Venue venue(loop);
    Trader trader(loop, venue);
    MarketVenue market(loop, config::Mode::kPaper, venue.Connect({.queries_max = kAskerShare}), venue.clock,
                       SystemRandom());
    ASSERT_TRUE(Taken(trader.Place(Side::kBuy, "0.1"_dec, false)));
    while (market.Depth(kSymbol, 1'000).ok()) {
      ASSERT_LE(venue.weight, 1'200);
    }
    EXPECT_GT(venue.weight, 1'180) << "who only asks leaves half of it to others";
    EXPECT_TRUE(Taken(trader.Enter()));
    Result<std::vector<exchange::VenueOrder>> asked = trader.trading.OpenOrders();
    while (asked.ok()) {
      asked = trader.trading.OpenOrders();
    }
    EXPECT_EQ(asked.error().code, Errc::kExhausted);
    ASSERT_GT(venue.weight, 1'680);
    ASSERT_LE(venue.weight, 1'920) << "questions stop at eighty percent";

    const int orders = venue.orders;
    EXPECT_THAT(RefusalOf(trader.Enter()), HasSubstr(" of 1680 of request weight are used"));
    EXPECT_EQ(venue.orders, orders) << "nothing was sent";
    EXPECT_TRUE(Taken(trader.Close()));
    EXPECT_TRUE(trader.rest->SyncClock().ok());
    for (int i = 0; i < 300; ++i) {
      ASSERT_TRUE(Taken(trader.Protect())) << i;
      ASSERT_TRUE(trader.trading.Cancel(kSymbol, trader.stop, true).ok()) << i;
      if (i % 100 == 99) {
        venue.Pass(10s);
      }
    }
    EXPECT_GT(venue.weight, 1'980);
    EXPECT_THAT(venue.refusals, IsEmpty()) << "the exchange never had to refuse";

    venue.Pass(30s);
    EXPECT_TRUE(Taken(trader.Enter()));
    EXPECT_TRUE(trader.trading.OpenOrders().ok());
    EXPECT_THAT(venue.refusals, IsEmpty());
    market.Stop();
  });
}

// One after the other, as a holder of the lease follows another: whoever comes second learns from its first answer what
// the first one used. Both at once do not happen, and would go beyond by what the other has on its way.
TEST(Limits, TwoProcessesOfAnAccountShareThem) {
  RunInFiber([](fiber::Loop& loop) {
    Venue venue(loop);
    Trader first(loop, venue);
    Trader second(loop, venue);
    for (int turn = 0; turn < 2; ++turn) {
      EXPECT_EQ(first.EnterUntilRefused().taken, 210);
      venue.Pass(10s);
    }
    EXPECT_EQ(second.EnterUntilRefused().taken, 210);
    venue.Pass(10s);
    const Trader::Entered told = second.EnterUntilRefused();
    EXPECT_EQ(told.taken, 210);
    EXPECT_EQ(venue.orders, 840);
    venue.Pass(10s);
    EXPECT_THAT(RefusalOf(second.Enter()), HasSubstr("840 of 840 orders in a minute"));
    EXPECT_TRUE(Taken(first.Enter())) << "it knows of its own alone";
    EXPECT_THAT(RefusalOf(first.Enter()), HasSubstr("841 of 840 orders in a minute")) << "and now of all";
    // The weight as well: what one asks the other is told.
    while (first.trading.OpenOrders().ok()) {
    }
    ASSERT_GT(venue.weight, 1'680);
    EXPECT_TRUE(second.rest->SyncClock().ok());
    EXPECT_THAT(RefusalOf(second.Enter()), HasSubstr("of request weight are used"));
    EXPECT_TRUE(Taken(second.Protect()));
    EXPECT_THAT(venue.refusals, IsEmpty());
  });
}

TEST(Limits, NegativeControlWithoutTheShareTheExchangeRefuses) {
  RunInFiber([](fiber::Loop& loop) {
    Venue venue(loop);
    Trader trader(loop, venue, {.entries_max = 10});
    const Trader::Entered told = trader.EnterUntilRefused();
    EXPECT_EQ(told.taken, 300);
    ASSERT_FALSE(venue.refusals.empty());
    EXPECT_THAT(venue.refusals.front(), HasSubstr("-1015"));
    EXPECT_THAT(RefusalOf(trader.Protect()), HasSubstr("the venue told us to stop (for another 10 s)"))
        << "a position without a stop";
    EXPECT_TRUE(trader.trading.CancelAll(kSymbol).ok()) << "the limit of orders stops orders alone";
  });
}

// The connector's weights (weights.h) against the exchange's own (paper/protocol/weight.h).
TEST(Limits, TheConnectorsWeightsAreTheExchanges) {
  RunInFiber([](fiber::Loop& loop) {
    Venue venue(loop);
    venue.tells_weight = false;  // so that the connector counts by itself
    Trader trader(loop, venue);
    MarketVenue market(loop, config::Mode::kPaper, trader.rest, venue.clock, SystemRandom());
    TradingVenue& trading = trader.trading;
    const metrics::Gauge& counted = metrics::GetGauge(metrics::kExchangeWeight);
    ASSERT_TRUE(Within(10s, [&] { return venue.weight == static_cast<int>(counted.value()); }));
    ASSERT_TRUE(Taken(trader.Place(Side::kBuy, "0.1"_dec, false)));
    const auto same = [&](const char* what, bool ok) {
      EXPECT_TRUE(ok) << what;
      EXPECT_EQ(static_cast<int>(counted.value()), venue.weight) << what;
    };
    same("Rules", trading.Rules().ok());
    same("Place", Taken(trader.Enter()));
    same("Place a stop", Taken(trader.Protect()));
    same("Find", trading.Find(kSymbol, trader.stop, true).ok());
    same("Cancel", trading.Cancel(kSymbol, trader.stop, true).ok());
    same("CancelAll", trading.CancelAll(kSymbol).ok());
    same("OpenOrders", trading.OpenOrders().ok());
    same("OpenOrdersOf", trading.OpenOrdersOf({kSymbol}).ok());
    same("Fills", trading.Fills(kSymbol, 0).ok());
    same("FillsUnnamed", trading.FillsUnnamed(kSymbol, 0).ok());
    same("OrderHistory", trading.OrderHistory(kSymbol, 0, false).ok());
    same("OrderHistory, conditional", trading.OrderHistory(kSymbol, 0, true).ok());
    same("Funding", trading.Funding(venue.clock.Now() - 1h).ok());
    same("Positions", trading.Positions().ok());
    same("GetAccount", trading.GetAccount().ok());
    same("SetLeverage", trading.SetLeverage(kSymbol, 3).ok());
    same("SetMarginType", trading.SetMarginType(kSymbol, exchange::MarginType::kCrossed).ok());
    same("GetSymbolConfig", trading.GetSymbolConfig(kSymbol).ok());
    same("IsHedgeMode", trading.IsHedgeMode().ok());
    same("CountdownCancelAll", trading.CountdownCancelAll(kSymbol, 10s).ok());
    same("Ping", trading.Ping().ok());
    for (const char* method : {"POST", "PUT", "DELETE"}) {
      same(method, trader.rest->Keyed(method, "/fapi/v1/listenKey").ok());
    }
    for (const int limit : {5, 10, 20, 50, 100, 500, 1'000}) {
      same("Depth", market.Depth(kSymbol, limit).ok());
    }
    for (const int limit : {1, 99, 100, 499, 500, 1'000, 1'001, 1'500}) {
      same("Klines", market.Klines(kSymbol, 0, limit).ok());
    }
    same("Ping", market.Ping().ok());
    EXPECT_GT(venue.weight, 200);
    market.Stop();
  });
}

}  // namespace
}  // namespace quantum::binance
