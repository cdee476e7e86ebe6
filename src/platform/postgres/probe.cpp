#include "platform/postgres/probe.h"

#include <array>
#include <atomic>
#include <string>

#include "platform/log/log.h"
#include "platform/metrics/names.h"

namespace quantum::postgres {

namespace {

constexpr size_t kOperations = 4;
constexpr size_t kStatuses = static_cast<size_t>(Errc::kInternal) + 2;  // ok, then each Errc
constexpr size_t kSqlTextMax = 1000;
constexpr std::array<std::string_view, kOperations> kOperationNames = {"query", "batch", "transaction", "connect"};

struct Series {
  std::atomic<metrics::Counter*> total{nullptr};
  std::atomic<metrics::Histogram*> duration{nullptr};
};

// Looked up at first use, since a look-up with labels costs more than the rest of the bookkeeping together. Two
// threads that race here find the same series.
Series& SeriesOf(Operation operation, size_t status) {
  static std::array<std::array<Series, kStatuses>, kOperations> all;
  const auto index = static_cast<size_t>(operation);
  Series& series = all[index][status];
  if (series.duration.load(std::memory_order_acquire) == nullptr) {
    const metrics::Labels labels = {
        {"operation", std::string(kOperationNames[index])},
        {"status", status == 0 ? "ok" : std::string(ToString(static_cast<Errc>(status - 1)))},
    };
    series.total.store(&metrics::GetCounter(metrics::kDatabaseOperations, labels), std::memory_order_release);
    series.duration.store(&metrics::GetHistogram(metrics::kDatabaseDuration, labels), std::memory_order_release);
  }
  return series;
}

double Seconds(Duration duration) { return std::chrono::duration<double>(duration).count(); }

}  // namespace

void Report(Operation operation, const Error* error, Duration duration) {
  Series& series = SeriesOf(operation, error == nullptr ? 0 : static_cast<size_t>(error->code) + 1);
  series.total.load(std::memory_order_relaxed)->Add();
  series.duration.load(std::memory_order_relaxed)->Observe(Seconds(duration));
}

void ReportSlow(std::string_view sql, size_t statements, Duration duration) {
  log::Warning(
      "slow statement",
      {{"sql", sql.substr(0, kSqlTextMax)}, {"statements", statements}, {"duration_ms", Seconds(duration) * 1000}});
}

}  // namespace quantum::postgres
