#pragma once

#include <vector>

#include "platform/config/manifest.h"

namespace quantum::config {

// The sections that stand beside `units`: a key that nobody reads is an error here, whichever programs run. Ranges, and
// the keys of services and strategies, belong to their readers. Complaints go to `root`.
//
//   services.<unit>   options of that unit, which must be of kind service; their keys are that program's own matter
//   market            source, seed, rate, warmup, speed
//   strategy          one value a key; ai-engine knows which
//   servers.redis     master_name, command_timeout, sentinels, replicas_required
//   servers.postgres  host, port, database, user, connections_max, statement_timeout
//   limits            cors_origins, allowed_hosts, masked_keys
void CheckSections(Section& root, const std::vector<Unit>& units);

}  // namespace quantum::config
