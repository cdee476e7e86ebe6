#pragma once

#include <cstdint>
#include <initializer_list>
#include <source_location>
#include <string>
#include <string_view>
#include <variant>

#include "platform/base/result.h"

// Unified JSON logs, one object a line: asctime, name, levelname, message, correlation_id, service, module, funcName,
// lineno, then the record's own fields. A record outside any CorrelationScope carries an id that stands for the
// process, so that none is without. Secrets are masked before anything is written (masking.h).
//
//   log::Info("order sent", {{"client_order_id", id}, {"attempt", 2}});
namespace quantum::log {

enum class Level { kDebug, kInfo, kWarning, kError, kCritical };

std::string_view ToString(Level level);           // "DEBUG" … "CRITICAL"
Result<Level> ParseLevel(std::string_view text);  // any case

// One field of a record. Strings are borrowed for the duration of the call only.
struct Field {
  // A value that is JSON already and goes in as it is (masked field by field).
  struct Json {
    std::string_view text;
  };
  using Value = std::variant<std::string_view, int64_t, uint64_t, double, bool, Json>;

  Field(std::string_view field_key, std::string_view field_value) : key(field_key), value(field_value) {}
  Field(std::string_view field_key, const char* field_value) : key(field_key), value(std::string_view(field_value)) {}
  Field(std::string_view field_key, const std::string& field_value)
      : key(field_key), value(std::string_view(field_value)) {}
  Field(std::string_view field_key, bool field_value) : key(field_key), value(field_value) {}
  Field(std::string_view field_key, double field_value) : key(field_key), value(field_value) {}
  Field(std::string_view field_key, Json field_value) : key(field_key), value(field_value) {}
  template <class Int>
  requires(std::is_integral_v<Int> && !std::is_same_v<Int, bool>) Field(std::string_view field_key, Int field_value)
      : key(field_key) {
    if constexpr (std::is_signed_v<Int>) {
      value = static_cast<int64_t>(field_value);
    } else {
      value = static_cast<uint64_t>(field_value);
    }
  }

  std::string_view key;
  Value value;
};

using Fields = std::initializer_list<Field>;

// Thread-safe; never throws; never blocks on the disk (a bounded queue writes; what it drops is counted in
// log_records_dropped_total and reported in the log itself).
void Write(Level level, std::string_view message, Fields fields = {},
           std::source_location where = std::source_location::current());

inline void Debug(std::string_view message, Fields fields = {},
                  std::source_location where = std::source_location::current()) {
  Write(Level::kDebug, message, fields, where);
}
inline void Info(std::string_view message, Fields fields = {},
                 std::source_location where = std::source_location::current()) {
  Write(Level::kInfo, message, fields, where);
}
inline void Warning(std::string_view message, Fields fields = {},
                    std::source_location where = std::source_location::current()) {
  Write(Level::kWarning, message, fields, where);
}
inline void Error(std::string_view message, Fields fields = {},
                  std::source_location where = std::source_location::current()) {
  Write(Level::kError, message, fields, where);
}
inline void Critical(std::string_view message, Fields fields = {},
                     std::source_location where = std::source_location::current()) {
  Write(Level::kCritical, message, fields, where);
}

}  // namespace quantum::log
