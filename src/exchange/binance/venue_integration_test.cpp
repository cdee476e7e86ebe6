// The connector against the paper exchange, a real process that speaks Binance's protocol.
#include <gtest/gtest.h>

#include <algorithm>
#include <optional>
#include <thread>

#include "exchange/binance/machine_addresses.h"
#include "exchange/binance/venue_factory.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/paper_exchange.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using exchange::Accepted;
using exchange::MarketEvent;
using exchange::NewOrder;
using exchange::Outcome;
using exchange::Rejected;
using exchange::StreamConnected;
using exchange::TradingVenue;
using exchange::UserEvent;
using trading::Decimal;
using trading::OrderReport;
using trading::OrderStatus;
using trading::OrderType;
using trading::Rounding;
using trading::Side;
using trading::operator""_dec;

// Runs body in a fiber of a loop on this thread until it returns.
void InFiber(const std::function<void(fiber::Loop&)>& body) {
  fiber::Loop loop("test");
  loop.Spawn([&] {
    body(loop);
    fiber::SleepFor(600ms);  // stopped streams see it within a slice
    loop.Stop();
  });
  loop.Run();
}

bool Within(Duration timeout, const std::function<bool()>& condition) {
  timeout *= quantum::testing::kSlowdown;
  const SteadyTime end = SystemClock().Steady() + timeout;
  while (!condition()) {
    if (SystemClock().Steady() >= end) {
      return false;
    }
    fiber::SleepFor(20ms);
  }
  return true;
}

class VenueTest : public ::testing::Test {
 protected:
  VenueTest() : paper_(checkout::BinaryDirectory()) { paper_.Start(); }

  VenueParameters Parameters(fiber::Loop& loop) const {
    return {.loop = &loop,
            .mode = config::Mode::kPaper,
            .hosts = HostsOf(config::Mode::kPaper, paper_.port()),
            .credentials = {paper_.key(), paper_.secret()}};
  }

  quantum::testing::PaperExchangeProcess paper_;
};

NewOrder Market(std::string id, Side side, Decimal quantity, bool reduce_only = false) {
  return {.client_order_id = std::move(id),
          .symbol = "BTCUSDT",
          .side = side,
          .type = OrderType::kMarket,
          .quantity = quantity,
          .reduce_only = reduce_only};
}

NewOrder Conditional(std::string id, OrderType type, Decimal trigger) {
  return {.client_order_id = std::move(id),
          .symbol = "BTCUSDT",
          .side = Side::kSell,
          .type = type,
          .quantity = "0.01"_dec,
          .trigger_price = trigger.RoundTo("0.1"_dec, Rounding::kDown),
          .reduce_only = true};
}

std::string Describe(const Outcome& outcome) {
  if (const auto* rejected = std::get_if<Rejected>(&outcome)) {
    return "rejected " + std::to_string(rejected->code) + " " + rejected->message;
  }
  if (const auto* unknown = std::get_if<exchange::Unknown>(&outcome)) {
    return "unknown " + unknown->reason;
  }
  return "accepted";
}

// The last report of an order on the stream, and the sum of its fills.
struct Seen {
  std::optional<OrderStatus> status;
  Decimal filled;
};
Seen Of(const std::vector<UserEvent>& events, const std::string& client_order_id) {
  Seen seen;
  for (const UserEvent& event : events) {
    const auto* report = std::get_if<OrderReport>(&event);
    if (report != nullptr && report->client_order_id == client_order_id) {
      seen.status = report->status;
      seen.filled += report->fill ? report->fill->quantity : Decimal();
    }
  }
  return seen;
}

