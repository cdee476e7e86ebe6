#include "exchange/binance/rest.h"

#include <csignal>
#include <mutex>

#include "exchange/binance/decode_rest.h"
#include "exchange/binance/outcome.h"
#include "platform/metrics/names.h"

namespace quantum::binance {
namespace {

constexpr int kVenueTimestampRefused = -1021;

bool TimestampRefused(const Result<http::Response>& result) {
  if (!result.ok() || result->status < 400 || result->status >= 500) {
    return false;
  }
  const auto error = ReadVenueError(result->body);
  return error && error->code == kVenueTimestampRefused;
}

http::ClientOptions OneAttempt() {
  http::ClientOptions options;
  options.attempts_max = 1;
  return options;
}

int64_t Ms(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

}  // namespace

Rest::Rest(fiber::Loop& loop, RestOptions options, const Clock& clock, Random& random)
    : options_(std::move(options)),
      clock_(clock),
      queries_(loop, OneAttempt(), random, clock),
      orders_(loop, OneAttempt(), random, clock),
      budget_(options_.budget) {}

void Rest::Count(std::string_view path, const Result<http::Response>& result) {
  const char* outcome = "ok";
  if (!result.ok()) {
    outcome = Classify(result.error()).verdict == Verdict::kRejected ? "not_sent" : "unknown";
  } else if (result->status >= 500) {
    outcome = "unknown";
  } else if (result->status >= 300) {
    outcome = "rejected";
  }
  metrics::GetCounter(metrics::kExchangeRequests, {{"endpoint", std::string(path)}, {"outcome", outcome}}).Add();
}

Result<http::Response> Rest::Send(http::Client& client, http::ClientRequest request, std::string_view path,
                                  Budget::Kind kind, int weight) {
  if (const auto refusal = budget_.Refuse(kind, clock_.Steady())) {
    return Error{Errc::kExhausted, request.method + " " + std::string(path) + " was not sent: " + *refusal};
  }
  budget_.OnSend(kind, weight, clock_.Steady());
  if (!options_.credentials.key.empty()) {
    request.headers.Set("X-MBX-APIKEY", options_.credentials.key);
  }
  request.timeout = options_.timeout;
  Result<http::Response> result = client.Send(request);
  if (result.ok()) {
    budget_.OnAnswer(*result, clock_.Steady());
  }
  static metrics::Gauge& used = metrics::GetGauge(metrics::kExchangeWeight);
  used.Set(budget_.used_weight(clock_.Steady()));
  Count(path, result);
  return result;
}

Result<http::Response> Rest::Public(std::string_view path, const Parameters& parameters, int weight) {
  http::ClientRequest request;
  request.url = options_.hosts.rest + std::string(path);
  if (!parameters.text().empty()) {
    request.url += "?" + parameters.text();
  }
  request.idempotent = true;
  return Send(queries_, std::move(request), path, Budget::Kind::kQuery, weight);
}

Status Rest::KnowClock() {
  QUANTUM_TRY([[maybe_unused]] const int64_t now_ms, VenueMs());
  return {};
}

Status Rest::Sign(http::ClientRequest& out, std::string_view path, Parameters parameters, Duration recv_window,
                  const exchange::SendGuard& guard) {
  const SteadyTime now = clock_.Steady();
  if (!time_.known(now)) {
    return Error{Errc::kUnavailable, "the venue's clock was lost while the request waited for a connection: try again"};
  }
  const int64_t venue_ms = time_.VenueMs(now);
  if (guard != nullptr) {
    if (const Status allowed = guard(recv_window + time_.error(now)); !allowed.ok()) {
      return Error{Errc::kConflict, allowed.error().message};
    }
  }
  parameters.Sign(options_.credentials.secret, venue_ms, Ms(recv_window));
  if (out.method == "GET" || out.method == "DELETE") {
    out.url = options_.hosts.rest + std::string(path) + "?" + parameters.text();
  } else {
    out.headers.Set("Content-Type", "application/x-www-form-urlencoded");
    out.body = parameters.text();
  }
  return {};
}

Result<http::Response> Rest::QueryOnce(std::string_view path, const Parameters& parameters, int weight) {
  QUANTUM_CHECK(KnowClock());
  http::ClientRequest request;
  request.url = options_.hosts.rest + std::string(path);
  request.idempotent = true;
  request.before_write = [&](http::ClientRequest& out) {
    return Sign(out, path, parameters, options_.query_recv_window, nullptr);
  };
  return Send(queries_, std::move(request), path, Budget::Kind::kQuery, weight);
}

Result<http::Response> Rest::Query(std::string_view path, const Parameters& parameters, int weight) {
  Result<http::Response> result = QueryOnce(path, parameters, weight);
  if (TimestampRefused(result)) {
    time_.Forget();
    return QueryOnce(path, parameters, weight);
  }
  return result;
}

Result<http::Response> Rest::Write(std::string_view method, std::string_view path, const Parameters& parameters,
                                   Budget::Kind kind, int weight) {
  QUANTUM_CHECK(KnowClock());
  http::ClientRequest request;
  request.method = std::string(method);
  request.url = options_.hosts.rest + std::string(path);
  request.before_write = [&](http::ClientRequest& out) -> Status {
    QUANTUM_CHECK(Sign(out, path, parameters, options_.order_recv_window, guard_));
    if (kind == Budget::Kind::kEntry && ++entries_signed_ == options_.stop_before_entry) {
      std::raise(SIGSTOP);
    }
    return {};
  };
  Result<http::Response> result = Send(orders_, std::move(request), path, kind, weight);
  if (TimestampRefused(result)) {
    time_.Forget();
  }
  return result;
}

Result<http::Response> Rest::Keyed(std::string_view method, std::string_view path) {
  http::ClientRequest request;
  request.method = std::string(method);
  request.url = options_.hosts.rest + std::string(path);
  return Send(queries_, std::move(request), path, Budget::Kind::kCancel, 1);
}

Status Rest::SyncClock() {
  const SteadyTime sent = clock_.Steady();
  QUANTUM_TRY(const http::Response response, Public("/fapi/v1/time", {}, 1));
  const SteadyTime received = clock_.Steady();
  QUANTUM_CHECK(CheckAnswer(response, "asking the venue's time"));
  QUANTUM_TRY(const int64_t venue_ms, DecodeServerTime(response.body));
  time_.OnSample(sent, received, venue_ms);
  return {};
}

Result<int64_t> Rest::VenueMs() {
  if (!time_.known(clock_.Steady())) {
    const std::lock_guard only_one(syncing_);
    if (!time_.known(clock_.Steady())) {
      if (const Status synced = SyncClock(); !synced.ok()) {
        return Error{Errc::kUnavailable, "the venue's clock is not known: " + synced.error().message};
      }
    }
  }
  return time_.VenueMs(clock_.Steady());
}

Duration Rest::clock_offset() const {
  const SteadyTime now = clock_.Steady();
  if (!time_.known(now)) {
    return Duration::zero();
  }
  return std::chrono::milliseconds(time_.VenueMs(now) - ToUnixMs(clock_.Now()));
}

}  // namespace quantum::binance
