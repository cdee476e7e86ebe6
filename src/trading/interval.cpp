#include "trading/interval.h"

#include <charconv>

namespace quantum::trading {

Result<Interval> ParseInterval(std::string_view text) {
  constexpr int64_t kDayMs = 86'400'000;
  int64_t count = 0;
  const char* const last = text.data() + text.size();
  const auto [end, error] = std::from_chars(text.data(), last, count);
  const int64_t unit_ms = end + 1 != last ? 0
                          : *end == 's'   ? 1'000
                          : *end == 'm'   ? 60'000
                          : *end == 'h'   ? 3'600'000
                                          : 0;
  if (error != std::errc() || unit_ms == 0 || count <= 0 || count > kDayMs / unit_ms ||
      kDayMs % (count * unit_ms) != 0) {
    return Error{Errc::kInvalidArgument, "'" + std::string(text.substr(0, 20)) +
                                             "' is not an interval: write 5s, 1m, 15m or 1h, and let it divide a day"};
  }
  return Interval{std::string(text), count * unit_ms};
}

}  // namespace quantum::trading