TEST_F(VenueTest, AnOrderIsPlacedFilledStreamedAndFoundAgain) {
  InFiber([&](fiber::Loop& loop) {
    auto made = MakeTradingVenue(Parameters(loop));
    ASSERT_TRUE(made.ok()) << made.error().message;
    TradingVenue& venue = **made;
    std::vector<UserEvent> events;
    venue.StreamUser([&](const UserEvent& event) { events.push_back(event); });
    ASSERT_TRUE(Within(10s, [&] { return !events.empty(); }));
    EXPECT_TRUE(std::holds_alternative<StreamConnected>(events.front()));

    const auto rules = venue.Rules();
    ASSERT_TRUE(rules.ok()) << rules.error().message;
    EXPECT_EQ(rules->front().symbol, "BTCUSDT");
    EXPECT_EQ(rules->front().tick_size, "0.1"_dec);
    ASSERT_TRUE(venue.SetLeverage("BTCUSDT", 5).ok());

    const Outcome outcome = venue.Place(Market("qt-entry", Side::kBuy, "0.01"_dec));
    ASSERT_TRUE(std::holds_alternative<Accepted>(outcome)) << Describe(outcome);
    EXPECT_EQ(std::get<Accepted>(outcome).report.status, OrderStatus::kFilled);
    EXPECT_TRUE(Within(15s, [&] { return Of(events, "qt-entry").filled == "0.01"_dec; }));

    const auto found = venue.Find("BTCUSDT", "qt-entry", false);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->report.filled_quantity, "0.01"_dec);
    const auto fills = venue.Fills("BTCUSDT", 0);
    ASSERT_TRUE(fills.ok()) << fills.error().message;
    ASSERT_FALSE(fills->empty());
    EXPECT_EQ(fills->front().client_order_id, "qt-entry");
    EXPECT_TRUE(fills->front().fee.is_positive());
    const auto positions = venue.Positions();
    ASSERT_TRUE(positions.ok()) << positions.error().message;
    ASSERT_EQ(positions->size(), 1u);
    EXPECT_EQ(positions->front().quantity, "0.01"_dec);
    EXPECT_EQ(positions->front().leverage, 5);
    const auto account = venue.GetAccount();
    ASSERT_TRUE(account.ok()) << account.error().message;
    EXPECT_LT(account->wallet_balance, "10000"_dec) << "the fee was paid";
    ASSERT_TRUE(venue.clock_offset().has_value());
    EXPECT_LT(*venue.clock_offset(), 1s);
    EXPECT_GT(*venue.clock_offset(), -1s);

    const auto missing = venue.Find("BTCUSDT", "qt-never", false);
    EXPECT_EQ(missing.error().code, Errc::kNotFound) << missing.error().message;
    EXPECT_EQ(venue.Cancel("BTCUSDT", "qt-entry", false).error().code, Errc::kNotFound);
    const Outcome refused = venue.Place(Market("qt-much", Side::kBuy, "100"_dec));
    ASSERT_TRUE(std::holds_alternative<Rejected>(refused)) << Describe(refused);
    EXPECT_EQ(std::get<Rejected>(refused).code, -2019);
    venue.Stop();
  });
}

