#pragma once

#include "operator/postgres/cluster.h"

namespace quantum::operate {

struct PlannedReport {
  SwitchReport change;
  Duration held_back{};  // how long requests waited in PgBouncer
};

// A planned change of the primary that fails no request: PgBouncer finishes what is under way and holds back what comes
// (at most 3 s each, then the pool asks again: nothing was sent), the synchronous standby becomes the primary, and
// PgBouncer goes on. Blocks. Errors: kConflict (the cluster is not healthy, a transaction does not end within five
// seconds, Patroni refuses: nothing was changed), kTimeout, kUnavailable (PgBouncer does not answer). A process that
// dies in between leaves PgBouncer holding back: see `postgres resume-after`.
Result<PlannedReport> SwitchOver(const PostgresAccess& access);

}  // namespace quantum::operate
