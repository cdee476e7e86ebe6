#include "platform/lifecycle/service.h"
#include "services/risk_safety/service.h"
#include "trading/bus/registry.h"

int main(int argc, char** argv) {
  quantum::trading::event::RegisterAll();
  return quantum::lifecycle::Main(
      argc, argv,
      {.name = "risk-safety-service", .unit = "risk-safety", .api_prefix = "risk", .redis = true, .postgres = true},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::risk_safety::RiskSafety>(service); });
}
