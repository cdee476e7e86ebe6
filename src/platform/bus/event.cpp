#include "platform/bus/event.h"

#include <map>

#include "platform/base/assert.h"

namespace quantum::bus {

namespace {

std::map<std::string, EventType, std::less<>>& Registry() {
  static std::map<std::string, EventType, std::less<>> registry;
  return registry;
}

std::string Braced(std::string_view prefix, std::string_view family) {
  return std::string(prefix) + "{" + std::string(family) + "}";
}

}  // namespace

std::string LaneOf(const Event& event) { return event.producer + "/" + event.incarnation; }
std::string NameOf(const Event& event) { return LaneOf(event) + "/" + std::to_string(event.sequence); }

void RegisterEventType(EventType type) {
  QUANTUM_ASSERT(type.name.find('.') != std::string::npos);
  const std::string name = type.name;
  Registry().insert_or_assign(name, std::move(type));
}

const EventType* FindEventType(std::string_view name) {
  const auto found = Registry().find(name);
  return found == Registry().end() ? nullptr : &found->second;
}

std::vector<EventType> EventTypes() {
  std::vector<EventType> types;
  for (const auto& [name, type] : Registry()) {
    types.push_back(type);
  }
  return types;
}

std::string FamilyOf(std::string_view type) {
  const EventType* const registered = FindEventType(type);
  if (registered != nullptr && registered->durability == Durability::kVolatile) {
    return std::string(type);
  }
  return std::string(type.substr(0, type.find('.')));
}

std::string StreamKey(std::string_view family) { return Braced("quantum:stream:", family); }
std::string ProducersKey(std::string_view family) { return Braced("quantum:producers:", family); }
std::string DeadLetterKey(std::string_view family) { return Braced("quantum:dlq:", family); }
std::string LeaseKey(std::string_view family, std::string_view service) {
  return Braced("quantum:lease:", family) + ":" + std::string(service);
}
std::string GroupName(std::string_view service) { return "quantum:group:" + std::string(service); }

}  // namespace quantum::bus
