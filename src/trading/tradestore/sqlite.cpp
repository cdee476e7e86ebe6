#include "trading/tradestore/sqlite.h"

#include <fmt/format.h>
#include <sqlite3.h>

#include <charconv>
#include <cmath>

namespace quantum::sqlite {

namespace {

constexpr int kBusyMs = 5000;  // the old system may still write
constexpr int kBusyPauseMs = 50;
constexpr int kPagesAStep = 2048;

Errc CodeOf(int code) {
  switch (code & 0xff) {
    case SQLITE_CANTOPEN:
      return Errc::kNotFound;
    case SQLITE_PERM:
    case SQLITE_READONLY:
      return Errc::kPermission;
    case SQLITE_NOTADB:
    case SQLITE_CORRUPT:
    case SQLITE_ERROR:
      return Errc::kInvalidArgument;
    case SQLITE_FULL:
      return Errc::kExhausted;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::kUnavailable;
    default:
      return Errc::kInternal;
  }
}

Error ErrorOf(sqlite3* handle, int code) {
  const char* const file = sqlite3_db_filename(handle, "main");
  return {CodeOf(code), fmt::format("{}: {}", file == nullptr ? "SQLite" : file, sqlite3_errmsg(handle))};
}

}  // namespace

bool IsBlank(const Value& value) {
  const auto* const text = std::get_if<std::string>(&value);
  return std::holds_alternative<std::monostate>(value) || (text != nullptr && text->empty());
}

std::string ToText(const Value& value) {
  if (const auto* text = std::get_if<std::string>(&value)) {
    return *text;
  }
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return std::to_string(*integer);
  }
  const auto* const real = std::get_if<double>(&value);
  return real == nullptr ? std::string() : fmt::format("{}", *real);
}

double ToReal(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return static_cast<double>(*integer);
  }
  if (const auto* real = std::get_if<double>(&value)) {
    return *real;
  }
  const std::string text = ToText(value);
  double number = std::nan("");
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  return error == std::errc() && end == text.data() + text.size() ? number : std::nan("");
}

boost::json::value ToJson(const Value& value) {
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    return *integer;
  }
  if (const auto* real = std::get_if<double>(&value); real != nullptr && std::isfinite(*real)) {
    return *real;
  }
  return IsBlank(value) ? boost::json::value() : boost::json::value(ToText(value));
}

std::string Quoted(std::string_view name) {
  std::string quoted = "\"";
  for (const char c : name) {
    quoted += c == '"' ? "\"\"" : std::string(1, c);
  }
  return quoted + '"';
}

Result<Database> Database::Open(const std::string& path, Access access) {
  sqlite3* opened = nullptr;
  const int flags = access == Access::kRead    ? SQLITE_OPEN_READONLY
                    : access == Access::kWrite ? SQLITE_OPEN_READWRITE
                                               : SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE;
  const int code = sqlite3_open_v2(path.c_str(), &opened, flags, nullptr);
  std::shared_ptr<sqlite3> handle(opened, sqlite3_close_v2);
  if (code != SQLITE_OK) {
    return Error{CodeOf(code), fmt::format("{}: {}", path, sqlite3_errmsg(opened))};
  }
  sqlite3_busy_timeout(opened, kBusyMs);
  Database database(std::move(handle));
  QUANTUM_CHECK(database.Run("SELECT count(*) FROM sqlite_master"));  // whether it is a database at all
  return database;
}

Status Database::Run(const std::string& sql) {
  const int code = sqlite3_exec(handle_.get(), sql.c_str(), nullptr, nullptr, nullptr);
  return code == SQLITE_OK ? Status() : Status(ErrorOf(handle_.get(), code));
}

int64_t Database::changed() const { return sqlite3_changes64(handle_.get()); }

Status Database::CopyTo(const std::string& path, const std::function<void(int64_t, int64_t)>& on_pages) const {
  QUANTUM_TRY(const Database copy, Open(path, Access::kMake));
  const std::unique_ptr<sqlite3_backup, decltype(&sqlite3_backup_finish)> backup(
      sqlite3_backup_init(copy.handle_.get(), "main", handle_.get(), "main"), sqlite3_backup_finish);
  if (backup == nullptr) {
    return ErrorOf(copy.handle_.get(), sqlite3_errcode(copy.handle_.get()));
  }
  // One transaction of the source for all of it: a writer in between would make the copy begin anew, for ever.
  QUANTUM_TRY(Statement hold, Database(*this).Prepare("SELECT 1 FROM sqlite_master"));
  QUANTUM_TRY([[maybe_unused]] const bool row, hold.Step());
  int waited = 0;
  while (true) {
    const int code = sqlite3_backup_step(backup.get(), kPagesAStep);
    const int total = sqlite3_backup_pagecount(backup.get());
    on_pages(total - sqlite3_backup_remaining(backup.get()), total);
    if (code == SQLITE_DONE) {
      return {};
    }
    if ((code == SQLITE_BUSY || code == SQLITE_LOCKED) && waited < kBusyMs) {
      waited += sqlite3_sleep(kBusyPauseMs);
    } else if (code != SQLITE_OK) {
      return Error{CodeOf(code), fmt::format("copying to {}: {}", path, sqlite3_errstr(code))};
    }
  }
}

Result<Statement> Database::Prepare(const std::string& sql) {
  sqlite3_stmt* prepared = nullptr;
  const int code = sqlite3_prepare_v2(handle_.get(), sql.c_str(), -1, &prepared, nullptr);
  if (code != SQLITE_OK) {
    return ErrorOf(handle_.get(), code);
  }
  return Statement(handle_, std::shared_ptr<sqlite3_stmt>(prepared, sqlite3_finalize));
}

void Statement::Bind(int index, const Value& value) {
  sqlite3_stmt* const handle = handle_.get();
  if (const auto* integer = std::get_if<int64_t>(&value)) {
    sqlite3_bind_int64(handle, index, *integer);
  } else if (const auto* real = std::get_if<double>(&value)) {
    sqlite3_bind_double(handle, index, *real);
  } else if (const auto* text = std::get_if<std::string>(&value)) {
    sqlite3_bind_text(handle, index, text->data(), static_cast<int>(text->size()), SQLITE_TRANSIENT);
  } else {
    sqlite3_bind_null(handle, index);
  }
}

Result<bool> Statement::Step() {
  const int code = sqlite3_step(handle_.get());
  if (code == SQLITE_ROW) {
    return true;
  }
  const Error error = ErrorOf(database_.get(), code);
  sqlite3_reset(handle_.get());
  return code == SQLITE_DONE ? Result<bool>(false) : Result<bool>(error);
}

Value Statement::Column(int index) const {
  sqlite3_stmt* const handle = handle_.get();
  switch (sqlite3_column_type(handle, index)) {
    case SQLITE_INTEGER:
      return static_cast<int64_t>(sqlite3_column_int64(handle, index));
    case SQLITE_FLOAT:
      return sqlite3_column_double(handle, index);
    case SQLITE_NULL:
      return std::monostate{};
    default: {
      const void* const bytes = sqlite3_column_blob(handle, index);
      const auto size = static_cast<size_t>(sqlite3_column_bytes(handle, index));
      return bytes == nullptr ? std::string() : std::string(static_cast<const char*>(bytes), size);
    }
  }
}

int Statement::columns() const { return sqlite3_column_count(handle_.get()); }

}  // namespace quantum::sqlite
