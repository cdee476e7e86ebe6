#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/bus/event.h"
#include "platform/redis/client.h"

// The whole way of one decision: every event that carries its correlation id, in the order of time. No I/O.
namespace quantum::monitoring_health {

// Looks through the streams page by page. What to ask next comes out, the answers go in:
//
//   TraceSearch search(id, families, {});
//   while (auto commands = search.NextCommands(); !commands.empty()) { search.OnReplies(Run(commands)); }
//
// An id that tells its time of birth (UUID version 7) is searched forwards from there, since nothing can carry it
// before; any other backwards from now. Each stream is looked through for at most `entries_max` entries.
class TraceSearch {
 public:
  struct Limits {
    size_t page = 250;            // entries of one answer
    size_t entries_max = 20'000;  // of one stream
    size_t events_max = 1'000;    // of the trace
  };

  TraceSearch(std::string correlation_id, std::vector<std::string> families, Limits limits);

  // One page of every stream that is not through yet; empty when all are.
  std::vector<redis::Command> NextCommands();
  // The answers to NextCommands(), in its order. A stream that answers with an error counts as not searched.
  void OnReplies(const std::vector<redis::Reply>& replies);

  struct Found {
    std::string stream;  // the family
    bus::Event event;
  };
  // By time; events of one producer and stream by their sequence. An event that was redelivered stands there once.
  std::vector<Found> Result() const;
  // Whether everything that could hold the id was looked through.
  bool complete() const { return complete_ && NothingLeft(); }

 private:
  struct Cursor {
    std::string family;
    std::string next;  // where the next page begins
    size_t seen = 0;
    bool done = false;
  };
  bool NothingLeft() const;
  bool MayBelong(const redis::Reply& fields) const;
  void TakePage(Cursor& cursor, const redis::Reply& page);

  const std::string correlation_id_;
  const Limits limits_;
  const std::optional<int64_t> born_ms_;
  std::vector<Cursor> cursors_;
  std::vector<size_t> asked_;
  std::vector<Found> found_;
  bool complete_ = true;
};

// Milliseconds since the epoch of a UUID of version 7; nothing for any other text.
std::optional<int64_t> BirthOf(std::string_view id);

// {correlation_id, complete, elapsed_ms, items: [{time, elapsed_ms, service, what, details, type, producer, stream,
// key, id, cause, ts_ns, payload, refusals}]}; refusals: what the event says was refused, as trading::ToJson writes it.
std::string TraceJson(std::string_view correlation_id, const std::vector<TraceSearch::Found>& found, bool complete);

}  // namespace quantum::monitoring_health
