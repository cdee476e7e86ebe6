#include "platform/lifecycle/service.h"
#include "services/ai_engine/service.h"
#include "trading/bus/registry.h"

int main(int argc, char** argv) {
  quantum::trading::event::RegisterAll();
  return quantum::lifecycle::Main(
      argc, argv,
      {.name = "ai-engine-service", .unit = "ai-engine", .api_prefix = "ai", .redis = true, .postgres = false},
      [](quantum::lifecycle::Service& service) { return std::make_unique<quantum::ai_engine::AiEngine>(service); });
}
