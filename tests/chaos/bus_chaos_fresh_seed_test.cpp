#include <iostream>
#include <random>

#include "tests/chaos/bus_chaos.h"

// A program of its own, so that it runs beside others: most of a round is waiting for sentinels.
namespace quantum::testing {
namespace {

using namespace std::chrono_literals;

TEST_F(BusChaosTest, NothingIsLostDoubledOrOutOfOrderInFiveRoundsOfAFreshSeed) {
  const unsigned seed = std::random_device()() % 1'000'000 + 1;
  std::cout << "seed " << seed << std::endl;
  ExpectGood(Run({"--rounds", "5", "--seed", std::to_string(seed)}, 480s), 5);
}

}  // namespace
}  // namespace quantum::testing
