#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "exchange/venue.h"
#include "operator/commands/command.h"
#include "platform/bus/bus.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"
#include "platform/redis/client.h"

namespace quantum::bench {

// What a desk holds: a position in each of so many symbols, each with its stop at the exchange, and entries far from
// the market for the rest.
struct Holding {
  int positions = 0;
  int open_orders = 0;  // stops included

  bool operator==(const Holding&) const = default;
};

// A running platform's account as execution fills it: decisions are published as risk-safety would have approved them.
// For fibers of the loop it was made on.
class FullDesk {
 public:
  // Configuration for `up`: the market, a rich account, and nothing that ends trading for reasons of its own.
  static std::vector<std::string> Overrides();

  static Result<std::unique_ptr<FullDesk>> Open(fiber::Loop& loop, const operate::Running& running);
  ~FullDesk();

  // Until both sides have it.
  Status Fill(const Holding& wanted);
  // An entry, approved now, that will rest.
  struct Entry {
    std::string symbol;
    std::string client_order_id;
  };
  Result<Entry> ApproveResting();
  // When the exchange took it, by its own stamp; nothing: it does not have it yet.
  Result<std::optional<WallTime>> TakenAt(const Entry& entry);

  // By the exchange, and by Postgres.
  Result<Holding> AtExchange();
  Result<Holding> Recorded();
  // What was asked for until now is on both sides, and nothing else.
  Status AwaitSettled();

 private:
  FullDesk(fiber::Loop& loop, const operate::Running& running) : loop_(loop), running_(running) {}
  Status Connect();
  Result<Entry> Approve(int number, bool resting);

  fiber::Loop& loop_;
  const operate::Running& running_;
  std::unique_ptr<redis::Client> redis_;
  std::unique_ptr<postgres::Pool> pool_;
  std::unique_ptr<bus::Bus> bus_;
  std::unique_ptr<exchange::TradingVenue> venue_;
  Holding asked_;
  int approved_ = 0;  // one by one
};

}  // namespace quantum::bench
