#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/metrics/metrics.h"

namespace quantum::http {

// The series of one route, looked up once for each method and status that occurs. For one thread.
class RouteMetrics {
 public:
  RouteMetrics(std::string_view method, std::string endpoint);

  void Begin() { in_progress_.Add(1); }
  void End() { in_progress_.Add(-1); }
  void Answered(std::string_view method, int status, Duration duration);

 private:
  struct Series {
    std::string_view method;
    int status;
    metrics::Counter* requests;
    metrics::Histogram* duration;
  };
  Series& Find(std::string_view method, int status);

  std::string endpoint_;
  metrics::Gauge& in_progress_;
  std::vector<Series> series_;  // a handful: a scan is faster than a hash
};

// One request in progress, for its scope.
class InProgress {
 public:
  explicit InProgress(RouteMetrics& metrics) : metrics_(metrics) { metrics_.Begin(); }
  ~InProgress() { metrics_.End(); }
  InProgress(const InProgress&) = delete;
  InProgress& operator=(const InProgress&) = delete;

 private:
  RouteMetrics& metrics_;
};

}  // namespace quantum::http