TEST_F(VenueTest, AConditionalOrderKeepsItsIdThroughItsTrigger) {
  InFiber([&](fiber::Loop& loop) {
    auto made = MakeTradingVenue(Parameters(loop));
    ASSERT_TRUE(made.ok()) << made.error().message;
    TradingVenue& venue = **made;
    std::vector<UserEvent> events;
    venue.StreamUser([&](const UserEvent& event) { events.push_back(event); });
    ASSERT_TRUE(Within(10s, [&] { return venue.user_stream_connected(); }));
    ASSERT_TRUE(std::holds_alternative<Accepted>(venue.Place(Market("qt-entry", Side::kBuy, "0.01"_dec))));
    const Decimal mark = venue.Positions()->front().mark_price;

    const Outcome far = venue.Place(Conditional("qt-far", OrderType::kStopMarket, mark.Times("0.9"_dec)));
    ASSERT_TRUE(std::holds_alternative<Accepted>(far)) << Describe(far);
    EXPECT_EQ(venue.OpenOrders()->size(), 1u);
    EXPECT_EQ(venue.Find("BTCUSDT", "qt-far", true)->type, OrderType::kStopMarket);
    ASSERT_TRUE(venue.Cancel("BTCUSDT", "qt-far", true).ok());
    EXPECT_TRUE(Within(15s, [&] { return Of(events, "qt-far").status == OrderStatus::kCanceled; }));
    EXPECT_EQ(venue.Cancel("BTCUSDT", "qt-far", true).error().code, Errc::kNotFound);

    // A stop and a take-profit close around the market: it does not stand still, so one of them triggers. The mark
    // price is seen once a second and may have gone away from both between them: then the next pair stands around the
    // new one.
    std::string triggered;
    for (int pair = 0; pair < 10 && triggered.empty(); ++pair) {
      const auto positions = venue.Positions();
      ASSERT_TRUE(positions.ok() && !positions->empty());
      const Decimal now = positions->front().mark_price;
      const Decimal step = now.Times("0.00003"_dec);
      const std::string ids[] = {"qt-stop-" + std::to_string(pair), "qt-profit-" + std::to_string(pair)};
      const Outcome stop = venue.Place(Conditional(ids[0], OrderType::kStopMarket, now - step));
      const Outcome profit = venue.Place(Conditional(ids[1], OrderType::kTakeProfitMarket, now + step));
      ASSERT_TRUE(std::holds_alternative<Accepted>(stop) || std::holds_alternative<Accepted>(profit))
          << Describe(stop) << ", " << Describe(profit);
      const auto filled = [&] {
        for (const std::string& id : ids) {
          if (Of(events, id).filled == "0.01"_dec) {
            triggered = id;
          }
        }
        return !triggered.empty();
      };
      if (!Within(10s, filled)) {
        for (const std::string& id : ids) {
          [[maybe_unused]] const Status gone = venue.Cancel("BTCUSDT", id, true);  // refused where it has triggered
        }
        // What triggered just before its cancellation is told within a moment.
        ASSERT_TRUE(Within(10s,
                           [&] {
                             return filled() || std::ranges::all_of(ids, [&](const std::string& id) {
                                      const auto status = Of(events, id).status;
                                      return !status || status == OrderStatus::kCanceled;
                                    });
                           }))
            << "pair " << pair << " is neither filled nor cancelled";
      }
    }
    ASSERT_FALSE(triggered.empty()) << "ten pairs, and the market moved to none";
    EXPECT_EQ(Of(events, triggered).status, OrderStatus::kFilled);
    const auto found = venue.Find("BTCUSDT", triggered, true);
    ASSERT_TRUE(found.ok()) << found.error().message;
    EXPECT_EQ(found->report.status, OrderStatus::kFilled);
    EXPECT_EQ(found->report.client_order_id, triggered);
    EXPECT_TRUE(venue.Positions()->empty());
    ASSERT_TRUE(venue.CancelAll("BTCUSDT").ok());
    EXPECT_TRUE(venue.OpenOrders()->empty());
    venue.Stop();
  });
}

TEST_F(VenueTest, AVenueThatIsAwayRefusesAndTheStreamComesBack) {
  InFiber([&](fiber::Loop& loop) {
    auto made = MakeTradingVenue(Parameters(loop));
    ASSERT_TRUE(made.ok()) << made.error().message;
    TradingVenue& venue = **made;
    int connections = 0;
    venue.StreamUser([&](const UserEvent& event) { connections += std::holds_alternative<StreamConnected>(event); });
    ASSERT_TRUE(Within(10s, [&] { return connections == 1; }));
    ASSERT_TRUE(venue.Ping().ok());
    paper_.Kill();
    EXPECT_TRUE(Within(10s, [&] { return !venue.user_stream_connected(); }));
    const Outcome outcome = venue.Place(Market("qt-1", Side::kBuy, "0.01"_dec));
    ASSERT_TRUE(std::holds_alternative<Rejected>(outcome)) << Describe(outcome);
    EXPECT_EQ(std::get<Rejected>(outcome).code, 0) << "refused connection: nothing was sent";
    paper_.Start();
    EXPECT_TRUE(Within(20s, [&] { return connections >= 2; }));
    EXPECT_EQ(venue.Find("BTCUSDT", "qt-1", false).error().code, Errc::kNotFound);
    venue.Stop();
  });
}

