// A process that is stopped between signing an order and writing it: what it sends when it wakes comes too late.
#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <thread>

#include "exchange/binance/test_server.h"
#include "exchange/binance/venue_factory.h"
#include "tests/support/checkout/checkout.h"
#include "tests/support/paper_exchange.h"

namespace quantum::binance {
namespace {

using namespace std::chrono_literals;
using test::RunInFiber;
using trading::operator""_dec;

class StoppedBeforeWriteTest : public ::testing::Test {
 protected:
  StoppedBeforeWriteTest() : paper_(checkout::BinaryDirectory()) { paper_.Start(); }

  VenueParameters Parameters(fiber::Loop& loop) const {
    return {.loop = &loop,
            .mode = config::Mode::kPaper,
            .hosts = HostsOf(config::Mode::kPaper, paper_.port()),
            .credentials = {paper_.key(), paper_.secret()}};
  }

  // The code that the venue rejected the order with (0: not sent), or 1: accepted, 2: unknown. In a process of its own,
  // which stops itself in between; it goes on after `pause`.
  int PlaceIn(const std::string& id, Duration pause) {
    const pid_t child = ::fork();
    if (child == 0) {
      int code = 3;
      RunInFiber([&](fiber::Loop& loop) {
        VenueParameters parameters = Parameters(loop);
        parameters.stop_before_entry = 1;
        const auto venue = MakeTradingVenue(parameters).value();
        const exchange::Outcome outcome =
            venue->Place({.client_order_id = id, .symbol = "BTCUSDT", .quantity = "0.01"_dec});
        const auto* rejected = std::get_if<exchange::Rejected>(&outcome);
        code = rejected != nullptr ? rejected->code : std::holds_alternative<exchange::Accepted>(outcome) ? 1 : 2;
        venue->Stop();
      });
      ::_exit(code == -1021 ? 21 : code);
    }
    int status = 0;
    EXPECT_EQ(::waitpid(child, &status, WUNTRACED), child);
    EXPECT_TRUE(WIFSTOPPED(status) && WSTOPSIG(status) == SIGSTOP) << "it has not stopped itself: " << status;
    const SteadyTime stopped = SystemClock().Steady();
    while (SystemClock().Steady() - stopped < pause) {
      std::this_thread::yield();  // what is awaited is the time itself
    }
    ::kill(child, SIGCONT);
    EXPECT_EQ(::waitpid(child, &status, 0), child);
    EXPECT_TRUE(WIFEXITED(status)) << status;
    return WEXITSTATUS(status) == 21 ? -1021 : WEXITSTATUS(status);
  }

  Result<exchange::VenueOrder> Find(const std::string& id) {
    Result<exchange::VenueOrder> found = Error{};
    RunInFiber([&](fiber::Loop& loop) {
      const auto venue = MakeTradingVenue(Parameters(loop)).value();
      found = venue->Find("BTCUSDT", id, false);
      venue->Stop();
    });
    return found;
  }

  quantum::testing::PaperExchangeProcess paper_;
};

TEST_F(StoppedBeforeWriteTest, WhatItSendsAfterTheReceiveWindowTheVenueRefuses) {
  EXPECT_EQ(PlaceIn("qt-late", 1500ms), -1021);
  EXPECT_EQ(Find("qt-late").error().code, Errc::kNotFound);
  // The control: it is the time that the venue refuses, not the stop.
  EXPECT_EQ(PlaceIn("qt-soon", 0ms), 1);
  EXPECT_TRUE(Find("qt-soon").ok());
}

TEST(StopBeforeEntry, IsForPaperOnly) {
  RunInFiber([](fiber::Loop& loop) {
    const auto venue = MakeTradingVenue({.loop = &loop,
                                         .mode = config::Mode::kLive,
                                         .hosts = HostsOf(config::Mode::kLive, 0),
                                         .credentials = {std::string(32, 'a') + std::string(32, 'B'), "secret"},
                                         .stop_before_entry = 1});
    ASSERT_FALSE(venue.ok());
    EXPECT_EQ(venue.error().code, Errc::kInvalidArgument);
  });
}

}  // namespace
}  // namespace quantum::binance
