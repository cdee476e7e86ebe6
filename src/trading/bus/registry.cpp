#include "trading/bus/registry.h"

#include <utility>

#include "trading/events.h"

namespace quantum::trading::event {

namespace {

bool MovesMoney(std::string_view type) {
  const std::string_view family = type.substr(0, type.find('.'));
  return family == "order" || family == "trade" || family == "risk" || family == "position" || family == "ess" ||
         family == "policy";
}

}  // namespace

void RegisterAll() {
  for (const std::string_view type : AllTypes()) {
    bus::RegisterEventType({.name = std::string(type),
                            .durability = IsVolatile(type) ? bus::Durability::kVolatile : bus::Durability::kDurable,
                            .money = MovesMoney(type)});
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
