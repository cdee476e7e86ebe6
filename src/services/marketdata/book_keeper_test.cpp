#include "services/marketdata/book_keeper.h"

#include <gtest/gtest.h>

namespace quantum::marketdata {
namespace {

using namespace std::chrono_literals;
using trading::operator""_dec;

// Answers one question, and counts how often it is asked.
class Venue final : public exchange::MarketVenue {
 public:
  Result<exchange::DepthSnapshot> Depth(const std::string&, int) override {
    ++asked;
    fiber::YieldNow();
    if (on_asked) {
      on_asked();
    }
    return answer;
  }
  Result<std::vector<exchange::Candle>> Klines(const std::string&, int64_t, int) override {
    return std::vector<exchange::Candle>();
  }
  void Stream(const std::vector<std::string>&, std::function<void(const exchange::MarketEvent&)>,
              std::function<void()>) override {}
  Result<exchange::MarketLabel> Label() override { return exchange::MarketLabel{}; }
  Status Ping() override { return {}; }
  void Stop() override {}

  int asked = 0;
  std::function<void()> on_asked;
  Result<exchange::DepthSnapshot> answer = Error{Errc::kUnavailable, "away"};
};

exchange::DepthSnapshot Snapshot(int64_t id) {
  return {.last_update_id = id, .bids = {{"99"_dec, "1"_dec}}, .asks = {{"101"_dec, "1"_dec}}};
}

class BookKeeperTest : public ::testing::Test {
 protected:
  void Run(const std::function<void()>& body) {
    fiber::Loop loop("test");
    loop.Spawn([&] { keeper_.Run(); });
    loop.Spawn([&] {
      body();
      keeper_.Stop();
      Settle();
      loop.Stop();
    });
    loop.Run();
  }
  // Lets the keeper do all that it can do by now.
  static void Settle() {
    for (int i = 0; i < 20; ++i) {
      fiber::YieldNow();
    }
  }
  void Connect() {
    feed_.OnConnected();
    keeper_.OnConnected();
    Settle();
  }
  void Update(int64_t id, int64_t previous) {
    const Effects effects = feed_.OnEvent(exchange::DepthUpdate{.symbol = "BTCUSDT",
                                                                .first_update_id = id,
                                                                .last_update_id = id,
                                                                .previous_update_id = previous,
                                                                .bids = {{"99.5"_dec, "1"_dec}}},
                                          clock_.Steady());
    if (effects.book_waits) {
      keeper_.OnUpdate();
    }
    Settle();
  }

  ManualClock clock_;
  SeededRandom random_{7};
  SnapshotBudget budget_{30};
  SymbolFeed feed_{"BTCUSDT", {.intervals = {*ParseInterval("1m")}}};
  Venue venue_;
  BookKeeper keeper_{feed_, venue_, budget_, clock_, random_};
};

TEST_F(BookKeeperTest, ASilentStreamAsksNothingOfTheVenueAndItsFirstUpdateDoes) {
  Run([&] {
    Connect();
    clock_.Advance(10min);
    Connect();  // the connection was taken for dead, and the new one is as silent
    EXPECT_EQ(venue_.asked, 0);
    venue_.answer = Snapshot(7);
    Update(7, 6);
    EXPECT_EQ(venue_.asked, 1);
    EXPECT_TRUE(feed_.book().synced());
    Update(8, 7);
    EXPECT_EQ(venue_.asked, 1);
  });
}

TEST_F(BookKeeperTest, ABookThatLostItsSequenceIsJoinedAgainFromTheUpdateThatShowedIt) {
  Run([&] {
    Connect();
    venue_.answer = Snapshot(7);
    Update(7, 6);
    venue_.answer = Snapshot(12);
    Update(12, 11);
    EXPECT_EQ(venue_.asked, 2);
    EXPECT_TRUE(feed_.book().synced());
    EXPECT_EQ(feed_.book().last_update_id(), 12);
  });
}

TEST_F(BookKeeperTest, AsksAVenueThatDoesNotAnswerAgainLater) {
  Run([&] {
    Connect();
    Update(7, 6);
    Update(8, 7);
    EXPECT_EQ(venue_.asked, 1) << "not before its pause is over";
    venue_.answer = Snapshot(5);
    Connect();
    Update(9, 8);
    EXPECT_EQ(venue_.asked, 2);
    EXPECT_FALSE(feed_.book().synced()) << "older than what has come: the next one is taken, after a pause";
  });
}

TEST_F(BookKeeperTest, ASnapshotOfTheConnectionBeforeIsNotUsed) {
  Run([&] {
    Connect();
    venue_.answer = Snapshot(7);
    venue_.on_asked = [&] {
      venue_.on_asked = nullptr;
      feed_.OnConnected();
      keeper_.OnConnected();
    };
    Update(7, 6);
    EXPECT_FALSE(feed_.book().synced());
    venue_.answer = Snapshot(20);
    Update(20, 19);
    EXPECT_EQ(venue_.asked, 2);
    EXPECT_TRUE(feed_.book().synced());
  });
}

}  // namespace
}  // namespace quantum::marketdata
