#include "services/risk_safety/day_start.h"

#include <boost/json.hpp>

namespace quantum::risk_safety {

Decimal DayStart::For(WallTime now, Decimal equity_now) {
  const std::string day = FormatIso8601(now).substr(0, 10);
  if (!entry_ || entry_->day != day) {
    entry_ = Entry{.day = day, .equity = equity_now};
  }
  return entry_->equity;
}

void DayStart::Settle(std::string_view day, Decimal equity) {
  if (entry_ && entry_->day == day) {
    entry_->equity = equity;
    entry_->settled = true;
  }
}

std::string DayStart::ToJson() const {
  return entry_ ? boost::json::serialize(boost::json::object{
                      {"day", entry_->day}, {"equity", entry_->equity.ToString()}, {"settled", entry_->settled}})
                : std::string();
}

void DayStart::Restore(std::string_view text) {
  boost::system::error_code error;
  const boost::json::value value = boost::json::parse({text.data(), text.size()}, error);
  const boost::json::object* object = error ? nullptr : value.if_object();
  if (object == nullptr) {
    return;
  }
  const boost::json::value* day = object->if_contains("day");
  const boost::json::value* equity = object->if_contains("equity");
  const boost::json::value* settled = object->if_contains("settled");
  if (day == nullptr || !day->is_string() || equity == nullptr || !equity->is_string()) {
    return;
  }
  const auto parsed = Decimal::Parse(std::string_view(equity->get_string()));
  if (parsed.ok()) {
    entry_ = Entry{.day = std::string(day->get_string()),
                   .equity = *parsed,
                   .settled = settled != nullptr && settled->is_bool() && settled->get_bool()};
  }
}

}  // namespace quantum::risk_safety
