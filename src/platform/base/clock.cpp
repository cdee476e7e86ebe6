#include "platform/base/clock.h"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <cstdio>

namespace quantum {
namespace {

// Nanoseconds in 64 bits reach from September 1677 to April 2262.
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;

class RealClock final : public Clock {
 public:
  WallTime Now() const override { return std::chrono::system_clock::now(); }
  SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
};

}  // namespace

const Clock& SystemClock() {
  static const RealClock clock;
  return clock;
}

int64_t ToUnixNs(WallTime time) { return time.time_since_epoch().count(); }
int64_t ToUnixMs(WallTime time) {
  return std::chrono::floor<std::chrono::milliseconds>(time).time_since_epoch().count();
}
WallTime FromUnixNs(int64_t ns) { return WallTime(std::chrono::nanoseconds(ns)); }
WallTime FromUnixMs(int64_t ms) {
  const auto first = std::chrono::ceil<std::chrono::milliseconds>(WallTime::min());
  const auto last = std::chrono::floor<std::chrono::milliseconds>(WallTime::max());
  return WallTime(std::chrono::milliseconds(
      std::clamp(ms, int64_t{first.time_since_epoch().count()}, int64_t{last.time_since_epoch().count()})));
}

std::string FormatIso8601(WallTime time) {
  // In milliseconds, for the first day that nanoseconds reach begins before them.
  const auto ms = std::chrono::floor<std::chrono::milliseconds>(time);
  const auto day = std::chrono::floor<std::chrono::days>(ms);
  const std::chrono::year_month_day date{day};
  const std::chrono::hh_mm_ss clock{ms - day};
  return fmt::format("{:04d}-{:02d}-{:02d}T{:02d}:{:02d}:{:02d}.{:03d}Z", static_cast<int>(date.year()),
                     static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), clock.hours().count(),
                     clock.minutes().count(), clock.seconds().count(), clock.subseconds().count());
}

Result<WallTime> ParseIso8601(std::string_view text) {
  const Error bad{Errc::kInvalidArgument,
                  "'" + std::string(text) + "' is not a UTC time like 2026-11-23T14:53:20.123Z"};
  const std::string copy(text);
  int year = 0;
  unsigned month = 0;
  unsigned day = 0;
  int hour = 0;
  int minute = 0;
  int second = 0;
  int used = 0;
  if (std::sscanf(copy.c_str(), "%4d-%2u-%2uT%2d:%2d:%2d%n", &year, &month, &day, &hour, &minute, &second, &used) !=
      6) {
    return bad;
  }
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(month), std::chrono::day(day)};
  if (!date.ok() || year < kFirstYear || year > kLastYear || hour > 23 || minute > 59 || second > 59 || hour < 0 ||
      minute < 0 || second < 0) {
    return bad;
  }
  size_t at = static_cast<size_t>(used);
  int64_t fraction_ns = 0;
  if (at < copy.size() && copy[at] == '.') {
    int64_t unit = 100'000'000;
    for (++at; at < copy.size() && std::isdigit(static_cast<unsigned char>(copy[at])) != 0; ++at, unit /= 10) {
      fraction_ns += (copy[at] - '0') * unit;
    }
  }
  if (at + 1 != copy.size() || copy[at] != 'Z') {
    return bad;
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::nanoseconds(fraction_ns);
}

}  // namespace quantum
