#pragma once

#include <functional>
#include <memory>
#include <string>

#include "exchange/venue.h"
#include "operator/chaos/orders/orders_checker.h"
#include "operator/chaos/orders/protection_watch.h"
#include "operator/chaos/postgres/platform.h"
#include "platform/http/client.h"

namespace quantum::operate::chaos {

struct OrdersStageOptions {
  std::string folder;    // temporary, made by the caller, who removes it
  std::string manifest;  // the checkout's quantum.yml
  std::string program;   // quantum itself
  Apart apart;
  int decisions_per_second = 28;
  bool control = false;  // execution as it must not be: random client order ids, nothing written before it is sent
};

// A platform of the run's own that trades with the paper exchange, the hands that break it, and the eyes that see both
// sides of it. For fibers of the loop, which signals and short commands block.
class OrdersStage {
 public:
  // Returns when everything is ready. The exerciser does not trade before Trade(true).
  static Result<std::unique_ptr<OrdersStage>> Start(fiber::Loop& loop, const OrdersStageOptions& options);
  ~OrdersStage();

  Platform& platform() { return *platform_; }

  Status Trade(bool on);
  // Sets a fault of the paper exchange (exchange/paper/faults/fault.h); takes all of them away.
  Status SetFault(const std::string& json);
  Status EndFaults();
  // The emergency stop: entries that the exchange takes between the answer to the trip and the reset are violations.
  Status Trip();
  Status Reset();

  // The unit of Redis that is the master.
  Result<std::string> RedisMaster();

  // The unit of execution that holds the lease, and the one that waits for it.
  Result<std::string> ExecutionHolder();
  Result<std::string> ExecutionStandby();
  // Both run again: what is struck next meets a platform that is whole.
  bool Healed();

  // Decisions since a time whose orders the exchange has acknowledged, and orders whose fate was open at one.
  Result<uint64_t> AcknowledgedSince(int64_t unix_ms);
  Result<uint64_t> InFlightAt(int64_t unix_ms);
  // Nothing is on its way any more: no order but those that protect, nothing in an outbox.
  Result<bool> AtRest();
  // Both sides, of the whole run. `differences` are of this moment: while something is on its way there are some.
  Result<const OrderBooks*> Read();
  ProtectionWatch& watch() { return watch_; }

 private:
  OrdersStage(fiber::Loop& loop, const OrdersStageOptions& options) : loop_(loop), options_(options), client_(loop) {}
  Status Open();
  void Watch();
  Result<http::Response> Call(const std::string& unit, const std::string& port, const std::string& method,
                              const std::string& path, const std::string& body, std::string_view secret);
  Result<uint64_t> Count(const std::string& sql, const std::string& argument);
  Status ReadDecisions();
  Status ReadPlaced();
  void ReadExchangeLog();

  fiber::Loop& loop_;
  const OrdersStageOptions options_;
  http::Client client_;
  std::unique_ptr<Platform> platform_;
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<exchange::TradingVenue> venue_;
  OrderBooks books_;
  std::map<uint64_t, int64_t> log_read_;       // bytes of the exchange's log files, by inode
  std::map<std::string, int64_t> next_order_;  // by symbol: orders from this number on may be unread, or not final
  ProtectionWatch watch_;
  bool watching_ = false;
  bool ending_ = false;
  fiber::Event ended_;
};

}  // namespace quantum::operate::chaos
