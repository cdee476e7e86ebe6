#include "platform/metrics/metrics.h"

#include <prometheus/counter.h>
#include <prometheus/family.h>
#include <prometheus/gauge.h>
#include <prometheus/histogram.h>
#include <prometheus/registry.h>
#include <prometheus/text_serializer.h>

#include <memory>
#include <mutex>

#include "platform/base/assert.h"

namespace quantum::metrics {

struct Access {
  template <class Handle>
  static std::unique_ptr<Handle> Make(void* series) {
    return std::unique_ptr<Handle>(new Handle(series));
  }
};

namespace {

template <class Series, class Handle>
struct Family {
  prometheus::Family<Series>* family = nullptr;
  std::map<Labels, std::unique_ptr<Handle>> handles;
};

template <class Series, class Handle>
using Families = std::map<std::string, Family<Series, Handle>, std::less<>>;

// One registry for the process; never destroyed, because handles may be used until the very end.
struct Metrics {
  prometheus::Registry registry{prometheus::Registry::InsertBehavior::Throw};
  std::mutex mutex;
  Families<prometheus::Counter, Counter> counters;
  Families<prometheus::Gauge, Gauge> gauges;
  Families<prometheus::Histogram, Histogram> histograms;
};

Metrics& Instance() {
  static Metrics* const metrics = new Metrics;
  return *metrics;
}

Labels Bounded(const Labels& labels, size_t series) {
  if (series < kSeriesMax) {
    return labels;
  }
  Labels other;
  for (const auto& [name, value] : labels) {
    other.emplace(name, "other");
  }
  return other;
}

template <class Series, class Handle, class Builder, class... Args>
Handle& Get(Families<Series, Handle>& families, Builder build, const Spec& spec, const Labels& labels,
            const Args&... args) {
  Metrics& metrics = Instance();
  const std::scoped_lock lock(metrics.mutex);
  auto found = families.find(spec.name);
  if (found == families.end()) {
    const std::string name(spec.name);
    QUANTUM_ASSERT(metrics.counters.count(name) + metrics.gauges.count(name) + metrics.histograms.count(name) == 0);
    auto& family = build().Name(name).Help(std::string(spec.help)).Register(metrics.registry);
    found = families.emplace(name, Family<Series, Handle>{&family, {}}).first;
  }
  auto& handles = found->second.handles;
  if (const auto handle = handles.find(labels); handle != handles.end()) {
    return *handle->second;
  }
  const Labels bounded = Bounded(labels, handles.size());
  std::unique_ptr<Handle>& handle = handles[bounded];
  if (handle == nullptr) {
    handle = Access::Make<Handle>(&found->second.family->Add(bounded, args...));
  }
  return *handle;
}

}  // namespace

const std::vector<double>& DefaultEdges() {
  static const std::vector<double> edges = {0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05,
                                            0.1,    0.2,     0.35,   0.5,   1.0,    2.5,   5.0,  10.0,  30.0};
  return edges;
}

void Counter::Add(double amount) { static_cast<prometheus::Counter*>(series_)->Increment(amount); }
double Counter::value() const { return static_cast<prometheus::Counter*>(series_)->Value(); }

void Gauge::Set(double value) { static_cast<prometheus::Gauge*>(series_)->Set(value); }
void Gauge::Add(double amount) { static_cast<prometheus::Gauge*>(series_)->Increment(amount); }
double Gauge::value() const { return static_cast<prometheus::Gauge*>(series_)->Value(); }

void Histogram::Observe(double value) { static_cast<prometheus::Histogram*>(series_)->Observe(value); }

Counter& GetCounter(const Spec& spec, const Labels& labels) {
  return Get(Instance().counters, prometheus::BuildCounter, spec, labels);
}

Gauge& GetGauge(const Spec& spec, const Labels& labels) {
  return Get(Instance().gauges, prometheus::BuildGauge, spec, labels);
}

Histogram& GetHistogram(const Spec& spec, const Labels& labels) {
  const std::vector<double>& edges = spec.edges.empty() ? DefaultEdges() : spec.edges;
  return Get(Instance().histograms, prometheus::BuildHistogram, spec, labels, edges);
}

std::string Scrape() { return prometheus::TextSerializer().Serialize(Instance().registry.Collect()); }

}  // namespace quantum::metrics
