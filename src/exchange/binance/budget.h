#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "platform/base/clock.h"
#include "platform/http/message.h"

namespace quantum::binance {

// What the venue allows, as exchangeInfo says it. Until it has been read: 2,400 of weight a minute, 300 orders in 10 s
// and 1,200 a minute, as of mid 2026.
struct RateLimits {
  int weight_max = 2400;  // a minute
  int orders_10s_max = 300;
  int orders_1m_max = 1200;
};

// Keeps us from being banned: what the venue's headers say was used, and what it told us to wait for. No I/O; time by
// the steady clock.
struct BudgetOptions {
  RateLimits limits;
  // Of each limit: entries stop first, then what only asks, so that what protects, closes and cancels always finds
  // room.
  double entries_max = 0.7;
  double queries_max = 0.8;
};

class Budget {
 public:
  // kExit: an order that protects or closes. Cancels are not counted as orders by the venue. kClock asks the venue's
  // time, without which nothing can be signed: it is refused only while the venue told us to stop.
  enum class Kind { kQuery, kEntry, kExit, kCancel, kClock };

  explicit Budget(BudgetOptions options = {}) : options_(options) {}

  void SetLimits(const RateLimits& limits) { options_.limits = limits; }

  // Nothing: send it. Otherwise why not, and for how long.
  std::optional<std::string> Refuse(Kind kind, SteadyTime now) const;
  // Before the request goes out; the answer's headers correct it.
  void OnSend(Kind kind, int weight, SteadyTime now);
  // Reads X-MBX-USED-WEIGHT-1M, X-MBX-ORDER-COUNT-10S and -1M; on 429 and 418 also Retry-After (in its absence 10 s and
  // 2 minutes).
  void OnAnswer(const http::Response& response, SteadyTime now);

  int used_weight(SteadyTime now) const { return Count(weight_, now); }
  bool blocked(SteadyTime now) const { return now < blocked_until_; }

 private:
  // A number that the venue forgets at the end of its window; we keep it a whole window from when we learned it.
  struct Window {
    int used = 0;
    SteadyTime until{};
  };
  static int Count(const Window& window, SteadyTime now) { return now < window.until ? window.used : 0; }
  static bool IsOrder(Kind kind) { return kind == Kind::kEntry || kind == Kind::kExit; }
  // What of a limit this kind may use.
  int Share(Kind kind, int limit) const;
  static void Set(Window& window, int used, Duration length, SteadyTime now);

  BudgetOptions options_;
  Window weight_;
  Window orders_10s_;
  Window orders_1m_;
  SteadyTime blocked_until_{};
};

}  // namespace quantum::binance
