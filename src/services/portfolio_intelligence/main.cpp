#include "platform/lifecycle/service.h"
#include "services/portfolio_intelligence/service.h"
#include "trading/bus/registry.h"

int main(int argc, char** argv) {
  quantum::trading::event::RegisterAll();
  return quantum::lifecycle::Main(
      argc, argv,
      {.name = "portfolio-intelligence-service",
       .unit = "portfolio-intelligence",
       .api_prefix = "portfolio",
       .redis = true,
       .postgres = true},
      [](quantum::lifecycle::Service& service) {
        return std::make_unique<quantum::portfolio_intelligence::PortfolioIntelligence>(service);
      });
}
