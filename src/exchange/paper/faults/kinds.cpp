#include <algorithm>

#include "exchange/paper/faults/fault.h"

namespace quantum::paper {
namespace {

using trading::operator""_dec;

FaultParameter Milliseconds(std::string_view name, Decimal fallback) { return {name, fallback, "0"_dec, "600000"_dec}; }
FaultParameter Acted() { return {"acted", "1"_dec, "0"_dec, "1"_dec}; }
FaultParameter RetryAfter(Decimal fallback) { return {"retry_after_s", fallback, "1"_dec, "600"_dec}; }

}  // namespace

const std::vector<FaultKind>& FaultKinds() {
  static const std::vector<FaultKind> kinds = {
      {"latency",
       "a request waits before it reaches the engine, some of them longer",
       FaultStage::kBefore,
       {Milliseconds("ms", "200"_dec), Milliseconds("tail_ms", "2000"_dec), {"tail_share", "0.05"_dec, {}, "1"_dec}}},
      {"late-answer", "acted on at once, answered late", FaultStage::kAfter, {Milliseconds("ms", "1000"_dec)}},
      {"no-answer", "acted on or not, and the connection ends without an answer", FaultStage::kEither, {Acted()}},
      {"error-5xx",
       "acted on or not, and answered 5xx",
       FaultStage::kEither,
       {Acted(), {"status", "503"_dec, "500"_dec, "599"_dec}}},
      {"firewall",
       "acted on or not, and answered 4xx with a page of something that is not the exchange",
       FaultStage::kEither,
       {Acted(), {"status", "403"_dec, "400"_dec, "417"_dec}}},
      {"unknown-1006", "acted on or not, and answered -1006", FaultStage::kEither, {Acted()}},
      {"timeout-1007", "acted on or not, and answered -1007", FaultStage::kEither, {Acted()}},
      {"rate-limit", "429 with Retry-After", FaultStage::kBefore, {RetryAfter("5"_dec)}},
      {"ban", "418 with Retry-After", FaultStage::kBefore, {RetryAfter("10"_dec)}},
      {"reject",
       "refused with a code of Binance's",
       FaultStage::kBefore,
       {{"code", "-2019"_dec, "-9999"_dec, "-1000"_dec}}},
      {"partial-then-cancel",
       "an order fills in part, and the exchange cancels the rest",
       FaultStage::kBefore,
       {{"filled_share", "0.5"_dec, {}, "1"_dec}}},
      {"symbol-halted",
       "the symbol is not traded: exchangeInfo says so, and orders are refused",
       FaultStage::kBefore,
       {},
       true},
      {"filters-changed",
       "other filters: exchangeInfo tells them, and orders are held against them (zero: unchanged)",
       FaultStage::kBefore,
       {{"step_size", {}, {}, "1000"_dec}, {"min_quantity", {}, {}, "1000"_dec}, {"tick_size", {}, {}, "1000"_dec}},
       true},
      {"fill-before-answer",
       "what happened to an order is told on the stream before it is answered",
       FaultStage::kAfter,
       {Milliseconds("ms", "300"_dec)}},
      {"events-duplicated",
       "user events come several times",
       FaultStage::kEvent,
       {{"copies", "1"_dec, "1"_dec, "10"_dec}}},
      {"events-reordered",
       "a user event comes after the next one that matches, or after so long",
       FaultStage::kEvent,
       {Milliseconds("ms", "500"_dec)}},
      {"events-delayed", "user events come late", FaultStage::kEvent, {Milliseconds("ms", "1000"_dec)}},
      {"events-lost", "user events do not come", FaultStage::kEvent, {}},
      {"streams-cut", "WebSocket connections end, and new ones do while it lasts", FaultStage::kStreams, {}},
      {"listen-key-expired", "the listen key is no longer valid, and nobody is told", FaultStage::kMoment, {}},
      {"funding-now", "funding is settled, of one symbol or of all", FaultStage::kMoment, {}},
      {"liquidation-now", "the position in a symbol is taken over and closed", FaultStage::kMoment, {}, true},
      {"clock-skew",
       "the exchange's clock is off: REST time, the window of signatures, times of orders and user events",
       FaultStage::kClock,
       {{"ms", "1500"_dec, "-600000"_dec, "600000"_dec}}},
      {"outage", "no request is answered or acted on, no stream lives", FaultStage::kOutage, {}}};
  return kinds;
}

const FaultKind* FindFaultKind(std::string_view name) {
  const auto found =
      std::find_if(FaultKinds().begin(), FaultKinds().end(), [&](const FaultKind& kind) { return kind.name == name; });
  return found == FaultKinds().end() ? nullptr : &*found;
}

}  // namespace quantum::paper
