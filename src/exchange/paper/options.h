#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "exchange/paper/engine/engine.h"
#include "exchange/paper/protocol/rest.h"
#include "platform/base/clock.h"
#include "platform/config/manifest.h"
#include "trading/decimal.h"

namespace quantum::paper {

//   market:
//     source: synthetic            # or recording:FILE[,FILE]; paths relative to the manifest's folder
//     seed: 1                      # synthetic
//     rate: 1                      # synthetic: events per second as a share of the recorded mean
//     warmup: 30min                # synthetic: history made before the first start, for klines
//     speed: "1"                   # 1, 10 or max
//   services:
//     paper-exchange:
//       wallet: "10000"            # USDT, of an account that has no journal yet
//       latency: 0ms               # how long an order takes to reach the engine
//       limits: 100                # how many times Binance's own request and order limits hold
//       funding: 8h                # the interval of market time at which funding is settled
//       countdown: all             # what countdownCancelAll cancels: all, or plain (conditional orders stay)
struct PaperOptions {
  std::vector<std::string> symbols;
  std::vector<std::string> files;  // empty: synthetic
  uint64_t seed = 1;
  double rate = 1;
  Duration warmup = std::chrono::minutes(30);
  int speed = 1;  // 0, "max": as fast as the subscribers read, once every service is ready; until then 1
  trading::Decimal wallet;
  Duration latency{};
  EngineOptions engine;
  RestOptions rest;       // the limits alone; the keys are secrets
  std::string directory;  // <state>/data/paper-exchange
};

// kInvalidArgument for a manifest that is not for PAPER, for symbols without rules, and for what does not parse.
Result<PaperOptions> ReadOptions(const config::Manifest& manifest);

}  // namespace quantum::paper
