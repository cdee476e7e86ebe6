#pragma once

namespace quantum::bus {

// The source of infra/redis/functions/bus.lua, compiled in: what the services call is what they load.
extern const char* const kFunctionLibrary;

}  // namespace quantum::bus
