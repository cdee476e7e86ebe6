#pragma once

#include <initializer_list>
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
};

class Gauge {
 public:
  void Set(double value);
  void Add(double amount);
  double value() const;
};

class Histogram {
 public:
  void Observe(double value);
};

// References stay valid for the life of the process.
Counter& GetCounter(const Spec& spec, const Labels& labels = {});
Gauge& GetGauge(const Spec& spec, const Labels& labels = {});
Histogram& GetHistogram(const Spec& spec, const Labels& labels = {});

// The Prometheus text format of everything registered.
std::string Scrape();

}  // namespace quantum::metrics
