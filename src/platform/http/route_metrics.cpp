#include "platform/http/route_metrics.h"

#include <array>
#include <chrono>

#include "platform/metrics/names.h"

namespace quantum::http {
namespace {

// A label takes no value that a stranger can choose.
std::string_view MethodLabel(std::string_view method) {
  static constexpr std::array<std::string_view, 7> kKnown = {"GET",   "HEAD",   "POST",   "PUT",
                                                             "PATCH", "DELETE", "OPTIONS"};
  for (const std::string_view known : kKnown) {
    if (known == method) {
      return known;
    }
  }
  return "OTHER";
}

}  // namespace

RouteMetrics::RouteMetrics(std::string_view method, std::string endpoint)
    : endpoint_(std::move(endpoint)),
      in_progress_(metrics::GetGauge(metrics::kHttpRequestsInProgress,
                                     {{"method", std::string(method)}, {"endpoint", endpoint_}})) {}

RouteMetrics::Series& RouteMetrics::Find(std::string_view method, int status) {
  const std::string_view label = MethodLabel(method);
  for (Series& series : series_) {
    if (series.status == status && series.method.data() == label.data()) {
      return series;
    }
  }
  const metrics::Labels labels = {
      {"method", std::string(label)}, {"endpoint", endpoint_}, {"status", std::to_string(status)}};
  return series_.emplace_back(label, status, &metrics::GetCounter(metrics::kHttpRequests, labels),
                              &metrics::GetHistogram(metrics::kHttpRequestDuration, labels));
}

void RouteMetrics::Answered(std::string_view method, int status, Duration duration) {
  Series& series = Find(method, status);
  series.requests->Add();
  series.duration->Observe(std::chrono::duration<double>(duration).count());
}

}  // namespace quantum::http
