#pragma once

#include <optional>
#include <string>

#include "platform/bus/bus.h"

// What /health says of the event bus, without I/O.
namespace quantum::lifecycle {

// The topic under which a service is degraded whose outbox waits.
inline constexpr const char* kOutboxTopic = "outbox";

// The topic under which a service is degraded that may not add to the dead letters.
inline constexpr const char* kDeadLettersTopic = "dead_letters";

// Longer than a failover takes.
inline constexpr Duration kOutboxWaitMax = std::chrono::seconds(10);

// Why the outbox is a matter for somebody: its oldest event has waited for longer than kOutboxWaitMax.
std::optional<std::string> OutboxWaits(const bus::Bus::Health& health);

// The details of the dependencies `redis` and `eventbus`, JSON objects.
std::string RedisDetails(const redis::Client::Health& health);
std::string BusDetails(const bus::Bus::Health& health);

}  // namespace quantum::lifecycle
