#pragma once

#include <string>
#include <string_view>

#include "platform/bus/event.h"

namespace quantum::trading::event {

// Tells the bus every event type of the platform and its durability. Call once, before the bus is used.
void RegisterAll();

// An event ready to publish. `key` is what must stay in order: a symbol, or an order.
bus::Event Make(std::string_view type, std::string key, std::string payload_json, std::string cause = {});

}  // namespace quantum::trading::event
