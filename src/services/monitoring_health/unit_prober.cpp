#include "services/monitoring_health/unit_prober.h"

#include <fmt/format.h>

#include <boost/json.hpp>

#include "platform/redis/client.h"
#include "platform/redis/discovery.h"
#include "platform/redis/socket.h"

namespace quantum::monitoring_health {
namespace {

using namespace std::chrono_literals;
using redis::Endpoint;

constexpr std::string_view kMarket = "market label";  // no unit's name: names have no blanks
constexpr Duration kMargin = 20ms;                    // a probe's own error comes before the round gives up on it
constexpr size_t kBodyBytesMax = 256 * 1024;

// Every probe has a fresh chance each round: no breaker, and one repeat for a kept-alive connection that just closed.
http::ClientOptions ProbeOptions(Duration deadline) {
  return {.attempts_max = 2,
          .connect_timeout = deadline,
          .connections_per_host_max = 4,
          .body_bytes_max = kBodyBytesMax,
          .breaker_failures = 1'000'000'000};
}

}  // namespace

UnitProber::UnitProber(lifecycle::Service& service, Options options)
    : service_(service),
      options_(options),
      client_(service.loop(), ProbeOptions(options.service_deadline)),
      checks_(service.loop(), service.clock(), std::max(options.deadline, options.service_deadline) + kMargin) {
  for (const config::Unit& unit : service.manifest().units()) {
    if (unit.kind != config::Unit::Kind::kTask && unit.port != 0) {
      units_.push_back(&unit);
      Add(unit);
    }
  }
  if (service.manifest().mode() == config::Mode::kPaper && service.manifest().FindUnit("paper-exchange") != nullptr) {
    const std::string url = service.UrlOf("paper-exchange", "/paper/market");
    checks_.Add({std::string(kMarket), options_.slow, false, [this, url] { return AskMarket(url); }});
  }
}

void UnitProber::Add(const config::Unit& unit) {
  const std::string name = unit.name;
  const Endpoint endpoint{service_.manifest().AddressOf(name), service_.manifest().Port(name)};
  const std::string url = fmt::format("http://{}:{}", config::InUrl(endpoint.host), endpoint.port);
  const std::string_view group = GroupOf(unit.name);
  std::function<Answer()> ask;
  if (unit.kind == config::Unit::Kind::kService) {
    ask = [this, name, url] { return AskService(name, url + "/health"); };
  } else if (group == "redis") {
    ask = [this, name, endpoint] { return AskRedis(name, endpoint); };
  } else if (group == "sentinel") {
    ask = [this, name, endpoint] { return AskSentinel(name, endpoint); };
  } else if (group == "postgres") {
    const std::string rest =
        fmt::format("http://{}:{}/patroni", config::InUrl(endpoint.host), service_.manifest().Port(name, "rest"));
    ask = [this, name, rest] { return AskPatroni(name, rest); };
  } else if (group == "pgbouncer" || group == "haproxy") {
    ask = [this, endpoint] { return AskPostgres(endpoint); };
  } else if (unit.ready.kind == config::Probe::Kind::kHttp) {
    const std::string asked = fmt::format("http://{}:{}{}", config::InUrl(endpoint.host),
                                          service_.manifest().Port(name, unit.ready.port), unit.ready.target);
    ask = [this, asked, path = unit.ready.target] { return AskHttp(asked, path); };
  } else {
    ask = [this, endpoint] { return AskTcp(endpoint); };
  }
  checks_.Add({name, options_.slow, true, std::move(ask)});
}

UnitProber::Round UnitProber::Ask() {
  verdicts_.clear();
  const auto answers = checks_.Ask();
  Round round;
  for (const config::Unit* unit : units_) {
    const lifecycle::DependencyHealth& answer = answers.at(unit->name);
    const bool is_service = unit->kind == config::Unit::Kind::kService;
    UnitReport report{unit->name,    is_service ? "service" : "server", answer.status, answer.latency, answer.error,
                      answer.details};
    if (const auto verdict = verdicts_.find(unit->name); verdict != verdicts_.end()) {
      report.details = verdict->second.details;
      if (answer.status != HealthStatus::kDown && verdict->second.status != HealthStatus::kOk) {
        report.status = verdict->second.status;
        report.error = verdict->second.error;
      }
      if (is_service) {
        round.services.insert(*verdict);
      }
    }
    if (report.status == HealthStatus::kDegraded && report.error.empty()) {
      const auto ms = [](Duration time) { return std::chrono::duration_cast<std::chrono::milliseconds>(time).count(); };
      report.error = fmt::format("answered in {} ms; above {} ms is slow", ms(report.latency), ms(options_.slow));
    }
    round.units.push_back(std::move(report));
  }
  ApplyComplaints(round.units, round.services, "postgres", "pgbouncer");
  const auto label = answers.find(std::string(kMarket));
  if (label == answers.end()) {
    round.market = R"({"source": "binance"})";
  } else if (label->second.status == HealthStatus::kDown) {
    round.market = boost::json::serialize(boost::json::object{{"source", "unknown"}, {"error", label->second.error}});
  } else {
    round.market = label->second.details;
  }
  return round;
}

UnitProber::Answer UnitProber::Keep(const std::string& name, Verdict verdict) {
  if (verdict.status == HealthStatus::kDown && verdict.details.empty()) {
    return Error{Errc::kInternal, verdict.error};
  }
  verdicts_[name] = std::move(verdict);
  return std::string();
}

Result<http::Response> UnitProber::Get(const std::string& url, Duration deadline) {
  return client_.Send({.url = url, .timeout = deadline - kMargin, .idempotent = true});
}

UnitProber::Answer UnitProber::AskService(const std::string& unit, const std::string& url) {
  QUANTUM_TRY(const http::Response response, Get(url, options_.service_deadline));
  return Keep(unit, JudgeServiceAnswer(unit, response.status, response.body));
}

UnitProber::Answer UnitProber::AskPatroni(const std::string& unit, const std::string& url) {
  QUANTUM_TRY(const http::Response response, Get(url, options_.deadline));
  return Keep(unit, JudgePatroniAnswer(response.body));
}

UnitProber::Answer UnitProber::AskHttp(const std::string& url, const std::string& path) {
  QUANTUM_TRY(const http::Response response, Get(url, options_.deadline));
  const Verdict verdict = JudgeHttpAnswer(response.status, path);
  return verdict.status == HealthStatus::kOk ? Answer(std::string()) : Error{Errc::kInternal, verdict.error};
}

UnitProber::Answer UnitProber::AskMarket(const std::string& url) {
  QUANTUM_TRY(http::Response response, Get(url, options_.deadline));
  boost::json::error_code error;
  const boost::json::value value = boost::json::parse(response.body, error);
  if (response.status != 200 || error || !value.is_object()) {
    return Error{Errc::kInternal,
                 fmt::format("the exchange does not say what it plays (HTTP status {})", response.status)};
  }
  return std::move(response.body);
}

UnitProber::Answer UnitProber::AskRedis(const std::string& unit, const Endpoint& endpoint) {
  const redis::ClientOptions& options = service_.redis().options();
  const Duration half = options_.deadline / 2 - kMargin;  // connecting, then asking
  QUANTUM_TRY(const auto connection,
              redis::Connection::Open(service_.loop(), endpoint, options.user, options.password, half));
  QUANTUM_TRY(const redis::Reply reply, connection->Run(redis::Command{"ROLE"}, half));
  if (reply.is_error()) {
    return Keep(unit, {HealthStatus::kDegraded, reply.text, "{}", {}});
  }
  QUANTUM_TRY(const redis::Role role, redis::ParseRole(reply));
  const std::string details = role.master ? fmt::format(R"({{"role": "master", "replicas": {}}})", role.replicas)
                                          : std::string(R"({"role": "replica"})");
  if (role.master && role.replicas == 0) {
    return Keep(unit, {HealthStatus::kDegraded, "a master without a replica: it refuses writes", details, {}});
  }
  return Keep(unit, {HealthStatus::kOk, {}, details, {}});
}

UnitProber::Answer UnitProber::AskSentinel(const std::string& unit, const Endpoint& endpoint) {
  const redis::ClientOptions& options = service_.redis().options();
  const Duration half = options_.deadline / 2 - kMargin;
  QUANTUM_TRY(const auto connection,
              redis::Connection::Open(service_.loop(), endpoint, "", options.sentinel_password, half));
  QUANTUM_TRY(const redis::Reply reply,
              connection->Run(redis::Command{"SENTINEL", "get-master-addr-by-name", options.master_name}, half));
  if (reply.elements.size() != 2) {
    const std::string why = reply.is_error() ? reply.text : "it knows no master named " + options.master_name;
    return Keep(unit, {HealthStatus::kDegraded, why, "{}", {}});
  }
  return boost::json::serialize(boost::json::object{{"master", reply.elements[0].text + ":" + reply.elements[1].text}});
}

// https://www.postgresql.org/docs/15/protocol-flow.html, "SSL Session Encryption": a server that serves answers S or N,
// and takes it without a word in its log when the client leaves then.
UnitProber::Answer UnitProber::AskPostgres(const Endpoint& endpoint) {
  using namespace std::string_view_literals;
  const Duration half = options_.deadline / 2 - kMargin;
  redis::Socket socket(service_.loop());  // a plain TCP socket
  QUANTUM_CHECK(socket.Connect(endpoint, half));
  QUANTUM_CHECK(socket.Write("\0\0\0\x08\x04\xd2\x16\x2f"sv, half));
  std::string answer;
  QUANTUM_CHECK(socket.ReadInto(answer, half));
  if (answer != "S" && answer != "N") {
    return Error{Errc::kInternal, "something that is no Postgres answers its port"};
  }
  return std::string();
}

UnitProber::Answer UnitProber::AskTcp(const Endpoint& endpoint) {
  redis::Socket socket(service_.loop());
  QUANTUM_CHECK(socket.Connect(endpoint, options_.deadline - kMargin));
  return std::string();
}

}  // namespace quantum::monitoring_health
