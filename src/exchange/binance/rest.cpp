#include "exchange/binance/rest.h"

#include <csignal>
#include <limits>
#include <mutex>

#include "exchange/binance/decode_rest.h"
#include "exchange/binance/encode_order.h"
#include "exchange/binance/outcome.h"
#include "platform/metrics/names.h"

namespace quantum::binance {
namespace {

constexpr int kVenueTimestampRefused = -1021;
constexpr std::string_view kTimePath = "/fapi/v1/time";
constexpr std::string_view kInfoPath = "/fapi/v1/exchangeInfo";

constexpr Duration kTimeTimeout = std::chrono::seconds(1);  // an answer that takes longer tells the time badly

http::ClientOptions OneAttempt() {
  http::ClientOptions options;
  options.attempts_max = 1;
  return options;
}

// For what must never be held back because something failed before.
http::ClientOptions OneAttemptAlways() {
  http::ClientOptions options = OneAttempt();
  options.breaker_failures = std::numeric_limits<int>::max();
  return options;
}

int64_t Ms(Duration duration) { return std::chrono::duration_cast<std::chrono::milliseconds>(duration).count(); }

}  // namespace

Rest::Rest(fiber::Loop& loop, RestOptions options, const Clock& clock, Random& random)
    : options_(std::move(options)),
      clock_(clock),
      queries_(loop, OneAttempt(), random, clock),
      entries_(loop, OneAttempt(), random, clock),
      exits_(loop, OneAttemptAlways(), random, clock),
      cancels_(loop, OneAttemptAlways(), random, clock),
      vital_(loop, OneAttempt(), random, clock),
      budget_(options_.budget) {}

void Rest::Count(std::string_view path, const Result<http::Response>& result) {
  const Verdict verdict = result.ok() ? Classify(*result).verdict : Classify(result.error()).verdict;
  const char* outcome = verdict == Verdict::kUnknown ? "unknown" : verdict == Verdict::kAccepted ? "ok" : "rejected";
  if (!result.ok() && verdict == Verdict::kRejected) {
    outcome = "not_sent";
  }
  metrics::GetCounter(metrics::kExchangeRequests, {{"endpoint", std::string(path)}, {"outcome", outcome}}).Add();
}

Result<http::Response> Rest::Send(http::ClientRequest request, std::string_view path, Budget::Kind kind, int weight) {
  if (const auto refusal = budget_.Refuse(kind, weight, clock_.Steady())) {
    return Error{Errc::kExhausted, request.method + " " + std::string(path) + " was not sent: " + *refusal};
  }
  const Budget::Sent sent = budget_.OnSend(kind, weight, clock_.Steady());
  if (!options_.credentials.key.empty()) {
    request.headers.Set("X-MBX-APIKEY", options_.credentials.key);
  }
  request.timeout = path == kTimePath ? std::min(options_.timeout, kTimeTimeout) : options_.timeout;
  Result<http::Response> result = LaneOf(kind).Send(request);
  if (result.ok()) {
    budget_.OnAnswer(sent, *result, clock_.Steady());
  } else {
    budget_.OnNoAnswer(sent, Classify(result.error()).verdict == Verdict::kUnknown, clock_.Steady());
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
  return Send(std::move(request), path, Budget::Kind::kQuery, weight);
}

http::Client& Rest::LaneOf(Budget::Kind kind) {
  switch (kind) {
    case Budget::Kind::kEntry:
      return entries_;
    case Budget::Kind::kExit:
      return exits_;
    case Budget::Kind::kCancel:
      return cancels_;
    case Budget::Kind::kVital:
      return vital_;
    case Budget::Kind::kQuery:
      break;
  }
  return queries_;
}

bool Rest::TimestampRefused(const Result<http::Response>& answer) {
  if (!answer.ok() || answer->status < 400 || answer->status >= 500) {
    return false;
  }
  const auto error = ReadVenueError(answer->body);
  if (!error || error->code != kVenueTimestampRefused) {
    return false;
  }
  // "Timestamp for this request was 1000ms ahead of the server's time." Otherwise it came too late.
  if (error->message.find("ahead of") != std::string::npos) {
    time_.Forget();
  } else {
    time_.Doubt();
  }
  return true;
}

Result<int64_t> Rest::Sign(http::ClientRequest& out, std::string_view path, Parameters parameters, Duration recv_window,
                           const std::function<Status(Duration valid_for)>& guard) {
  const SteadyTime now = clock_.Steady();
  if (!time_.known()) {
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
  return venue_ms;
}

Result<http::Response> Rest::QueryOnce(std::string_view path, const Parameters& parameters, int weight) {
  QUANTUM_CHECK(KnowClock(Budget::Kind::kQuery));
  http::ClientRequest request;
  request.url = options_.hosts.rest + std::string(path);
  request.idempotent = true;
  request.before_write = [&](http::ClientRequest& out) -> Status {
    QUANTUM_TRY([[maybe_unused]] const int64_t venue_ms,
                Sign(out, path, parameters, options_.query_recv_window, nullptr));
    return {};
  };
  return Send(std::move(request), path, Budget::Kind::kQuery, weight);
}

Result<http::Response> Rest::Query(std::string_view path, const Parameters& parameters, int weight) {
  Result<http::Response> result = QueryOnce(path, parameters, weight);
  return TimestampRefused(result) ? QueryOnce(path, parameters, weight) : std::move(result);
}

Rest::Written Rest::Write(std::string_view method, std::string_view path, const Parameters& parameters,
                          Budget::Kind kind, int weight, bool allowed_in_doubt) {
  if (const Status known = KnowClock(kind); !known.ok()) {
    return {known.error(), std::nullopt};
  }
  std::optional<int64_t> signed_ms;
  std::function<Status(Duration)> guard;
  if (guard_ != nullptr) {
    guard = [&](Duration valid_for) { return guard_(valid_for, allowed_in_doubt); };
  }
  http::ClientRequest request;
  request.method = std::string(method);
  request.url = options_.hosts.rest + std::string(path);
  request.before_write = [&](http::ClientRequest& out) -> Status {
    QUANTUM_TRY(signed_ms, Sign(out, path, parameters, options_.order_recv_window, guard));
    if (kind == Budget::Kind::kEntry && ++entries_signed_ == options_.stop_before_entry) {
      std::raise(SIGSTOP);
    }
    return {};
  };
  Result<http::Response> result = Send(std::move(request), path, kind, weight);
  TimestampRefused(result);
  return {std::move(result), signed_ms};
}

Result<http::Response> Rest::Keyed(std::string_view method, std::string_view path) {
  http::ClientRequest request;
  request.method = std::string(method);
  request.url = options_.hosts.rest + std::string(path);
  return Send(std::move(request), path, Budget::Kind::kCancel, 1);
}

Status Rest::SyncClock() {
  clock_answer_ = AskClock();
  ++clock_asked_;
  return clock_answer_;
}

Status Rest::AskClock() {
  const SteadyTime sent = clock_.Steady();
  http::ClientRequest request;
  request.url = options_.hosts.rest + std::string(kTimePath);
  request.idempotent = true;
  QUANTUM_TRY(const http::Response response, Send(std::move(request), kTimePath, Budget::Kind::kVital, 1));
  const SteadyTime received = clock_.Steady();
  QUANTUM_CHECK(CheckAnswer(response, "asking the venue's time"));
  QUANTUM_TRY(const int64_t venue_ms, DecodeServerTime(response.body));
  time_.OnSample(sent, received, venue_ms);
  return {};
}

Result<std::string> Rest::Info() {
  http::ClientRequest request;
  request.url = options_.hosts.rest + std::string(kInfoPath);
  request.idempotent = true;
  QUANTUM_TRY(http::Response response, Send(std::move(request), kInfoPath, Budget::Kind::kVital, 1));
  QUANTUM_CHECK(CheckAnswer(response, "asking the venue's rules and limits"));
  QUANTUM_TRY(const RateLimits limits, DecodeRateLimits(response.body));
  budget_.SetLimits(limits);
  return std::move(response.body);
}

Status Rest::KnowClock(Budget::Kind kind) {
  if (time_.trusted(clock_.Steady())) {
    return {};
  }
  const uint64_t asked_before = clock_asked_;
  const std::lock_guard only_one(syncing_);
  if (time_.trusted(clock_.Steady())) {
    return {};
  }
  // Whoever was before us has asked for us too: nobody waits longer than one answer may take.
  const Status synced = clock_asked_ == asked_before ? SyncClock() : clock_answer_;
  if (synced.ok() || (kind != Budget::Kind::kEntry && time_.known())) {
    return {};
  }
  return Error{Errc::kUnavailable, "the venue's clock is not known: " + synced.error().message};
}

std::optional<Duration> Rest::clock_offset() const {
  const SteadyTime now = clock_.Steady();
  if (!time_.trusted(now)) {
    return std::nullopt;
  }
  return std::chrono::milliseconds(time_.VenueMs(now) - ToUnixMs(clock_.Now()));
}

}  // namespace quantum::binance
