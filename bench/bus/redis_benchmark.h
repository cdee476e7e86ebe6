#pragma once

#include "bench/bus/setting.h"

namespace quantum::bench {

// The peer: `redis-benchmark -c 4 -P 64` with XADD of one field of so many bytes, at the present master, as the user
// `operator`. No WAIT. Entries a second.
double XaddRate(const Setting& setting, size_t payload_bytes, size_t entries);

}  // namespace quantum::bench
