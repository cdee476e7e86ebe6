#include "platform/bus/probe.h"

#include "platform/bus/event.h"

namespace quantum::bus {

TypeProbe& ProbeOf(const std::string& event_type) {
  thread_local std::map<std::string, TypeProbe> probes;
  auto found = probes.find(event_type);
  if (found == probes.end()) {
    if (FindEventType(event_type) == nullptr && event_type != "unknown") {
      return ProbeOf("unknown");
    }
    const metrics::Labels labels{{"event_type", event_type}};
    found = probes
                .emplace(event_type, TypeProbe{metrics::GetCounter(metrics::kEventsPublished, labels),
                                               metrics::GetCounter(metrics::kEventsConsumed, labels),
                                               metrics::GetCounter(metrics::kEventsDuplicate, labels),
                                               metrics::GetCounter(metrics::kEventsDead, labels),
                                               metrics::GetHistogram(metrics::kEventDuration, labels)})
                .first;
  }
  return found->second;
}

void CountDropped(const std::string& event_type, const char* reason) {
  thread_local std::map<std::pair<std::string, std::string_view>, metrics::Counter*> counters;
  metrics::Counter*& counter = counters[{event_type, reason}];
  if (counter == nullptr) {
    counter = &metrics::GetCounter(metrics::kVolatileDropped, {{"event_type", event_type}, {"reason", reason}});
  }
  counter->Add();
}

}  // namespace quantum::bus