TEST_F(VenueTest, AnOrderWithoutAnAnswerIsUnknown) {
  InFiber([&](fiber::Loop& loop) {
    VenueParameters parameters = Parameters(loop);
    parameters.timeout = 3s;
    auto made = MakeTradingVenue(parameters);
    ASSERT_TRUE(made.ok()) << made.error().message;
    TradingVenue& venue = **made;
    ASSERT_TRUE(venue.GetAccount().ok());
    paper_.Pause();
    const Outcome outcome = venue.Place(Market("qt-1", Side::kBuy, "0.01"_dec));
    paper_.Resume();
    EXPECT_TRUE(std::holds_alternative<exchange::Unknown>(outcome)) << Describe(outcome);
    venue.Stop();
  });
}

TEST_F(VenueTest, WrongCredentialsArePermission) {
  InFiber([&](fiber::Loop& loop) {
    VenueParameters parameters = Parameters(loop);
    parameters.credentials.secret = "wrong";
    auto made = MakeTradingVenue(parameters);
    ASSERT_TRUE(made.ok());
    EXPECT_EQ((*made)->GetAccount().error().code, Errc::kPermission);
    const Outcome outcome = (*made)->Place(Market("qt-1", Side::kBuy, "0.01"_dec));
    ASSERT_TRUE(std::holds_alternative<Rejected>(outcome)) << Describe(outcome);
    EXPECT_EQ(std::get<Rejected>(outcome).code, -1022);
    (*made)->Stop();
  });
}

TEST_F(VenueTest, MarketDataStreamsWithItsLabel) {
  InFiber([&](fiber::Loop& loop) {
    auto made = MakeMarketVenue(Parameters(loop));
    ASSERT_TRUE(made.ok()) << made.error().message;
    exchange::MarketVenue& venue = **made;
    EXPECT_EQ(venue.Label()->source, "synthetic");
    const auto candles = venue.Klines("BTCUSDT", 0, 3);
    ASSERT_TRUE(candles.ok()) << candles.error().message;
    EXPECT_GE(candles->size(), 2u);
    const auto depth = venue.Depth("BTCUSDT", 100);
    ASSERT_TRUE(depth.ok()) << depth.error().message;
    EXPECT_LT(depth->bids.front().price, depth->asks.front().price);
    int connected = 0;
    std::vector<int> kinds(std::variant_size_v<MarketEvent>);
    venue.Stream(
        {"BTCUSDT", "ETHUSDT"}, [&](const MarketEvent& event) { ++kinds[event.index()]; }, [&] { ++connected; });
    EXPECT_TRUE(Within(
        20s,
        [&] { return connected >= 1 && std::all_of(kinds.begin(), kinds.end(), [](int count) { return count > 0; }); }))
        << "trades " << kinds[0] << ", depth " << kinds[1] << ", best prices " << kinds[2] << ", mark prices "
        << kinds[3];
    venue.Stop();
  });
}

TEST_F(VenueTest, TellsEverythingItKeepsPageByPageAndTakesTheVenuesOwnLimits) {
  constexpr int kOrders =
      1100;  // more than a page, and than the 300 in 10 s that are assumed before the limits are read
  InFiber([&](fiber::Loop& loop) {
    const auto venue = MakeTradingVenue(Parameters(loop)).value();
    ASSERT_TRUE(Within(10s, [&] { return venue->Ping().ok(); }));
    ASSERT_TRUE(venue->Rules().ok());
    for (int i = 0; i < kOrders; ++i) {
      const Outcome placed =
          venue->Place(Market("qt-" + std::to_string(i), i % 2 == 0 ? Side::kBuy : Side::kSell, "0.01"_dec));
      ASSERT_TRUE(std::holds_alternative<Accepted>(placed)) << i << ": " << Describe(placed);
    }
    ASSERT_TRUE(std::holds_alternative<Accepted>(venue->Place(Market("qt-open", Side::kBuy, "0.01"_dec))));
    ASSERT_TRUE(
        std::holds_alternative<Accepted>(venue->Place(Conditional("qt-stop", OrderType::kStopMarket, "1000"_dec))));

    const auto first = venue->OrderHistory("BTCUSDT", 0, false);
    ASSERT_TRUE(first.ok()) << first.error().message;
    EXPECT_EQ(first->orders.size(), 1000u);
    EXPECT_EQ(first->orders.front().report.client_order_id, "qt-0") << "the oldest first";
    ASSERT_NE(first->next_id, 0);
    const auto second = venue->OrderHistory("BTCUSDT", first->next_id, false);
    ASSERT_TRUE(second.ok()) << second.error().message;
    EXPECT_EQ(second->orders.size(), static_cast<size_t>(kOrders + 1 - 1000));
    EXPECT_EQ(second->orders.front().report.client_order_id, "qt-1000");
    EXPECT_EQ(second->next_id, 0);

    const auto conditional = venue->OrderHistory("BTCUSDT", 0, true);
    ASSERT_TRUE(conditional.ok()) << conditional.error().message;
    ASSERT_EQ(conditional->orders.size(), 1u);
    EXPECT_EQ(conditional->orders.front().report.status, OrderStatus::kNew);

    const auto fills = venue->FillsUnnamed("BTCUSDT", 1);
    ASSERT_TRUE(fills.ok()) << fills.error().message;
    EXPECT_EQ(fills->size(), 1000u);
    const auto funding = venue->Funding(SystemClock().Now() - 1h);
    ASSERT_TRUE(funding.ok()) << funding.error().message;
    EXPECT_TRUE(funding->empty());
    venue->Stop();
  });
}

