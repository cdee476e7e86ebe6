#include "trading/tradestore/convert.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <boost/json.hpp>
#include <cctype>
#include <cmath>

#include "platform/base/clock.h"
#include "trading/tradestore/columns.h"

namespace quantum::tradestore {

namespace {

namespace json = boost::json;
using sqlite::Value;
using trading::Decimal;
using trading::Rounding;

// A REAL has 53 bits: a few operations leave an error of some 1e-15 of the number.
constexpr double kNoise = 1e-12;
constexpr double kLargest = 9e10;                       // a Decimal holds 92 thousand millions
constexpr int64_t kLastMs = 5'000'000'000'000;          // of the year 2128
constexpr int64_t kMillisecondsFrom = 100'000'000'000;  // larger numbers of Unix time are milliseconds
constexpr std::array<std::string_view, 3> kNotOver = {"PENDING", "OPEN", "PARTIAL_TP"};
constexpr std::array<std::string_view, 3> kOver = {"CLOSED", "CANCELLED", "FAILED"};

std::string Upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(), [](unsigned char c) { return std::toupper(c); });
  return text;
}

// Of what is held in memory for a moment: a time, to be compared with others.
enum Moment { kEntry, kExit, kMoments };

class Converter {
 public:
  Converter(const LegacyRow& row, const std::vector<std::string>& unknown_columns, const Precisions& precisions)
      : row_(row), unknown_columns_(unknown_columns) {
    const std::string symbol = Upper(sqlite::ToText(At("symbol")));
    const auto found = precisions.find(symbol);
    precision_ = found == precisions.end() ? nullptr : &found->second;
    if (precision_ == nullptr && !symbol.empty()) {
      Odd("symbol", fmt::format("nobody knows {}'s precision: --precision gives it", symbol));
    }
  }

  Converted Run() {
    TradeRow trade;
    trade.reserve(Columns().size());
    for (size_t i = 0; i < Columns().size(); ++i) {
      const Column& column = Columns()[i];
      const Value& value = row_.cells[i];
      if (sqlite::IsBlank(value) && column.kind != Kind::kJson) {
        if (column.required) {
          Odd(column.name, "is missing");
        }
        trade.emplace_back();
        continue;
      }
      trade.push_back(Cell(column, value));
    }
    CheckTimes();
    Converted converted{.trade = {}, .reasons = std::move(reasons_)};
    if (converted.reasons.empty()) {
      converted.trade = std::move(trade);
    }
    return converted;
  }

 private:
  const Value& At(std::string_view name) const { return row_.cells[IndexOf(name)]; }

  void Odd(std::string_view column, std::string_view what) { reasons_.push_back(fmt::format("{}: {}", column, what)); }

  std::optional<std::string> Cell(const Column& column, const Value& value) {
    switch (column.kind) {
      case Kind::kText:
        return Text(column, value);
      case Kind::kPrice:
      case Kind::kQuantity:
      case Kind::kMoney:
        return Number(column, value);
      case Kind::kInteger:
        return Integer(column, value);
      case Kind::kReal:
        return Real(column, value);
      case Kind::kTime:
        return Time(column, value);
      case Kind::kJson:
        return Metadata(value);
    }
    return std::nullopt;
  }

  std::optional<std::string> Text(const Column& column, const Value& value) {
    const std::string text = sqlite::ToText(value);
    if (column.name == "symbol") {
      return Upper(text);
    }
    if (column.name == "side") {
      const std::string side = Upper(text);
      const bool is_long = side == "LONG" || side == "BUY";
      if (!is_long && side != "SHORT" && side != "SELL") {
        Odd(column.name, fmt::format("'{}' is neither LONG nor SHORT", text));
      }
      return is_long ? "LONG" : "SHORT";
    }
    if (column.name == "status") {
      const std::string status = Upper(text);
      if (std::find(kNotOver.begin(), kNotOver.end(), status) != kNotOver.end()) {
        Odd(column.name, fmt::format("{}: not over yet; positions are adopted from the venue, not from here", status));
      } else if (std::find(kOver.begin(), kOver.end(), status) == kOver.end()) {
        Odd(column.name, fmt::format("'{}' is no status", text));
      }
      return status;
    }
    if (!IsText(text)) {
      Odd(column.name, "holds what is no text");
    }
    return text;
  }

