#include "platform/lifecycle/service.h"
#include "services/monitoring_health/service.h"
#include "trading/bus/registry.h"

int main(int argc, char** argv) {
  quantum::trading::event::RegisterAll();
  return quantum::lifecycle::Main(argc, argv,
                                  {.name = "monitoring-health-service",
                                   .unit = "monitoring-health",
                                   .api_prefix = "health",
                                   .redis = true,
                                   .postgres = false},
                                  [](quantum::lifecycle::Service& service) {
                                    return std::make_unique<quantum::monitoring_health::MonitoringHealth>(service);
                                  });
}
