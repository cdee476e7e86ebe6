#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <variant>

#include "platform/base/result.h"

struct sqlite3;
struct sqlite3_stmt;

// SQLite 3, as little of it as a file of trades needs. Blocks; an object is for one thread at a time.
namespace quantum::sqlite {

// NULL, INTEGER, REAL, TEXT. A BLOB is read as text.
using Value = std::variant<std::monostate, int64_t, double, std::string>;
bool IsBlank(const Value& value);               // NULL, or a text of nothing
std::string ToText(const Value& value);         // numbers in shortest notation; NULL: empty
double ToReal(const Value& value);              // NaN where it is none
boost::json::value ToJson(const Value& value);  // numbers that JSON has not as text; NULL and nothing: null

// As an identifier in a statement.
std::string Quoted(std::string_view name);

class Statement;

class Database {
 public:
  enum class Access { kRead, kWrite, kMake };  // kMake: the file too, where there is none
  // kNotFound, kPermission, kInvalidArgument (no database), kExhausted (disk full), kInternal, each with the file's
  // name.
  static Result<Database> Open(const std::string& path, Access access);

  Status Run(const std::string& sql);  // any number of statements, without results
  int64_t changed() const;             // rows that the last statement wrote
  // Copies all of this database as it is at one moment, also while somebody writes to it. on_pages: pages copied, pages
  // there are. The file at `path` must not be there. Errors as of Open.
  Status CopyTo(const std::string& path, const std::function<void(int64_t, int64_t)>& on_pages) const;
  Result<Statement> Prepare(const std::string& sql);

 private:
  explicit Database(std::shared_ptr<sqlite3> handle) : handle_(std::move(handle)) {}
  std::shared_ptr<sqlite3> handle_;  // kept open by its statements too
};

class Statement {
 public:
  void Bind(int index, const Value& value);  // from 1; replaces what was bound
  Result<bool> Step();                       // true: there is a row; after the last one, or an error, it begins anew
  Value Column(int index) const;             // from 0, of the row
  int columns() const;

 private:
  friend class Database;
  Statement(std::shared_ptr<sqlite3> database, std::shared_ptr<sqlite3_stmt> handle)
      : database_(std::move(database)), handle_(std::move(handle)) {}
  std::shared_ptr<sqlite3> database_;
  std::shared_ptr<sqlite3_stmt> handle_;
};

}  // namespace quantum::sqlite