  std::optional<Decimal> Exact(const Column& column, const Value& value) {
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      if (std::abs(static_cast<double>(*integer)) < kLargest) {
        return Decimal::FromInt(*integer);
      }
    } else if (const auto* text = std::get_if<std::string>(&value)) {
      if (const auto parsed = Decimal::Parse(*text); parsed.ok()) {
        return *parsed;
      }
    } else if (const double real = std::get<double>(value); std::isfinite(real) && std::abs(real) < kLargest) {
      const Decimal nearest = Decimal::FromDouble(real);
      const Decimal step = StepOf(column.kind);
      const Decimal multiple = nearest.RoundTo(step, Rounding::kHalfEven);
      const bool noise = std::abs(real - multiple.ToDouble()) <= std::max(std::abs(real), 1e-4) * kNoise;
      return noise ? multiple : nearest;
    }
    Odd(column.name, fmt::format("'{}' is no number that can be", sqlite::ToText(value)));
    return std::nullopt;
  }

  Decimal StepOf(Kind kind) const {
    const Decimal smallest = Decimal::FromRaw(1);
    if (precision_ == nullptr || kind == Kind::kMoney) {
      return smallest;
    }
    return kind == Kind::kPrice ? precision_->tick_size : precision_->step_size;
  }

  std::optional<std::string> Number(const Column& column, const Value& value) {
    const auto number = Exact(column, value);
    if (!number) {
      return std::nullopt;
    }
    if (column.kind != Kind::kMoney && !number->is_positive()) {
      Odd(column.name, fmt::format("{} is not above zero", number->ToString()));
    } else if (column.kind == Kind::kQuantity && !number->IsMultipleOf(StepOf(column.kind))) {
      Odd(column.name, fmt::format("{} is no multiple of {}", number->ToString(), StepOf(column.kind).ToString()));
    }
    return number->ToString();
  }

  std::optional<std::string> Integer(const Column& column, const Value& value) {
    const auto number = Exact(column, value);
    if (number && (!number->IsMultipleOf(Decimal::FromInt(1)) || *number < Decimal::FromInt(1) ||
                   *number > Decimal::FromInt(1000))) {
      Odd(column.name, fmt::format("{} is no whole number of 1 to 1000", number->ToString()));
    }
    return number ? std::optional(number->ToString()) : std::nullopt;
  }

  std::optional<std::string> Real(const Column& column, const Value& value) {
    const double number = sqlite::ToReal(value);
    if (!std::isfinite(number)) {
      Odd(column.name, fmt::format("'{}' is no number that can be", sqlite::ToText(value)));
    }
    return fmt::format("{}", number);
  }

  // "2024-05-01T12:00:00", "2024-05-01 12:00:00.123456+00:00", with or without Z; Unix seconds or milliseconds.
  static std::optional<WallTime> ParseTime(const Value& value) {
    if (const auto* text = std::get_if<std::string>(&value)) {
      std::string iso = *text;
      if (iso.size() > 10 && iso[10] == ' ') {
        iso[10] = 'T';
      }
      if (const size_t zone = iso.find("+00:00"); zone != std::string::npos) {
        iso.erase(zone);
      }
      const auto time = ParseIso8601(iso.ends_with('Z') ? iso : iso + "Z");
      return time.ok() ? std::optional(*time) : std::nullopt;
    }
    if (const auto* integer = std::get_if<int64_t>(&value)) {
      if (*integer < 0 || *integer > kLastMs) {
        return std::nullopt;
      }
      return FromUnixMs(*integer < kMillisecondsFrom ? *integer * 1000 : *integer);
    }
    const double seconds = std::get<double>(value);
    if (!std::isfinite(seconds) || seconds < 0 || seconds > static_cast<double>(kLastMs)) {
      return std::nullopt;
    }
    const double us = seconds * (seconds < static_cast<double>(kMillisecondsFrom) ? 1e6 : 1e3);
    return WallTime(std::chrono::microseconds(std::llround(us)));
  }

  std::optional<std::string> Time(const Column& column, const Value& value) {
    static const WallTime kFirst = *ParseIso8601("2010-01-01T00:00:00Z");
    static const WallTime kLast = *ParseIso8601("2100-01-01T00:00:00Z");
    const auto time = ParseTime(value);
    if (!time || *time < kFirst || *time > kLast) {
      Odd(column.name, fmt::format("'{}' is no time", sqlite::ToText(value)));
      return std::nullopt;
    }
    if (column.name == "entry_time") {
      moments_[kEntry] = *time;
    } else if (column.name == "exit_time") {
      moments_[kExit] = *time;
    }
    return FormatMicroseconds(*time);
  }

  void CheckTimes() {
    if (moments_[kExit] && moments_[kEntry] && *moments_[kExit] < *moments_[kEntry]) {
      Odd("exit_time", "is before entry_time");
    }
    if (Upper(sqlite::ToText(At("status"))) == "CLOSED" &&
        (sqlite::IsBlank(At("exit_time")) || sqlite::IsBlank(At("exit_price")))) {
      Odd("status", "CLOSED, without an exit");
    }
  }

  std::optional<std::string> Metadata(const Value& value) {
    json::object metadata;
    if (!sqlite::IsBlank(value)) {
      json::error_code error;
      const json::value parsed = json::parse(sqlite::ToText(value), error);
      if (error || !parsed.is_object()) {
        Odd("metadata", "is no JSON object");
        return std::nullopt;
      }
      metadata = parsed.get_object();
    }
    json::object legacy{{"rowid", row_.rowid}};
    if (json::value* theirs = metadata.if_contains("legacy")) {
      legacy["legacy"] = std::move(*theirs);
      metadata.erase("legacy");  // so that ours is the last member
    }
    for (size_t i = 0; i < unknown_columns_.size(); ++i) {
      legacy[unknown_columns_[i]] = sqlite::ToJson(row_.unknown[i]);
    }
    metadata["legacy"] = std::move(legacy);
    std::string text = json::serialize(metadata);
    if (text.find("\\u0000") != std::string::npos || !IsText(text)) {
      Odd("metadata", "holds what is no text");
    }
    return text;
  }

  const LegacyRow& row_;
  const std::vector<std::string>& unknown_columns_;
  const Precision* precision_ = nullptr;
  std::vector<std::string> reasons_;
  std::array<std::optional<WallTime>, kMoments> moments_;
};

}  // namespace

Converted Convert(const LegacyRow& row, const std::vector<std::string>& unknown_columns, const Precisions& precisions) {
  return Converter(row, unknown_columns, precisions).Run();
}

}  // namespace quantum::tradestore
