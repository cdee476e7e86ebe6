#include <charconv>
#include <cstdlib>

#include "platform/postgres/rows_impl.h"

namespace quantum::postgres {

namespace {

// Column names as the server wrote them; PQfnumber would fold the case of ours.
int ColumnOf(const PGresult* result, std::string_view column) {
  for (int i = 0; i < PQnfields(result); ++i) {
    if (column == PQfname(result, i)) {
      return i;
    }
  }
  AssertionFailed("no column \"" + std::string(column) + "\" in the result of this statement", __FILE__, __LINE__);
}

struct Cell {
  bool null;
  std::string_view text;
};

Cell CellAt(const Rows::Impl* impl, size_t row, std::string_view column) {
  QUANTUM_ASSERT(impl != nullptr);
  const PGresult* result = impl->result.get();
  QUANTUM_ASSERT(row < static_cast<size_t>(PQntuples(result)));
  const int line = static_cast<int>(row);
  const int field = ColumnOf(result, column);
  return {PQgetisnull(result, line, field) == 1,
          {PQgetvalue(result, line, field), static_cast<size_t>(PQgetlength(result, line, field))}};
}

template <class Number>
Number NumberAt(const Rows::Impl* impl, size_t row, std::string_view column) {
  const Cell cell = CellAt(impl, row, column);
  QUANTUM_ASSERT(!cell.null);
  Number number{};
  const char* const end = cell.text.data() + cell.text.size();
  const auto parsed = std::from_chars(cell.text.data(), end, number);
  QUANTUM_ASSERT(parsed.ec == std::errc() && parsed.ptr == end);
  return number;
}

}  // namespace

Rows::Rows() = default;
Rows::Rows(std::shared_ptr<const Impl> impl) : impl_(std::move(impl)) {}

size_t Rows::size() const { return impl_ ? static_cast<size_t>(PQntuples(impl_->result.get())) : 0; }

int64_t Rows::affected() const { return impl_ ? std::strtoll(PQcmdTuples(impl_->result.get()), nullptr, 10) : 0; }

bool Rows::IsNull(size_t row, std::string_view column) const { return CellAt(impl_.get(), row, column).null; }

std::string_view Rows::Text(size_t row, std::string_view column) const { return CellAt(impl_.get(), row, column).text; }

int64_t Rows::Int(size_t row, std::string_view column) const { return NumberAt<int64_t>(impl_.get(), row, column); }

double Rows::Double(size_t row, std::string_view column) const { return NumberAt<double>(impl_.get(), row, column); }

bool Rows::Bool(size_t row, std::string_view column) const {
  const Cell cell = CellAt(impl_.get(), row, column);
  QUANTUM_ASSERT(cell.text == "t" || cell.text == "f");
  return cell.text == "t";
}

std::optional<std::string> Rows::Optional(size_t row, std::string_view column) const {
  const Cell cell = CellAt(impl_.get(), row, column);
  return cell.null ? std::nullopt : std::optional<std::string>(cell.text);
}

}  // namespace quantum::postgres
