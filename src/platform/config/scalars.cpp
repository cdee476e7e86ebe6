#include "platform/config/scalars.h"

#include <fmt/format.h>

#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>

namespace quantum::config {
namespace {

struct Scale {
  std::string_view suffix;
  uint64_t factor;
};

// From large to small, so that formatting finds the largest that divides.
constexpr std::array<Scale, 7> kDurations = {{{"d", 86'400'000'000'000},
                                              {"h", 3'600'000'000'000},
                                              {"min", 60'000'000'000},
                                              {"s", 1'000'000'000},
                                              {"ms", 1'000'000},
                                              {"us", 1'000},
                                              {"ns", 1}}};
constexpr std::array<Scale, 4> kBytes = {{{"GiB", 1u << 30}, {"MiB", 1u << 20}, {"KiB", 1u << 10}, {"", 1}}};

Error Expected(std::string_view what, std::string_view text) {
  return {Errc::kInvalidArgument, fmt::format("expected {}, found '{}'", what, text)};
}

// A whole number with one of the suffixes; nothing when it is anything else or does not fit.
template <size_t N>
std::optional<uint64_t> Scaled(std::string_view text, const std::array<Scale, N>& scales, uint64_t max) {
  uint64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc()) {
    return std::nullopt;
  }
  const std::string_view suffix = text.substr(static_cast<size_t>(end - text.data()));
  for (const Scale& scale : scales) {
    if (scale.suffix == suffix) {
      return number <= max / scale.factor ? std::optional(number * scale.factor) : std::nullopt;
    }
  }
  return std::nullopt;
}

}  // namespace

Result<std::chrono::nanoseconds> ParseDuration(std::string_view text) {
  const auto ns = Scaled(text, kDurations, std::numeric_limits<int64_t>::max());
  if (!ns) {
    return Expected("a duration such as 250ms, 30s, 15min or 24h", text);
  }
  return std::chrono::nanoseconds(*ns);
}

std::string FormatDuration(std::chrono::nanoseconds duration) {
  const int64_t ns = duration.count();
  if (ns == 0) {
    return "0s";
  }
  for (const Scale& scale : kDurations) {
    if (ns % static_cast<int64_t>(scale.factor) == 0) {
      return fmt::format("{}{}", ns / static_cast<int64_t>(scale.factor), scale.suffix);
    }
  }
  return fmt::format("{}ns", ns);
}

Result<uint64_t> ParseBytes(std::string_view text) {
  const auto bytes = Scaled(text, kBytes, std::numeric_limits<uint64_t>::max());
  if (!bytes) {
    return Expected("a size such as 64KiB, 100MiB or 2GiB", text);
  }
  return *bytes;
}

Result<int64_t> ParseInt(std::string_view text) {
  int64_t number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size()) {
    return Expected("a whole number", text);
  }
  return number;
}

Result<double> ParseDouble(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(number)) {
    return Expected("a number", text);
  }
  return number;
}

Result<bool> ParseBool(std::string_view text) {
  if (text != "true" && text != "false") {
    return Expected("true or false", text);
  }
  return text == "true";
}

}  // namespace quantum::config
