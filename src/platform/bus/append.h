#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "platform/bus/bundle.h"
#include "platform/bus/outbox.h"
#include "platform/redis/client.h"

// What is said to the broker's functions (infra/redis/functions/bus.lua) and what they answer. No I/O.
namespace quantum::bus {

// Events of one lane on their way to the broker.
struct Batch {
  Lane lane;
  std::vector<EventPtr> events;  // consecutive sequences, not empty
  bool gap = false;              // what lies before the first does not exist any more
};

struct Answer {
  uint64_t last = 0;  // the last sequence of the lane that the broker holds
  // Nothing was appended: kConflict, another process has taken over; kExhausted, the stream is over its memory quota.
  Status taken;
};

// session: of the sending process; one with a greater session fences it off. Empty: never fenced.
redis::Command AppendCommand(const Batch& batch, const std::string& session, const BundleLimits& limits = {});
redis::Command LastCommand(const Lane& lane);

// What an error answer of the functions means.
Status Judge(const redis::Command& command, const redis::Reply& reply);

// The answers to an AppendCommand each and, with replicas_required > 0, to the WAIT behind them. An error: nothing is
// known but that a repeat is safe.
Result<std::vector<Answer>> ReadAnswers(const std::vector<redis::Command>& commands,
                                        const std::vector<redis::Reply>& replies, int replicas_required);
Result<std::vector<uint64_t>> ReadLast(const std::vector<redis::Command>& commands,
                                       const std::vector<redis::Reply>& replies);

}  // namespace quantum::bus
