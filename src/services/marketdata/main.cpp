#include <memory>

#include "platform/lifecycle/service.h"
#include "services/marketdata/marketdata.h"
#include "trading/bus/registry.h"

int main(int argc, char** argv) {
  quantum::trading::event::RegisterAll();
  return quantum::lifecycle::Main(
      argc, argv, {.name = "marketdata-service", .unit = "marketdata", .api_prefix = "market"},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::marketdata::MarketData>(service); });
}
