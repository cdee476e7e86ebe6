#include <memory>

#include "platform/lifecycle/service.h"
#include "services/execution/execution.h"
#include "trading/bus/registry.h"

int main(int argc, char** argv) {
  quantum::trading::event::RegisterAll();
  return quantum::lifecycle::Main(
      argc, argv, {.name = "execution-service", .unit = "execution", .api_prefix = "execution", .postgres = true},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::execution::Execution>(service); });
}
