#include "platform/base/clock.h"

#include <fmt/format.h>
#include <time.h>

#include <algorithm>
#include <array>

namespace quantum {
namespace {

// Nanoseconds in 64 bits reach from September 1677 to April 2262.
constexpr int kFirstYear = 1678;
constexpr int kLastYear = 2261;

class RealClock final : public Clock {
 public:
  WallTime Now() const override { return std::chrono::system_clock::now(); }
  SteadyTime Steady() const override { return std::chrono::steady_clock::now(); }
  SteadyTime Boot() const override {
    timespec now{};
    ::clock_gettime(CLOCK_BOOTTIME, &now);
    return SteadyTime(std::chrono::seconds(now.tv_sec) + std::chrono::nanoseconds(now.tv_nsec));
  }
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

namespace {
Error NotATime(std::string_view text) {
  return {Errc::kInvalidArgument, fmt::format("'{}' is not a UTC time like 2026-11-23T14:53:20.123Z", text)};
}
}  // namespace

Result<WallTime> ParseIso8601(std::string_view text) {
  constexpr std::string_view kForm = "dddd-dd-ddTdd:dd:dd";  // d: a digit
  if (text.size() <= kForm.size()) {
    return NotATime(text);
  }
  std::array<int, 6> numbers{};
  for (size_t i = 0, number = 0; i < kForm.size(); ++i) {
    if (kForm[i] == 'd' ? text[i] < '0' || text[i] > '9' : text[i] != kForm[i]) {
      return NotATime(text);
    }
    if (kForm[i] == 'd') {
      numbers[number] = numbers[number] * 10 + (text[i] - '0');
    } else {
      ++number;
    }
  }
  const auto [year, month, day, hour, minute, second] = numbers;
  const std::chrono::year_month_day date{std::chrono::year(year), std::chrono::month(static_cast<unsigned>(month)),
                                         std::chrono::day(static_cast<unsigned>(day))};
  if (!date.ok() || year < kFirstYear || year > kLastYear || hour > 23 || minute > 59 || second > 59) {
    return NotATime(text);
  }
  size_t at = kForm.size();
  int64_t fraction_ns = 0;
  if (text[at] == '.') {
    int64_t unit = 100'000'000;
    for (++at; at < text.size() && text[at] >= '0' && text[at] <= '9'; ++at, unit /= 10) {
      fraction_ns += (text[at] - '0') * unit;
    }
  }
  if (at + 1 != text.size() || text[at] != 'Z') {
    return NotATime(text);
  }
  return WallTime(std::chrono::sys_days(date)) + std::chrono::hours(hour) + std::chrono::minutes(minute) +
         std::chrono::seconds(second) + std::chrono::nanoseconds(fraction_ns);
}

}  // namespace quantum
