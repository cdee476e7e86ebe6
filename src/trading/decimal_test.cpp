#include "trading/decimal.h"

#include <gtest/gtest.h>
#include <rapidcheck/gtest.h>

namespace quantum::trading {
namespace {

TEST(Decimal, ParsesAndPrintsTheShortestText) {
  for (const char* text : {"0", "1", "-1", "12.5", "0.00000001", "-0.001", "61800.2", "92233720368.54775807"}) {
    EXPECT_EQ(Decimal::Parse(text).value().ToString(), text);
  }
  EXPECT_EQ(Decimal::Parse("61800.20000000000").value().ToString(2), "61800.20");
}

TEST(Decimal, RefusesWhatIsNotAPlainDecimal) {
  for (const char* text : {"", "-", ".", "1e5", " 1", "1 ", "1.2.3", "0.000000001", "92233720368.54775808", "NaN",
                           "99999999999999999999", "+1", "1,5"}) {
    EXPECT_FALSE(Decimal::Parse(text).ok()) << text;
  }
}

TEST(Decimal, RoundsWhereItIsTold) {
  EXPECT_EQ("1"_dec.DividedBy("3"_dec, Rounding::kDown), "0.33333333"_dec);
  EXPECT_EQ("1"_dec.DividedBy("3"_dec, Rounding::kUp), "0.33333334"_dec);
  EXPECT_EQ("-1"_dec.DividedBy("3"_dec, Rounding::kUp), "-0.33333334"_dec);
  EXPECT_EQ("0.00000001"_dec.Times("0.5"_dec), "0"_dec);  // half to even
  EXPECT_EQ("0.00000003"_dec.Times("0.5"_dec), "0.00000002"_dec);
  EXPECT_EQ("61803.17"_dec.RoundTo("0.1"_dec, Rounding::kDown), "61803.1"_dec);
  EXPECT_EQ("0.0019"_dec.RoundTo("0.001"_dec, Rounding::kDown), "0.001"_dec);
}

TEST(DecimalDeathTest, AnOverflowIsAnAssertionNeverAWrongNumber) {
  EXPECT_DEATH((void)("92233720368"_dec + "92233720368"_dec), "assertion failed");
  EXPECT_DEATH((void)"1"_dec.DividedBy("0"_dec), "assertion failed");
}

TEST(Decimal, CheckedArithmeticSaysNothingWhereTheOtherAsserts) {
  const Decimal most = "92233720368.54775807"_dec;
  const Decimal least = "-92233720368.54775808"_dec;
  EXPECT_FALSE(most.CheckedPlus("0.00000001"_dec).has_value());
  EXPECT_FALSE(least.CheckedMinus("0.00000001"_dec).has_value());
  EXPECT_FALSE(least.CheckedAbs().has_value());
  EXPECT_FALSE("2000000"_dec.CheckedTimes("60000"_dec).has_value());
  EXPECT_FALSE("1"_dec.CheckedDividedBy("0"_dec).has_value());
  EXPECT_FALSE("1"_dec.CheckedMulDiv("1"_dec, "0"_dec).has_value());
  EXPECT_EQ(most.CheckedMulDiv("100"_dec, most), "100"_dec);  // the product alone would not fit
  EXPECT_EQ(least.CheckedMulDiv(least, most, Rounding::kDown), std::nullopt);
}

RC_GTEST_PROP(Decimal, CheckedArithmeticIsTheOtherWhereThatFits, (int32_t a, int32_t b)) {
  const Decimal x = Decimal::FromRaw(int64_t{a} * 1000);
  const Decimal y = Decimal::FromRaw(int64_t{b} * 1000);
  RC_ASSERT(x.CheckedPlus(y) == x + y);
  RC_ASSERT(x.CheckedMinus(y) == x - y);
  RC_ASSERT(x.CheckedTimes(y) == x.Times(y));
  RC_ASSERT(x.CheckedAbs() == x.Abs());
  if (b != 0) {
    RC_ASSERT(x.CheckedDividedBy(y) == x.DividedBy(y));
  }
}

RC_GTEST_PROP(Decimal, TextRoundTrips, (int64_t raw)) {
  const Decimal value = Decimal::FromRaw(raw);
  RC_ASSERT(Decimal::Parse(value.ToString()).value() == value);
}

RC_GTEST_PROP(Decimal, TimesAndDividedByUndoEachOtherWithinOneUnit, (int32_t a, int16_t b)) {
  RC_PRE(b != 0);
  const Decimal x = Decimal::FromRaw(int64_t{a} * 1000);
  const Decimal y = Decimal::FromInt(b);
  const Decimal back = x.Times(y).DividedBy(y);
  RC_ASSERT((back - x).Abs() <= Decimal::FromRaw(1));
}

}  // namespace
}  // namespace quantum::trading
