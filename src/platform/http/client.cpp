#include "platform/http/client.h"

#include <fmt/format.h>

#include <algorithm>
#include <deque>
#include <unordered_map>
#include <vector>

#include "platform/http/client_connection.h"
#include "platform/http/client_request.h"
#include "platform/http/retry.h"
#include "platform/http/standby.h"

namespace quantum::http {
namespace {

// What the client knows of one host, and its kept-alive connections: the youngest is used first.
struct Host {
  explicit Host(const ClientOptions& options)
      : breaker(options.breaker_failures, options.breaker_cooldown),
        budget(options.retry_ratio, options.retry_reserve) {}
  resilience::CircuitBreaker breaker;
  resilience::RetryBudget budget;
  std::vector<std::unique_ptr<ClientConnection>> idle;
  size_t in_use = 0;
  std::deque<fiber::Event*> waiting;
};

// The right to use one of a host's connections, for its scope.
class Place {
 public:
  explicit Place(Host& host) : host_(host) { ++host_.in_use; }
  ~Place() {
    --host_.in_use;
    if (!host_.waiting.empty()) {
      fiber::Event* const next = host_.waiting.front();
      host_.waiting.pop_front();
      next->Set();
    }
  }
  Place(const Place&) = delete;
  Place& operator=(const Place&) = delete;

 private:
  Host& host_;
};

// Tells the breaker how the call went, however it ends: a probe that is forgotten would keep the breaker half open.
class Verdict {
 public:
  Verdict(Host& host, const Clock& clock) : host_(host), clock_(clock) {}
  ~Verdict() {
    if (outcome_ == Outcome::kGood) {
      host_.breaker.OnSuccess();
    } else if (outcome_ == Outcome::kBad) {
      host_.breaker.OnFailure(clock_.Steady());
    }
  }
  Verdict(const Verdict&) = delete;
  Verdict& operator=(const Verdict&) = delete;
  void Good() { outcome_ = Outcome::kGood; }
  void Nothing() { outcome_ = Outcome::kNothing; }

 private:
  enum class Outcome { kGood, kBad, kNothing };
  Host& host_;
  const Clock& clock_;
  Outcome outcome_ = Outcome::kBad;
};

Status WaitForPlace(Host& host, size_t places, const resilience::Deadline& deadline) {
  while (host.in_use >= places) {
    fiber::Event turn;
    host.waiting.push_back(&turn);
    struct Leave {
      Host& host;
      fiber::Event* turn;
      ~Leave() { std::erase(host.waiting, turn); }
    } leave{host, &turn};
    if (deadline.passed() || !turn.WaitFor(deadline.left())) {
      return Error{Errc::kTimeout, fmt::format("all {} connections to this host were busy", places)};
    }
  }
  return {};
}

// The request as before_write leaves it.
Result<std::string> WriteLast(const ClientRequest& request, const Url& url) {
  ClientRequest last = request;
  QUANTUM_CHECK(request.before_write(last));
  static const Error elsewhere{Errc::kInvalidArgument,
                               "before_write must leave the method and the host of a request as they are"};
  if (last.method != request.method) {
    return elsewhere;
  }
  if (last.url == request.url) {
    return SerializeRequest(last, url);
  }
  QUANTUM_TRY(const Url last_url, ParseUrl(last.url));
  return PoolKey(last_url) == PoolKey(url) ? SerializeRequest(last, last_url) : elsewhere;
}

std::unique_ptr<ClientConnection> TakeIdle(Host& host) {
  while (!host.idle.empty()) {
    std::unique_ptr<ClientConnection> connection = std::move(host.idle.back());
    host.idle.pop_back();
    if (connection->Alive()) {
      return connection;
    }
  }
  return nullptr;
}

}  // namespace

class Client::Impl {
 public:
  Impl(fiber::Loop& loop, ClientOptions options, Random& random, const Clock& clock)
      : loop_(loop), options_(std::move(options)), random_(random), clock_(clock), standbys_(options_.standbys) {}

