#pragma once

namespace quantum::bus {

// Which events of a transactional handler share a transaction, in their order: of those that wait, 64 at most. Where
// one fails, all of it is rolled back and handled again, the one at fault by itself. Not for a handler that looks at
// what follows from its commits (AfterCommit): it would see nothing of the events before it.
enum class Together {
  kNone,
  kOfKey,
  // Of all keys: for handlers that wait for one another anyway, or whose effect nobody waits for. One such transaction
  // of the stream runs at a time. An event that fails holds back its own key only, and is tried again beside the
  // others; one that finds no database (kUnavailable, kTimeout, kExhausted, kUnknownOutcome) holds back the stream. All
  // types of the stream that the group subscribes to must ask for it.
  kOfStream,
};

}  // namespace quantum::bus
