#pragma once

#include <cstdint>
#include <deque>
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

// Keeps us from being banned: what the venue's headers say was used and what is on its way beside it, and what it told
// us to wait for. No I/O; time by the steady clock.
//
// The weight is counted by the venue per address and told with every answer, so that the processes of a machine see
// each other's use there, without a store of their own that could be away when a stop has to leave. Orders are counted
// per account, and one process sends them. What a process cannot see is what the others have sent since its last
// answer: the shares leave room for that. Whoever only asks (marketdata, verify) takes kAskerShare and so yields to
// execution.
struct BudgetOptions {
  RateLimits limits;
  // Of each limit: entries stop first, then what only asks, so that what protects, closes and cancels always finds
  // room.
  double entries_max = 0.7;
  double queries_max = 0.8;
};
inline constexpr double kAskerShare = 0.5;  // queries_max of a process that only asks

class Budget {
 public:
  // kExit: an order that protects or closes. Cancels are not counted as orders by the venue. kVital asks the venue's
  // time or its limits, without which nothing can be done: it is refused only while the venue told us to stop.
  enum class Kind { kQuery, kEntry, kExit, kCancel, kVital };

  // What was known when a request went out.
  struct Known {
    int used = 0;
    uint64_t numbers = 0;  // so many had been told
  };
  // A request on its way.
  struct Sent {
    Kind kind = Kind::kQuery;
    int weight = 0;
    Known weight_1m{};
    Known orders_10s{};
    Known orders_1m{};
  };

  explicit Budget(BudgetOptions options = {}) : options_(options) {}

  void SetLimits(const RateLimits& limits) { options_.limits = limits; }

  // Nothing: send it. Otherwise why not, and for how long.
  std::optional<std::string> Refuse(Kind kind, int weight, SteadyTime now) const;
  // Before the request goes out. Each is followed by one OnAnswer or OnNoAnswer.
  Sent OnSend(Kind kind, int weight, SteadyTime now);
  // Reads X-MBX-USED-WEIGHT-1M, X-MBX-ORDER-COUNT-10S and -1M; on 429, 418 and -1003 also Retry-After (in its absence
  // 10 s, and 2 minutes for 418), until when everything is refused; on -1015 orders alone.
  void OnAnswer(const Sent& sent, const http::Response& response, SteadyTime now);
  // `arrived`: it may have reached the venue.
  void OnNoAnswer(const Sent& sent, bool arrived, SteadyTime now);

  // What counts as used: told by the venue, and on its way.
  int used_weight(SteadyTime now) const { return weight_.Count(now); }
  bool blocked(SteadyTime now) const { return now < blocked_until_; }

 private:
  // A count that the venue begins anew at the end of its window. It does not tell when that is: we see it by a number
  // smaller than one window could bring forth, and assume it a whole window after we saw this one begin.
  class Window {
   public:
    explicit Window(Duration length) : length_(length) {}
    int Count(SteadyTime now) const { return Used(now) + on_the_way_; }
    SteadyTime until() const { return until_; }
    Known Send(int amount, SteadyTime now);
    void Arrive(int amount) { on_the_way_ -= amount; }
    // It may have been counted, and no number tells.
    void Spend(int amount, SteadyTime now) { Push(Used(now) + amount, now); }
    // The answer to a request that counts `amount` itself.
    void Learn(int told, int amount, const Known& when_sent, SteadyTime now);

   private:
    struct Number {
      uint64_t ordinal = 0;
      int used = 0;
    };
    int Used(SteadyTime now) const { return now < until_ && !told_.empty() ? told_.front().used : 0; }
    void Push(int used, SteadyTime now);

    Duration length_;
    // Falling: the first is the largest, and of what came after it the largest follows.
    std::deque<Number> told_;
    uint64_t numbers_ = 0;
    int on_the_way_ = 0;
    SteadyTime until_{};
  };
  static bool IsOrder(Kind kind) { return kind == Kind::kEntry || kind == Kind::kExit; }
  // What of a limit this kind may use.
  int Share(Kind kind, int limit) const;
  void Arrive(const Sent& sent);

  BudgetOptions options_;
  Window weight_{std::chrono::minutes(1)};
  Window orders_10s_{std::chrono::seconds(10)};
  Window orders_1m_{std::chrono::minutes(1)};
  SteadyTime blocked_until_{};
  SteadyTime orders_blocked_until_{};
};

}  // namespace quantum::binance
