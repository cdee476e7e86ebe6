#pragma once

#include <chrono>
#include <string>
#include <vector>

#include "tests/platform/stack.h"

namespace quantum::testing {

// Whether any event was lost up to now, while new ones go on being published. Waits (bounded) until what is on its way
// has arrived, then says what is not as it must be:
// - the numbers of every producer's incarnation in every durable stream run from 1 without a gap or a repeat;
// - every group has been given, and has acknowledged, everything up to now;
// - inbox: every group that applies in Postgres has recorded nothing but events of its types that stand in the stream,
//   and all of those that anything comes of;
// - outbox: no row that was committed before now still waits;
// - the books agree: rows that were committed have their events, and events their rows;
// - nobody has dead letters.
struct EventAudit {
  size_t events = 0;                  // in all durable streams
  size_t incarnations = 0;            // of producers, over all streams
  size_t groups = 0;                  // over all streams
  size_t applied = 0;                 // rows of the inbox
  std::vector<std::string> problems;  // empty: nothing was lost
};
EventAudit AuditEvents(const Stack& stack, std::chrono::seconds timeout);

}  // namespace quantum::testing
