#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

// Prometheus metrics. Look a series up once and keep the reference: an update then costs a few nanoseconds, a look-up
// with labels some hundred. Names and labels stand in names.h, each once. Thread-safe.
namespace quantum::metrics {

using Labels = std::map<std::string, std::string>;

// A family of series, as names.h declares it.
struct Spec {
  std::string_view name;
  std::string_view help;
  // Histogram edges in seconds; empty: DefaultEdges().
  std::vector<double> edges = {};
};

// Fine below 10 ms, with edges at the objectives 0.2 s and 0.5 s.
const std::vector<double>& DefaultEdges();

class Counter {
 public:
  void Add(double amount = 1.0);
  double value() const;

 private:
  friend struct Access;
  explicit Counter(void* series) : series_(series) {}
  void* series_;  // prometheus::Counter, kept out of this header
};

class Gauge {
 public:
  void Set(double value);
  void Add(double amount);
  double value() const;

 private:
  friend struct Access;
  explicit Gauge(void* series) : series_(series) {}
  void* series_;  // prometheus::Gauge, kept out of this header
};

class Histogram {
 public:
  void Observe(double value);

 private:
  friend struct Access;
  explicit Histogram(void* series) : series_(series) {}
  void* series_;  // prometheus::Histogram, kept out of this header
};

// References stay valid for the life of the process. A name used for two kinds of metric is an assertion. A family
// holds at most kSeriesMax series; labels beyond them are counted in one series whose label values are all "other".
inline constexpr size_t kSeriesMax = 2000;
Counter& GetCounter(const Spec& spec, const Labels& labels = {});
Gauge& GetGauge(const Spec& spec, const Labels& labels = {});
Histogram& GetHistogram(const Spec& spec, const Labels& labels = {});

// The Prometheus text format of everything registered.
std::string Scrape();

}  // namespace quantum::metrics
