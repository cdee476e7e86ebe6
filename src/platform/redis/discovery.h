#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "platform/base/result.h"
#include "platform/redis/client.h"

// Who is the master: what sentinels and nodes answered in, a verdict out. No I/O.
// Protocol: https://redis.io/docs/reference/sentinel-clients/, hardened: one sentinel's word is not enough.
namespace quantum::redis {

// One round of asking every configured sentinel `SENTINEL get-master-addr-by-name`.
class Discovery {
 public:
  struct Verdict {
    enum class Kind {
      kUndecided,  // the sentinels still to answer may change the outcome
      kMaster,     // a majority of the configured sentinels names it; ROLE must still agree
      kElected,    // the leader that a majority elected has chosen it; it may be used once ROLE shows it with a replica
      kLast,       // no majority answers: the last master may be used if ROLE shows it with a replica
      kNone,       // reason says why
    } kind = Kind::kUndecided;
    Endpoint master;
    std::string reason;
    Errc code = Errc::kUnavailable;  // of kNone: kPermission when the refused passwords are what is missing
  };

  explicit Discovery(size_t sentinels) : answers_(sentinels) {}

  void OnAnswer(size_t sentinel, const Reply& reply);
  // No answer, or none that could be used: kPermission when the sentinel refused the password, so it is alive.
  void OnSilence(size_t sentinel, Error why);

  Verdict Decide(const std::optional<Endpoint>& last_master) const;
  int reached() const;
  int naming(const Endpoint& master) const;  // how many name it

 private:
  struct Answer {
    bool asked = false;  // answered, or given up on
    bool reached = false;
    bool refused = false;  // alive, but does not let us in
    std::optional<Endpoint> master;
    std::string reason;
  };
  std::vector<Answer> answers_;
};

// The answer to ROLE.
struct Role {
  bool master = false;
  size_t replicas = 0;  // of a master: those attached
  std::vector<Client::Replica> attached{};
};
Result<Role> ParseRole(const Reply& reply);

// Whether a node accepted by this verdict may serve, now that it told its ROLE.
Status VerifyRole(const Discovery::Verdict& verdict, const Role& role);

// Error answers by which a node says that it is not (or not yet) a usable master. The command was not executed.
bool RefusesAsNode(std::string_view error);

// What an error answer means to a caller.
Error ToError(std::string_view command, std::string_view error);

// The master's name in a +switch-master message ("<name> <old ip> <old port> <new ip> <new port>").
std::string_view SwitchedMaster(const Reply& push);

// A failover that has begun: the sentinel that a majority elected as leader has chosen a replica and makes it master.
// It names it to others only when it has seen the promotion, up to a second later (its INFO comes once a second).
struct Election {
  std::string master_name;
  Endpoint chosen;
  Endpoint deposed;
};
// Of a +selected-slave message ("slave <name> <ip> <port> @ <master's name> <its ip> <its port>"); nothing for others.
std::optional<Election> ElectionOf(const Reply& push);

}  // namespace quantum::redis
