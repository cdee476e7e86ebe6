#include "services/execution/body.h"

#include <fmt/format.h>

namespace quantum::execution {
namespace {

Error Wrong(std::string_view field, std::string_view what) {
  return Error{Errc::kInvalidArgument, fmt::format("field '{}' {}", field, what)};
}

}  // namespace

Result<Body> Body::Parse(std::string_view text) {
  boost::system::error_code error;
  boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  if (error || !value.is_object()) {
    return Error{Errc::kInvalidArgument, "the body must be a JSON object"};
  }
  Body body;
  body.object_ = std::move(value.get_object());
  return body;
}

bool Body::Has(std::string_view field) const {
  const boost::json::value* value = object_.if_contains(field);
  return value != nullptr && !value->is_null();
}

Result<std::string> Body::Text(std::string_view field) const {
  if (!Has(field)) {
    return Wrong(field, "is missing");
  }
  const boost::json::string* text = object_.at(field).if_string();
  if (text == nullptr || text->empty()) {
    return Wrong(field, "must be a text that is not empty");
  }
  return std::string(*text);
}

std::optional<std::string> Body::TextIf(std::string_view field) const {
  auto text = Text(field);
  return text.ok() ? std::optional(std::move(*text)) : std::nullopt;
}

Result<trading::Decimal> Body::Number(std::string_view field) const {
  if (!Has(field)) {
    return Wrong(field, "is missing");
  }
  const boost::json::string* text = object_.at(field).if_string();
  if (text == nullptr) {
    return Wrong(field, "must be a decimal string such as \"0.5\", never a float");
  }
  auto number = trading::Decimal::Parse({text->data(), text->size()});
  if (!number.ok()) {
    return Wrong(field, number.error().message);
  }
  if (!number->is_positive()) {
    return Wrong(field, "must be positive");
  }
  return number;
}

Result<std::optional<trading::Decimal>> Body::NumberIf(std::string_view field) const {
  if (!Has(field)) {
    return std::optional<trading::Decimal>();
  }
  QUANTUM_TRY(const trading::Decimal number, Number(field));
  return std::optional<trading::Decimal>(number);
}

Result<bool> Body::Flag(std::string_view field, bool fallback) const {
  if (!Has(field)) {
    return fallback;
  }
  if (const bool* flag = object_.at(field).if_bool()) {
    return *flag;
  }
  return Wrong(field, "must be true or false");
}

Result<int> Body::Int(std::string_view field, int fallback, int min, int max) const {
  if (!Has(field)) {
    return fallback;
  }
  const boost::json::value& value = object_.at(field);
  if (!value.is_int64() || value.get_int64() < min || value.get_int64() > max) {
    return Wrong(field, fmt::format("must be a whole number from {} to {}", min, max));
  }
  return static_cast<int>(value.get_int64());
}

}  // namespace quantum::execution
