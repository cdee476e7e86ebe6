#pragma once

#include <boost/json.hpp>
#include <optional>
#include <string>

#include "platform/http/message.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/tcp_gate.h"

namespace quantum::testing {

// marketdata, risk-safety and execution as processes, on the paper exchange, Redis and Postgres. What risk-safety says
// to execution passes a gate.
class TradingDesk {
 public:
  TradingDesk();

  void StartExecution();                        // returns when it is ready
  void KillExecution() { execution_->Kill(); }  // SIGKILL
  void StartRiskSafety();                       // as above
  void KillRiskSafety() { risk_safety_->Kill(); }

  TcpGate& to_execution() { return gate_; }
  PostgresServer& postgres() { return postgres_; }

  // Their JSON; throws when they do not answer 200 (202). Blocks the thread.
  boost::json::value Risk(const std::string& path);
  boost::json::value Execution(const std::string& path);
  boost::json::value PostRisk(const std::string& path, const std::string& body);
  // Does not wait for the answer longer than that; true when one came.
  bool TryPostRisk(const std::string& path, const std::string& body, Duration timeout);

  std::string State() const { return paper_.State(); }
  // A decision that nothing speaks against, at the market's price of now.
  std::string Decision(const std::string& id);
  // What the venue has of an order: its status; empty: it never had it.
  std::string AtVenue(const std::string& client_order_id);
  // The first column, named `value`, of a query's first row; empty: no row.
  std::string Sql(const std::string& sql);
  std::string Output(const std::string& program) const;

 private:
  Process StartService(const std::string& program, const std::string& manifest);
  std::optional<http::Response> Send(int port, const std::string& method, const std::string& path,
                                     const std::string& body, Duration timeout);

  std::vector<int> ports_;
  TcpGate gate_;
  RedisCluster redis_;
  PostgresServer postgres_;
  PaperExchangeProcess paper_;
  std::optional<Process> marketdata_;
  std::optional<Process> risk_safety_;
  std::optional<Process> execution_;
};

}  // namespace quantum::testing
