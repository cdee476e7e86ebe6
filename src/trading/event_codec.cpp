#include "trading/event_codec.h"

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <cstdlib>

namespace quantum::trading::event {

void Writer::Append(std::string_view value) {
  const bool plain =
      std::ranges::none_of(value, [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '"' || c == '\\'; });
  if (plain) {
    out_.append("\"").append(value).append("\"");
  } else {
    out_ += boost::json::serialize(boost::json::string(value.data(), value.size()));
  }
}

void Writer::Append(int64_t value) { out_ += std::to_string(value); }

// Of seventeen digits Boost.JSON reads the last one wrong now and then: what is passed on would drift.
void Writer::Append(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.12g", value);
  out_ += boost::json::serialize(boost::json::value(std::strtod(text, nullptr)));
}

void Reader::Complain(std::string_view name, std::string_view what) {
  if (!error_) {
    error_ = Error{Errc::kInvalidArgument, "field '" + path_ + std::string(name) + "' " + std::string(what)};
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, std::string& value) {
  if (const boost::json::string* text = json.if_string()) {
    value.assign(text->data(), text->size());
  } else {
    Complain(name, "must be a string");
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, Decimal& value) {
  const boost::json::string* text = json.if_string();
  if (text == nullptr) {
    Complain(name, "must be a decimal string, never a float");
    return;
  }
  if (auto parsed = Decimal::Parse({text->data(), text->size()}); parsed.ok()) {
    value = *parsed;
  } else {
    Complain(name, parsed.error().message);
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, bool& value) {
  if (const bool* flag = json.if_bool()) {
    value = *flag;
  } else {
    Complain(name, "must be true or false");
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, int64_t& value) {
  if (json.is_int64()) {
    value = json.get_int64();
  } else {
    Complain(name, "must be an integer");
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, int& value) {
  int64_t wide = 0;
  Read(json, name, wide);
  if (wide < INT32_MIN || wide > INT32_MAX) {
    Complain(name, "is out of range");
  } else {
    value = static_cast<int>(wide);
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, double& value) {
  if (!json.is_number()) {
    Complain(name, "must be a number");
  } else if (value = json.to_number<double>(); !std::isfinite(value)) {
    Complain(name, "must be a finite number");  // Boost.JSON reads 1e400 as infinite, 0e8888 as no number
  }
}

template <class T, class Parse>
void Reader::ReadEnum(const boost::json::value& json, std::string_view name, T& value, Parse parse) {
  std::string text;
  Read(json, name, text);
  if (error_) {
    return;
  }
  if (auto parsed = parse(text); parsed.ok()) {
    value = *parsed;
  } else {
    Complain(name, parsed.error().message);
  }
}

void Reader::Read(const boost::json::value& json, std::string_view name, Side& value) {
  ReadEnum(json, name, value, ParseSide);
}
void Reader::Read(const boost::json::value& json, std::string_view name, Leg& value) {
  ReadEnum(json, name, value, ParseLeg);
}
void Reader::Read(const boost::json::value& json, std::string_view name, OrderType& value) {
  ReadEnum(json, name, value, ParseOrderType);
}
void Reader::Read(const boost::json::value& json, std::string_view name, OrderStatus& value) {
  ReadEnum(json, name, value, ParseOrderStatus);
}
void Reader::Read(const boost::json::value& json, std::string_view name, TimeInForce& value) {
  ReadEnum(json, name, value, ParseTimeInForce);
}
void Reader::Read(const boost::json::value& json, std::string_view name, Intent& value) {
  ReadEnum(json, name, value, [](std::string_view text) -> Result<Intent> {
    if (text == "OPEN") {
      return Intent::kOpen;
    }
    if (text == "CLOSE") {
      return Intent::kClose;
    }
    return Error{Errc::kInvalidArgument, "must be OPEN or CLOSE"};
  });
}

}  // namespace quantum::trading::event
