#pragma once

#include <array>
#include <boost/json.hpp>
#include <memory>
#include <optional>
#include <string>

#include "exchange/venue.h"
#include "platform/fiber/fiber.h"
#include "platform/http/message.h"
#include "tests/support/paper_exchange.h"
#include "tests/support/postgres_server.h"
#include "tests/support/redis_cluster.h"
#include "tests/support/tcp_gate.h"
#include "trading/types.h"

namespace quantum::testing {

// marketdata, risk-safety and execution as processes, on the paper exchange, Redis and Postgres. What risk-safety says
// to execution passes a gate, and so does what each process of execution says to Postgres.
class TradingDesk {
 public:
  TradingDesk();

  // Of execution's two processes only the first is started with the desk. `services`: lines of the manifest's
  // `services`, indented by two. They return when it is ready, which it also is as a standby.
  void StartExecution(size_t which = 0, const std::string& services = "");
  void KillExecution(size_t which = 0) { execution_[which]->Kill(); }  // SIGKILL
  Process& execution(size_t which = 0) { return *execution_[which]; }
  TcpGate& to_postgres(size_t which) { return to_postgres_[which]; }
  // "READY", "STANDBY", …; empty: it does not answer.
  std::string PhaseOf(size_t which);
  void StartRiskSafety();  // as above
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
  std::string Decision(const std::string& id, const char* quantity = "0.005");
  // What the venue has of an order: its status; empty: it never had it.
  std::string AtVenue(const std::string& client_order_id);
  // How often the venue has taken an order under this id, and what it holds of BTCUSDT.
  size_t TakenByVenue(const std::string& client_order_id);
  trading::Decimal PositionAtVenue();
  // The first column, named `value`, of a query's first row; empty: no row.
  std::string Sql(const std::string& sql);
  std::string Output(const std::string& program) const;

 private:
  Process StartService(const std::string& program, const std::string& manifest, const std::string& unit = "");
  std::string ManifestOf(size_t which, const std::string& services);
  std::unique_ptr<exchange::TradingVenue> Venue(fiber::Loop& loop);
  std::optional<http::Response> Send(int port, const std::string& method, const std::string& path,
                                     const std::string& body, Duration timeout);

  std::vector<int> ports_;
  TcpGate gate_;
  RedisCluster redis_;
  PostgresServer postgres_;
  std::array<TcpGate, 2> to_postgres_;
  PaperExchangeProcess paper_;
  std::optional<Process> marketdata_;
  std::optional<Process> risk_safety_;
  std::array<std::optional<Process>, 2> execution_;
};

}  // namespace quantum::testing
