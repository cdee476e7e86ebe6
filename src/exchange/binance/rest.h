#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "exchange/binance/budget.h"
#include "exchange/binance/hosts.h"
#include "exchange/binance/parameters.h"
#include "exchange/binance/time_sync.h"
#include "exchange/venue.h"
#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/fiber/fiber.h"
#include "platform/http/client.h"

namespace quantum::binance {

struct RestOptions {
  Hosts hosts;
  Credentials credentials;  // empty: public requests only
  Duration timeout = std::chrono::seconds(5);
  Duration order_recv_window = std::chrono::milliseconds(1000);  // a late order is refused by the venue, not executed
  Duration query_recv_window = std::chrono::milliseconds(5000);
  BudgetOptions budget;
  // For tests that let another process take over in the worst moment: this process stops itself (SIGSTOP) once, between
  // signing the n-th entry and writing it. Zero: never.
  int stop_before_entry = 0;
};

// Requests to Binance's REST interface: signs with the venue's clock, keeps within the venue's limits, counts
// exchange_requests_total and exchange_request_weight_used. Never sends anything twice, except a signed query after the
// venue refused its timestamp. For fibers of one loop; calls suspend.
//
// A request is signed when a connection is in hand, right before it is written, so that its receive window does not
// pass while it waits here. A write goes out under the guard, in this order: the venue's time is taken, the guard is
// asked whether it still holds for the receive window and the clock's error, the request is signed for that time. Once
// the guard has said yes the venue refuses (-1021) whatever reaches it later than the guard was asked for, even if this
// process is stopped in between.
//
// Entries, exits and cancels have connections of their own, as have questions and the clock: what protects, closes or
// cancels waits behind nothing else, and no failure of others makes it refused here (exits and cancels have no circuit
// breaker at all). Nor does a clock that cannot be asked: exits and cancels are then signed for the last that is known.
//
// Errors besides those of http::Client: kExhausted, refused here to stay within the limits; kUnavailable, the venue's
// clock could not be asked; kConflict, the guard refused. In all these cases nothing was sent.
class Rest {
 public:
  Rest(fiber::Loop& loop, RestOptions options, const Clock& clock, Random& random);

  // GET without credentials. `weight` as the venue's documentation says.
  Result<http::Response> Public(std::string_view path, const Parameters& parameters, int weight);
  // GET, signed.
  Result<http::Response> Query(std::string_view path, const Parameters& parameters, int weight);
  // POST, PUT or DELETE, signed, in the body (DELETE: in the query), under the guard.
  struct Written {
    Result<http::Response> answer;
    std::optional<int64_t> signed_ms;  // what it was signed for, on the venue's clock; nothing: it was not sent
  };
  // allowed_in_doubt: what the send guard is told.
  Written Write(std::string_view method, std::string_view path, const Parameters& parameters, Budget::Kind kind,
                int weight, bool allowed_in_doubt = false);
  // With the key but unsigned: the listen key's endpoints. On the connections of the cancels: what tells the fills does
  // not wait behind questions.
  Result<http::Response> Keyed(std::string_view method, std::string_view path);

  void SetSendGuard(exchange::SendGuard guard) { guard_ = std::move(guard); }

  // exchangeInfo, whose limits hold from now on. Like the clock it is not refused to stay within the limits: until it
  // has been read they are assumed ones.
  Result<std::string> Info();

  // Takes a sample of the venue's clock. Never refused to stay within the limits, except while the venue told us to
  // stop.
  Status SyncClock();
  // The venue's wall clock minus ours. Nothing while it has not been measured, or while the venue contradicts what was.
  std::optional<Duration> clock_offset() const;

  const Hosts& hosts() const { return options_.hosts; }

 private:
  Result<http::Response> Send(http::ClientRequest request, std::string_view path, Budget::Kind kind, int weight);
  http::Client& LaneOf(Budget::Kind kind);
  // Measures the clock unless what is known can be trusted.
  Status KnowClock(Budget::Kind kind);
  Status AskClock();
  // Signs `out` for this moment, once `guard`, if any, has agreed for the time it is given; the moment on the venue's
  // clock. kUnavailable when the clock is no longer known.
  Result<int64_t> Sign(http::ClientRequest& out, std::string_view path, Parameters parameters, Duration recv_window,
                       const std::function<Status(Duration valid_for)>& guard);
  // True when the venue refused the timestamp: what is known of its clock is then doubted or forgotten.
  bool TimestampRefused(const Result<http::Response>& answer);
  Result<http::Response> QueryOnce(std::string_view path, const Parameters& parameters, int weight);
  void Count(std::string_view path, const Result<http::Response>& result);

  RestOptions options_;
  const Clock& clock_;
  http::Client queries_;
  http::Client entries_;
  http::Client exits_;
  http::Client cancels_;
  http::Client vital_;
  TimeSync time_;
  Budget budget_;
  fiber::Mutex syncing_;
  uint64_t clock_asked_ = 0;
  Status clock_answer_;  // of the last time the clock was asked
  exchange::SendGuard guard_;
  int entries_signed_ = 0;
};

}  // namespace quantum::binance
