#include "operator/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

#include "platform/base/assert.h"

namespace quantum::operate {

namespace json = boost::json;

namespace {

// Characters rather than bytes, so that UTF-8 text keeps the columns straight.
size_t Width(const std::string& text) {
  return static_cast<size_t>(
      std::count_if(text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xC0) != 0x80; }));
}

const json::array* FindRows(const json::value& value) {
  if (value.is_array()) {
    return &value.as_array();
  }
  if (value.is_object()) {
    for (const auto& [key, inner] : value.as_object()) {
      if (inner.is_array()) {
        return &inner.as_array();
      }
    }
  }
  return nullptr;
}

// "04:22:28", or "11-27 04:22" of more than a day ago. In UTC, as everything.
std::string ShortTime(WallTime time, WallTime now) {
  const std::string whole = FormatIso8601(time);  // 2026-11-28T04:22:28.123Z
  return now - time < std::chrono::hours(24) ? whole.substr(11, 8) : whole.substr(5, 5) + " " + whole.substr(11, 5);
}

std::string Cut(std::string text, size_t width) {
  if (width == 0 || Width(text) <= width) {
    return text;
  }
  size_t end = 0;
  for (size_t characters = 0; end < text.size(); ++end) {
    characters += (static_cast<unsigned char>(text[end]) & 0xC0) != 0x80 ? 1 : 0;
    if (characters == width) {
      break;  // the place of the mark
    }
  }
  return text.substr(0, end) + "…";
}

bool IsZero(const json::value& value) {
  return value.is_number() ? value.to_number<double>() == 0 : value.is_string() && value.get_string() == "0";
}

// The first of the column's members that says something.
const json::value* Find(const json::value& row, const Column& column) {
  const json::value* found = nullptr;
  for (const std::string& name : column.names) {
    const json::value* value = row.is_object() ? row.as_object().if_contains(name) : nullptr;
    if (value != nullptr && !value->is_null()) {
      if (!IsZero(*value)) {
        return value;
      }
      found = found == nullptr ? value : found;
    }
  }
  return found;
}

std::string Cell(const json::value& row, const Column& column, WallTime now) {
  const json::value* cell = Find(row, column);
  if (cell == nullptr) {
    return "-";
  }
  if (cell->is_int64() && column.names.front().ends_with("time")) {
    const WallTime time = FromUnixMs(cell->as_int64());
    return column.width == 0 ? FormatIso8601(time) : ShortTime(time, now);
  }
  if (cell->is_double()) {
    return fmt::format("{}", cell->as_double());  // Boost.JSON would write 1.5E0
  }
  return cell->is_string() ? std::string(cell->as_string()) : json::serialize(*cell);
}

}  // namespace

std::string FormatTable(const std::vector<std::string>& headings, const std::vector<std::vector<std::string>>& rows) {
  std::vector<size_t> widths;
  for (const std::string& heading : headings) {
    widths.push_back(Width(heading));
  }
  for (const auto& row : rows) {
    QUANTUM_ASSERT(row.size() == headings.size());
    for (size_t i = 0; i < row.size(); ++i) {
      widths[i] = std::max(widths[i], Width(row[i]));
    }
  }
  std::string text;
  const auto add = [&](const std::vector<std::string>& cells) {
    std::string line;
    for (size_t i = 0; i < cells.size(); ++i) {
      line += cells[i] + std::string(widths[i] - Width(cells[i]) + 2, ' ');
    }
    text += line.substr(0, line.find_last_not_of(' ') + 1) + "\n";
  };
  add(headings);
  for (const auto& row : rows) {
    add(row);
  }
  return text;
}

std::string Wrap(const std::string& line, size_t width) {
  std::string text;
  std::string current;
  std::istringstream words(line);
  for (std::string word; words >> word;) {
    if (!current.empty() && Width(current) + 1 + Width(word) > width) {
      text += current + "\n";
      current = "   ";
    }
    current += (current.empty() ? "" : " ") + word;
  }
  return text + current + "\n";
}

std::string OnlyOpen(const std::string& text) {
  boost::system::error_code error;
  json::value value = json::parse(text, error);
  json::value* const items = error || !value.is_object() ? nullptr : value.as_object().if_contains("items");
  if (items == nullptr || !items->is_array()) {
    return text;
  }
  json::array open;
  for (const json::value& row : items->as_array()) {
    const json::value* const quantity = row.is_object() ? row.as_object().if_contains("quantity") : nullptr;
    const bool flat = quantity != nullptr && quantity->is_string() &&
                      std::string_view(quantity->as_string()).find_first_of("123456789") == std::string_view::npos;
    if (!flat) {
      open.push_back(row);
    }
  }
  *items = std::move(open);
  return json::serialize(value);
}

const std::vector<Column>& OrderColumns() {
  static const std::vector<Column> columns{{"time", 11},
                                           {"symbol", 10},
                                           {"leg", 11},
                                           {"side", 4},
                                           {"status", 16},
                                           {"quantity", 9},
                                           {{"average_price", "price", "trigger_price"}, 9, "price"},
                                           {"correlation_id", 36}};
  return columns;
}

const std::vector<Column>& TradeColumns() {
  static const std::vector<Column> columns{
      {"entry_time", 11, "entry"}, {"symbol", 10},     {"side", 5},     {"status", 10},       {"quantity", 9},
      {"entry_price", 11},         {"exit_price", 11}, {"pnl_usd", 11}, {"close_reason", 12}, {"strategy", 10}};
  return columns;
}

std::string FormatJsonRows(const std::string& text, const std::vector<Column>& columns, WallTime now) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::array* array = error ? nullptr : FindRows(value);
  if (array == nullptr) {
    return text;
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::value& row : *array) {
    std::vector<std::string> cells;
    for (const Column& column : columns) {
      cells.push_back(Cut(Cell(row, column, now), column.width));
    }
    rows.push_back(std::move(cells));
  }
  std::vector<std::string> headings;
  for (const Column& column : columns) {
    headings.push_back(column.heading);
  }
  return rows.empty() ? "none\n" : FormatTable(headings, rows);
}

}  // namespace quantum::operate
