#include "exchange/binance/venue_factory.h"

#include "exchange/binance/machine_addresses.h"
#include "exchange/binance/market_venue.h"
#include "exchange/binance/trading_venue.h"

namespace quantum::binance {
namespace {

std::shared_ptr<Rest> MakeRest(const VenueParameters& parameters, Credentials credentials) {
  QUANTUM_ASSERT(parameters.loop != nullptr && parameters.clock != nullptr && parameters.random != nullptr);
  RestOptions options;
  options.hosts = parameters.hosts;
  options.credentials = std::move(credentials);
  options.timeout = parameters.timeout;
  options.budget = parameters.budget;
  options.stop_before_entry = parameters.stop_before_entry;
  return std::make_shared<Rest>(*parameters.loop, std::move(options), *parameters.clock, *parameters.random);
}

}  // namespace

Result<std::unique_ptr<exchange::TradingVenue>> MakeTradingVenue(VenueParameters parameters) {
  QUANTUM_CHECK(CheckHosts(parameters.mode, parameters.hosts, MachineAddresses()));
  QUANTUM_CHECK(CheckCredentials(parameters.mode, parameters.credentials));
  if (parameters.stop_before_entry != 0 && parameters.mode != config::Mode::kPaper) {
    return Error{Errc::kInvalidArgument, "stop_before_entry stops the process before an order: it is for PAPER only"};
  }
  auto rest = MakeRest(parameters, parameters.credentials);
  return std::unique_ptr<exchange::TradingVenue>(
      std::make_unique<TradingVenue>(*parameters.loop, std::move(rest), *parameters.clock, *parameters.random));
}

Result<std::unique_ptr<exchange::MarketVenue>> MakeMarketVenue(VenueParameters parameters) {
  QUANTUM_CHECK(CheckHosts(parameters.mode, parameters.hosts, MachineAddresses()));
  auto rest = MakeRest(parameters, {});
  return std::unique_ptr<exchange::MarketVenue>(std::make_unique<MarketVenue>(
      *parameters.loop, parameters.mode, std::move(rest), *parameters.clock, *parameters.random));
}

}  // namespace quantum::binance
