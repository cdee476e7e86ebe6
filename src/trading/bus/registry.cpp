#include "trading/bus/registry.h"

#include <utility>

#include "trading/events.h"

namespace quantum::trading::event {

void RegisterAll() {
  for (const std::string_view type : AllTypes()) {
    bus::RegisterEventType({.name = std::string(type),
                            .durability = IsVolatile(type) ? bus::Durability::kVolatile : bus::Durability::kDurable});
  }
}

bus::Event Make(std::string_view type, std::string key, std::string payload_json, std::string cause) {
  bus::Event event;
  event.type = type;
  event.key = std::move(key);
  event.payload = std::move(payload_json);
  event.cause = std::move(cause);
  return event;
}

}  // namespace quantum::trading::event