  Result<Response> SendToWhoWorks(const ClientRequest& request);

 private:
  struct Attempt {
    std::optional<Response> response;
    Error error;
    RetryPlan::Failure failure;
    bool final = false;    // refused here: trying again would be refused again
    bool refused = false;  // by before_write: its own words are the answer
  };

  Result<Response> Send(const ClientRequest& request, int attempts_max);  // to this very host

  std::shared_ptr<Host> HostOf(const Url& url);
  Attempt Try(Host& host, const Url& url, const ClientRequest& request, const std::string& wire, bool fresh,
              const resilience::Deadline& deadline);
  void Keep(Host& host, std::unique_ptr<ClientConnection> connection);

  fiber::Loop& loop_;
  const ClientOptions options_;
  Random& random_;
  const Clock& clock_;
  std::shared_ptr<TlsContext> tls_;  // made at the first https
  std::unordered_map<std::string, std::shared_ptr<Host>> hosts_;
  Standbys standbys_;
};

Client::Client(fiber::Loop& loop, ClientOptions options, Random& random, const Clock& clock)
    : impl_(std::make_shared<Impl>(loop, std::move(options), random, clock)) {}
Client::~Client() = default;

Result<Response> Client::Send(const ClientRequest& request) {
  const auto impl = impl_;  // stays, even if the client goes away while this waits
  return impl->SendToWhoWorks(request);
}

Result<Response> Client::Impl::SendToWhoWorks(const ClientRequest& request) {
  const Standbys::Route route = standbys_.RouteOf(request.url);
  if (route.second.empty()) {
    return Send(request, options_.attempts_max);
  }
  // One after the other, again and again: either may be the one that works next. What may be repeated goes to the other
  // also when the one does not answer in half of the time: it may be stopped.
  const auto goes_on = [&](const Result<Response>& answer) {
    return Standbys::DidNothing(answer) || (request.idempotent && !answer.ok());
  };
  const auto deadline = resilience::Deadline::After(request.timeout, clock_);
  resilience::Backoff backoff({}, random_);
  ClientRequest routed = request;
  const auto ask = [&](const std::string& url) {
    routed.url = url;
    const Duration left = std::max<Duration>(deadline.left(), std::chrono::milliseconds(1));
    routed.timeout = request.idempotent && url == route.first ? left / 2 : left;
    Result<Response> answer = Send(routed, 1);
    standbys_.OnAnswer(url, answer);
    return answer;
  };
  for (int attempt = 1;; ++attempt) {
    Result<Response> answer = ask(route.first);
    if (!goes_on(answer)) {
      return answer;
    }
    Result<Response> others = ask(route.second);
    if (!goes_on(others)) {
      return others;
    }
    const Duration wait = backoff.Next();
    if (attempt >= options_.attempts_max || deadline.left() <= wait) {
      return answer;
    }
    fiber::SleepFor(wait);
  }
}

std::shared_ptr<Host> Client::Impl::HostOf(const Url& url) {
  std::shared_ptr<Host>& host = hosts_[PoolKey(url)];
  if (host == nullptr) {
    host = std::make_shared<Host>(options_);
  }
  return host;
}

Result<Response> Client::Impl::Send(const ClientRequest& request, int attempts_max) {
  QUANTUM_TRY(const Url url, ParseUrl(request.url));
  if (url.scheme != "http" && url.scheme != "https") {
    return Error{Errc::kInvalidArgument, "an HTTP request needs an http or https URL, not " + url.scheme};
  }
  std::string wire;  // stays empty where before_write has the last word
  if (request.before_write == nullptr) {
    QUANTUM_TRY(wire, SerializeRequest(request, url));
  }
  const auto deadline = resilience::Deadline::After(request.timeout, clock_);
  const auto host = HostOf(url);
  host->budget.OnRequest();
  RetryPlan plan(attempts_max, request.idempotent, host->budget, random_);
  std::optional<Error> sent_error;  // once something was sent, no later refusal makes the outcome known
  bool fresh = false;
  for (;;) {
    Attempt attempt = Try(*host, url, request, wire, fresh, deadline);
    std::optional<Duration> wait;
    if (attempt.response) {
      const auto retry_after = attempt.response->headers.Find("Retry-After");
      wait =
          plan.AfterAnswer(attempt.response->status,
                           retry_after ? ParseRetryAfter(*retry_after, clock_.Now()) : std::nullopt, deadline.left());
      if (!wait) {
        return std::move(*attempt.response);
      }
    } else {
      if (attempt.failure.sent) {
        sent_error = attempt.error;
      }
      if (!attempt.final) {
        wait = plan.AfterFailure(attempt.failure, deadline.left());
      }
      if (!wait && attempt.refused && !sent_error) {
        return attempt.error;
      }
      if (!wait) {
        return sent_error.value_or(attempt.error).Within(request.method + " " + url.Shown());
      }
    }
    fresh = fresh || attempt.failure.stale;
    if (*wait > Duration::zero()) {
      fiber::SleepFor(*wait);
    }
  }
}

Client::Impl::Attempt Client::Impl::Try(Host& host, const Url& url, const ClientRequest& request,
                                        const std::string& wire, bool fresh, const resilience::Deadline& deadline) {
  const auto fail = [](Error error, bool final = false) {
    return Attempt{.response = {}, .error = std::move(error), .failure = {}, .final = final};
  };
  if (const Status free = WaitForPlace(host, options_.connections_per_host_max, deadline); !free) {
    return fail(free.error(), true);
  }
  const Place place(host);
  const SteadyTime now = clock_.Steady();
  if (!host.breaker.Allow(now)) {
    return fail({Errc::kUnavailable, "the circuit breaker is open after failures in a row; nothing was sent"}, true);
  }
  Verdict verdict(host, clock_);
  const bool probing = host.breaker.state() == resilience::CircuitBreaker::State::kHalfOpen;
  std::unique_ptr<ClientConnection> connection = fresh || probing ? nullptr : TakeIdle(host);
  const bool reused = connection != nullptr;
  if (!reused) {
    if (url.secure() && tls_ == nullptr) {
      tls_ = MakeTlsContext();
    }
    connection = std::make_unique<ClientConnection>(loop_, clock_, tls_);
    if (const Status connected = connection->Connect(url, std::min(deadline.at(), now + options_.connect_timeout));
        !connected) {
      return fail(connected.error());
    }
  }
  std::string written_last;
  if (request.before_write != nullptr) {
    auto last = WriteLast(request, url);
    if (!last.ok()) {
      reused ? verdict.Nothing() : verdict.Good();
      Keep(host, std::move(connection));
      Attempt attempt = fail(last.error(), true);
      attempt.refused = true;
      return attempt;
    }
    written_last = std::move(*last);
  }
  auto exchanged = connection->Exchange(request.before_write != nullptr ? written_last : wire, request.method == "HEAD",
                                        options_.body_bytes_max, deadline.at());
  if (exchanged.response) {
    verdict.Good();
    if (exchanged.reusable) {
      Keep(host, std::move(connection));
    }
    return {.response = std::move(exchanged.response), .error = {}, .failure = {}};
  }
  Attempt attempt = fail(std::move(exchanged.error));
  attempt.failure.sent = exchanged.sent;
  attempt.failure.stale = reused && !exchanged.answered && !deadline.passed();
  if (attempt.failure.sent && attempt.error.code != Errc::kInternal) {
    attempt.error.code = Errc::kUnknownOutcome;
  }
  if (attempt.failure.stale) {
    verdict.Nothing();
  }
  return attempt;
}

void Client::Impl::Keep(Host& host, std::unique_ptr<ClientConnection> connection) {
  if (host.idle.size() < options_.connections_per_host_max) {
    connection->Rest(clock_.Steady() + options_.idle_timeout);
    host.idle.push_back(std::move(connection));
  }
}

}  // namespace quantum::http
