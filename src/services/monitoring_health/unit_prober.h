#pragma once

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "platform/http/client.h"
#include "platform/lifecycle/dependency_checks.h"
#include "platform/lifecycle/service.h"
#include "services/monitoring_health/unit_report.h"

namespace quantum::monitoring_health {

// Asks every unit of the manifest that has a port, all at once, each the way that shows most without load:
//   services       GET /health, judged by its content
//   redis-N        ROLE on a connection of its own
//   sentinel-N     which master it names
//   postgres*, pgbouncer*  the first step of the protocol (SSLRequest): a listening socket alone proves nothing
//   others         their HTTP readiness path, or else that they accept a connection
// For fibers of the main loop.
class UnitProber {
 public:
  struct Options {
    Duration deadline = std::chrono::seconds(1);  // of a server
    // Of a service: its own /health waits up to a second for dependencies that hang, and must not be called DOWN for
    // what it is about to report.
    Duration service_deadline = std::chrono::milliseconds(1500);
    Duration slow = std::chrono::milliseconds(500);  // slower answers are DEGRADED
  };

  UnitProber(lifecycle::Service& service, Options options);

  struct Round {
    std::vector<UnitReport> units;            // in the order of the manifest
    std::map<std::string, Verdict> services;  // those that gave a health report, by unit
    std::string market;                       // a JSON object: where prices come from
  };
  Round Ask();

 private:
  using Answer = Result<std::string>;
  void Add(const config::Unit& unit);
  Answer Keep(const std::string& name, Verdict verdict);
  Answer AskService(const std::string& unit, const std::string& url);
  Answer AskPatroni(const std::string& unit, const std::string& url);
  Answer AskHttp(const std::string& url, const std::string& path);
  Answer AskMarket(const std::string& url);
  Answer AskRedis(const std::string& unit, const redis::Endpoint& endpoint);
  Answer AskSentinel(const std::string& unit, const redis::Endpoint& endpoint);
  Answer AskPostgres(const redis::Endpoint& endpoint);
  Answer AskTcp(const redis::Endpoint& endpoint);
  Result<http::Response> Get(const std::string& url, Duration deadline);

  lifecycle::Service& service_;
  const Options options_;
  http::Client client_;
  lifecycle::DependencyChecks checks_;
  std::vector<const config::Unit*> units_;
  std::map<std::string, Verdict> verdicts_;  // the last ones, beyond alive or not
};

}  // namespace quantum::monitoring_health
