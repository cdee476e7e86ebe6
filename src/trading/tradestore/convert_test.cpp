#include "trading/tradestore/convert.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <limits>
#include <map>

#include "trading/tradestore/columns.h"
#include "trading/tradestore/legacy_generator.h"

namespace quantum::tradestore {
namespace {

namespace json = boost::json;
using ::testing::AllOf;
using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::vector<std::string> kUnknown = {"legacy_tag"};

LegacyRow RowOf(int64_t rowid, const std::map<std::string, sqlite::Value>& cells) {
  LegacyRow row{.rowid = rowid, .cells = {}, .unknown = {std::string("kept")}};
  for (const Column& column : Columns()) {
    const auto found = cells.find(std::string(column.name));
    row.cells.push_back(found == cells.end() ? sqlite::Value() : found->second);
  }
  return row;
}

LegacyRow Good() {
  return RowOf(7, {{"trade_id", std::string("T1")},
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
                   {"updated_at", int64_t{1714564800123}}});
}

Converted Take(const LegacyRow& row) { return Convert(row, kUnknown, LegacyPrecisions()); }

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
  row.cells[IndexOf(column)] = std::move(value);
  return Take(row);
}

TEST(ConvertTrade, TakesTheNumberThatWasMeantOutOfARealsNoise) {
  const Converted converted = Take(Good());
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
  const Converted converted = Take(Good());
  EXPECT_EQ(CellOf(converted, "entry_time"), "2024-05-01T12:00:00.250000Z");
  EXPECT_EQ(CellOf(converted, "exit_time"), "2024-05-01T13:00:00.500000Z");
  EXPECT_EQ(CellOf(converted, "created_at"), "2024-05-01T12:00:00.000000Z");
  EXPECT_EQ(CellOf(converted, "updated_at"), "2024-05-01T12:00:00.123000Z");
  EXPECT_EQ(CellOf(With("entry_time", std::string("2024-05-01T12:00:00.123456+00:00")), "entry_time"),
            "2024-05-01T12:00:00.123456Z");
}

TEST(ConvertTrade, KeepsWhatTheTableHasNoColumnForAndWhereTheRowStood) {
  const json::value metadata = json::parse(CellOf(Take(Good()), "metadata"));
  EXPECT_EQ(metadata.at("note"), "x");
  EXPECT_EQ(metadata.at("legacy").at("rowid"), 7);
  EXPECT_EQ(metadata.at("legacy").at("legacy_tag"), "kept");
}

TEST(ConvertTrade, KeepsARealThatIsNoMoneyAndAMemberOfTheirsThatIsNamedAsOurs) {
  EXPECT_EQ(CellOf(With("confidence", 0.8234567890123), "confidence"), "0.8234567890123");
  EXPECT_EQ(CellOf(With("confidence", std::string("1e-5")), "confidence"), "1e-05");
  EXPECT_EQ(CellOf(With("exit_time", 1714568400.123456), "exit_time"), "2024-05-01T13:00:00.123456Z");
  const json::value metadata = json::parse(CellOf(With("metadata", std::string(R"({"legacy":1,"a":2})")), "metadata"));
  EXPECT_EQ(metadata.at("legacy").at("legacy"), 1);
  EXPECT_EQ(metadata.at("legacy").at("rowid"), 7);
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
      {"metadata", std::string("{\"a\":\"\\u0000\"}"), "metadata: holds what is no text"},
      {"model", std::string("\xff\xfe"), "model: holds what is no text"},
      {"created_at", int64_t{1}, "created_at: '1' is no time"},
      {"created_at", std::numeric_limits<int64_t>::max(), "created_at: '9223372036854775807' is no time"},
  };
  for (const auto& each : cases) {
    const Converted converted = With(each.column, each.value);
    EXPECT_FALSE(converted.trade) << each.reason;
    EXPECT_THAT(converted.reasons, ElementsAre(StartsWith(each.reason))) << each.column;
  }
}

TEST(ConvertTrade, SaysEverythingThatIsOddAtOnce) {
  LegacyRow row = Good();
  row.cells[IndexOf("side")] = std::string("UP");
  row.cells[IndexOf("leverage")] = std::monostate{};
  EXPECT_THAT(Take(row).reasons, ElementsAre(HasSubstr("side"), AllOf(HasSubstr("leverage"), HasSubstr("missing"))));
}

TEST(TradeRows, WhatTheFileTakesIsReadBackAndIsTheSameTrade) {
  const TradeRow trade = *Take(Good()).trade;
  const std::vector<sqlite::Value> cells = ToCells(trade);
  EXPECT_TRUE(SameCells(trade, cells));
  EXPECT_TRUE(SameTrade(trade, FromCells(cells)));
  EXPECT_EQ(std::get<std::string>(cells[IndexOf("created_at")]), "2024-05-01T12:00:00");
  EXPECT_EQ(std::get<double>(cells[IndexOf("entry_price")]), 60000.1);
}

// Cell by cell: no change of a trade may go unseen.
TEST(TradeRows, AnyOtherCellIsAnotherTrade) {
  const TradeRow trade = *Take(Good()).trade;
  for (size_t i = 0; i < trade.size(); ++i) {
    TradeRow other = trade;
    const Kind kind = Columns()[i].kind;
    other[i] = kind == Kind::kJson   ? R"({"note":"y"})"
               : kind == Kind::kTime ? "2024-05-01T12:00:00.000001Z"
               : kind == Kind::kText ? "other"
                                     : "17.00000001";
    EXPECT_FALSE(SameTrade(trade, other)) << Columns()[i].name;
    EXPECT_FALSE(SameCells(other, ToCells(trade))) << Columns()[i].name;
    other[i] = std::nullopt;
    EXPECT_EQ(SameTrade(trade, other), !trade[i].has_value()) << Columns()[i].name;
    EXPECT_EQ(SameCells(other, ToCells(trade)), !trade[i].has_value()) << Columns()[i].name;
  }
}

TEST(TradeRows, MetadataIsTheSameInAnyNotation) {
  TradeRow trade = *Take(Good()).trade;
  TradeRow other = trade;
  trade[IndexOf("metadata")] = R"({"a":[1,2.50],"b":{"c":1e2},"legacy":{"rowid":7}})";
  other[IndexOf("metadata")] = R"({"b": {"c": 100}, "a": [1, 2.5], "legacy": {"rowid": 9}})";
  EXPECT_TRUE(SameTrade(trade, other));
  other[IndexOf("metadata")] = R"({"b": {"c": 100}, "a": [2.5, 1]})";
  EXPECT_FALSE(SameTrade(trade, other));
}

TEST(TradeRows, TextIsWhatPostgresCanHold) {
  EXPECT_TRUE(IsText("Zürich \n\t €, 🚀"));
  for (const std::string& bad :
       {std::string("\x01"), std::string(1, '\0'), std::string("\xff"), std::string("\xc0\x80"),
        std::string("\xed\xa0\x80"), std::string("\xe2\x82"), std::string("\xf5\x80\x80\x80")}) {
    EXPECT_FALSE(IsText(bad));
  }
}

}  // namespace
}  // namespace quantum::tradestore
