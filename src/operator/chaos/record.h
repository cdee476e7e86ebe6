#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "platform/base/result.h"

// The history of a chaos run: what producers attempted, what groups were given and did, what the streams held. One JSON
// object a line, each written with one write(2), so that a killed process leaves complete lines and at most one torn.
namespace quantum::operate::chaos {

struct Record {
  enum class Kind {
    kStarted,    // a producer is about to publish
    kOk,         // publish returned success
    kFailed,     // publish refused: nothing was taken
    kUnknown,    // neither: it may be delivered or not
    kDelivered,  // a group's handler was given the operation
    kApplied,    // and it had its effect
    kStored,     // it stands in the stream, in this place of the history
  };
  Kind kind = Kind::kStarted;
  int64_t at_ns = 0;     // on the machine's steady clock
  std::string producer;  // stable name; operations are counted per producer, from 1, in the order of publishing
  uint64_t operation = 0;
  std::string group;   // kDelivered, kApplied
  std::string stream;  // all but the three outcomes
  std::string key;     // likewise
};

// With the line's end. Names must need no escaping in JSON.
std::string ToLine(const Record& record);
// kInvalidArgument says what is wrong with the line.
Result<Record> ParseLine(std::string_view line);

}  // namespace quantum::operate::chaos
