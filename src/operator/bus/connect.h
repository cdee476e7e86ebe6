#pragma once

#include <functional>
#include <vector>

#include "operator/state/launch.h"
#include "platform/redis/client.h"

namespace quantum::operate {

// The platform's Redis as the operator sees it.
struct RedisAccess {
  redis::ClientOptions options;
  std::vector<redis::Endpoint> nodes;
};
Result<RedisAccess> FindRedis(const Running& running);

// Runs the body in a fiber of a loop of its own, and returns what it returned. Blocks.
Status InFiber(const std::function<Status(fiber::Loop&)>& body);

}  // namespace quantum::operate
