#include "services/risk_safety/exposure.h"

#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using trading::Side;
using trading::operator""_dec;

const WallTime kNow = FromUnixMs(1'723'161'256'299);

TEST(Exposure, CountsPositionsWithoutAReservationToo) {
  const ExposureView view =
      MakeExposure({{.symbol = "BTCUSDT", .notional = "100"_dec, .margin = "50"_dec, .filled = true}},
                   {{"BTCUSDT", {"0.002"_dec, "50000"_dec}},
                    {"ETHUSDT", {"-2"_dec, "3000"_dec}},
                    {"SOLUSDT", {"0"_dec, "150"_dec}}},
                   kNow)
          .value();
  EXPECT_EQ(view.slots_taken, 2);
  EXPECT_EQ(view.notional_long, "100"_dec);
  EXPECT_EQ(view.notional_short, "6000"_dec);
  EXPECT_EQ(view.positions.size(), 2U);
}

TEST(Exposure, AFilledReservationAndItsPositionCountOnceWhatIsOpenOnTop) {
  const std::vector<Reservation> reservations = {
      {.symbol = "BTCUSDT", .notional = "100"_dec, .margin = "50"_dec, .filled = true},
      {.symbol = "BTCUSDT", .notional = "200"_dec, .margin = "40"_dec}};
  // The fill is known, the position not yet.
  EXPECT_EQ(MakeExposure(reservations, {}, kNow).value().by_symbol.at("BTCUSDT").longs, "300"_dec);
  const ExposureView view = MakeExposure(reservations, {{"BTCUSDT", {"0.003"_dec, "50000"_dec}}}, kNow).value();
  EXPECT_EQ(view.by_symbol.at("BTCUSDT").longs, "350"_dec);
  EXPECT_EQ(view.by_symbol.at("BTCUSDT").shorts, "0"_dec);
  EXPECT_EQ(view.margin_reserved, "40"_dec);
  EXPECT_EQ(view.slots_taken, 2);
}

// The reservation tells of the fill at once, the account is read once a second.
TEST(Exposure, TheMarginOfAFillCountsUntilTheAccountKnowsOfIt) {
  const auto reserved = [](WallTime account_as_of) {
    const Reservation filled{
        .symbol = "BTCUSDT", .notional = "100"_dec, .margin = "50"_dec, .filled = true, .filled_at = kNow};
    return MakeExposure({filled}, {}, account_as_of).value().margin_reserved;
  };
  EXPECT_EQ(reserved(WallTime{}), "50"_dec) << "it was never read";
  EXPECT_EQ(reserved(kNow - std::chrono::milliseconds(1)), "50"_dec);
  EXPECT_EQ(reserved(kNow + std::chrono::milliseconds(500)), "50"_dec) << "the clocks may differ";
  EXPECT_EQ(reserved(kNow + std::chrono::seconds(1)), "0"_dec);
}

TEST(Exposure, SumsBeyondTheRangeAreAnErrorNotACrash) {
  EXPECT_EQ(
      MakeExposure({{.symbol = "A", .notional = "90000000000"_dec}, {.symbol = "B", .notional = "90000000000"_dec}}, {},
                   kNow)
          .error()
          .code,
      Errc::kExhausted);
}

}  // namespace
}  // namespace quantum::risk_safety
