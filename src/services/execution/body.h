#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>
#include <string_view>

#include "platform/base/result.h"
#include "trading/decimal.h"

// For .cpp files: the fields of a request's JSON body; every complaint names its field.
namespace quantum::execution {

class Body {
 public:
  static Result<Body> Parse(std::string_view text);

  Result<std::string> Text(std::string_view field) const;           // required, not empty
  std::optional<std::string> TextIf(std::string_view field) const;  // absent or not a string: nothing
  Result<trading::Decimal> Number(std::string_view field) const;    // required, positive, a decimal string
  Result<std::optional<trading::Decimal>> NumberIf(std::string_view field) const;
  Result<bool> Flag(std::string_view field, bool fallback) const;
  Result<int> Int(std::string_view field, int fallback, int min, int max) const;
  bool Has(std::string_view field) const;

 private:
  boost::json::object object_;
};

}  // namespace quantum::execution
