#pragma once

#include <memory>
#include <optional>

#include "exchange/binance/budget.h"
#include "exchange/binance/hosts.h"
#include "exchange/venue.h"
#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/config/manifest.h"
#include "platform/fiber/fiber.h"

// The venue port over Binance USD-M futures.
//
//   QUANTUM_TRY(auto venue, binance::MakeTradingVenue({.loop = &service.loop(), .mode = manifest.mode(),
//       .hosts = binance::HostsOf(manifest), .credentials = {key, secret}}));
namespace quantum::binance {

// The venue's name among the dependencies of a service (/health, dependency_health_status), whoever speaks to it.
inline constexpr const char* kDependency = "binance";

struct VenueParameters {
  fiber::Loop* loop = nullptr;  // calls come from its fibers, and it outlives the venue
  config::Mode mode = config::Mode::kPaper;
  Hosts hosts;                                 // HostsOf(manifest), or others of the same mode
  Credentials credentials;                     // trading only
  Duration timeout = std::chrono::seconds(5);  // of one request
  BudgetOptions budget = {};
  int stop_before_entry = 0;  // RestOptions; PAPER only
  const Clock* clock = &SystemClock();
  Random* random = &SystemRandom();  // the jitter of back-offs
};

// kInvalidArgument when mode, hosts and credentials do not agree, or when another mode than PAPER is to stop itself.
// Nothing is sent before the first call. Stop() before the venue is destroyed.
Result<std::unique_ptr<exchange::TradingVenue>> MakeTradingVenue(VenueParameters parameters);
Result<std::unique_ptr<exchange::MarketVenue>> MakeMarketVenue(VenueParameters parameters);

}  // namespace quantum::binance
