#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <string>
#include <string_view>

#include "exchange/recording/recording.h"
#include "tests/support/checkout/checkout.h"

// For tests on recorded market data and on the venue's example messages, which are no part of the source tree.
namespace quantum::testing {

// The path of what FindMarketData finds under the name. When there is nothing it is empty, and the test is skipped; or
// failed, with QUANTUM_REQUIRE_MARKET_DATA=1 in the environment. The caller returns then:
//   const std::string path = MarketData("usdm_btcusdt_20240808.gz");
//   if (path.empty()) { return; }
inline std::string MarketData(const std::string& name) {
  const std::string path = exchange::FindMarketData(checkout::SourceDirectory(), name);
  const auto miss = [&name] {
    const char* const required = std::getenv("QUANTUM_REQUIRE_MARKET_DATA");
    if (required != nullptr && std::string_view(required) == "1") {
      FAIL() << name << " is missing and QUANTUM_REQUIRE_MARKET_DATA asks for it; set QUANTUM_MARKET_DATA to the "
             << "directory that holds it";
    }
    GTEST_SKIP() << name << " is not here; set QUANTUM_MARKET_DATA to the directory that holds it";
  };
  if (path.empty()) {
    miss();
  }
  return path;
}

}  // namespace quantum::testing
