#pragma once

#include <optional>

#include "platform/fiber/fiber.h"
#include "platform/redis/client.h"
#include "platform/redis/discovery.h"

namespace quantum::redis {

struct Found {
  Discovery::Verdict verdict;
  int sentinels_reached = 0;
  int sentinels_agree = 0;  // name the verdict's master
};

// Asks all sentinels at once and returns as soon as the outcome is certain, at the latest after connect_timeout.
Found AskSentinels(fiber::Loop& loop, const ClientOptions& options, const std::optional<Endpoint>& last_master,
                   const Clock& clock);

}  // namespace quantum::redis
