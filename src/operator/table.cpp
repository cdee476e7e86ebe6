#include "operator/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json.hpp>
#include <sstream>

#include "platform/base/assert.h"
#include "platform/base/clock.h"

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

std::string Cell(const json::value& row, const std::string& column) {
  const json::value* cell = row.is_object() ? row.as_object().if_contains(column) : nullptr;
  if (cell == nullptr || cell->is_null()) {
    return "-";
  }
  if (cell->is_int64() && column.ends_with("time")) {
    return FormatIso8601(FromUnixMs(cell->as_int64()));
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

std::string FormatJsonRows(const std::string& text, const std::vector<std::string>& columns) {
  boost::system::error_code error;
  const json::value value = json::parse(text, error);
  const json::array* array = error ? nullptr : FindRows(value);
  if (array == nullptr) {
    return text;
  }
  std::vector<std::vector<std::string>> rows;
  for (const json::value& row : *array) {
    std::vector<std::string> cells;
    for (const std::string& column : columns) {
      cells.push_back(Cell(row, column));
    }
    rows.push_back(std::move(cells));
  }
  return rows.empty() ? "none\n" : FormatTable(columns, rows);
}

}  // namespace quantum::operate
