#include "trading/tradestore/trade_row.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <cmath>

#include "platform/log/json_text.h"
#include "trading/decimal.h"
#include "trading/tradestore/columns.h"

namespace quantum::tradestore {

namespace {

namespace json = boost::json;
using sqlite::Value;

bool IsNumber(Kind kind) {
  return kind == Kind::kPrice || kind == Kind::kQuantity || kind == Kind::kMoney || kind == Kind::kReal;
}

// Postgres writes the numbers of a jsonb anew: 1e2 as 100.
bool SameJson(const json::value& left, const json::value& right) {
  if (left.is_number() && right.is_number()) {
    return left == right || left.to_number<double>() == right.to_number<double>();
  }
  if (const auto* a = left.if_array(), *b = right.if_array(); a != nullptr && b != nullptr) {
    return std::equal(a->begin(), a->end(), b->begin(), b->end(), SameJson);
  }
  const auto* const a = left.if_object();
  const auto* const b = right.if_object();
  if (a == nullptr || b == nullptr) {
    return left == right;
  }
  return a->size() == b->size() && std::all_of(a->begin(), a->end(), [&](const auto& member) {
           const json::value* const other = b->if_contains(member.key());
           return other != nullptr && SameJson(member.value(), *other);
         });
}

// What a migration has put there: where a row stood, and columns of the old system's.
json::value WithoutLegacy(json::value metadata) {
  if (metadata.is_object()) {
    metadata.get_object().erase("legacy");
  }
  return metadata;
}

bool SameCell(Kind kind, const std::string& left, const std::string& right) {
  if (left == right) {
    return true;
  }
  if (kind == Kind::kReal) {
    return sqlite::ToReal(left) == sqlite::ToReal(right);
  }
  if (kind != Kind::kJson) {
    return false;
  }
  json::error_code bad_left;
  json::error_code bad_right;
  const json::value a = json::parse(left, bad_left);
  const json::value b = json::parse(right, bad_right);
  return !bad_left && !bad_right && SameJson(WithoutLegacy(a), WithoutLegacy(b));
}

// "2024-05-01T12:00:00.250000Z" as Python's isoformat has it: no zone, no fraction of zeros.
std::string WithoutZone(std::string time) {
  time.erase(time.find_last_not_of('Z') + 1);
  constexpr std::string_view kNothing = ".000000";
  if (time.ends_with(kNothing)) {
    time.erase(time.size() - kNothing.size());
  }
  return time;
}

std::string WithZone(std::string time) {
  constexpr size_t kSeconds = std::string_view("2024-05-01T12:00:00").size();
  return time + (time.size() == kSeconds ? ".000000Z" : "Z");
}

std::string ShortestNumber(double value) {
  if (!std::isfinite(value) || std::abs(value) > 9e10) {
    return fmt::format("{}", value);
  }
  // 1e-05 in plain notation; the nearest of eight decimals is what was written.
  return trading::Decimal::FromDouble(value).ToString();
}

}  // namespace

std::string FormatMicroseconds(WallTime time) {
  std::string text = FormatIso8601(time);
  const auto us = std::chrono::floor<std::chrono::microseconds>(time.time_since_epoch()).count() % 1000;
  return text.insert(text.size() - 1, fmt::format("{:03}", us < 0 ? us + 1000 : us));
}

bool IsText(std::string_view text) {
  const bool has_controls = std::any_of(text.begin(), text.end(), [](unsigned char byte) {
    return byte < 0x20 && byte != '\t' && byte != '\n' && byte != '\r';
  });
  return !has_controls && log::IsUtf8(text);
}

std::string SelectTradeRow() {
  std::string list;
  for (const Column& column : Columns()) {
    list += list.empty() ? "" : ", ";
    if (column.kind == Kind::kTime) {
      list += fmt::format("to_char({0} AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS.US\"Z\"') AS {0}", column.name);
    } else if (IsNumber(column.kind) && column.kind != Kind::kReal) {
      list += fmt::format("trim_scale({0}) AS {0}", column.name);
    } else {
      list += column.name;
    }
  }
  return list;
}

std::string FromWanted() {
  return " FROM unnest($1::text[]) AS wanted (id), LATERAL (SELECT * FROM trades WHERE trade_id = wanted.id LIMIT 1) "
         "AS trades";
}

TradeRow ReadTradeRow(const postgres::Rows& rows, size_t row) {
  TradeRow trade;
  trade.reserve(Columns().size());
  for (const Column& column : Columns()) {
    trade.push_back(rows.Optional(row, column.name));
  }
  return trade;
}

bool SameTrade(const TradeRow& left, const TradeRow& right) {
  for (size_t i = 0; i < Columns().size(); ++i) {
    if (left[i].has_value() != right[i].has_value() || (left[i] && !SameCell(Columns()[i].kind, *left[i], *right[i]))) {
      return false;
    }
  }
  return true;
}

bool SameCells(const TradeRow& trade, const std::vector<Value>& cells) {
  for (size_t i = 0; i < cells.size(); ++i) {
    const Kind kind = Columns()[i].kind;
    const Value& cell = cells[i];
    if (!trade[i] || std::holds_alternative<std::monostate>(cell)) {
      if (trade[i].has_value() == std::holds_alternative<std::monostate>(cell)) {
        return false;
      }
    } else if (IsNumber(kind) || kind == Kind::kInteger) {
      if (sqlite::ToReal(cell) != sqlite::ToReal(*trade[i])) {
        return false;
      }
    } else if (!SameCell(kind, kind == Kind::kTime ? WithoutZone(*trade[i]) : *trade[i], sqlite::ToText(cell))) {
      return false;
    }
  }
  return true;
}

bool SameLegacy(const TradeRow& stands, const TradeRow& incoming) {
  const auto legacy = [](const TradeRow& trade) {
    json::error_code error;
    json::value metadata = json::parse(trade[IndexOf("metadata")].value_or(""), error);
    json::value* const found = error || !metadata.is_object() ? nullptr : metadata.get_object().if_contains("legacy");
    if (found == nullptr || !found->is_object()) {
      return json::value();
    }
    found->get_object().erase("rowid");
    return std::move(*found);
  };
  const json::value there = legacy(stands);
  return there.is_null() || SameJson(there, legacy(incoming));
}

std::vector<Value> ToCells(const TradeRow& trade) {
  std::vector<Value> cells;
  cells.reserve(trade.size());
  for (size_t i = 0; i < trade.size(); ++i) {
    const Kind kind = Columns()[i].kind;
    if (!trade[i]) {
      cells.emplace_back();
    } else if (IsNumber(kind)) {
      cells.emplace_back(sqlite::ToReal(*trade[i]));
    } else if (kind == Kind::kInteger) {
      cells.emplace_back(static_cast<int64_t>(sqlite::ToReal(*trade[i])));
    } else {
      cells.emplace_back(kind == Kind::kTime ? WithoutZone(*trade[i]) : *trade[i]);
    }
  }
  return cells;
}

TradeRow FromCells(const std::vector<Value>& cells) {
  TradeRow trade;
  trade.reserve(cells.size());
  for (size_t i = 0; i < cells.size(); ++i) {
    const Kind kind = Columns()[i].kind;
    if (std::holds_alternative<std::monostate>(cells[i])) {
      trade.emplace_back();
    } else if (const auto* real = std::get_if<double>(&cells[i])) {
      trade.emplace_back(kind == Kind::kReal ? fmt::format("{}", *real) : ShortestNumber(*real));
    } else {
      trade.emplace_back(kind == Kind::kTime ? WithZone(sqlite::ToText(cells[i])) : sqlite::ToText(cells[i]));
    }
  }
  return trade;
}

}  // namespace quantum::tradestore
