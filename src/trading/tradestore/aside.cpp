#include "trading/tradestore/aside.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "trading/tradestore/trade_row.h"

namespace quantum::tradestore {

namespace {

namespace json = boost::json;

json::value CellJson(const sqlite::Value& value) {
  const auto* const text = std::get_if<std::string>(&value);
  if (text == nullptr || IsText(*text)) {
    return sqlite::ToJson(value);
  }
  std::string hex;
  for (const char c : *text) {
    hex += fmt::format("{:02x}", static_cast<unsigned char>(c));
  }
  return json::object{{"hex", hex}};
}

Result<std::set<int64_t>> Rowids(Result<postgres::Rows> rows) {
  QUANTUM_CHECK(rows);
  std::set<int64_t> rowids;
  for (size_t row = 0; row < rows->size(); ++row) {
    rowids.insert(rows->Int(row, "rowid"));
  }
  return rowids;
}

}  // namespace

std::string ToArray(const std::vector<std::optional<std::string>>& elements) {
  std::vector<const std::optional<std::string>*> pointers;
  for (const std::optional<std::string>& element : elements) {
    pointers.push_back(&element);
  }
  return ToArray(pointers);
}

std::string ToArray(const std::vector<const std::optional<std::string>*>& elements) {
  std::string array = "{";
  for (const std::optional<std::string>* element : elements) {
    array += array.size() == 1 ? "" : ",";
    if (!*element) {
      array += "NULL";
      continue;
    }
    array += '"';
    const std::string& text = **element;
    if (text.find('"') == std::string::npos && text.find('\\') == std::string::npos) {
      array += text;
    } else {
      for (const char c : text) {
        array += c == '"' || c == '\\' ? std::string{'\\', c} : std::string{c};
      }
    }
    array += '"';
  }
  return array + '}';
}

AsideRow ToAside(const LegacyFile& file, const LegacyRow& row, std::vector<std::string> reasons) {
  json::object cells;
  for (size_t i = 0; i < row.cells.size(); ++i) {
    cells[file.names()[i]] = CellJson(row.cells[i]);
  }
  for (size_t i = 0; i < row.unknown.size(); ++i) {
    cells[file.unknown_columns()[i]] = CellJson(row.unknown[i]);
  }
  const std::string id = sqlite::ToText(row.cells.front());
  return {.rowid = row.rowid,
          .trade_id = IsText(id) ? id : "",
          .reasons = std::move(reasons),
          .cells = json::serialize(cells)};
}

postgres::Statement InsertAside(const State& state, const std::vector<AsideRow>& rows) {
  std::vector<std::optional<std::string>> rowids;
  std::vector<std::optional<std::string>> ids;
  std::vector<std::optional<std::string>> reasons;
  std::vector<std::optional<std::string>> cells;
  for (const AsideRow& row : rows) {
    rowids.emplace_back(std::to_string(row.rowid));
    ids.emplace_back(row.trade_id);
    json::array sentences;
    for (const std::string& reason : row.reasons) {
      sentences.emplace_back(IsText(reason) ? reason : std::string("what it says is no text"));
    }
    reasons.emplace_back(json::serialize(sentences));
    cells.emplace_back(row.cells);
  }
  return {
      "INSERT INTO tradestore_aside (migration, source, rowid, trade_id, reasons, cells) SELECT $1, $2, rowid, "
      "trade_id, ARRAY(SELECT json_array_elements_text(reasons)), cells FROM unnest($3::bigint[], $4::text[], "
      "$5::json[], $6::json[]) AS row (rowid, trade_id, reasons, cells) ON CONFLICT (migration, rowid) DO NOTHING",
      {NumberOf(state), state.source, ToArray(rowids), ToArray(ids), ToArray(reasons), ToArray(cells)}};
}

Result<std::set<int64_t>> ReadAside(postgres::Pool& pool, const State& state) {
  return Rowids(
      pool.Query("SELECT rowid FROM tradestore_aside WHERE migration = $1", {NumberOf(state)}, {.idempotent = true}));
}

Result<std::set<int64_t>> ReadAside(postgres::Pool& pool, const State& state, const std::vector<LegacyRow>& rows) {
  std::vector<std::optional<std::string>> wanted;
  for (const LegacyRow& row : rows) {
    wanted.emplace_back(std::to_string(row.rowid));
  }
  return Rowids(pool.Query("SELECT rowid FROM tradestore_aside WHERE migration = $1 AND rowid = ANY($2)",
                           {NumberOf(state), ToArray(wanted)}, {.idempotent = true}));
}

}  // namespace quantum::tradestore