// A paper flag that nobody read sent a real order: here mode, hosts and credentials agree, or nothing is built.
TEST(Factory, Pain8BuildsNothingWhereModeHostsAndCredentialsDisagree) {
  InFiber([](fiber::Loop& loop) {
    const std::string mainnet = "vmPUZE6mv9SD5VNHk4HlWFsOr6aKE2zvsw0MuIgwCIPy6utIco14y7Ju91duEh8A";
    const std::string generated(64, 'a');
    const auto built = [&](config::Mode mode, config::Mode hosts, const std::string& key) {
      const auto venue = MakeTradingVenue(
          {.loop = &loop, .mode = mode, .hosts = HostsOf(hosts, 8090), .credentials = {key, "secret"}});
      if (venue.ok()) {
        (*venue)->Stop();
      }
      return venue.ok();
    };
    using config::Mode;
    EXPECT_TRUE(built(Mode::kPaper, Mode::kPaper, generated));
    EXPECT_TRUE(built(Mode::kLive, Mode::kLive, mainnet));
    EXPECT_FALSE(built(Mode::kPaper, Mode::kLive, generated));
    EXPECT_FALSE(built(Mode::kPaper, Mode::kPaper, mainnet));
    EXPECT_FALSE(built(Mode::kTestnet, Mode::kLive, mainnet));
    EXPECT_FALSE(built(Mode::kLive, Mode::kTestnet, mainnet));
    EXPECT_FALSE(built(Mode::kLive, Mode::kPaper, mainnet));
    EXPECT_FALSE(built(Mode::kLive, Mode::kLive, generated));
  });
}

TEST(PaperBoundElsewhere, IsTradedWithWhereverOfThisMachineTheManifestPutsIt) {
  std::vector<std::string> addresses = {"127.0.0.2"};
  for (const std::string& own : MachineAddresses()) {
    if (own.find(':') == std::string::npos && own != "127.0.0.1") {
      addresses.push_back(own);
      break;
    }
  }
  for (const std::string& bind : addresses) {
    quantum::testing::PaperExchangeProcess paper(checkout::BinaryDirectory(), "", "", bind);
    paper.Start();
    InFiber([&](fiber::Loop& loop) {
      const auto manifest = config::Manifest::Load(paper.Manifest());
      ASSERT_TRUE(manifest.ok()) << manifest.error().message;
      const VenueParameters parameters{.loop = &loop,
                                       .mode = manifest->mode(),
                                       .hosts = HostsOf(*manifest),
                                       .credentials = {paper.key(), paper.secret()}};
      const auto trading = MakeTradingVenue(parameters);
      ASSERT_TRUE(trading.ok()) << trading.error().message;
      EXPECT_TRUE((*trading)->GetAccount().ok()) << bind;
      (*trading)->Stop();
      const auto market = MakeMarketVenue(parameters);
      ASSERT_TRUE(market.ok()) << market.error().message;
      EXPECT_TRUE((*market)->Depth("BTCUSDT", 5).ok()) << bind;
      (*market)->Stop();
    });
  }
}

}  // namespace
}  // namespace quantum::binance
