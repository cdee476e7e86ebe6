#include "tests/simulation/step.h"

#include <numeric>
#include <ostream>

namespace quantum::simulation {

namespace {

struct Named {
  const char* name;
  unsigned weight;
};

// In the order of Kind.
constexpr std::array<Named, kKinds> kTable = {{
    {"publish", 600},     {"disk", 900},         {"send", 2000},  {"deliver", 2600},      {"lose", 25},
    {"repeat", 15},       {"replicate", 700},    {"report", 500}, {"give-up-wait", 60},   {"fetch", 1200},
    {"handle", 1500},     {"acknowledge", 1200}, {"time", 500},   {"freeze-producer", 8}, {"kill-producer", 10},
    {"copy-disk", 6},     {"restore-disk", 3},   {"twin", 3},     {"kill-consumer", 8},   {"kill-node", 8},
    {"start-node", 40},   {"kill-all", 2},       {"isolate", 6},  {"heal", 20},           {"promote", 40},
    {"reconfigure", 120}, {"quota", 20},         {"trim", 20},
}};

}  // namespace

const char* ToString(Kind kind) { return kTable.at(static_cast<size_t>(kind)).name; }

std::ostream& operator<<(std::ostream& out, const Step& step) {
  return out << ToString(step.kind) << "/" << step.choice;
}

const std::array<unsigned, kKinds>& Weights() {
  static const auto weights = [] {
    std::array<unsigned, kKinds> all{};
    for (size_t i = 0; i < kKinds; ++i) {
      all[i] = kTable[i].weight;
    }
    return all;
  }();
  return weights;
}

Step Draw(Random& random) {
  static const auto sum = std::accumulate(Weights().begin(), Weights().end(), 0u);
  uint64_t place = random.Below(sum);
  size_t kind = 0;
  while (place >= Weights()[kind]) {
    place -= Weights()[kind++];
  }
  return {static_cast<Kind>(kind), static_cast<uint32_t>(random.Next())};
}

}  // namespace quantum::simulation
