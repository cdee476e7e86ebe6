#include "trading/tradestore/legacy_generator.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "trading/tradestore/columns.h"
#include "trading/tradestore/sqlite.h"

namespace quantum::tradestore {

namespace {

using sqlite::Value;
using trading::operator""_dec;

struct Market {
  const char* symbol;
  double price;
  double tick;
  double step;
};
constexpr Market kMarkets[] = {
    {"BTCUSDT", 60000, 0.1, 0.001}, {"ETHUSDT", 2500, 0.01, 0.001}, {"XRPUSDT", 0.5, 0.0001, 0.1}};

// As the old system computed: a number of ticks times a tick that is no binary fraction.
double Multiple(double near, double step) { return std::round(near / step) * step; }

std::map<std::string, Value> MakeTrade(int64_t number, Random& random) {
  const Market& market = kMarkets[random.Below(std::size(kMarkets))];
  const double entry = Multiple(market.price * (0.9 + 0.2 * random.Unit()), market.tick);
  const double exit = Multiple(entry * (0.98 + 0.04 * random.Unit()), market.tick);
  const double quantity = market.step * static_cast<double>(1 + random.Below(500));
  const bool is_long = random.Below(2) == 0;
  const double fee = entry * quantity * 0.0004;
  const double pnl = (is_long ? exit - entry : entry - exit) * quantity - 2 * fee;
  const WallTime opened = *ParseIso8601("2024-01-01T00:00:00Z") + std::chrono::minutes(number);
  const auto text = [](WallTime time) { return FormatIso8601(time).substr(0, 23); };  // without Z
  return {{"trade_id", fmt::format("T{:08}", number)},
          {"symbol", std::string(market.symbol)},
          {"side", std::string(is_long ? "LONG" : "SHORT")},
          {"status", std::string("CLOSED")},
          {"quantity", quantity},
          {"leverage", static_cast<int64_t>(1 + random.Below(20))},
          {"margin_usd", entry * quantity / 10},
          {"entry_price", entry},
          {"entry_time", text(opened)},
          {"sl_price", Multiple(entry * 0.99, market.tick)},
          {"tp_price", Multiple(entry * 1.02, market.tick)},
          {"exit_price", exit},
          {"exit_time", text(opened + std::chrono::minutes(30))},
          {"close_reason", std::string("take_profit")},
          {"pnl_usd", pnl},
          {"pnl_pct", pnl / (entry * quantity) * 100},
          {"r_multiple", pnl / (entry * quantity * 0.01)},
          {"entry_fee_usd", fee},
          {"exit_fee_usd", fee},
          {"funding_fees_usd", 0.0},
          {"model", std::string("xgb")},
          {"confidence", random.Unit()},
          {"strategy", std::string("momentum")},
          {"regime", std::string("TREND")},
          {"exchange_order_id", std::to_string(random.Below(1'000'000'000))},
          {"metadata", std::string(R"({"note":"old"})")},
          {"created_at", text(opened)},
          {"updated_at", text(opened + std::chrono::minutes(30))}};
}

void Break(std::map<std::string, Value>& trade, int64_t way) {
  switch (way % 12) {
    case 0:
      trade["symbol"] = std::monostate{};
      return;
    case 1:
      trade["side"] = std::string("UP");
      return;
    case 2:
      trade["status"] = std::string("OPEN");
      return;
    case 3:
      trade["quantity"] = -1.0;
      return;
    case 4:
      trade["quantity"] = 0.00012345;
      return;
    case 5:
      trade["entry_price"] = std::numeric_limits<double>::infinity();
      return;
    case 6:
      trade["entry_price"] = std::string("n/a");
      return;
    case 7:
      trade["exit_time"] = std::string("yesterday");
      return;
    case 8:
      trade["exit_time"] = std::string("2001-01-01T00:00:00");
      return;
    case 9:
      trade["exit_price"] = std::monostate{};
      return;
    case 10:
      trade["metadata"] = std::string("{not json");
      return;
    default:
      trade["symbol"] = std::string("DOGE");
      return;
  }
}

std::string CreateTable(bool old_strategy_name) {
  std::string columns;
  for (const Column& column : Columns()) {
    const bool real = column.kind == Kind::kPrice || column.kind == Kind::kQuantity || column.kind == Kind::kMoney ||
                      column.kind == Kind::kReal;
    const std::string_view name = column.name == "strategy" && old_strategy_name ? kOldStrategy : column.name;
    columns += fmt::format("{}{} {}", columns.empty() ? "" : ", ", name,
                           real                            ? "REAL"
                           : column.kind == Kind::kInteger ? "INTEGER"
                                                           : "TEXT");
  }
  return fmt::format("CREATE TABLE trades ({}, legacy_tag TEXT)", columns);
}

}  // namespace

Result<LegacyCounts> WriteLegacyFile(const std::string& path, const LegacyOptions& options) {
  QUANTUM_TRY(sqlite::Database database, sqlite::Database::Open(path, sqlite::Database::Access::kMake));
  QUANTUM_CHECK(database.Run("PRAGMA synchronous = OFF; BEGIN"));
  QUANTUM_CHECK(database.Run(CreateTable(options.old_strategy_name)));
  std::string marks;
  for (size_t i = 0; i < Columns().size(); ++i) {
    marks += "?,";
  }
  QUANTUM_TRY(sqlite::Statement insert, database.Prepare(fmt::format("INSERT INTO trades VALUES ({}'x')", marks)));
  SeededRandom random(options.seed);
  LegacyCounts counts;
  for (int64_t number = 1; number <= options.rows; ++number) {
    std::map<std::string, Value> trade = MakeTrade(number, random);
    const bool broken = options.broken_every > 0 && number % options.broken_every == 0;
    if (broken) {
      Break(trade, number / options.broken_every);
    }
    const bool twice = options.repeated_every > 0 && number % options.repeated_every == 0;
    for (int copy = 0; copy < (twice ? 2 : 1); ++copy) {
      int index = 0;
      for (const Column& column : Columns()) {
        insert.Bind(++index, trade[std::string(column.name)]);
      }
      QUANTUM_TRY([[maybe_unused]] const bool row, insert.Step());
      ++(broken ? counts.odd : copy == 0 ? counts.good : counts.repeated);
    }
  }
  QUANTUM_CHECK(database.Run("COMMIT"));
  return counts;
}

Precisions LegacyPrecisions() {
  return {{"BTCUSDT", {.tick_size = "0.1"_dec, .step_size = "0.001"_dec}},
          {"ETHUSDT", {.tick_size = "0.01"_dec, .step_size = "0.001"_dec}},
          {"XRPUSDT", {.tick_size = "0.0001"_dec, .step_size = "0.1"_dec}}};
}

}  // namespace quantum::tradestore
