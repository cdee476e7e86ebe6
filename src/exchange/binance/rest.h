#pragma once

#include <map>
#include <string>
#include <string_view>

#include "exchange/binance/budget.h"
#include "exchange/binance/hosts.h"
#include "exchange/binance/parameters.h"
#include "exchange/binance/time_sync.h"
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
};

// Requests to Binance's REST interface: signs with the venue's clock, keeps within the venue's limits, counts
// exchange_requests_total and exchange_request_weight_used. Never sends anything twice, except a signed query after the
// venue refused its timestamp. For fibers of one loop; calls suspend.
//
// Errors besides those of http::Client: kExhausted, refused here to stay within the limits; kUnavailable, the venue's
// clock could not be asked. In both cases nothing was sent.
class Rest {
 public:
  Rest(fiber::Loop& loop, RestOptions options, const Clock& clock, Random& random);

  // GET without credentials. `weight` as the venue's documentation says.
  Result<http::Response> Public(std::string_view path, const Parameters& parameters, int weight);
  // GET, signed.
  Result<http::Response> Query(std::string_view path, const Parameters& parameters, int weight);
  // POST, PUT or DELETE, signed, in the body (DELETE: in the query).
  Result<http::Response> Write(std::string_view method, std::string_view path, const Parameters& parameters,
                               Budget::Kind kind, int weight);
  // With the key but unsigned: the listen key's endpoints.
  Result<http::Response> Keyed(std::string_view method, std::string_view path);

  // What exchangeInfo allows from now on.
  void SetLimits(const RateLimits& limits) { budget_.SetLimits(limits); }

  // Takes a sample of the venue's clock.
  Status SyncClock();
  // The venue's time now; measures first if it is not known.
  Result<int64_t> VenueMs();
  Duration clock_offset() const;  // venue's wall clock minus ours; zero while unknown

  const Hosts& hosts() const { return options_.hosts; }

 private:
  Result<http::Response> Send(http::Client& client, http::ClientRequest request, std::string_view path,
                              Budget::Kind kind, int weight);
  Result<http::Response> QueryOnce(std::string_view path, Parameters parameters, int weight);
  void Count(std::string_view path, const Result<http::Response>& result);

  RestOptions options_;
  const Clock& clock_;
  http::Client queries_;
  http::Client orders_;  // of its own, so that failing queries never open the breaker of orders
  TimeSync time_;
  Budget budget_;
  fiber::Mutex syncing_;
};

}  // namespace quantum::binance
