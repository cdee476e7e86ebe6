#include "services/execution/views.h"

#include <gtest/gtest.h>

#include "trading/tradestore/columns.h"

namespace quantum::execution {
namespace {

namespace json = boost::json;
using tradestore::IndexOf;

TEST(TradeJson, SaysATradeInTheEventsWordsAndWhatItsMetadataNames) {
  tradestore::TradeRow trade(tradestore::Columns().size());
  trade[IndexOf("trade_id")] = "a";
  trade[IndexOf("quantity")] = "0.002";
  trade[IndexOf("leverage")] = "5";
  trade[IndexOf("created_at")] = "2024-05-01T12:00:00.250000Z";
  trade[IndexOf("metadata")] = R"({"reservation_id":"r-a","correlation_id":"c-a","note":[1,2]})";
  const json::object object = TradeJson(trade);
  EXPECT_EQ(object.at("trade_id"), "a");
  EXPECT_EQ(object.at("quantity"), "0.002");
  EXPECT_EQ(object.at("leverage"), 5);
  EXPECT_EQ(object.at("created_time"), 1714564800250);
  EXPECT_TRUE(object.at("exit_price").is_null());
  EXPECT_EQ(object.at("reservation_id"), "r-a");
  EXPECT_EQ(object.at("correlation_id"), "c-a");
  EXPECT_EQ(object.at("metadata").at("note"), json::array({1, 2}));
}

}  // namespace
}  // namespace quantum::execution
