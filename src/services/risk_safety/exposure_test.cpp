#include "services/risk_safety/exposure.h"

#include <gtest/gtest.h>

namespace quantum::risk_safety {
namespace {

using trading::Side;
using trading::operator""_dec;

TEST(Exposure, CountsPositionsWithoutAReservationToo) {
  const ExposureView view =
      MakeExposure({{.symbol = "BTCUSDT", .notional = "100"_dec, .margin = "50"_dec, .filled = true}},
                   {{"BTCUSDT", {"0.002"_dec, "50000"_dec}},
                    {"ETHUSDT", {"-2"_dec, "3000"_dec}},
                    {"SOLUSDT", {"0"_dec, "150"_dec}}})
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
  EXPECT_EQ(MakeExposure(reservations, {}).value().by_symbol.at("BTCUSDT").longs, "300"_dec);
  const ExposureView view = MakeExposure(reservations, {{"BTCUSDT", {"0.003"_dec, "50000"_dec}}}).value();
  EXPECT_EQ(view.by_symbol.at("BTCUSDT").longs, "350"_dec);
  EXPECT_EQ(view.by_symbol.at("BTCUSDT").shorts, "0"_dec);
  EXPECT_EQ(view.margin_reserved, "40"_dec);
  EXPECT_EQ(view.slots_taken, 2);
}

TEST(Exposure, SumsBeyondTheRangeAreAnErrorNotACrash) {
  EXPECT_EQ(
      MakeExposure({{.symbol = "A", .notional = "90000000000"_dec}, {.symbol = "B", .notional = "90000000000"_dec}}, {})
          .error()
          .code,
      Errc::kExhausted);
}

}  // namespace
}  // namespace quantum::risk_safety
