#include "platform/redis/operations.h"

#include <algorithm>
#include <array>
#include <string>

#include "platform/metrics/names.h"

namespace quantum::redis {

namespace {

constexpr std::array<std::string_view, 36> kOperations = {
    "DEL",     "EVAL",    "EVALSHA", "EXISTS", "EXPIRE", "FCALL",    "FUNCTION", "GET",        "HDEL",
    "HGET",    "HGETALL", "HMGET",   "HSET",   "INCR",   "INFO",     "MGET",     "PEXPIRE",    "PING",
    "PUBLISH", "ROLE",    "SCAN",    "SET",    "TIME",   "UNLINK",   "WAIT",     "XACK",       "XADD",
    "XCLAIM",  "XDEL",    "XGROUP",  "XINFO",  "XLEN",   "XPENDING", "XRANGE",   "XREADGROUP", "XTRIM"};
constexpr std::array<std::string_view, 4> kOutcomes = {"ok", "error", "unavailable", "unknown"};

struct Series {
  metrics::Counter* count = nullptr;
  metrics::Histogram* duration = nullptr;
};

}  // namespace

void CountOperation(std::string_view command, Outcome outcome, Duration elapsed) {
  // One row more for "other". Per thread, so that filling it needs no lock.
  thread_local std::array<std::array<Series, kOutcomes.size()>, kOperations.size() + 1> table;
  const auto found = std::find(kOperations.begin(), kOperations.end(), command);
  const auto row = static_cast<size_t>(found - kOperations.begin());
  const auto column = static_cast<size_t>(outcome);
  Series& series = table.at(row).at(column);
  if (series.count == nullptr) {
    const metrics::Labels labels{{"operation", found == kOperations.end() ? "other" : std::string(*found)},
                                 {"status", std::string(kOutcomes.at(column))}};
    series.count = &metrics::GetCounter(metrics::kRedisOperations, labels);
    series.duration = &metrics::GetHistogram(metrics::kRedisDuration, labels);
  }
  series.count->Add();
  series.duration->Observe(std::chrono::duration<double>(elapsed).count());
}

}  // namespace quantum::redis
