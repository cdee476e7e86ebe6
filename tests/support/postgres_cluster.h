#pragma once

#include <array>
#include <chrono>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "platform/postgres/pool.h"
#include "tests/support/postgres_files.h"
#include "tests/support/process.h"

namespace quantum::testing {

// Postgres under Patroni as infra/postgres describes it: etcd, two nodes (a primary and its synchronous
// standby), HAProxy and PgBouncer in front, in a temporary directory, on free ports of 127.0.0.1. Nodes are numbered
// from 0. Where the kernel allows it each node has a namespace of processes of its own, and nothing of it outlives
// the test, however that ends.
class PostgresCluster {
 public:
  static constexpr size_t kNodes = 2;
  static constexpr const char* kApiPassword = "test-password-of-patroni";    // of Patroni's user `quantum`
  static constexpr const char* kConsolePassword = "test-password-of-admin";  // of PgBouncer's user `quantum_admin`

  // Returns when there is a primary with a synchronous standby, and roles and database exist. Throws when it takes too
  // long.
  PostgresCluster();
  ~PostgresCluster();

  postgres::PoolOptions ServiceOptions() const;          // role quantum, through PgBouncer
  postgres::PoolOptions OwnerOptions() const;            // role quantum_owner, through HAProxy: the primary
  postgres::PoolOptions ReadOptions() const;             // role quantum, through HAProxy's port for reads
  postgres::PoolOptions NodeOptions(size_t node) const;  // role quantum_owner, at the node itself

  // What etcd answers to one who shows no certificate: to this text in clear, and to `openssl s_client`.
  std::string AskEtcd(const std::string& request) const;
  std::string AskEtcdByTls() const;
  std::string ApiUrl(size_t node) const;  // of Patroni's REST interface, without a path
  // As Patroni's REST interface says; nothing while there is none, or none answers.
  std::optional<size_t> Primary() const;
  std::optional<size_t> SynchronousStandby() const;
  size_t AwaitPrimary() const;  // throws after a minute
  void AwaitHealthy() const;    // a primary and a synchronous standby; throws after two minutes

  void KillPostgres(size_t node);  // SIGKILL to the server and its children; Patroni lives
  void KillNode(size_t node);      // Patroni and Postgres
  void StartNode(size_t node);
  void Freeze(size_t node);  // SIGSTOP to all its processes
  void Thaw(size_t node);
  void FreezeReceiver(size_t node);  // SIGSTOP to the process that receives the primary's log, and to nothing else
  void KillEtcd();
  void StartEtcd();
  void KillHaproxy();
  void StartHaproxy();

  // A planned change of primary; Patroni's answer.
  std::string SwitchOver();
  void Configure(const std::string& json);  // PATCH of Patroni's configuration, for all nodes

  std::string Logs() const;  // the last lines of all

 private:
  using Variables = postgres_files::Variables;
  struct Node {
    int port = 0;
    int api_port = 0;
    std::filesystem::path directory;
    std::unique_ptr<Process> process;
  };
  void PrepareNode(size_t node, const Variables& variables) const;
  void Bootstrap(const std::string& task, Variables variables) const;
  void StartPgBouncer();
  // The processes of a node that live, Patroni's first.
  std::vector<pid_t> ProcessesOf(size_t node) const;
  std::optional<size_t> NodeOfRole(const std::string& role) const;
  struct HttpAnswer {
    int status = 0;
    std::string body;
  };
  std::optional<HttpAnswer> Api(size_t node, const std::string& method, const std::string& path,
                                const std::string& body = {},
                                std::chrono::seconds patience = std::chrono::seconds(5)) const;

  TemporaryDirectory directory_;
  std::array<Node, kNodes> nodes_;
  int etcd_port_ = 0;
  int haproxy_port_ = 0;
  int read_port_ = 0;
  int pgbouncer_port_ = 0;
  std::unique_ptr<Process> etcd_;
  std::unique_ptr<Process> haproxy_;
  std::unique_ptr<Process> pgbouncer_;
};

}  // namespace quantum::testing
