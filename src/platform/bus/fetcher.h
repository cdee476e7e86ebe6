#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "platform/bus/lease_keeper.h"
#include "platform/redis/client.h"

namespace quantum::bus {

// Reads a group's streams, those whose lease this process holds: first what is pending, whoever was given it, then what
// is new, so always in the stream's order. The broker reads nothing out for a lease that was lost. One fiber.
class Fetcher {
 public:
  // Entries of a stream as the broker lists them, and the token of the lease under which they were read. Answers how
  // many events they hold.
  using Take = std::function<size_t(const std::string& family, uint64_t token, const redis::Reply& entries)>;

  Fetcher(std::string group, std::string consumer, LeaseKeeper& leases, const Clock& clock, Take take)
      : group_(std::move(group)),
        consumer_(std::move(consumer)),
        leases_(leases),
        clock_(clock),
        take_(std::move(take)) {}

  void Add(const std::string& family) { readings_.push_back({.family = family}); }
  // Over a new connection: what the broker gave out over the old one may not have come. What arrives over the old one
  // from now on is refused.
  void StartOver();
  // One answer of the broker, which waits a while for something new where there is nothing. The next read is under way
  // while it is taken apart; two are, so that the broker need not wait for us, where much is there. False: no stream is
  // ours.
  Result<bool> Round(redis::Connection& connection);

 private:
  static constexpr size_t kFetch = 256;        // events at once, as far as is known how many an entry holds
  static constexpr size_t kFetchEntries = 32;  // at once while that is not known

  // Where we are in one stream.
  struct Reading {
    std::string family;
    uint64_t token = 0;    // of the lease
    bool pending = true;   // pending entries are not through yet,
    std::string cursor{};  // and go on here
    bool again = false;    // they were once, so only those that nobody touched for a while
    SteadyTime through_at{};
    std::string last{};            // entry that the group was given; empty: not known
    bool more = true;              // may be there without waiting
    bool woken = false;            // something is there behind `last`
    size_t count = kFetchEntries;  // to ask for at once
  };

  // What was sent and is not answered yet.
  struct Part {
    Reading* reading;
    uint64_t token;  // of the lease under which it was asked
    bool pending;    // what is, was asked for
    size_t count;    // so many entries
    size_t end;      // of its commands
  };
  struct Request {
    std::vector<Part> parts;
    size_t commands = 0;
    bool waits = false;  // its first command does
    bool full = false;   // asked as a broker has to be that is
  };
  struct Found {
    const Part* part;
    const redis::Reply* entries;
  };

  std::vector<Reading*> Ours();
  // False: no stream is ours.
  Result<bool> Ask(redis::Connection& connection);
  bool MuchIsThere() const;
  void AddWait(const std::vector<Reading*>& ours, std::vector<redis::Command>& commands) const;
  void AddTransaction(const Reading& reading, std::vector<redis::Command>& commands) const;
  void AddFunction(const Reading& reading, std::vector<redis::Command>& commands) const;
  // Where the stream stands after an answer, and the entries in it; null when there are none.
  Result<const redis::Reply*> ReadAnswer(const Part& part, const redis::Reply& guard, const redis::Reply& executed);
  const redis::Reply* ReadPending(Reading& reading, const redis::Reply& claimed);
  const redis::Reply* ReadNew(Reading& reading, size_t count, const redis::Reply& executed);

  const std::string group_;
  const std::string consumer_;
  LeaseKeeper& leases_;
  const Clock& clock_;
  const Take take_;
  std::vector<Reading> readings_;
  std::deque<Request> asked_;
  uint64_t connections_ = 0;
  SteadyTime full_until_{};  // the broker is full, and takes no transactions
};

}  // namespace quantum::bus
