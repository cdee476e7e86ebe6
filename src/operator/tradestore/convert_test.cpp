#include "operator/tradestore/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>

#include "operator/tradestore/columns.h"
#include "operator/tradestore/legacy_generator.h"

namespace quantum::operate::tradestore {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

LegacyRow Good() {
  return {.rowid = 7,
          .values = {{"trade_id", std::string("T1")},
                     {"symbol", std::string("btcusdt")},
                     {"side", std::string("BUY")},
                     {"status", std::string("closed")},
                     {"quantity", 37 * 0.001},
                     {"leverage", int64_t{5}},
                     {"entry_price", 600001 * 0.1},
                     {"entry_time", std::string("2024-05-01 12:00:00.250")},
                     {"exit_price", 600123 * 0.1},
                     {"exit_time", 1714568400.5},
                     {"pnl_usd", 0.1 + 0.2},
                     {"metadata", std::string(R"({"note":"x"})")},
                     {"created_at", int64_t{1714564800}},
                     {"updated_at", int64_t{1714564800123}},
                     {"legacy_tag", std::string("kept")}}};
}

std::string CellOf(const Converted& converted, std::string_view name) {
  const auto columns = Columns();
  for (size_t i = 0; i < columns.size() && converted.trade; ++i) {
    if (columns[i].name == name) {
      return (*converted.trade)[i].value_or("NULL");
    }
  }
  return "none: " + (converted.reasons.empty() ? "" : converted.reasons.front());
}

Converted With(const char* column, sqlite::Value value) {
  LegacyRow row = Good();
  row.values[column] = std::move(value);
  return Convert(row, LegacyPrecisions());
}

TEST(ConvertTrade, TakesTheNumberThatWasMeantOutOfARealsNoise) {
  const Converted converted = Convert(Good(), LegacyPrecisions());
  EXPECT_NE(600001 * 0.1, 60000.1) << "there is no noise to test with";
  EXPECT_EQ(CellOf(converted, "entry_price"), "60000.1");
  EXPECT_EQ(CellOf(converted, "quantity"), "0.037");
  EXPECT_EQ(CellOf(converted, "pnl_usd"), "0.3");
  EXPECT_EQ(CellOf(converted, "symbol"), "BTCUSDT");
  EXPECT_EQ(CellOf(converted, "side"), "LONG");
  EXPECT_EQ(CellOf(converted, "status"), "CLOSED");
  EXPECT_EQ(CellOf(converted, "margin_usd"), "NULL");
}

TEST(ConvertTrade, LeavesAnAveragePriceWhereItIs) {
  EXPECT_EQ(CellOf(With("entry_price", 60000.13333333333), "entry_price"), "60000.13333333");
  EXPECT_EQ(CellOf(With("entry_price", 60000.1000001), "entry_price"), "60000.1000001");
}

TEST(ConvertTrade, ReadsTimesAsTextAsSecondsAndAsMilliseconds) {
  const Converted converted = Convert(Good(), LegacyPrecisions());
  EXPECT_EQ(CellOf(converted, "entry_time"), "2024-05-01T12:00:00.250Z");
  EXPECT_EQ(CellOf(converted, "exit_time"), "2024-05-01T13:00:00.500Z");
  EXPECT_EQ(CellOf(converted, "created_at"), "2024-05-01T12:00:00.000Z");
  EXPECT_EQ(CellOf(converted, "updated_at"), "2024-05-01T12:00:00.123Z");
  EXPECT_EQ(CellOf(With("entry_time", std::string("2024-05-01T12:00:00+00:00")), "entry_time"),
            "2024-05-01T12:00:00.000Z");
}

TEST(ConvertTrade, KeepsWhatTheTableHasNoColumnForAndWhereTheRowStood) {
  const json::value metadata = json::parse(CellOf(Convert(Good(), LegacyPrecisions()), "metadata"));
  EXPECT_EQ(metadata.at("note"), "x");
  EXPECT_EQ(metadata.at("legacy").at("rowid"), 7);
  EXPECT_EQ(metadata.at("legacy").at("legacy_tag"), "kept");
}

TEST(ConvertTrade, SaysOfAnOddRowWhichColumnAndWhy) {
  const double infinity = std::numeric_limits<double>::infinity();
  const struct {
    const char* column;
    sqlite::Value value;
    const char* reason;
  } cases[] = {
      {"trade_id", std::monostate{}, "trade_id: is missing"},
      {"symbol", std::string("DOGE"), "symbol: nobody knows DOGE's precision"},
      {"side", std::string("UP"), "side: 'UP' is neither LONG nor SHORT"},
      {"status", std::string("open"), "status: OPEN: not over yet"},
      {"status", std::string("LOST"), "status: 'LOST' is no status"},
      {"quantity", 0.0, "quantity: 0 is not above zero"},
      {"quantity", 0.00012345, "quantity: 0.00012345 is no multiple of 0.001"},
      {"entry_price", infinity, "entry_price: 'inf' is no number that can be"},
      {"entry_price", 1e30, "entry_price: '1e+30' is no number that can be"},
      {"entry_price", std::string("n/a"), "entry_price: 'n/a' is no number that can be"},
      {"leverage", 2.5, "leverage: 2.5 is no whole number of 1 to 1000"},
      {"exit_time", std::string("yesterday"), "exit_time: 'yesterday' is no time"},
      {"exit_time", std::string("2023-05-01T12:00:00"), "exit_time: is before entry_time"},
      {"exit_price", std::monostate{}, "status: CLOSED, without an exit"},
      {"metadata", std::string("{not json"), "metadata: is no JSON object"},
      {"created_at", int64_t{1}, "created_at: '1' is no time"},
  };
  for (const auto& each : cases) {
    const Converted converted = With(each.column, each.value);
    EXPECT_FALSE(converted.trade) << each.reason;
    EXPECT_THAT(converted.reasons, ElementsAre(StartsWith(each.reason))) << each.column;
  }
}

TEST(ConvertTrade, SaysEverythingThatIsOddAtOnce) {
  LegacyRow row = Good();
  row.values["side"] = std::string("UP");
  row.values["leverage"] = std::monostate{};
  EXPECT_THAT(Convert(row, LegacyPrecisions()).reasons,
              ElementsAre(HasSubstr("side"), AllOf(HasSubstr("leverage"), HasSubstr("missing"))));
}

}  // namespace
}  // namespace quantum::operate::tradestore
