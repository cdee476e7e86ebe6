#pragma once

#include <cstdint>
#include <initializer_list>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/clock.h"
#include "platform/base/random.h"
#include "platform/base/result.h"
#include "platform/fiber/fiber.h"

// Redis behind Sentinel. The client learns the master from a majority of sentinels, verifies ROLE, and drops a node
// that answers READONLY, LOADING or MASTERDOWN.
namespace quantum::redis {

struct Reply {
  enum class Type { kNil, kString, kInteger, kArray, kStatus, kError } type = Type::kNil;
  std::string text;  // string, status, error
  int64_t integer = 0;
  std::vector<Reply> elements;

  bool is_nil() const { return type == Type::kNil; }
  bool is_error() const { return type == Type::kError; }
};

using Command = std::vector<std::string>;

struct Endpoint {
  std::string host;
  int port = 0;
  auto operator<=>(const Endpoint&) const = default;
};

struct ClientOptions {
  std::string master_name = "mymaster";
  std::vector<Endpoint> sentinels;
  std::string sentinel_password;
  std::string sentinel_secret;  // the name of the secret that holds it, for messages; empty: not told
  std::string user = "service";
  std::string password;
  std::string secret;  // the name of the secret that holds the password, for messages
  Duration connect_timeout = std::chrono::milliseconds(500);
  Duration command_timeout = std::chrono::seconds(5);  // default deadline of a command, waiting for a master included
  size_t pipeline_max = 4096;                          // commands in flight or waiting; beyond that kExhausted
};

// One connection to one node, for what must not share one: blocking reads, WAIT, SUBSCRIBE. Used by one fiber.
class Connection {
 public:
  static Result<std::unique_ptr<Connection>> Open(fiber::Loop& loop, const Endpoint& endpoint, const std::string& user,
                                                  const std::string& password, Duration timeout,
                                                  const Clock& clock = SystemClock());
  ~Connection();
  // Sends all, then reads all answers. Errors of single commands are Replies of type kError. A Result error means the
  // connection is gone: kUnknownOutcome when anything was sent.
  Result<std::vector<Reply>> Run(const std::vector<Command>& commands, Duration timeout);
  Result<Reply> Run(const Command& command, Duration timeout);
  // The two halves of Run, for a caller that has something else to do meanwhile. Between them nothing else may be sent.
  Status Send(const std::vector<Command>& commands, Duration timeout);
  Result<std::vector<Reply>> Receive(size_t count, Duration timeout);  // as many answers as there were commands
  // The next pushed message (after SUBSCRIBE); kTimeout when none came.
  Result<Reply> ReadPush(Duration timeout);
  const Endpoint& endpoint() const;

 private:
  class Impl;
  explicit Connection(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// The service's shared connection to the master; reconnects by itself and follows failovers. Commands of all fibers are
// pipelined. For fibers of the loop it was made on.
class Client {
 public:
  // The clock measures deadlines and silence; waiting itself takes real time. random: the jitter of back-offs.
  Client(fiber::Loop& loop, ClientOptions options, const Clock& clock = SystemClock(), Random& random = SystemRandom());
  ~Client();

  // kUnavailable: no master within the deadline, nothing was sent. kPermission: likewise, because the servers refuse
  // the password. kUnknownOutcome: sent, the connection broke. A Redis error answer is an Error whose message holds its
  // text: kUnavailable for NOREPLICAS, kPermission for NOPERM and NOAUTH, kExhausted for OOM, else kInternal (BUSYGROUP
  // and the like are the caller's to read).
  Result<Reply> Run(Command command, Duration timeout = {});
  // For Run({"GET", key}), which could mean either of the two others.
  Result<Reply> Run(std::initializer_list<std::string> command, Duration timeout = {}) {
    return Run(Command(command), timeout);
  }
  // In order, one round trip; single errors stay in the Replies.
  Result<std::vector<Reply>> Run(std::vector<Command> commands, Duration timeout = {});

  // A connection of its own to the current master.
  Result<std::unique_ptr<Connection>> Dedicated(Duration timeout);

  // For health: what the master says of itself and its replicas, and the sentinels of the master when they were asked
  // last (a round ends with the majority, so not all of them may have been heard).
  struct Replica {
    Endpoint endpoint;
    int64_t behind_bytes = 0;  // of the replication stream, as the replica has acknowledged it (once a second)
  };
  struct Health {
    Duration latency{};  // of one round trip
    Endpoint master;
    std::vector<Replica> replicas;  // those attached
    int sentinels_reached = 0;
    int sentinels_agree = 0;  // of these, with the majority
  };
  Result<Health> Check(Duration timeout);
  const ClientOptions& options() const;
  // The last one that was verified, connected or not; empty before the first. Connections to another are out of date.
  Endpoint master() const;

 private:
  class Impl;
  std::shared_ptr<Impl> impl_;
};

// "127.0.0.1:26379,127.0.0.1:26380" (REDIS_SENTINEL_HOSTS).
Result<std::vector<Endpoint>> ParseEndpoints(std::string_view text);

}  // namespace quantum::redis
