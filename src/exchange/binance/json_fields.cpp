#include "exchange/binance/json_fields.h"

namespace quantum::binance {

using trading::Decimal;

Result<boost::json::value> ParseJson(std::string_view text, std::string_view what, boost::json::storage_ptr storage) {
  boost::system::error_code error;
  boost::json::value value =
      boost::json::parse(boost::json::string_view(text.data(), text.size()), error, std::move(storage));
  if (error) {
    return Error{Errc::kInvalidArgument,
                 std::string(what) + " is not JSON (" + error.message() + "): " + std::string(text.substr(0, 80))};
  }
  return value;
}

void JsonFields::Complain(std::string_view name, std::string_view why) {
  if (!failed_) {
    failed_ = true;
    error_ =
        Error{Errc::kInvalidArgument, std::string(what_) + ": field " + std::string(name) + " " + std::string(why)};
  }
}

const boost::json::value* JsonFields::Find(std::string_view name) {
  const boost::json::value* value = object_.if_contains(name);
  if (value == nullptr) {
    Complain(name, "is missing");
  }
  return value;
}

std::string JsonFields::Text(std::string_view name) {
  const boost::json::value* value = Find(name);
  if (value == nullptr) {
    return {};
  }
  if (!value->is_string()) {
    Complain(name, "is not a string");
    return {};
  }
  return std::string(value->get_string().data(), value->get_string().size());
}

int64_t JsonFields::Int(std::string_view name) {
  const boost::json::value* value = Find(name);
  if (value == nullptr) {
    return 0;
  }
  if (!value->is_int64()) {
    Complain(name, "is not an integer");
    return 0;
  }
  return value->get_int64();
}

bool JsonFields::Bool(std::string_view name) {
  const boost::json::value* value = Find(name);
  if (value == nullptr) {
    return false;
  }
  if (!value->is_bool()) {
    Complain(name, "is not true or false");
    return false;
  }
  return value->get_bool();
}

Decimal JsonFields::ReadNumber(const boost::json::value& value, std::string_view name, bool cut) {
  // leverageBracket alone sends floating point numbers.
  if (value.is_double() || value.is_int64()) {
    const double number = value.to_number<double>();
    if (number > -9e10 && number < 9e10) {
      return Decimal::FromDouble(number);
    }
    Complain(name, "is out of range");
    return {};
  }
  if (!value.is_string()) {
    Complain(name, "is not a decimal string");
    return {};
  }
  std::string_view text(value.get_string().data(), value.get_string().size());
  if (const size_t point = text.find('.'); cut && point != std::string_view::npos) {
    text = text.substr(0, point + 1 + Decimal::kDigits);
  }
  const Result<Decimal> parsed = Decimal::Parse(text);
  if (!parsed.ok()) {
    Complain(name, parsed.error().message);
    return {};
  }
  return *parsed;
}

Decimal JsonFields::Number(std::string_view name) {
  const boost::json::value* value = Find(name);
  return value == nullptr ? Decimal() : ReadNumber(*value, name, false);
}

Decimal JsonFields::Computed(std::string_view name) {
  const boost::json::value* value = Find(name);
  return value == nullptr ? Decimal() : ReadNumber(*value, name, true);
}

const boost::json::array& JsonFields::Array(std::string_view name) {
  static const boost::json::array kNone;
  const boost::json::value* value = Find(name);
  if (value != nullptr && !value->is_array()) {
    Complain(name, "is not an array");
  }
  return value != nullptr && value->is_array() ? value->get_array() : kNone;
}

const boost::json::object& JsonFields::Object(std::string_view name) {
  static const boost::json::object kNone;
  const boost::json::value* value = Find(name);
  if (value != nullptr && !value->is_object()) {
    Complain(name, "is not an object");
  }
  return value != nullptr && value->is_object() ? value->get_object() : kNone;
}

std::string JsonFields::TextOr(std::string_view name, std::string_view fallback) {
  return Has(name) ? Text(name) : std::string(fallback);
}

int64_t JsonFields::IntOr(std::string_view name, int64_t fallback) { return Has(name) ? Int(name) : fallback; }

bool JsonFields::BoolOr(std::string_view name, bool fallback) { return Has(name) ? Bool(name) : fallback; }

Decimal JsonFields::NumberOr(std::string_view name, Decimal fallback) { return Has(name) ? Number(name) : fallback; }

}  // namespace quantum::binance
