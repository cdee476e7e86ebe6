#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/result.h"

namespace quantum::bus {

// An event as it stands in a stream. Who publishes fills type, key, payload (and cause, and cid when it differs from
// the fiber's correlation id); the bus stamps the rest at append and never changes it.
struct Event {
  std::string id;        // UUIDv7
  std::string type;      // "order.filled", from the registry
  int version = 1;       // of the payload's schema
  std::string producer;  // stable name of the publishing process: "execution-service"
  std::string incarnation;
  uint64_t sequence = 0;  // gapless per (producer, incarnation, stream), from 1
  std::string source;     // service that the event speaks for
  std::string key;        // what must stay in order: symbol or order
  std::string correlation_id;
  std::string cause;         // id of the causing event; empty: none
  int64_t timestamp_ns = 0;  // since the epoch, UTC
  std::string only_for;      // a service: other groups pass it over. Empty: for all
  std::string payload;       // JSON object
};

std::string LaneOf(const Event& event);  // where its sequence counts: "producer/incarnation"
std::string NameOf(const Event& event);  // "producer/incarnation/sequence", whichever entry holds it

// A durable event changes money or rules and is never lost; a volatile one (ticks) is worth only its newest value.
enum class Durability { kDurable, kVolatile };

// The registry: each type once, declared by who owns the vocabulary (trading/events.h). Publishing or subscribing to an
// unregistered type is an assertion. Registration happens before main's services start; not thread-safe after.
struct EventType {
  std::string name;
  Durability durability = Durability::kDurable;
  int version = 1;
  bool money = false;  // its stream has part in the half of the broker's memory that is reserved for what moves money
};
void RegisterEventType(EventType type);
const EventType* FindEventType(std::string_view name);
std::vector<EventType> EventTypes();

// The bus's own event, which a process publishes when its broker is back: {buffered, replayed} (BusOptions::recovered).
inline constexpr const char* kRedisRecovered = "system.redis_recovered";

// Keys as they stand in Redis. The braces keep a stream and its producers' sequences in one slot.
std::string FamilyOf(std::string_view type);         // "order" of "order.filled"; volatile: the whole type
std::string StreamKey(std::string_view family);      // quantum:stream:{order}
std::string ProducersKey(std::string_view family);   // quantum:producers:{order}
std::string DeadLetterKey(std::string_view family);  // quantum:dlq:{order}
std::string GroupName(std::string_view service);     // quantum:group:execution-service
std::string LeaseKey(std::string_view family, std::string_view service);  // quantum:lease:{order}:execution-service

}  // namespace quantum::bus
