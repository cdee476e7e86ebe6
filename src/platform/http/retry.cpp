#include "platform/http/retry.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdio>
#include <string>

#include "platform/http/text.h"

namespace quantum::http {

std::optional<Duration> ParseRetryAfter(std::string_view value, WallTime now) {
  value = Trim(value);
  uint32_t seconds = 0;
  const auto [end, error] = std::from_chars(value.data(), value.data() + value.size(), seconds);
  if (error == std::errc() && end == value.data() + value.size()) {
    return std::chrono::seconds(seconds);
  }
  static constexpr std::array<std::string_view, 12> kMonths = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                                               "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
  std::array<char, 4> name{};
  int day = 0;
  int year = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  const std::string text(value);
  if (std::sscanf(text.c_str(), "%*3s, %2d %3s %4d %2d:%2d:%2d GMT", &day, name.data(), &year, &hour, &minute,
                  &second) != 6) {
    return std::nullopt;
  }
  const auto month = std::find(kMonths.begin(), kMonths.end(), std::string_view(name.data()));
  if (month == kMonths.end()) {
    return std::nullopt;
  }
  const std::chrono::year_month_day date{std::chrono::year(year),
                                         std::chrono::month(static_cast<unsigned>(month - kMonths.begin()) + 1),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || hour > 23 || minute > 59 || second > 60 || hour < 0 || minute < 0 || second < 0) {
    return std::nullopt;
  }
  const WallTime at = std::chrono::sys_days(date) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
                      std::chrono::seconds(second);
  return std::max(Duration::zero(), Duration(at - now));
}

std::optional<Duration> RetryPlan::AfterFailure(Failure failure, Duration left) {
  if (failure.sent && !idempotent_) {
    return std::nullopt;
  }
  // A connection that had gone stale says nothing about the host: once, at once, and from nobody's budget.
  if (failure.stale && !used_stale_) {
    used_stale_ = true;
    return left > Duration::zero() ? std::optional(Duration::zero()) : std::nullopt;
  }
  return Next(Duration::zero(), left);
}

std::optional<Duration> RetryPlan::AfterAnswer(int status, std::optional<Duration> retry_after, Duration left) {
  const bool transient = status == 429 || status == 502 || status == 503 || status == 504;
  return transient && idempotent_ ? Next(retry_after.value_or(Duration::zero()), left) : std::nullopt;
}

std::optional<Duration> RetryPlan::Next(Duration at_least, Duration left) {
  if (attempts_ >= attempts_max_) {
    return std::nullopt;
  }
  const Duration wait = std::max(at_least, backoff_.Next());
  if (wait >= left || !budget_.TryRetry()) {
    return std::nullopt;
  }
  ++attempts_;
  return wait;
}

}  // namespace quantum::http
