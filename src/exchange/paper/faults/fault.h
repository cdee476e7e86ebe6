#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "trading/decimal.h"

namespace quantum::paper {

using trading::Decimal;

// Where a fault strikes.
enum class FaultStage {
  kBefore,   // a request that has not reached the engine
  kAfter,    // a request that was acted on, with everything about it on disk, before its answer leaves
  kEither,   // by its parameter `acted`: 1 after, 0 before
  kEvent,    // a message of the user data stream
  kStreams,  // WebSocket connections: at once, and new ones for as long as it lasts
  kMoment,   // once, at once
  kClock,    // everything that tells the time
  kOutage,   // requests that did not reach the engine, and all streams
};

struct FaultParameter {
  std::string_view name;
  Decimal fallback;
  Decimal min;
  Decimal max;
};

// One way of the exchange to misbehave.
struct FaultKind {
  std::string_view name;
  std::string_view what;
  FaultStage stage = FaultStage::kBefore;
  std::vector<FaultParameter> parameters;
  bool needs_symbol = false;
};

// The registry: every fault there is.
const std::vector<FaultKind>& FaultKinds();
const FaultKind* FindFaultKind(std::string_view name);

// What a fault is about; empty: anything.
struct FaultMatch {
  std::string method;  // of requests: POST
  std::string path;    // of requests: /fapi/v1/order; of streams: /public, /market or /private
  std::string symbol;  // of requests and events that name one
  std::string event;   // of events: ORDER_TRADE_UPDATE
};

// A fault as somebody asked for it.
struct FaultSpec {
  std::string name;
  uint64_t seed = 1;  // of the draws whether it strikes
  Decimal share;      // of what matches, in (0, 1]
  FaultMatch match;
  int64_t count = 0;   // it strikes so many times; zero: as long as it lasts
  int64_t for_ms = 0;  // it lasts so long, of real time; zero: until it is taken away
  std::map<std::string, Decimal, std::less<>> parameters;  // every one of its kind
};

// {"name": ..., "seed": 1, "share": 1, "match": {...}, "count": 0, "for_ms": 0, "parameters": {...}}; all but the name
// may be left out. kInvalidArgument says which key is wrong, and what is allowed.
Result<FaultSpec> ParseFault(std::string_view json);

}  // namespace quantum::paper
