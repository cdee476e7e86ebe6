#pragma once

#include <sys/types.h>

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "operator/bus/connect.h"
#include "operator/chaos/apart.h"
#include "operator/postgres/access.h"
#include "operator/postgres/cluster.h"
#include "operator/state/launch.h"
#include "platform/fiber/fiber.h"
#include "platform/postgres/pool.h"

namespace quantum::operate::chaos {

// Takes down what runs in the folder of a run that has ended otherwise than by itself; nothing where nothing does.
void TakeDown(const std::string& folder);

// The platform's own Postgres to be broken: those units of quantum.yml that PgBouncer and the archive need, brought up
// by `quantum up` in a folder of the run's, under their supervisor. Nodes are numbered from 0. For fibers of the loop,
// which signals and short commands block. In namespaces of our own it ends with them, else with this object.
class Platform {
 public:
  static constexpr size_t kNodes = 2;

  struct Options {
    std::string folder;    // temporary, made by the caller, who removes it
    std::string manifest;  // the checkout's quantum.yml; infra/ lies beside it
    std::string program;   // quantum itself
    Apart apart;
    // What the run needs, with all that these depend on.
    std::vector<std::string> wanted = {"pgbouncer", "pg-stanza"};
    std::vector<std::string> infra = {"postgres"};  // folders of infra/ that these are configured by
    std::vector<std::string> overrides{};           // of the manifest, KEY=VALUE
    bool own_disks = true;              // Postgres' nodes get disks that can be filled, on a machine of our own
    std::vector<std::string> to_cut{};  // units that can be cut off, on a machine of our own
  };
  // Returns when there is a primary with a synchronous standby.
  static Result<std::unique_ptr<Platform>> Start(fiber::Loop& loop, Options options);
  ~Platform();

  postgres::PoolOptions ServiceOptions() const;          // as services: through PgBouncer
  postgres::PoolOptions OwnerOptions() const;            // through HAProxy
  postgres::PoolOptions NodeOptions(size_t node) const;  // as the owner, at the node itself

  std::string NameOf(size_t node) const { return access_.nodes.at(node).name; }
  ClusterReport Look() const;
  bool Healthy() const;  // a primary with a synchronous standby that may take its place
  Result<size_t> AwaitPrimary() const;
  Result<size_t> AwaitOtherPrimary(size_t than) const;  // kTimeout after a minute
  Status AwaitHealthy(Duration limit) const;
  Status SwitchOver() const;
  // PATCH of Patroni's configuration, by the node.
  Status Configure(size_t node, const std::string& json) const;

  const config::Manifest& manifest() const { return running_->manifest; }
  Layout layout() const { return {.root = options_.folder + "/state"}; }
  const RedisAccess& redis() const { return redis_; }
  // To all processes of a unit.
  Status SignalUnit(const std::string& unit, int signal);

  // SIGKILL. What is no part of Postgres or was Patroni alone is brought back by the supervisor.
  Status KillPostgres(size_t node);  // the server and its children; Patroni lives
  Status KillNode(size_t node);      // both
  Status KillUnit(const std::string& unit);
  Status Freeze(size_t node);  // SIGSTOP to all of it
  Status Thaw(size_t node);
  // To the process of a standby that receives the log, alone.
  Status SignalReceiver(size_t node, int signal);
  // SIGKILL to a unit, with Postgres if it is a node: it does not come back before it is brought back.
  Status Lose(const std::string& unit);
  Status BringBack(const std::string& unit) const;

  // Packets to the node's Postgres are dropped, in our own network. Precondition: own_machine.
  Status DropPackets(size_t node, bool drop) const;
  // Nothing that a process of the unit sends leaves it, in our own network. Precondition: own_machine, one of to_cut.
  Status CutOff(const std::string& unit, bool cut) const;
  // The disk of the node's data, of its own, is full to the last byte until it is emptied. Precondition: own_machine.
  Status FillDisk(size_t node) const;
  Status EmptyDisk(size_t node) const;

  const Apart& apart() const { return options_.apart; }
  std::string LastWords() const;  // of the units

 private:
  Platform(fiber::Loop& loop, Options options) : loop_(loop), options_(std::move(options)) {}
  Status WriteManifest() const;
  Status MountDisks() const;
  Status MakeAccounts() const;
  Status Up();
  std::vector<std::string> Command(std::vector<std::string> arguments) const;  // of `quantum`
  std::optional<pid_t> ProcessOf(const std::string& unit) const;
  std::vector<pid_t> Patroni(size_t node) const;
  std::vector<pid_t> Servers(size_t node) const;  // Postgres, the postmaster first
  std::string Ballast(size_t node) const;

  fiber::Loop& loop_;
  const Options options_;
  std::optional<Running> running_;  // once it is up
  PostgresAccess access_;
  RedisAccess redis_;  // where it is wanted
  std::string service_password_, owner_password_;
};

}  // namespace quantum::operate::chaos
