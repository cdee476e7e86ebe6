#include "operator/chaos/orders/orders_load.h"

#include <fmt/format.h>

namespace quantum::operate::chaos {

namespace {

constexpr const char* kSymbols =
    "[BTCUSDT, ETHUSDT, BNBUSDT, SOLUSDT, BCHUSDT, LTCUSDT, XMRUSDT, ZECUSDT, DASHUSDT, AAVEUSDT, COMPUSDT, QNTUSDT]";

}  // namespace

std::vector<std::string> OrdersLoad(double decisions_per_second) {
  return {std::string("symbols=") + kSymbols,
          "market.source=synthetic",
          "market.rate=0.1",
          "market.warmup=1min",
          "strategy.name=exerciser",
          fmt::format("strategy.decisions_per_second={}", decisions_per_second),
          "strategy.notional_usd=300",
          "services.ai-engine.busy=2s",
          "services.risk-safety.orders_per_minute_max=100000",
          "services.risk-safety.execution_errors_max=1000",
          "services.risk-safety.market_stale_trip=1h",
          "services.risk-safety.unprotected_trip=10min",
          "services.risk-safety.market_age_max=60s",
          "services.risk-safety.account_age_max=60s"};
}

}  // namespace quantum::operate::chaos
