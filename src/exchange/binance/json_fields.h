#pragma once

#include <boost/json.hpp>
#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "trading/decimal.h"

// For .cpp files: reads the fields of one JSON object of the venue. The first complaint is kept and names the field.
namespace quantum::binance {

// The value lives in `storage`, by default on the heap.
Result<boost::json::value> ParseJson(std::string_view text, std::string_view what,
                                     boost::json::storage_ptr storage = {});

class JsonFields {
 public:
  // `what` is the object in words: "ORDER_TRADE_UPDATE.o". Both must outlive this.
  JsonFields(const boost::json::object& object, std::string_view what) : object_(object), what_(what) {}

  bool Has(std::string_view name) const { return object_.contains(name); }
  std::string Text(std::string_view name);
  int64_t Int(std::string_view name);
  bool Bool(std::string_view name);
  trading::Decimal Number(std::string_view name);
  // A number the venue computed (an average, a mark): decimals beyond the eighth are cut.
  trading::Decimal Computed(std::string_view name);
  // An array or object that must be there; an empty one after a complaint.
  const boost::json::array& Array(std::string_view name);
  const boost::json::object& Object(std::string_view name);

  // Absent reads as the fallback; present must still be well-formed.
  std::string TextOr(std::string_view name, std::string_view fallback);
  int64_t IntOr(std::string_view name, int64_t fallback);
  bool BoolOr(std::string_view name, bool fallback);
  trading::Decimal NumberOr(std::string_view name, trading::Decimal fallback);

  // For enumerations: keeps the complaint of a parser.
  template <class T>
  T Enum(std::string_view name, Result<T> (*parse)(std::string_view), T fallback) {
    const std::string text = Text(name);
    if (failed_) {
      return fallback;
    }
    Result<T> parsed = parse(text);
    if (!parsed.ok()) {
      Complain(name, parsed.error().message);
      return fallback;
    }
    return *parsed;
  }

  void Complain(std::string_view name, std::string_view why);
  bool ok() const { return !failed_; }
  const Error& error() const { return error_; }

 private:
  const boost::json::value* Find(std::string_view name);
  trading::Decimal ReadNumber(const boost::json::value& value, std::string_view name, bool cut);

  const boost::json::object& object_;
  std::string_view what_;
  bool failed_ = false;
  Error error_;
};

}  // namespace quantum::binance
