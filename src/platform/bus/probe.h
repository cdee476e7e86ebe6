#pragma once

#include <map>
#include <string>

#include "platform/metrics/names.h"

namespace quantum::bus {

// The metrics of one event type, looked up once. For one loop.
struct TypeProbe {
  metrics::Counter& published;
  metrics::Counter& consumed;
  metrics::Counter& duplicates;
  metrics::Counter& dead;
  metrics::Histogram& duration;
};

// Types are bounded by the registry; what is in no registry counts as "unknown".
TypeProbe& ProbeOf(const std::string& event_type);

// A volatile event was dropped. reason: "superseded", "queue_full", "not_sent", "stale".
void CountDropped(const std::string& event_type, const char* reason);

}  // namespace quantum::bus
